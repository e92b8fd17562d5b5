/** Runs a benchmark: reads, asks, measures. */
import { ContractError } from "../../core/error.ts";
import { checkWiring, createScorer, type Scorer } from "../../pipeline/index.ts";
import { benchmarkResult, type Judged } from "./metrics.ts";
import {
  type Answer,
  type AskOptions,
  givenOutcome,
  isTies,
  outcomeOf,
  type Request,
  requestsOf,
  winsOf,
} from "./requests.ts";
import type { BenchScorer } from "./scorers.ts";
import type { BenchmarkName, BenchmarkResult, Item } from "./types.ts";

export interface RunOptions extends AskOptions {
  readonly workers?: number;
  /** Answers of judges and endpoints are kept here, so that a run that was stopped goes on. */
  readonly cacheFolder?: string;
  readonly batchSize: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface BenchmarkRun {
  readonly result: BenchmarkResult;
  /** One entry an item, in the order of the data. */
  readonly judged: readonly Judged[];
}

/** Scores that came with the data. Throws when it has none. */
export function runGiven(format: BenchmarkName, items: readonly Item[], options: AskOptions): BenchmarkRun {
  const outcomes = items.map((item) => givenOutcome(item, options));
  if (items.length > 0 && outcomes.every((outcome) => outcome === undefined))
    throw new ContractError(
      items[0].place,
      "the data holds no scores: name a scorer (--reward, --part, --endpoint or --judge)",
    );
  const judged = items.map((item, i): Judged => {
    const outcome = outcomes[i] ?? null;
    const wins = item.kind === "choice" ? item.wins : undefined;
    return outcome === null ? { item, outcome, reason: "no score in the data", wins } : { item, outcome, reason: null };
  });
  return { result: benchmarkResult(format, judged, options.seed), judged };
}

/** Asks the scorer about every item. An item with an unanswered question is unscored, with the reason. */
export async function runBenchmark(
  format: BenchmarkName,
  items: readonly Item[],
  scorer: BenchScorer,
  options: RunOptions,
): Promise<BenchmarkRun> {
  checkFit(format, scorer);
  const ties = scorer.forTies ? items.filter(isTies) : [];
  const others = scorer.forTies ? items.filter((item) => !isTies(item)) : items;
  const asked = new Map<Item, { requests: readonly Request[]; answers: Answer[]; reason: string | null }>();
  const total = items.reduce((sum, item) => sum + requestsOf(item, scorer, options).length, 0);
  let done = 0;
  for (const [reward, list] of [
    [scorer.reward, others],
    [scorer.forTies ?? scorer.reward, ties],
  ] as const) {
    if (list.length === 0) continue;
    const questions = list.flatMap((item) => {
      const requests = requestsOf(item, scorer, options);
      asked.set(item, { requests, answers: [], reason: null });
      return requests.map((request) => ({ item, request }));
    });
    checkWiring(reward, new Set(Object.keys(questions[0].request.fields)), { credit: false });
    const running = createScorer(reward, {
      workers: options.workers,
      seed: options.seed,
      cacheFolder: options.cacheFolder,
    });
    try {
      for (let at = 0; at < questions.length; at += options.batchSize) {
        const block = questions.slice(at, at + options.batchSize);
        const answers = await ask(
          running,
          block.map(({ request }) => request),
          options.signal,
        );
        for (const [i, { item }] of block.entries()) {
          const entry = asked.get(item);
          entry?.answers.push(answers[i].answer);
          if (entry) entry.reason ??= answers[i].reason;
        }
        done += block.length;
        options.onProgress?.(done, total);
      }
    } finally {
      await running.close();
    }
  }
  const judged = items.map((item): Judged => {
    const entry = asked.get(item);
    if (!entry) return { item, outcome: null, reason: "was not asked" };
    if (entry.reason !== null) {
      const pair = scorer.about === "pair" && item.kind === "choice";
      const wins = pair ? winsOf(entry.requests, entry.answers) : undefined;
      return { item, outcome: null, reason: entry.reason, wins };
    }
    const outcome = outcomeOf(item, entry.requests, entry.answers, scorer, options);
    return { item, outcome, reason: outcome === null ? "no-value" : null };
  });
  return { result: benchmarkResult(format, judged, options.seed), judged };
}

function checkFit(format: BenchmarkName, { about }: BenchScorer): void {
  const fits: Readonly<Record<BenchScorer["about"], readonly BenchmarkName[]>> = {
    response: ["reward-bench-2", "rewardmath", "contrast-instruction", "process-bench", "mrm-bench", "pairs"],
    step: ["process-bench", "rewardmath"],
    pair: ["reward-bench-2", "rewardmath", "pairs"],
    choice: ["reward-bench-2"],
  };
  if (!fits[about].includes(format))
    throw new ContractError("judge", `a judge of a ${about} fits ${fits[about].join(", ")}, not ${format}`);
}

async function ask(scorer: Scorer, requests: readonly Request[], signal: AbortSignal | undefined) {
  const names = new Set(requests.flatMap(({ fields }) => Object.keys(fields)));
  const fields = Object.fromEntries([...names].map((name) => [name, requests.map((request) => request.fields[name])]));
  const batch = await scorer.score({ size: requests.length, fields }, { credit: false, signal });
  return requests.map((_, i) => {
    const error = batch.errors[i];
    return {
      answer: { value: batch.rewards[i], evidence: batch.signals.score?.evidence[i] },
      reason: batch.rewards[i] === null ? (error ? `${error.code}: ${error.message.slice(0, 80)}` : "no-value") : null,
    };
  });
}
