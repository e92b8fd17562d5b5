import type { Command } from "commander";
import { integer } from "./arguments.ts";

export interface TrainOptions {
  readonly output?: string;
  readonly steps?: number;
  readonly seed?: string;
  readonly restart?: boolean;
  readonly plain?: boolean;
  readonly json?: boolean;
  readonly report: boolean;
  readonly workers?: number;
  readonly cache: string;
}

/** `guerdon train`: trains a small policy against a reward. */
export function register(program: Command): void {
  program
    .command("train")
    .summary("train a small policy against a reward")
    .description(
      "Trains a small transformer against a reward on this machine: warm-up, policy-gradient steps, held-out evaluation, a report.",
    )
    .argument("<config>", "the config file (TypeScript), see docs/train.md")
    .option("-o, --output <folder>", "where everything goes (default: the config's output, or out/<name>)")
    .option("--steps <n>", "policy updates, in place of the config's", integer(1))
    .option("--seed <seed>", "in place of the config's")
    .option("--restart", "forget the run in the output folder instead of going on with it")
    .option("--plain", "lines in place of the dashboard, also on a terminal")
    .option("--no-report", "write no report.html")
    .option("--workers <n>", "worker threads for the reward (default: one; 0: none)", integer(0))
    .option("--cache <folder>", "where warm-ups and answers of judges are kept", ".guerdon")
    .option("--json", "print the result as JSON, for machines")
    .addHelpText(
      "after",
      `
The output folder gets metrics.jsonl (a line a step), checkpoints, policy.safetensors and report.html.

Examples:
  $ guerdon train train.ts
  $ guerdon train train.ts --seed 2 -o out/seed-2
  $ guerdon train train.ts --steps 500        goes on with a finished run of fewer steps

A run that was stopped or killed goes on where it was when the same command is given again.
Exit code 1: the policy diverged, the disk is full, or more rollouts are without a reward than the reward file allows.`,
    )
    .action(async (config: string, options: TrainOptions) => {
      const { runTrain } = await import("./run-train.ts");
      process.exitCode = await runTrain(config, options);
    });
}
