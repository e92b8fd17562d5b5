import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { OutputError } from "../core/output-error.ts";
import type { RunResult } from "../dataset/index.ts";
import {
  defaultOptions,
  hasJudge,
  openSource,
  parseMap,
  printable,
  scoreDataset,
  verdictSignals,
} from "../dataset/index.ts";
import { checkWiring, createScorer, loadReward, needsOf, type Reward, unscoredFailure } from "../pipeline/index.ts";
import { createReportData, type ReportData, renderReport, type SuccessRule, summarize } from "../report/index.ts";
import { createProgress } from "./progress.ts";
import type { ScoreOptions } from "./score.ts";
import { summaryJson, summaryTable } from "./score-summary.ts";
import { wantsColor } from "./terminal.ts";
import { readVersion } from "./version.ts";

/** Runs `guerdon score`; resolves to the exit code. */
export async function runScore(rewardFile: string, input: string, options: ScoreOptions): Promise<number> {
  const startedAt = new Date().toISOString();
  const reward = await loadReward(rewardFile);
  const needs = needsOf(reward);
  const output = options.output ?? null;
  const map = options.map ? parseMap(options.map.join(",")) : {};
  const success = successRule(reward, options.success);
  const source = await openSource(input);
  const workers = options.workers ?? availableParallelism();
  const report = createReportData({ seed: options.seed, success, wholeGroups: true });
  const away = await openAway(rewardFile, reward, options);
  const scorer =
    away?.scorer ??
    createScorer(reward, {
      workers,
      seed: options.seed,
      cacheFolder: options.cache === false ? undefined : options.cache,
    });
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    stopper.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const progress = await createProgress(() =>
    source.total === null ? null : source.progress() / Math.max(1, source.total),
  );
  const version = await readVersion();
  const facts = { rewardFile, reward, input, output, options, version, startedAt };
  try {
    const result = await scoreDataset({
      reward,
      scorer,
      needs,
      checkWiring,
      source,
      output,
      report,
      signal: stopper.signal,
      options: {
        ...defaultOptions,
        map,
        window: Math.max(options.window, options.groupSize ?? 1),
        batchSize: options.batchSize ?? (hasJudge(reward) ? 64 : defaultOptions.batchSize),
        groupSize: options.groupSize ?? null,
        evidence: options.evidence ?? false,
        onBadLine: options.onBadLine,
        restart: options.restart ?? false,
        underWay: away ? batchesAway : workers + 4,
        identity: { seed: options.seed, success: success ?? null },
      },
      onProgress: progress.update,
      onComplete: async (finished) => {
        if (options.report !== undefined) await writeReport(options.report, report, finished, facts);
      },
    });
    progress.stop();
    const failure = unscoredFailure(reward, {
      ...result.counters,
      scored: result.tally.scored,
      unscored: result.tally.unscored,
      errors: result.tally.errors,
    });
    const summary = { ...facts, summary: summarize(report), result, failure };
    const text = options.json ? `${JSON.stringify(summaryJson(summary), null, 2)}\n` : summaryTable(summary);
    (output === "-" ? process.stderr : process.stdout).write(text);
    if (result.status === "interrupted") {
      say(
        result.resumable
          ? `interrupted; run the same command again to go on, or add --restart to start over (${output}.partial is unfinished)`
          : "interrupted",
      );
      return 130;
    }
    if (failure === null) return 0;
    say(failure, "error: ");
    return 1;
  } catch (thrown) {
    progress.stop();
    if (thrown instanceof OutputError && output !== null && output !== "-") {
      say(`${thrown.message}\n${await whatIsKept(output)}`, "error: ");
      return thrown.full ? 1 : 2;
    }
    throw thrown;
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await scorer.close();
    await away?.close();
    await source.close();
  }
}

/** Batches that wait in a queue or are being scored elsewhere. */
const batchesAway = 32;

/** The queue that scores in place of this process, which waits for Redis and for workers as long as it takes. */
async function openAway(rewardFile: string, reward: Reward, { queue: url, seed }: ScoreOptions) {
  if (url === undefined) return null;
  const { createQueueScorer, openQueue } = await import("../service/index.ts");
  const queue = await openQueue({
    url,
    patience: Number.POSITIVE_INFINITY,
    onProblem: (message) => say(message === null ? "the queue is back" : `${message}; waiting`),
  });
  const name = basename(rewardFile)
    .replace(/\.[cm]?[jt]s$/, "")
    .replace(/[^\w.-]/g, "-")
    .slice(0, 64);
  let alone = 0;
  const looks = setInterval(() => {
    const { workers } = queue.registry;
    alone = workers.some(({ hash }) => hash === reward.hash) ? 0 : alone + 1;
    if (alone !== 3) return;
    const others = workers.filter((worker) => worker.name === name).length;
    const other = others > 0 ? ` (${others} there have another version of it)` : "";
    say(`waiting: no worker for this reward${other}; start one: guerdon work ${rewardFile} --queue …`);
  }, 1500);
  return {
    scorer: createQueueScorer(queue, name, reward, { seed }),
    async close() {
      clearInterval(looks);
      await queue.close();
    },
  };
}

function successRule(reward: Reward, above: number | undefined): SuccessRule | undefined {
  if (above !== undefined) return { above };
  const signals = verdictSignals(reward);
  return signals.length > 0 ? { signals } : undefined;
}

/** Says something on standard error, past the progress bar. */
function say(text: string, prefix = ""): void {
  const start = prefix !== "" && wantsColor(process.stderr) ? `\u001b[31m${prefix}\u001b[39m` : prefix;
  process.stderr.write(`${start}${text}\n`);
}

async function whatIsKept(output: string): Promise<string> {
  const kept = await stat(`${output}.progress`).catch(() => null);
  return kept
    ? `What was scored so far is kept in ${output}.partial; make room and run the same command again to go on.`
    : "Nothing was kept; make room and run the same command again.";
}

async function writeReport(
  path: string,
  report: ReportData,
  result: RunResult,
  facts: {
    rewardFile: string;
    reward: Reward;
    input: string;
    output: string | null;
    options: ScoreOptions;
    version: string;
    startedAt: string;
  },
): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  const html = await renderReport(report, {
    rewardFile: facts.rewardFile,
    rewardHash: facts.reward.hash,
    input: facts.input,
    output: facts.output ?? undefined,
    command: ["guerdon", ...process.argv.slice(2)].map(quoted).join(" "),
    seed: facts.options.seed,
    startedAt: facts.startedAt,
    seconds: result.seconds,
    versions: { guerdon: facts.version, node: process.versions.node },
    counters: result.counters,
  });
  try {
    await writeFile(path, html);
  } catch (thrown) {
    throw new OutputError(path, thrown);
  }
}

/** An argument as one would type it in a shell. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${printable(argument).replaceAll("'", "'\\''")}'`;
}
