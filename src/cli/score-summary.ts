/** The summary of `guerdon score`: a table for people, JSON for machines. */
import pc from "picocolors";
import { printable, type RunResult } from "../dataset/index.ts";
import type { Reward } from "../pipeline/index.ts";
import type { Distribution, Summary } from "../report/index.ts";
import type { ScoreOptions } from "./score.ts";
import { wantsColor } from "./terminal.ts";

export interface SummaryFacts {
  readonly rewardFile: string;
  readonly reward: Reward;
  readonly input: string;
  readonly output: string | null;
  readonly options: ScoreOptions;
  readonly version: string;
  readonly summary: Summary;
  readonly result: RunResult;
  readonly failure: string | null;
}

export function summaryJson(facts: SummaryFacts): Record<string, unknown> {
  const { result, summary, reward, options } = facts;
  const { tally } = result;
  return {
    status: result.status,
    ...summary,
    failure: facts.failure,
    counters: { ...result.counters, scored: tally.scored, unscored: tally.unscored },
    incompleteGroups: { late: tally.late, otherSize: tally.short },
    badLines: { count: tally.badLines, first: tally.badLineMessages },
    sources: result.sources,
    replacedColumns: tally.replaced,
    resumedAt: result.resumedAt,
    seconds: result.seconds,
    input: facts.input,
    output: facts.output,
    report: options.report ?? null,
    rewardFile: facts.rewardFile,
    rewardHash: reward.hash,
    seed: options.seed,
    versions: { guerdon: facts.version, node: process.versions.node },
  };
}

export function summaryTable(facts: SummaryFacts): string {
  const { summary, result, reward, options, output } = facts;
  const { tally, counters } = result;
  const c = pc.createColors(wantsColor(output === "-" ? process.stderr : process.stdout));
  const lines: string[] = [""];
  const total = summary.rollouts;
  const fact = (name: string, value: string) => lines.push(`${c.bold(name.padEnd(12))}${value}`);
  const unscored = `${count(summary.unscored)} unscored (${percent(summary.unscored / Math.max(1, total))})`;
  fact(
    "rollouts",
    `${count(total)}: ${count(summary.scored)} scored, ${summary.unscored > 0 ? c.yellow(unscored) : unscored}`,
  );
  const { reward: rewards } = summary;
  const { interval } = rewards;
  const range = interval
    ? `, 95 % interval of the mean ${number(interval.lower)} … ${number(interval.upper)} (over ${interval.over})`
    : "";
  fact("reward", `${number(rewards.mean)} ± ${number(rewards.standardDeviation)}${range}`);
  if (rewards.quantiles.length > 0) fact("quantiles", quantiles(rewards));
  if (summary.advantage)
    fact("advantage", `${number(summary.advantage.mean)} ± ${number(summary.advantage.standardDeviation)}`);
  const { groups } = summary;
  if (groups) {
    const spread =
      groups.comparable > 0 ? `, ${percent(groups.zeroSpreadShare)} without spread (no learning signal)` : "";
    fact("groups", `${count(groups.count)} of ${number(groups.meanSize)} on average${spread}`);
  }
  if (summary.success) fact("success", `${percent(summary.success.rate)} (${printable(summary.success.rule)})`);
  if (summary.passAtK.length > 0)
    fact("pass@k", summary.passAtK.map(({ k, value }) => `${k}: ${percent(value)}`).join("   "));

  const signals = Object.entries(summary.signals);
  if (signals.length > 0) {
    const rows = signals.map(([name, signal]) => {
      const counts = counters.signals[name];
      const calls = counts ? counts.calls + counts.cacheHits : 0;
      return [
        printable(name),
        `${number(signal.mean)} ± ${number(signal.standardDeviation)}`,
        percent(signal.shareNonZero),
        signal.milliseconds === null ? "–" : `${number(signal.milliseconds)} ms`,
        count(Object.values(signal.errors).reduce((sum, value) => sum + (value ?? 0), 0)),
        count(counts?.timeouts ?? 0),
        count(counts?.retries ?? 0),
        counts && counts.cacheHits > 0
          ? `${count(counts.cacheHits)} (${percent(counts.cacheHits / Math.max(1, calls))})`
          : "0",
        count(counts?.fallbacks ?? 0),
      ];
    });
    const head = [
      "signal",
      "mean ± sd",
      "non-zero",
      "time each",
      "errors",
      "timeouts",
      "retries",
      "cache hits",
      "fallbacks",
    ];
    lines.push("", ...table(head, rows, c.dim));
  }
  if (summary.errors.length > 0) {
    const rows = summary.errors.map(({ code, signal, count: times, share }) => [
      code,
      signal === null ? "–" : printable(signal),
      count(times),
      percent(share),
    ]);
    lines.push("", ...table(["unscored because", "signal", "rollouts", "share"], rows, c.dim));
  }
  const notes: string[] = [];
  if (tally.late > 0)
    notes.push(`${count(tally.late)} rollouts came after their group had closed: give a larger --window`);
  if (tally.short > 0)
    notes.push(`${count(tally.short)} rollouts are in groups of another size than --group-size ${options.groupSize}`);
  if (tally.badLines > 0)
    notes.push(`${count(tally.badLines)} bad lines, such as ${tally.badLineMessages.slice(0, 3).join("; ")}`);
  if (tally.replaced)
    notes.push("the input had columns of an earlier scoring (reward, error, …); the output has the new ones");
  const mapped = Object.entries(result.sources).map(([field, column]) => `${field} from ${printable(column)}`);
  if (mapped.length > 0) notes.push(`read ${mapped.join(", ")}`);
  if (result.resumedAt !== null) notes.push(`went on from rollout ${count(result.resumedAt)}`);
  if (notes.length > 0) lines.push("", ...notes.map((note) => c.dim(`· ${note}`)));

  lines.push("");
  const speed = result.seconds > 0 ? `, ${count(Math.round(total / result.seconds))} rollouts/s` : "";
  fact("time", `${number(result.seconds)} s${speed}`);
  const finished = result.status === "finished";
  if (output !== null && output !== "-") fact("output", finished ? output : `${output}.partial (unfinished)`);
  if (options.report !== undefined && finished) fact("report", options.report);
  fact(
    "provenance",
    `reward ${reward.hash.slice(0, 16)}, seed ${printable(options.seed)}, guerdon ${facts.version}, node ${process.versions.node}`,
  );
  return `${lines.join("\n")}\n`;
}

function quantiles({ quantiles: list, minimum, maximum, exactQuantiles }: Distribution): string {
  const middle = list.map(({ q, value }) => `${Math.round(q * 100)} %: ${number(value)}`).join("   ");
  return `min: ${number(minimum)}   ${middle}   max: ${number(maximum)}${exactQuantiles ? "" : "   (quantiles approximate)"}`;
}

/** Columns: the first to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[], dim: (text: string) => string): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("   ")
      .trimEnd();
  return [dim(line(head)), ...rows.map(line)];
}

function number(value: number | null): string {
  if (value === null) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

function percent(share: number | null): string {
  return share === null ? "–" : `${number(Number((100 * share).toPrecision(3)))} %`;
}
