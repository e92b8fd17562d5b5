import type { Command } from "commander";
import type { GoldenCase, Mismatch } from "../catalogue/golden.ts";

interface Options {
  readonly stage?: string;
  readonly part?: string;
  readonly json?: boolean;
}

/** `guerdon cases <files…>`: runs golden cases and says which fail. */
export function register(program: Command): void {
  program
    .command("cases")
    .summary("run files of golden cases")
    .description(
      "Runs golden-case files: JSON arrays of {part, title, params, inputs, outputs, tolerance}.\n" +
        "Numbers agree within the case's tolerance (1e-6), absolute below 1 and relative above; only the\n" +
        "outputs that a case lists are compared. The last line is `N passed, M failed`.",
    )
    .argument("<files...>", "golden-case files")
    .option("--stage <stage>", "only cases of this stage's parts")
    .option("--part <id>", "only cases of this part")
    .option("--json", "the failures as JSON, for machines")
    .addHelpText(
      "after",
      `
Examples:
  $ guerdon cases test/golden/*.json
  $ guerdon cases --part credit/gae test/golden/grpo.json

Exit code 1 when a case failed; a case of a part that does not exist has failed.`,
    )
    .action(run);
}

interface Failure {
  readonly file: string;
  readonly index: number;
  readonly part: string;
  readonly title: string;
  readonly mismatches: readonly Mismatch[];
}

async function run(files: readonly string[], options: Options): Promise<void> {
  const [{ runCase }, { colors, print }] = await Promise.all([
    import("../catalogue/golden.ts"),
    import("./terminal.ts"),
  ]);
  if (options.stage !== undefined) await checkStage(options.stage);
  const suites: { file: string; cases: readonly GoldenCase[] }[] = [];
  for (const file of files) suites.push({ file, cases: await readCases(file) });
  const failures: Failure[] = [];
  let passed = 0;
  for (const { file, cases } of suites) {
    for (const [index, golden] of cases.entries()) {
      const { part } = golden;
      if (options.part !== undefined && part !== options.part) continue;
      if (options.stage !== undefined && !part.startsWith(`${options.stage}/`)) continue;
      const mismatches = await runCase(golden);
      if (mismatches.length === 0) {
        passed++;
        continue;
      }
      const failure = { file, index, part, title: golden.title ?? "", mismatches };
      failures.push(failure);
      if (!options.json) print(describe(failure, colors));
    }
  }
  if (failures.length > 0) process.exitCode = 1;
  if (options.json) print(JSON.stringify({ passed, failed: failures.length, failures }));
  else print(`${passed} passed, ${failures.length} failed`);
}

/** Shown of one case: a part that is wrong everywhere would otherwise fill the screen. */
const shownMismatches = 5;

function describe({ file, index, part, title, mismatches }: Failure, colors: { red(text: string): string }): string {
  const lines = [`${colors.red("failed")} ${file}[${index}] ${part}: ${title}`];
  for (const { path, expected, got, error } of mismatches.slice(0, shownMismatches)) {
    if (error !== undefined) lines.push(`  ${error}`);
    else lines.push(`  ${path}: expected ${short(expected)}, got ${short(got)}`);
  }
  const more = mismatches.length - shownMismatches;
  if (more > 0) lines.push(`  … and ${more} more places`);
  return lines.join("\n");
}

function short(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}

async function checkStage(stage: string): Promise<void> {
  const [{ stages }, { ContractError }] = await Promise.all([import("../core/part.ts"), import("../core/error.ts")]);
  if (!(stages as readonly string[]).includes(stage))
    throw new ContractError("--stage", `expected one of ${stages.join(", ")}, got ${JSON.stringify(stage)}`);
}

async function readCases(file: string): Promise<readonly GoldenCase[]> {
  const [{ parseJson, readTextFile }, { ContractError }] = await Promise.all([
    import("./input.ts"),
    import("../core/error.ts"),
  ]);
  const cases = parseJson(await readTextFile(file), file);
  if (!Array.isArray(cases)) throw new ContractError(file, "expected an array of cases");
  for (const [i, item] of cases.entries()) {
    const fail = (field: string, expected: string): never => {
      throw new ContractError(`${file}[${i}]${field}`, `expected ${expected}`);
    };
    if (typeof item !== "object" || item === null || Array.isArray(item)) fail("", "an object {part, inputs, outputs}");
    const { part, title, outputs, tolerance } = item as Record<string, unknown>;
    if (typeof part !== "string") fail(".part", "a part id");
    if (title !== undefined && typeof title !== "string") fail(".title", "text");
    if (typeof outputs !== "object" || outputs === null || Array.isArray(outputs)) fail(".outputs", "an object");
    if (tolerance !== undefined && !(typeof tolerance === "number" && tolerance >= 0))
      fail(".tolerance", "a number from 0");
  }
  return cases as GoldenCase[];
}
