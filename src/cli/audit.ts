import { type Command, InvalidArgumentError, Option } from "commander";
import { integer } from "./arguments.ts";

export interface AuditCommandOptions {
  readonly data?: string;
  readonly map?: readonly string[];
  readonly rows: number;
  readonly check?: string;
  readonly checkTime: number;
  readonly problems: string;
  readonly budget: number;
  readonly evaluations: number;
  readonly seed: string;
  readonly baseline?: string;
  readonly updateBaseline?: boolean;
  readonly json?: string | true;
  readonly report?: string;
  readonly failOn: "minor" | "major" | "critical" | "never";
  readonly rewriteModel?: string;
  readonly rewriteUrl?: string;
  readonly workers?: number;
  readonly cache: string | false;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `60`, `60s`, `2m`, `500ms` → milliseconds. */
function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const value = match ? Number(match[1]) * (units[match[2] ?? "s"] ?? 0) : Number.NaN;
  if (!(value > 0)) throw new InvalidArgumentError("expected a time such as 60s, 5m or 500ms.");
  return value;
}

/** `guerdon audit`: looks for inputs that a reward pays for and should not. */
export function register(program: Command): void {
  program
    .command("audit")
    .summary("look for inputs that a reward pays for and should not")
    .description(
      "Attacks a reward file with known exploits, property tests and a search, while a check that the reward never sees says what is wrong.",
    )
    .argument("<reward>", "the reward file (TypeScript), see docs/reward-files.md")
    .option("--data <file>", "rollouts whose prompts, references and responses to use (default: built-in problems)")
    .option(
      "--map <field=column,…>",
      "which column of the data is which field",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option("--rows <n>", "rows of the data to read", integer(1), 2000)
    .option(
      "--check <file.ts>",
      "your own hidden check: a function of {prompt, response, reference, …}, or a reward file (right above 0.5)",
    )
    .addOption(
      new Option("--check-time <time>", "time that your check may take for a verdict; a case without one is left out")
        .argParser(duration)
        .default(10_000, "10s"),
    )
    .addOption(
      new Option("--problems <kind>", "what the reward is for")
        .choices(["auto", "math", "choice", "text", "code", "format", "chat"])
        .default("auto"),
    )
    .addOption(
      new Option("--budget <time>", "time that the audit may take; cuts the tail")
        .argParser(duration)
        .default(60_000, "60s"),
    )
    .option("--evaluations <n>", "rollouts that may be scored", integer(1), 20_000)
    .option("--seed <seed>", "seed of everything that is drawn", "0")
    .option("--baseline <accepted.json>", "findings that were accepted: they do not fail the audit")
    .option("--update-baseline", "accept all findings: write them to the baseline")
    .option("--json [file]", "write the report as JSON; without a file: to standard output, and nothing else there")
    .option("--report <file.html>", "write the report as a page")
    .addOption(
      new Option("--fail-on <severity>", "least severity that fails the audit")
        .choices(["minor", "major", "critical", "never"])
        .default("major"),
    )
    .option("--rewrite-model <model>", "a model that rewrites wrong responses during the search")
    .option("--rewrite-url <url>", "its OpenAI-compatible endpoint")
    .option("--workers <n>", "worker threads (default: one a core; 0: none)", integer(0))
    .option("--cache <folder>", "where answers of judges are kept", ".guerdon/cache")
    .option("--no-cache", "keep no answers")
    .addHelpText(
      "after",
      `
Examples:
  $ guerdon audit reward.ts
  $ guerdon audit reward.ts --data rollouts.jsonl --check check.ts --report audit.html
  $ guerdon audit reward.ts --baseline accepted.json --fail-on minor

Exit code 0: nothing of the severity of --fail-on or above; 1: findings, or nothing could be audited; 2: wrong usage.`,
    )
    .action(async (reward: string, options: AuditCommandOptions) => {
      const { runAudit } = await import("./run-audit.ts");
      const code = await runAudit(reward, options);
      process.exitCode = code;
      // A check whose verdict never came may hold timers and sockets for ever.
      if (options.check !== undefined) process.stdout.write("", () => process.exit(code));
    });
}
