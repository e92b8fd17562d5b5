import { type Command, Option } from "commander";
import { openShare, positiveNumber } from "./arguments.ts";

export interface MonitorFlags {
  readonly follow?: boolean;
  readonly idle?: number;
  readonly exitOnAlarm?: boolean;
  readonly format: "auto" | "guerdon" | "trl" | "verl" | "jsonl";
  readonly map?: readonly string[];
  readonly alarm: number;
  readonly webhook?: string;
  readonly json?: boolean;
}

/** `guerdon monitor`: is a training run exploiting its reward? */
export function register(program: Command): void {
  program
    .command("monitor")
    .summary("watch a training run for reward hacking")
    .description(
      "Reads a run's log, finished or growing, and says whether the policy exploits its reward: one score, what it rests on, and the step at which it could be known.",
    )
    .argument(
      "<log>",
      "a log, the folder of a run (metrics.jsonl, trainer_state.json), a store (.duckdb, or the address of its service), or - for standard input",
    )
    .option("-f, --follow", "go on as the log grows, until interrupted")
    .option("--idle <seconds>", "with --follow: end when nothing came for so long", positiveNumber)
    .option("--exit-on-alarm", "end at the first alarm")
    .addOption(
      new Option("--format <format>", "whose log it is")
        .choices(["auto", "guerdon", "trl", "verl", "jsonl"])
        .default("auto"),
    )
    .option(
      "--map <field=name,…>",
      "which name in the log is which field: step, reward, gold, length, signals.format, …; dots lead into nested JSON",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option("--alarm <score>", "score from which there is an alarm", openShare, 0.9)
    .option("--webhook <url>", "POST the verdict there at the first alarm")
    .option("--json", "print for machines: the verdict; with --follow also a line for each record")
    .addHelpText(
      "after",
      `
Formats: metrics.jsonl of guerdon train, rollouts scored by guerdon score that have a step, TRL (trainer_state.json,
JSON lines, console), verl (console, file logger), and JSON lines with the names of docs/monitor.md.
With a gold measure in the log (success, or --map gold=…) far more is noticed than without one.

Examples:
  $ guerdon monitor out/run --follow
  $ guerdon monitor checkpoint-500/trainer_state.json --map gold=eval_rewards/human_check/mean
  $ guerdon monitor verl.log --follow --exit-on-alarm --webhook http://127.0.0.1:9000/alarm
  $ guerdon monitor http://127.0.0.1:8420 --follow --map gold=signals.strict
  $ tail -n +1 -f train.log | guerdon monitor - --follow --format trl

Exit code 1: alarm.`,
    )
    .action(async (log: string, flags: MonitorFlags) => {
      const { runMonitor } = await import("./run-monitor.ts");
      process.exitCode = await runMonitor(log, flags);
    });
}
