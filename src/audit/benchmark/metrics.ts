/** The benchmarks' own figures, over subsets, with intervals over items and bounds for what is unscored. */
import { createRandom } from "../../core/random.ts";
import { meanOrNull, quantile } from "../../core/statistics.ts";
import {
  bestOfKAccuracy,
  contrastConsistency,
  oneToMany,
  pairwiseAccuracy,
  pairwiseToMany,
  processBench,
  rewardBench2,
  tiesScore,
} from "../../evaluation/index.ts";
import { probePredictions } from "./probes.ts";
import { isTies } from "./requests.ts";
import type { BenchmarkName, BenchmarkResult, ChoiceItem, Item, MetricValue, Outcome, SubsetResult } from "./types.ts";

export interface Judged {
  readonly item: Item;
  /** null: unscored, for `reason`. */
  readonly outcome: Outcome | null;
  readonly reason: string | null;
  /** Of an unscored item, from a pairwise judge: the comparisons it did decide. */
  readonly wins?: readonly (boolean | null)[];
}

type Metrics = Record<string, number | null>;
/** Items with what was said of them; every outcome is there. */
type Scored = readonly { readonly item: Item; readonly outcome: Outcome }[];

const resamples = 1000;

export function benchmarkResult(format: BenchmarkName, judged: readonly Judged[], seed: string): BenchmarkResult {
  const measured = format === "mrm-bench" ? probed(judged) : judged;
  const subsets = new Map<string, Judged[]>();
  for (const one of measured) {
    const list = subsets.get(one.item.subset);
    if (list) list.push(one);
    else subsets.set(one.item.subset, [one]);
  }
  const results = [...subsets].map(([subset, list]) => subsetResult(subset, list, seed));
  const reasons: Record<string, number> = {};
  for (const { reason } of measured) if (reason !== null) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const overall = overallResult(format, measured, results, seed);
  return {
    format,
    items: measured.length,
    unscored: overall.unscored,
    overall,
    subsets: results,
    reasons,
    notes: notesOf(format, judged),
  };
}

function subsetResult(subset: string, judged: readonly Judged[], seed: string): SubsetResult {
  return { subset, ...measure(judged, measureOf(judged), `${seed}/${subset}`) };
}

/** The figure over everything: of RewardBench 2 and MRMBench the mean over domains, of ProcessBench too, else over all items. */
function overallResult(
  format: BenchmarkName,
  judged: readonly Judged[],
  subsets: readonly SubsetResult[],
  seed: string,
): SubsetResult {
  const bySubset = format === "reward-bench-2" || format === "mrm-bench" || format === "process-bench";
  if (!bySubset || subsets.length < 2) return subsetResult("overall", judged, seed);
  const names = subsets.map(({ subset }) => subset);
  const headline = Object.keys(subsets[0].metrics)[0] ?? "score";
  return {
    subset: "overall",
    ...measure(judged, (scored) => meanOfDomains(format, headline, names, scored), `${seed}/overall`),
  };
}

function meanOfDomains(format: BenchmarkName, headline: string, names: readonly string[], scored: Scored): Metrics {
  const domains = names.map((name) => {
    const part = scored.filter(({ item }) => item.subset === name);
    return part.length === 0 ? null : (Object.values(measureOf(part)(part))[0] ?? null);
  });
  if (format === "reward-bench-2") {
    const known = Object.fromEntries(names.map((name, i) => [domainName(name), domains[i]]));
    const { score, domainsUsed } = rewardBench2()({ domains: known });
    if (domainsUsed.length === domains.filter((value) => value !== null).length) return { score };
  }
  const there = domains.filter((value) => value !== null);
  return { [headline === "f1" ? "mean f1" : `mean ${headline}`]: meanOrNull(there) };
}

function domainName(subset: string): string {
  return subset
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, "-");
}

function measure(
  judged: readonly Judged[],
  metricsOf: (scored: Scored) => Metrics,
  seed: string,
): Omit<SubsetResult, "subset"> {
  const scored = judged.filter((one): one is Judged & { outcome: Outcome } => one.outcome !== null);
  const unscored = judged.length - scored.length;
  const values = metricsOf(scored);
  const intervals = bootstrap(scored, metricsOf, seed);
  const kind = scored[0]?.outcome.kind;
  const filled = (how: (one: Judged) => Outcome) =>
    metricsOf(judged.map((one) => ({ item: one.item, outcome: one.outcome ?? how(one) })));
  const [worst, best] =
    unscored > 0 ? [filled((one) => fill(one, kind, false)), filled((one) => fill(one, kind, true))] : [null, null];
  // Neither wrong nor right are ties: that all of them tie is a case of its own.
  if (best && best.ties !== undefined) best.ties = filled((one) => tied(one) ?? fill(one, kind, true)).ties;
  const metrics: Record<string, MetricValue> = {};
  for (const name of Object.keys(unscored === judged.length ? (worst ?? values) : values)) {
    const interval = intervals[name] ?? null;
    const bounds = worst && best ? { bounds: [worst[name] ?? null, best[name] ?? null] as const } : {};
    metrics[name] = { value: values[name] ?? null, interval, ...bounds };
  }
  return { items: judged.length, unscored, metrics };
}

/** Percentile bootstrap of every metric at once; items that belong together are drawn together. */
function bootstrap(
  scored: Scored,
  metricsOf: (scored: Scored) => Metrics,
  seed: string,
): Record<string, readonly [number, number]> {
  const clusters = new Map<string, Scored[number][]>();
  for (const [i, one] of scored.entries()) {
    const key = isTies(one.item) ? `ties ${one.item.id.replace(/^(ref|tied):/, "")}` : String(i);
    const list = clusters.get(key);
    if (list) list.push(one);
    else clusters.set(key, [one]);
  }
  const list = [...clusters.values()];
  if (list.length < 2) return {};
  const random = createRandom(seed);
  const drawn: Record<string, number[]> = {};
  for (let r = 0; r < resamples; r++) {
    const again: Scored[number][] = [];
    for (let i = 0; i < list.length; i++) again.push(...list[random.integer(list.length)]);
    for (const [name, value] of Object.entries(metricsOf(again))) {
      if (value === null) continue;
      drawn[name] ??= [];
      drawn[name].push(value);
    }
  }
  return Object.fromEntries(
    Object.entries(drawn).map(([name, values]) => [name, [quantile(values, 0.025), quantile(values, 0.975)] as const]),
  );
}

/** What to compute for items of one subset: they are of one kind, and were answered in one way. */
function measureOf(
  judged: readonly { readonly item: Item; readonly outcome: Outcome | null }[],
): (scored: Scored) => Metrics {
  const first = judged.find(({ outcome }) => outcome !== null) ?? judged[0];
  const { item, outcome } = first;
  if (item.kind === "contrast") return contrastMetrics;
  if (item.kind === "process") return processMetrics;
  if (item.kind === "probe") return probeMetrics;
  if (judged.every((one) => isTies(one.item))) return tiesMetrics;
  if (outcome?.kind === "wins") return winMetrics;
  if (outcome?.kind === "picked")
    return (scored) => ({
      accuracy: meanOrNull(scored.map((one) => (one.outcome.kind === "picked" ? one.outcome.result : 0))),
    });
  const single = judged.every(
    (one) => one.item.kind === "choice" && one.item.rejected.length === 1 && one.item.chosen.length === 1,
  );
  if (single) return pairMetrics;
  const four = judged.every(
    (one) => one.item.kind === "choice" && one.item.chosen.length + one.item.rejected.length === 4,
  );
  return four ? bestOfMetrics : manyMetrics;
}

function scoresOf(scored: Scored): { readonly chosen: number[][]; readonly rejected: number[][] } {
  const chosen: number[][] = [];
  const rejected: number[][] = [];
  for (const { item, outcome } of scored) {
    if (item.kind !== "choice" || outcome.kind !== "scores") continue;
    chosen.push(outcome.scores.slice(0, item.chosen.length));
    rejected.push(outcome.scores.slice(item.chosen.length));
  }
  return { chosen, rejected };
}

function pairMetrics(scored: Scored): Metrics {
  const { chosen, rejected } = scoresOf(scored);
  const { accuracy, tieCount } = pairwiseAccuracy()({
    chosen: chosen.map(([x]) => x),
    rejected: rejected.map(([x]) => x),
  });
  return { accuracy, ties: scored.length === 0 ? null : tieCount / scored.length };
}

function bestOfMetrics(scored: Scored): Metrics {
  const { chosen, rejected } = scoresOf(scored);
  return { accuracy: bestOfKAccuracy()({ scores: chosen.map((row, i) => [...row, ...rejected[i]]) }).accuracy };
}

function manyMetrics(scored: Scored): Metrics {
  const { chosen, rejected } = scoresOf(scored);
  const { accuracy, accuracyWithTies, mrr } = oneToMany()({ chosen, rejected });
  return { accuracy, "accuracy with ties": accuracyWithTies, mrr };
}

function winMetrics(scored: Scored): Metrics {
  const wins = scored.map(({ outcome }) => (outcome.kind === "wins" ? outcome.wins : []));
  const { accuracy, mrr } = pairwiseToMany()({ wins });
  const each = wins.flat();
  return { accuracy, mrr, "comparisons won": each.length === 0 ? null : each.filter(Boolean).length / each.length };
}

function tiesMetrics(scored: Scored): Metrics {
  const samples = scored.flatMap(({ item, outcome }) =>
    item.kind === "choice" && outcome.kind === "scores"
      ? [{ id: item.id, scores: [...outcome.scores], numCorrect: item.chosen.length }]
      : [],
  );
  const { score, tiedAccuracy, referenceAccuracy, preferred, preferredHard } = tiesScore()({ samples });
  const nothing = samples.length === 0;
  return {
    score,
    "tied accuracy": tiedAccuracy,
    "reference accuracy": referenceAccuracy,
    preferred: nothing ? null : preferred,
    "preferred hard": nothing ? null : preferredHard,
  };
}

function contrastMetrics(scored: Scored): Metrics {
  const scores = scored.flatMap(({ outcome }): [[number, number], [number, number]][] => {
    if (outcome.kind !== "scores") return [];
    const [a, b, c, d] = outcome.scores;
    return [
      [
        [a, b],
        [c, d],
      ],
    ];
  });
  const { responseConsistency, instructionConsistency, allConsistency } = contrastConsistency()({ scores });
  return {
    "response consistency": responseConsistency,
    "instruction consistency": instructionConsistency,
    "all consistency": allConsistency,
  };
}

function processMetrics(scored: Scored): Metrics {
  const predictions: number[] = [];
  const labels: number[] = [];
  for (const { item, outcome } of scored) {
    if (item.kind !== "process" || outcome.kind !== "prediction") continue;
    predictions.push(outcome.prediction);
    labels.push(item.label);
  }
  const { f1, accuracyError, accuracyCorrect } = processBench()({ predictions, labels });
  return { f1, "accuracy on erroneous": accuracyError, "accuracy on correct": accuracyCorrect };
}

function probeMetrics(scored: Scored): Metrics {
  const right = scored.map(({ item, outcome }) =>
    item.kind === "probe" && outcome.kind === "prediction" && outcome.prediction === item.label ? 1 : 0,
  );
  return { accuracy: meanOrNull(right) };
}

/** Test items of MRMBench with the prediction of their dimension's probe. */
function probed(judged: readonly Judged[]): readonly Judged[] {
  const dimensions = [...new Set(judged.map(({ item }) => item.subset))];
  return dimensions.flatMap((dimension): Judged[] => {
    const entries = judged.flatMap(({ item, outcome, reason }) =>
      item.kind === "probe" && item.subset === dimension ? [{ item, outcome, reason }] : [],
    );
    const predictions = probePredictions(entries);
    const test = entries.filter(({ item }) => item.split === "test");
    return test.map(({ item, reason }, i) => {
      const prediction = predictions?.[i] ?? null;
      const why =
        reason ??
        (predictions ? "its embedding has another width" : "no probe: the training items lack embeddings or classes");
      return prediction === null
        ? { item, outcome: null, reason: why }
        : { item, outcome: { kind: "prediction", prediction }, reason: null };
    });
  });
}

/** The outcome that an unscored item could have had at worst (`right` false) or at best. */
function fill({ item, wins }: Judged, kind: Outcome["kind"] | undefined, right: boolean): Outcome {
  if (wins) return { kind: "wins", wins: wins.map((won) => won ?? right) };
  switch (item.kind) {
    case "contrast":
      return { kind: "scores", scores: right ? [1, 0, 0, 1] : [0, 1, 1, 0] };
    case "process":
    case "probe":
      return { kind: "prediction", prediction: right ? item.label : -2 };
    case "choice":
      if (kind === "wins") return { kind: "wins", wins: item.rejected.map(() => right) };
      if (kind === "picked") return { kind: "picked", result: right ? 1 : 0 };
      if (right) return { kind: "scores", scores: choiceScores(item, (_, good) => (good ? 1 : 0)) };
      // Uneven right answers below every wrong one: what loses most in Ties too.
      return { kind: "scores", scores: choiceScores(item, (i, good) => (good ? i : item.chosen.length + 1)) };
  }
}

/** Equal scores for all; null where there are no scores. */
function tied({ item }: Judged): Outcome | null {
  return item.kind === "choice" ? { kind: "scores", scores: choiceScores(item, () => 0) } : null;
}

function choiceScores(item: ChoiceItem, score: (index: number, right: boolean) => number): number[] {
  return [...item.chosen.map((_, i) => score(i, true)), ...item.rejected.map((_, i) => score(i, false))];
}

function notesOf(format: BenchmarkName, judged: readonly Judged[]): readonly string[] {
  const notes: string[] = [];
  const steps = judged.some(({ item }) => item.kind === "choice" && item.chosen[0].steps !== undefined);
  if (format === "rewardmath" && !steps && judged.every(({ item }) => item.kind === "choice" && item.scores))
    notes.push("scores as given; wrong solutions rank first among equal scores");
  if (format === "reward-bench-2")
    notes.push("a tie for the best of four counts 1/ties; score is the mean of the domains");
  if (format === "process-bench") notes.push("f1 is the harmonic mean of both accuracies");
  if (format === "mrm-bench") notes.push("linear probes without bias on standardised embeddings, Adam 0.03, 200 steps");
  return notes;
}
