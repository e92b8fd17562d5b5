import { type Command, Option } from "commander";
import type { DatasetOptions } from "../dataset/index.ts";
import { anyNumber, integer } from "./arguments.ts";

export interface ScoreOptions {
  readonly output?: string;
  readonly map?: readonly string[];
  readonly report?: string;
  readonly groupSize?: number;
  readonly window: number;
  readonly batchSize?: number;
  readonly workers?: number;
  readonly queue?: string;
  readonly evidence?: boolean;
  readonly onBadLine: DatasetOptions["onBadLine"];
  readonly success?: number;
  readonly seed: string;
  readonly cache: string | false;
  readonly restart?: boolean;
  readonly json?: boolean;
}

/** `guerdon score`: rollouts in, rewards and advantages out. */
export function register(program: Command): void {
  program
    .command("score")
    .summary("score a file of rollouts")
    .description(
      "Scores rollouts from a JSONL, CSV or Parquet file with a reward file: rewards and advantages out, in order, with a summary.",
    )
    .argument("<reward>", "the reward file (TypeScript), see docs/reward-files.md")
    .argument("<input>", "rollouts: .jsonl, .jsonl.gz, .csv, .tsv or .parquet; - reads JSONL from standard input")
    .option("-o, --output <file>", "scored rollouts: .jsonl, .csv, .tsv or .parquet; - writes JSONL to standard output")
    .option(
      "--map <field=column,…>",
      "which column is which field; dots lead into nested JSON",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option("--report <file.html>", "also write a report with plots")
    .option("--group-size <n>", "rollouts per group; groups of another size are not scored", integer(1))
    .option("--window <n>", "most rollouts between the first and the last of a group", integer(1), 4096)
    .option(
      "--success <number>",
      "a reward above this is a success in pass@k (default: the reward's verdicts)",
      anyNumber,
    )
    .option("--evidence", "also write what each signal's value rests on")
    .addOption(
      new Option("--on-bad-line <what>", "a line that is no JSON object").choices(["stop", "skip"]).default("stop"),
    )
    .option("--restart", "forget an unfinished run of this output instead of going on with it")
    .option("--workers <n>", "worker threads (default: one a core; 0: none)", integer(0))
    .option("--queue <redis-url>", "let guerdon work processes score, on any machine (docs/queue.md)")
    .option("--batch-size <n>", "rollouts given to the scorer at once (default: 512; 64 with a judge)", integer(1))
    .option("--cache <folder>", "where answers of judges are kept", ".guerdon/cache")
    .option("--no-cache", "keep no answers")
    .option("--seed <seed>", "seed of everything that is drawn", "0")
    .option("--json", "print the summary as JSON, for machines")
    .addHelpText(
      "after",
      `
Columns as trainers name them are understood: prompt, completion, answer or solution, group, chat lists.

Examples:
  $ guerdon score reward.ts rollouts.jsonl -o scored.jsonl --report report.html
  $ guerdon score reward.ts samples.parquet -o scored.parquet --map responses=text,references=gold
  $ guerdon score reward.ts solutions.jsonl --map responses=model.solution,references=ground_truth
  $ zcat rollouts.jsonl.gz | guerdon score reward.ts - -o - > scored.jsonl

A run that was stopped or killed goes on where it was when the same command is given again.
Exit code 1: more rollouts are without a reward than the reward file allows (maxUnscored), or the disk is full.`,
    )
    .action(async (reward: string, input: string, options: ScoreOptions) => {
      const { runScore } = await import("./run-score.ts");
      process.exitCode = await runScore(reward, input, options);
    });
}
