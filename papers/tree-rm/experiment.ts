/**
 * The topology of preference data. (a) Comparisons as edges of a graph: mean inference distance when endpoints are
 * fresh (chain) or reused (tree). (b) Linear reward models on the bed `rm-fit`, fitted to independent pairs or to
 * pairs of leaves of prefix trees, by annotators who are surer the less they must read.
 */
import type { Random } from "guerdon/core";
import { readingAnnotator, rmFit, type SegmentItems, segmentItems } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { preferenceOrientation, preferenceTreePairs } from "guerdon/model";
import { fitPairs, pairSlopes } from "guerdon/training";
import { average, comparisonEdges, distanceError, meanDistances, similarityEdges } from "./graph.ts";

interface PairData {
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** Share of a response that both have in common, so that nobody reads it twice. */
  readonly shared: number;
}

const rows = (items: readonly Float64Array[]) => Float64Array.from(items.flatMap((item) => Array.from(item)));

/** Pairs of independent responses. */
function chainPairs(layout: SegmentItems, n: number, random: Random): PairData {
  const draw = () => Array.from({ length: layout.segments }, () => random.integer(layout.symbols));
  const sides = [draw, draw].map((side) => rows(Array.from({ length: n }, () => layout.encode(side()))));
  return { first: sides[0], second: sides[1], shared: sharedShare(layout, sides[0], sides[1]) };
}

/** Pairs of leaves of ten prefix trees: every node has two different children, down to the last segment. */
function treePairs(layout: SegmentItems, n: number, random: Random): PairData {
  const trees = 10;
  const first: Float64Array[] = [];
  const second: Float64Array[] = [];
  for (let tree = 0; tree < trees; tree++) {
    const segments: string[] = [];
    const parents: number[] = [];
    let open = [-1];
    for (let depth = 0; depth < layout.segments; depth++)
      open = open.flatMap((parent) => {
        const one = random.integer(layout.symbols);
        const two = (one + 1 + random.integer(layout.symbols - 1)) % layout.symbols;
        return [one, two].map((symbol) => {
          parents.push(parent);
          return segments.push(symbol.toString(36)) - 1;
        });
      });
    const { totalPairs } = preferenceTreePairs()({ segments, parents, picks: [] });
    const order = Array.from({ length: totalPairs }, (_, i) => i);
    const wanted = n / trees;
    for (let i = 0; i < wanted; i++) {
      const j = i + random.integer(totalPairs - i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    const { responses, pairs } = preferenceTreePairs()({ segments, parents, picks: order.slice(0, wanted) });
    const items = responses.map((text) => layout.encode(Array.from(text, (symbol) => Number.parseInt(symbol, 36))));
    // Which leaf is shown first is chance: the part lists them in order.
    for (const [a, b] of pairs) {
      const swap = random.uniform() < 0.5;
      first.push(items[swap ? b : a]);
      second.push(items[swap ? a : b]);
    }
  }
  const sides = [rows(first), rows(second)];
  return { first: sides[0], second: sides[1], shared: sharedShare(layout, sides[0], sides[1]) };
}

/** Independent pairs that share a prefix of 1 to 4 segments, as often as leaves of a tree do (8 : 4 : 2 : 1). */
function prefixPairs(layout: SegmentItems, n: number, random: Random): PairData {
  const { segments, symbols } = layout;
  const sides: [Float64Array[], Float64Array[]] = [[], []];
  for (let i = 0; i < n; i++) {
    const one = Array.from({ length: segments }, () => random.integer(symbols));
    const draw = random.integer(15);
    const common = draw < 8 ? 1 : draw < 12 ? 2 : draw < 14 ? 3 : 4;
    const two = one.map((symbol, k) => (k < common ? symbol : random.integer(symbols)));
    two[common] = (one[common] + 1 + random.integer(symbols - 1)) % symbols;
    sides[0].push(layout.encode(one));
    sides[1].push(layout.encode(two));
  }
  const [first, second] = sides.map(rows);
  return { first, second, shared: sharedShare(layout, first, second) };
}

function sharedShare(layout: SegmentItems, first: Float64Array, second: Float64Array): number {
  const { dimensions, segments } = layout;
  const row = (items: Float64Array, i: number) => items.subarray(i * dimensions, (i + 1) * dimensions);
  const count = first.length / dimensions;
  return average(Array.from({ length: count }, (_, i) => layout.shared(row(first, i), row(second, i)) / segments));
}

const readings = { none: () => 1, linear: (k: number) => 2 / k, square: (k: number) => 4 / k ** 2 };
type Reading = keyof typeof readings;

/** A ridge-logistic reward model on these pairs, as a scorer of items. */
function rewardModel(layout: SegmentItems, reading: Reading, data: PairData, random: Random) {
  const { world, truth } = rmFit(layout, readingAnnotator(layout, 1.5, readings[reading]));
  const { strengths } = world.annotate(data.first, data.second, random);
  const zeros = new Float64Array(strengths.length);
  const { indices } = preferenceOrientation()({ first: zeros, second: zeros, strengths });
  const { dimensions } = layout;
  const differences = new Float64Array(data.first.length);
  for (const i of indices as ArrayLike<number> & Iterable<number>)
    for (let k = i * dimensions; k < (i + 1) * dimensions; k++)
      differences[k] = (strengths[i] < 0 ? 1 : -1) * (data.first[k] - data.second[k]);
  const weights = fitPairs({
    differences,
    dimensions,
    slope: pairSlopes.sigmoid,
    ridge: 0.01,
    steps: 300,
    learningRate: 0.3,
    optimizer: "gradient",
  });
  const score = (items: Float64Array) =>
    Float64Array.from({ length: items.length / dimensions }, (_, i) => {
      let sum = 0;
      for (let d = 0; d < dimensions; d++) sum += weights[d] * items[i * dimensions + d];
      return sum;
    });
  return { score, truth };
}

interface Settings {
  /** Points that comparisons reuse, as a share of n; null: fresh endpoints. */
  readonly reuse: number | null;
  /** Pairs that reward models are fitted to; absent: graphs only. */
  readonly data?: (layout: SegmentItems, n: number, random: Random) => PairData;
}

const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });
const pools = [1, 2, 4, 8, 16, 32];

/** Gold accuracy on both kinds of pairs for every way to read, and gold of the best of a pool (least reading). */
function rewardModels(data: NonNullable<Settings["data"]>, sizes: readonly number[], random: Random) {
  const layout = segmentItems({}, random.stream("layout"));
  const iid = chainPairs(layout, 3000, random.stream("iid"));
  const prefix = prefixPairs(layout, 3000, random.stream("prefix"));
  const accuracy = (reading: Reading, test: PairData) =>
    sizes.map((n) => {
      const model = rewardModel(
        layout,
        reading,
        data(layout, n, random.stream(`pairs ${n}`)),
        random.stream(`labels ${n}`),
      );
      return model.truth.accuracy(model.score, test.first, test.second);
    });
  const most = sizes[sizes.length - 1];
  const pairs = data(layout, most, random.stream(`pairs ${most}`));
  const { score, truth } = rewardModel(layout, "linear", pairs, random.stream(`labels ${most}`));
  const candidates = truth.candidates(200 * 32, random.stream("candidates"));
  const bestOf = pools.map((size) => {
    const kept = Array.from({ length: 200 }, (_, pool) =>
      candidates.subarray(pool * 32 * layout.dimensions, (pool * 32 + size) * layout.dimensions),
    );
    return truth.bestOf(score, rows(kept), size).gold;
  });
  return { linear: accuracy("linear", prefix), accuracy, iid, prefix, bestOf, shared: pairs.shared };
}

export default defineExperiment({
  paper: "tree-rm",
  question: "Does comparing leaves of a prefix tree teach a reward model more than comparing independent responses?",
  bed: "rm-fit/segments",
  seeds: 16,
  budgets: {
    quick: { points: 400, sources: 6, sizes: [60, 120] },
    full: { points: 1500, sources: 60, sizes: [60, 120, 240, 480] },
  },
  arms: {
    chain: arm("baseline", "chain", { reuse: null, data: chainPairs }),
    tree: arm("method", "tree", { reuse: 1, data: treePairs }),
    tree70: arm("ablation", "tree, 0.7 n points", { reuse: 0.7 }),
    tree50: arm("ablation", "tree, 0.5 n points", { reuse: 0.5 }),
  },
  run({ settings: { reuse, data }, budget, random }) {
    const { points, sources, sizes } = budget;
    const similarity = similarityEdges(points, random.stream("points"));
    const distances = (diversity: number, n: number) =>
      meanDistances(
        points,
        [
          ...similarity.map(([a, b, distance]): (typeof similarity)[number] => [a, b, diversity * distance]),
          ...comparisonEdges(points, n, reuse === null ? null : Math.round(reuse * n), random.stream(`edges ${n}`)),
        ],
        sources,
        random.stream("sources"),
      );
    const scarce = distances(5, points / 15);
    const middle = distances(5, points / 5);
    const abundant = distances(1, (points * 8) / 15);
    const models = data && rewardModels(data, sizes, random);
    return {
      metrics: {
        scarce: scarce.single,
        middle: middle.single,
        abundant: abundant.single,
        scarceAll: scarce.all,
        middleAll: middle.all,
        abundantAll: abundant.all,
        distanceError: distanceError(random.stream("gate")),
        prefixPlain: models ? average(models.accuracy("none", models.prefix)) : null,
        prefixLinear: models ? average(models.linear) : null,
        prefixSquare: models ? average(models.accuracy("square", models.prefix)) : null,
        iidPlain: models ? average(models.accuracy("none", models.iid)) : null,
        iidLinear: models ? average(models.accuracy("linear", models.iid)) : null,
        iidSquare: models ? average(models.accuracy("square", models.iid)) : null,
        bestOf32: models ? models.bestOf[pools.indexOf(32)] : null,
        sharedShare: models ? models.shared : null,
      },
      curves: {
        prefix: models && { x: sizes, y: models.linear },
        bestOf: models && { x: pools, y: models.bestOf },
      },
    };
  },
  gates: [
    {
      text: "distances used − those of the part, on 60 points",
      value: ({ chain }) => chain.distanceError,
      atMost: 1e-6,
      claims: [1, 2],
    },
    {
      text: "chain-trained models order independent pairs",
      value: ({ chain }) => chain.iidPlain,
      atLeast: 0.55,
      claims: [3],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Reused endpoints lower the inference distance where responses are diverse and data is scarce",
      paper: "up to Θ(log n / log log n)",
      checks: [
        {
          text: "tree − 0.8 × chain, n = 300",
          value: ({ tree, chain }) => tree.middle - 0.8 * chain.middle,
          atMost: 0,
        },
        {
          text: "tree − 0.8 × chain, n = 100",
          value: ({ tree, chain }) => tree.scarce - 0.8 * chain.scarce,
          atMost: 0,
        },
      ],
    },
    {
      card: 2,
      text: "The advantage fades with much data and little diversity",
      paper: "same rates",
      checks: [
        {
          text: "tree / chain, n = 800, weak diversity",
          value: ({ tree, chain }) => tree.abundant / chain.abundant,
          atLeast: 0.95,
        },
      ],
    },
    {
      card: 3,
      text: "A tree-trained model is better where responses share a prefix",
      paper: "mean win rate 65 % after RL",
      checks: [
        {
          text: "accuracy on prefix-sharing pairs, tree − chain, annotator precision 2/k",
          value: ({ tree, chain }) => tree.prefixLinear - chain.prefixLinear,
          atLeast: 0.02,
        },
        {
          text: "the same, precision 4/k²",
          value: ({ tree, chain }) => tree.prefixSquare - chain.prefixSquare,
          atLeast: 0.02,
        },
      ],
    },
    {
      card: 4,
      text: "Best-of-N keeps improving with larger N",
      paper: "the chain model saturates",
      reportOnly: true,
      checks: [
        { text: "gold of the best of 32, tree − chain", value: ({ tree, chain }) => tree.bestOf32 - chain.bestOf32 },
        {
          text: "accuracy on independent pairs, tree − chain, precision 2/k",
          value: ({ tree, chain }) => tree.iidLinear - chain.iidLinear,
        },
        {
          text: "the same, precision alike",
          value: ({ tree, chain }) => tree.iidPlain - chain.iidPlain,
        },
        {
          text: "prefix-sharing pairs, precision alike",
          value: ({ tree, chain }) => tree.prefixPlain - chain.prefixPlain,
        },
        {
          text: "inference distance over all paths, tree / chain, n = 300",
          value: ({ tree, chain }) => tree.middleAll / chain.middleAll,
        },
        {
          text: "the same with 0.5 n points",
          value: ({ tree50, chain }) => tree50.middleAll / chain.middleAll,
        },
      ],
    },
    {
      card: 5,
      text: "Annotation is cheaper: the shared prefix is read once",
      paper: "mean read length 301 → 237 tokens",
      reportOnly: true,
      checks: [
        { text: "share of a response that both have in common, tree", value: ({ tree }) => tree.sharedShare },
        { text: "the same, chain", value: ({ chain }) => chain.sharedShare },
      ],
    },
  ],
  figure: {
    title: "Comparisons among leaves of trees against independent ones",
    panels: [
      { kind: "dots", title: "one path, 300 comparisons, diverse", metric: "middle", x: "mean inference distance" },
      { kind: "dots", title: "all paths, the same", metric: "middleAll", x: "mean inference distance" },
      {
        kind: "lines",
        title: "annotator precision 2/k",
        curve: "prefix",
        x: "pairs",
        y: "gold accuracy, prefix-sharing pairs",
        arms: ["chain", "tree"],
      },
      { kind: "lines", curve: "bestOf", x: "N", y: "gold of the best of N", arms: ["chain", "tree"], logX: true },
    ],
  },
});
