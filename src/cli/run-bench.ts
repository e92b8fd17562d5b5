import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import {
  type BenchmarkResult,
  type BenchmarkRun,
  type BenchScorer,
  endpointScorer,
  judgeScorer,
  type MetricValue,
  partScorer,
  readBenchmark,
  rewardScorer,
  runBenchmark,
  runGiven,
  type SubsetResult,
} from "../audit/benchmark/index.ts";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import { printable } from "../dataset/index.ts";
import { loadReward } from "../pipeline/index.ts";
import type { BenchOptions } from "./bench.ts";
import { parseJson } from "./input.ts";
import { colors, print } from "./terminal.ts";
import { readVersion } from "./version.ts";

/** Runs `guerdon bench`; resolves to the exit code. */
export async function runBench(path: string, options: BenchOptions): Promise<number> {
  const scorer = await scorerOf(options);
  const map = mapOf(options.map);
  const { format, items } = await readBenchmark(path, {
    format: options.format === "auto" ? undefined : options.format,
    map,
  });
  const chosen = options.limit === undefined ? items : items.slice(0, options.limit);
  const asked = {
    steps: options.steps ?? false,
    aggregate: options.aggregate,
    threshold: options.threshold,
    orders: options.orders,
    seed: options.seed,
  };
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    stopper.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const began = performance.now();
  let run: BenchmarkRun;
  try {
    run = scorer
      ? await runBenchmark(format, chosen, scorer.bench, {
          ...asked,
          workers: options.reward === undefined ? 0 : availableParallelism(),
          cacheFolder: options.cache === false ? undefined : options.cache,
          batchSize: 256,
          signal: stopper.signal,
          onProgress: showProgress,
        })
      : runGiven(format, chosen, asked);
  } catch (thrown) {
    if (!stopper.signal.aborted) throw thrown;
    process.stderr.write("interrupted; the same command goes on from the answers in the cache\n");
    return 130;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  }
  if (options.output !== undefined) await writeOutcomes(options.output, run);
  const facts = {
    data: path,
    scorer: scorer?.name ?? "scores in the data",
    seed: options.seed,
    ...(usesAggregate(run, options) ? { aggregate: options.aggregate } : {}),
    ...(format === "process-bench" ? { threshold: options.threshold } : {}),
    version: await readVersion(),
  };
  if (options.json) print(JSON.stringify({ ...facts, ...run.result }, null, 2));
  else show(run.result, facts, (performance.now() - began) / 1000);
  return run.result.unscored === run.result.items ? 1 : 0;
}

function usesAggregate({ judged }: BenchmarkRun, { steps }: BenchOptions): boolean {
  return (
    steps === true ||
    judged.some(({ item }) => item.kind === "choice" && item.scores?.some((score) => Array.isArray(score)))
  );
}

/** Exactly one of the scorers, or none. */
async function scorerOf(options: BenchOptions): Promise<{ bench: BenchScorer; name: string } | null> {
  const { reward, part, endpoint, judge, model } = options;
  const named = Object.entries({ reward, part, endpoint, judge }).filter(([, value]) => value !== undefined);
  if (named.length > 1)
    throw new ContractError("scorer", `expected one scorer, got ${named.map(([name]) => `--${name}`).join(" and ")}`);
  const calls = { concurrency: options.concurrency, timeLimit: options.timeLimit, retries: options.retries };
  if (reward !== undefined) return { bench: rewardScorer(await loadReward(reward)), name: reward };
  if (part !== undefined) {
    const params = options.params === undefined ? {} : parseJson(options.params, "--params");
    return { bench: await partScorer(part, { params, output: options.field }), name: part };
  }
  if (endpoint !== undefined) {
    const apiKey = process.env.OPENAI_API_KEY;
    const bench = endpointScorer({ url: endpoint, model, apiKey, input: options.input, ...calls });
    return { bench, name: `${model ?? "model"} at ${new URL(endpoint).host}` };
  }
  if (judge === undefined) return null;
  if (model === undefined) throw new ContractError("--model", "a judge needs the name of its model");
  const { baseUrl: baseURL, votes, orders } = options;
  return {
    bench: judgeScorer({ kind: judge, model, baseURL, votes, orders, ...calls }),
    name: `${judge} judge ${model}${judge === "pairwise" ? `, orders: ${orders}` : ""}`,
  };
}

function mapOf(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(",").map((pair) => {
      const [field, column, ...rest] = pair.split("=").map((word) => word.trim());
      if (!field || !column || rest.length > 0)
        throw new ContractError("--map", `expected field=column, got ${JSON.stringify(pair)}`);
      return [field, column];
    }),
  );
}

function showProgress(done: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total} questions`);
}

async function writeOutcomes(path: string, { judged }: BenchmarkRun): Promise<void> {
  const lines = judged.map(({ item, outcome, reason }) =>
    JSON.stringify({ id: item.id, subset: item.subset, outcome, reason }),
  );
  try {
    await writeFile(path, `${lines.join("\n")}\n`);
  } catch (thrown) {
    throw new OutputError(path, thrown);
  }
}

const number = (value: number | null) => (value === null ? "—" : value.toFixed(3));

function cell({ value, interval, bounds }: MetricValue): string {
  const range = interval ? ` [${number(interval[0])}, ${number(interval[1])}]` : "";
  return `${number(value)}${range}${bounds ? ` (${number(bounds[0])} … ${number(bounds[1])})` : ""}`;
}

function show(result: BenchmarkResult, facts: Readonly<Record<string, unknown>>, seconds: number): void {
  print(`${result.format} · ${result.items} items · ${printable(String(facts.scorer))}`);
  const single = result.subsets.length === 1;
  const blocks: readonly SubsetResult[] = single ? [result.overall] : [...result.subsets, result.overall];
  for (const { subset, items, unscored, metrics } of blocks) {
    const missing = unscored > 0 ? colors.yellow(`, ${unscored} unscored`) : "";
    if (!single) print(`\n${colors.bold(printable(subset))} ${colors.dim(`${items} items`)}${missing}`);
    else if (unscored > 0) print(missing.replace(", ", ""));
    const width = Math.max(0, ...Object.keys(metrics).map((name) => name.length));
    for (const [name, metric] of Object.entries(metrics)) print(`  ${name.padEnd(width)}  ${cell(metric)}`);
  }
  const reasons = Object.entries(result.reasons).sort(([, a], [, b]) => b - a);
  if (reasons.length > 0) print("\nunscored because:");
  for (const [reason, count] of reasons.slice(0, 10)) print(`  ${String(count).padStart(6)}  ${printable(reason)}`);
  const settings = ["aggregate", "threshold"].flatMap((name) =>
    facts[name] === undefined ? [] : [`${name} ${facts[name]}`],
  );
  const notes = [...settings, ...result.notes, `intervals: 95 % bootstrap over items, seed ${facts.seed}`];
  if (result.unscored > 0) notes.push("(…): were all unscored items wrong … right");
  print(colors.dim(`\n${notes.join("\n")}\n${seconds.toFixed(1)} s`));
}
