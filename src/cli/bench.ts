import { type Command, Option } from "commander";
import type { BenchmarkName, JudgeKind, StepAggregate } from "../audit/benchmark/index.ts";
import { anyNumber, integer } from "./arguments.ts";

export interface BenchOptions {
  readonly format: BenchmarkName | "auto";
  readonly map?: string;
  readonly reward?: string;
  readonly part?: string;
  readonly params?: string;
  readonly field?: string;
  readonly endpoint?: string;
  readonly input?: "messages" | "text";
  readonly judge?: JudgeKind;
  readonly model?: string;
  readonly baseUrl?: string;
  readonly votes?: number;
  readonly orders: "both" | "single";
  readonly steps?: boolean;
  readonly aggregate: StepAggregate;
  readonly threshold: number;
  readonly limit?: number;
  readonly concurrency?: number;
  readonly timeLimit?: number;
  readonly retries?: number;
  readonly cache: string | false;
  readonly seed: string;
  readonly output?: string;
  readonly json?: boolean;
}

const formats = ["auto", "reward-bench-2", "rewardmath", "contrast-instruction", "process-bench", "mrm-bench", "pairs"];
const aggregates = ["min", "max", "prod", "geometric-mean", "mean", "mean-logit", "mean-odd", "last"];

/** `guerdon bench`: a reward model on a benchmark's data. */
export function register(program: Command): void {
  program
    .command("bench")
    .summary("benchmark a reward model on data files")
    .description(
      "Scores the data of a benchmark (RewardBench 2, RewardMATH, Contrast Instructions, ProcessBench, MRMBench, preference\n" +
        "pairs) with a reward file, a part, a reward model's endpoint or a judge, or reads scores that stand in the data.",
    )
    .argument("<data>", "the benchmark's file (.json, .jsonl, .parquet, .csv), or MRMBench's folder")
    .addOption(new Option("--format <name>", "which benchmark the data is of").choices(formats).default("auto"))
    .option("--reward <file>", "score with a reward file")
    .option("--part <id>", "score with one part, such as signal/math-answer")
    .option("--params <json>", "params of the part")
    .option("--field <name>", "output of the part that is the score, where it is not a usual one")
    .option("--endpoint <url>", "score with a reward model: …/classify, …/score, …/pooling, …/get_reward, …/embeddings")
    .addOption(new Option("--input <form>", "what an endpoint is sent").choices(["messages", "text"]))
    .addOption(
      new Option("--judge <kind>", "score with a language model").choices(["rating", "pairwise", "ranking", "process"]),
    )
    .option("--model <name>", "model of the judge or endpoint")
    .option("--base-url <url>", "the judge's OpenAI-compatible server (default: OPENAI_BASE_URL)")
    .option("--votes <n>", "a judge's replies per question", integer(1))
    .addOption(
      new Option("--orders <which>", "pairwise judge: ask in both orders, or in one drawn by the seed")
        .choices(["both", "single"])
        .default("both"),
    )
    .option("--steps", "choice data with steps: score every step and aggregate, as for a process reward model")
    .addOption(
      new Option("--aggregate <how>", "score of a solution from its steps").choices(aggregates).default("prod"),
    )
    .option("--threshold <number>", "ProcessBench: a step that scores below this is wrong", anyNumber, 0.5)
    .option("--map <field=column,…>", "columns of the data that a reward reads beside prompt and response")
    .option("--limit <n>", "only the first items", integer(1))
    .option("--concurrency <n>", "questions under way at once", integer(1))
    .option("--time-limit <ms>", "for one try of one question", integer(1))
    .option("--retries <n>", "further tries after a failure that may pass", integer(0))
    .option("--cache <folder>", "where answers of judges and endpoints are kept", ".guerdon/cache")
    .option("--no-cache", "keep no answers")
    .option("--seed <seed>", "seed of orders, places and intervals", "0")
    .option("-o, --output <file.jsonl>", "also write each item's outcome")
    .option("--json", "print the result as JSON, for machines")
    .addHelpText(
      "after",
      `
Without a scorer the scores that stand in the data count (column scores or score).
OPENAI_API_KEY, if set, is sent to judges and endpoints. A run that was stopped goes on from its cache.

Examples:
  $ guerdon bench reward-bench-2.parquet --endpoint http://127.0.0.1:8000/pooling --model my-rm
  $ guerdon bench RewardMATH_direct.json --judge rating --model gpt-4o
  $ guerdon bench Math_Shepherd.json --aggregate min
  $ guerdon bench pairs.jsonl --reward reward.ts --map references=answer

An item that got no score is unscored, never wrong: the figures are over the scored items, with bounds for the rest.
Exit code 1: nothing could be scored.`,
    )
    .action(async (data: string, options: BenchOptions) => {
      const { runBench } = await import("./run-bench.ts");
      process.exitCode = await runBench(data, options);
    });
}
