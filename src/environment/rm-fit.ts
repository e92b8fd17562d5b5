/**
 * Bed `rm-fit`: items with a hidden gold score, an annotator who compares or rates them, and a reward model fitted to
 * what the annotator said. No policy but selection: what counts is gold, never agreement with labels.
 *
 * A layout says what items are and what gold is; an annotator turns gold into labels. Both are values, so a paper's
 * setting is one line, and `rmFit` is the same for all.
 */
import type { Vector } from "../core/ragged.ts";
import type { Random } from "../core/random.ts";
import { mean, pearson, standardDeviation } from "../core/statistics.ts";

/** Writes one item into `row`. */
export type ItemSampler = (row: Float64Array, random: Random) => void;

export interface ItemLayout {
  /** Features of an item. */
  readonly dimensions: number;
  /** Items that are annotated. */
  readonly draw: ItemSampler;
  /** Items that are selected from; default: as annotated. */
  readonly drawCandidate?: ItemSampler;
  readonly gold: (item: Vector) => number;
}

/** Labels of pairs: signed strengths, below 0 the first is better (as `model/preference-orientation` reads them). */
export interface PairLabels {
  readonly strengths: Float64Array;
  /** Ratings of the first and the second items; null where the annotator gives none. */
  readonly firstRatings: Float64Array | null;
  readonly secondRatings: Float64Array | null;
}

/** Labels one pair. `first` and `second` are the items, the golds are theirs. */
export type Annotator = (
  pair: { readonly first: Vector; readonly second: Vector; readonly firstGold: number; readonly secondGold: number },
  random: Random,
) => { readonly strength: number; readonly ratings?: readonly [first: number, second: number] };

/** Scores of items, row after row. */
export type ItemScorer = (items: Float64Array) => ArrayLike<number>;

/** What a reward model may be fitted to. */
export interface RmFitWorld {
  readonly dimensions: number;
  /** `count` fresh items, count × dimensions. */
  readonly items: (count: number, random: Random) => Float64Array;
  /** The annotator's labels of pairs of items. */
  readonly annotate: (first: Float64Array, second: Float64Array, random: Random) => PairLabels;
  /** Fresh pairs with their labels: streams `items` and `labels`. */
  readonly pairs: (count: number, random: Random) => { first: Float64Array; second: Float64Array } & PairLabels;
}

/** For evaluation only. */
export interface RmFitTruth {
  readonly gold: (items: Float64Array) => Float64Array;
  /** `count` fresh candidates, count × dimensions. */
  readonly candidates: (count: number, random: Random) => Float64Array;
  /** Share of pairs whose order by score is that by gold; equal scores count half. */
  readonly accuracy: (score: ItemScorer, first: Float64Array, second: Float64Array) => number;
  /** Gold of the best-scored candidate of each prompt, beside the oracle's and a random candidate's, averaged. */
  readonly bestOf: (
    score: ItemScorer,
    candidates: Float64Array,
    size: number,
  ) => { gold: number; oracle: number; average: number; share: number };
  /** Correlation of scores with one feature; null where either is constant. */
  readonly correlation: (score: ItemScorer, items: Float64Array, feature: number) => number | null;
}

export function rmFit(layout: ItemLayout, annotator: Annotator): { world: RmFitWorld; truth: RmFitTruth } {
  const { dimensions, draw, drawCandidate = draw } = layout;
  const gold = (items: Float64Array) => eachItem(items, dimensions, layout.gold);
  const annotate = (first: Float64Array, second: Float64Array, random: Random): PairLabels => {
    const firstGold = gold(first);
    const secondGold = gold(second);
    const labels = Array.from(firstGold, (value, i) =>
      annotator(
        {
          first: itemOf(first, dimensions, i),
          second: itemOf(second, dimensions, i),
          firstGold: value,
          secondGold: secondGold[i],
        },
        random,
      ),
    );
    const ratings = (side: 0 | 1) => {
      const given = labels.flatMap((label) => (label.ratings ? [label.ratings[side]] : []));
      return given.length === labels.length ? Float64Array.from(given) : null;
    };
    return {
      strengths: Float64Array.from(labels, ({ strength }) => strength),
      firstRatings: ratings(0),
      secondRatings: ratings(1),
    };
  };
  const items = (count: number, random: Random) => drawItems(dimensions, draw, count, random);
  return {
    world: {
      dimensions,
      items,
      annotate,
      pairs(count, random) {
        const stream = random.stream("items");
        const first = items(count, stream);
        const second = items(count, stream);
        return { first, second, ...annotate(first, second, random.stream("labels")) };
      },
    },
    truth: {
      gold,
      candidates: (count, random) => drawItems(dimensions, drawCandidate, count, random),
      accuracy(score, first, second) {
        const [a, b, goldA, goldB] = [score(first), score(second), gold(first), gold(second)];
        let right = 0;
        for (let i = 0; i < goldA.length; i++)
          right += a[i] === b[i] ? 0.5 : a[i] > b[i] === goldA[i] > goldB[i] ? 1 : 0;
        return right / goldA.length;
      },
      bestOf(score, candidates, size) {
        const scores = score(candidates);
        const golds = gold(candidates);
        const prompts = golds.length / size;
        let [chosen, oracle] = [0, 0];
        for (let start = 0; start < golds.length; start += size) {
          let best = start;
          let bestGold = start;
          for (let i = start; i < start + size; i++) {
            if (scores[i] > scores[best]) best = i;
            if (golds[i] > golds[bestGold]) bestGold = i;
          }
          chosen += golds[best] / prompts;
          oracle += golds[bestGold] / prompts;
        }
        const average = mean(golds);
        return { gold: chosen, oracle, average, share: (chosen - average) / (oracle - average) };
      },
      correlation: (score, of, feature) =>
        pearson(
          score(of),
          eachItem(of, dimensions, (item) => item[feature]),
        ),
    },
  };
}

const itemOf = (items: Float64Array, dimensions: number, i: number) =>
  items.subarray(i * dimensions, (i + 1) * dimensions);

function eachItem(items: Float64Array, dimensions: number, value: (item: Vector) => number): Float64Array {
  return Float64Array.from({ length: items.length / dimensions }, (_, i) => value(itemOf(items, dimensions, i)));
}

function drawItems(dimensions: number, draw: ItemSampler, count: number, random: Random): Float64Array {
  const items = new Float64Array(count * dimensions);
  for (let i = 0; i < count; i++) draw(itemOf(items, dimensions, i), random);
  return items;
}

// --- annotators ---

/** P(first better) = σ(scale · (Δgold + bonus · Δfeature)); an infinite scale is an annotator without noise. */
export function boltzmannAnnotator(params: {
  readonly scale: number;
  /** What the annotator pays for one unit of a feature, beside gold. */
  readonly bonus?: { readonly feature: number; readonly weight: number };
}): Annotator {
  const { scale, bonus } = params;
  return ({ first, second, firstGold, secondGold }, random) => {
    const extra = bonus ? bonus.weight * (first[bonus.feature] - second[bonus.feature]) : 0;
    const margin = firstGold - secondGold + extra;
    const uniform = random.uniform();
    const firstWins = scale === Number.POSITIVE_INFINITY ? margin > 0 : uniform < 1 / (1 + Math.exp(-scale * margin));
    return { strength: firstWins ? -1 : 1 };
  };
}

/**
 * Several people rate both items 0 … 4 and compare them on −3 … 3 (HelpSteer2-Preference, arXiv 2410.01257). Each
 * draws ε₁, ε₂ ~ N(0, 1) once: ratings clip(round(2 + a·g + n·ε)), preference clip(round(b·(g₂ − g₁) + n·(ε₂ − ε₁)/√2)).
 * The rating is their mean, the preference the rounded mean.
 */
export function gradedAnnotator({ people = 3, rating = 0.9, preference = 1.3, noise = 0.9 } = {}): Annotator {
  const clip = (value: number, low: number, high: number) => Math.min(high, Math.max(low, Math.round(value)));
  return ({ firstGold, secondGold }, random) => {
    let [first, second, compared] = [0, 0, 0];
    for (let k = 0; k < people; k++) {
      const a = random.normal();
      const b = random.normal();
      first += clip(2 + rating * firstGold + noise * a, 0, 4) / people;
      second += clip(2 + rating * secondGold + noise * b, 0, 4) / people;
      compared += clip(preference * (secondGold - firstGold) + (noise * (b - a)) / Math.SQRT2, -3, 3);
    }
    return { strength: Math.round(compared / people), ratings: [first, second] };
  };
}

// --- layouts ---

/** The layout with gold shifted and scaled to mean 0 and deviation 1 over `count` of its annotated items. */
export function standardizedGold(layout: ItemLayout, random: Random, count = 4000): ItemLayout {
  const golds = eachItem(drawItems(layout.dimensions, layout.draw, count, random), layout.dimensions, layout.gold);
  const centre = mean(golds);
  const scale = standardDeviation(golds);
  return { ...layout, gold: (item) => (layout.gold(item) - centre) / scale };
}

/**
 * Length pays up to a point that the annotated items hardly reach (reward-model ensembles, arXiv 2312.09244): gold =
 * ½(a₁+a₂+a₃+a₄) + tanh(a₅a₆) + 0.8 sin(1.5a₇) + 0.5a₀ − 0.5 max(a₀ − 0.5, 0)², a ~ N(0, I₁₆) with a₀ ~ N(0, 0.25);
 * candidates ~ N(0, 1.69 I).
 */
export function narrowLengthItems(): ItemLayout {
  const dimensions = 16;
  return {
    dimensions,
    draw(row, random) {
      for (let d = 0; d < dimensions; d++) row[d] = random.normal() * (d === 0 ? 0.5 : 1);
    },
    drawCandidate(row, random) {
      for (let d = 0; d < dimensions; d++) row[d] = 1.3 * random.normal();
    },
    gold: (a) =>
      0.5 * (a[1] + a[2] + a[3] + a[4]) +
      Math.tanh(a[5] * a[6]) +
      0.8 * Math.sin(1.5 * a[7]) +
      0.5 * a[0] -
      0.5 * Math.max(a[0] - 0.5, 0) ** 2,
  };
}

/** Items ~ N(0, I), gold a random tanh net with one hidden layer: weights N(0, 2.25/dimensions) and N(0, 1/hidden). */
export function tanhNetItems(
  { dimensions, hidden = 16 }: { readonly dimensions: number; readonly hidden?: number },
  random: Random,
): ItemLayout {
  const normals = (count: number, scale: number) => Float64Array.from({ length: count }, () => scale * random.normal());
  // Inputs of about ±1.5 bend tanh: with 1/√dimensions alone the net would be nearly linear.
  const first = normals(hidden * dimensions, 1.5 / Math.sqrt(dimensions));
  const second = normals(hidden, 1 / Math.sqrt(hidden));
  return {
    dimensions,
    draw(row, stream) {
      for (let d = 0; d < dimensions; d++) row[d] = stream.normal();
    },
    gold(item) {
      let sum = 0;
      for (let h = 0; h < hidden; h++) {
        let input = 0;
        for (let d = 0; d < dimensions; d++) input += first[h * dimensions + d] * item[d];
        sum += second[h] * Math.tanh(input);
      }
      return sum;
    },
  };
}

export interface SegmentItems extends ItemLayout {
  readonly segments: number;
  readonly symbols: number;
  /** One-hot features of a response given as symbols. */
  readonly encode: (response: Vector) => Float64Array;
  /** Segments that two responses have in common before they part. */
  readonly shared: (first: Vector, second: Vector) => number;
}

/**
 * Responses of a few segments out of an alphabet, as one-hot features (tree-structured preferences, arXiv 2402.10184):
 * gold = Σ_k decayᵏ (u_k[s_k] + bigram · v_k[s_{k−1}, s_k]), all weights N(0, 1).
 */
export function segmentItems(
  params: {
    readonly segments?: number;
    readonly symbols?: number;
    readonly decay?: number;
    readonly bigram?: number;
  },
  random: Random,
): SegmentItems {
  const { segments = 5, symbols = 12, decay = 0.7, bigram = 0.5 } = params;
  const dimensions = segments * symbols;
  const unigrams = Float64Array.from({ length: dimensions }, () => random.normal());
  const bigrams = Float64Array.from({ length: dimensions * symbols }, () => bigram * random.normal());
  const symbolAt = (item: Vector, k: number) => {
    for (let s = 0; s < symbols; s++) if (item[k * symbols + s] === 1) return s;
    throw new RangeError(`segmentItems: no symbol in segment ${k}`);
  };
  return {
    dimensions,
    segments,
    symbols,
    draw(row, stream) {
      row.fill(0);
      for (let k = 0; k < segments; k++) row[k * symbols + stream.integer(symbols)] = 1;
    },
    gold(item) {
      let sum = 0;
      let previous = -1;
      for (let k = 0; k < segments; k++) {
        const s = symbolAt(item, k);
        const pair = previous < 0 ? 0 : bigrams[(k * symbols + previous) * symbols + s];
        sum += decay ** k * (unigrams[k * symbols + s] + pair);
        previous = s;
      }
      return sum;
    },
    encode(response) {
      const row = new Float64Array(dimensions);
      for (let k = 0; k < segments; k++) row[k * symbols + response[k]] = 1;
      return row;
    },
    shared(first, second) {
      for (let k = 0; k < segments; k++) if (symbolAt(first, k) !== symbolAt(second, k)) return k;
      return segments;
    },
  };
}

/** As `boltzmannAnnotator`, but the scale depends on how many segments the annotator must read: scale · reading(unshared). */
export function readingAnnotator(
  layout: SegmentItems,
  scale: number,
  reading: (unshared: number) => number,
): Annotator {
  return (pair, random) => {
    const unshared = layout.segments - layout.shared(pair.first, pair.second);
    return boltzmannAnnotator({ scale: scale * reading(Math.max(1, unshared)) })(pair, random);
  };
}
