import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mathAnswer } from "./math-answer.ts";

/**
 * Public data sets, which are not part of the repository. GUERDON_DATA names a folder with
 * `math500/test.jsonl` (problem, solution, answer) and `gsm8k/example_model_solutions.jsonl`
 * (openai/grade-school-math).
 */
const folder = process.env.GUERDON_DATA;
const judge = mathAnswer();

function lines<T>(file: string): T[] {
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

function fileOf(name: string): { file: string; why: string } {
  if (!folder) return { file: "", why: " (skipped: GUERDON_DATA is not set)" };
  const file = join(folder, name);
  return existsSync(file) ? { file, why: "" } : { file: "", why: ` (skipped: GUERDON_DATA has no ${name})` };
}

const math = fileOf("math500/test.jsonl");
const gsm = fileOf("gsm8k/example_model_solutions.jsonl");

describe.skipIf(math.file === "")(`MATH-500${math.why}`, () => {
  const samples = () => lines<{ solution: string; answer: string }>(math.file);

  it("verifies every reference solution", () => {
    const data = samples();
    const { correct } = judge({ responses: data.map((x) => x.solution), references: data.map((x) => x.answer) });
    expect(data.filter((_, n) => correct[n] !== true).map((x) => x.answer)).toEqual([]);
  });

  it("refuses answers of other problems, unless they are the same value", () => {
    const answers = [...new Set(samples().map((x) => x.answer))];
    const same: string[] = [];
    for (const reference of answers) {
      const { correct } = judge({
        responses: answers.map((x) => `\\boxed{${x}}`),
        references: answers.map(() => reference),
      });
      answers.forEach((x, n) => {
        if (correct[n] !== false && x < reference) same.push(`${x} is ${reference}`);
      });
    }
    // Inspected one by one: spacing, signs for degrees, money and units, and numbers in another base.
    expect(same.sort()).toEqual(
      [
        "36 is \\$36",
        "36^\\circ is \\$36",
        "40_9 is \\$36",
        "\\frac14 is \\frac{1}{4}",
        "-2,1 is 1,-2",
        "10,\\!080 is 10080",
        "120 is 120^\\circ",
        "15 is 15\\mbox{ cm}^2",
        "2 \\sqrt{5} is 2\\sqrt{5}",
        "204_5 is 54",
        "30 is 30^\\circ",
        "36 is 36^\\circ",
        "36 is 40_9",
        "36^\\circ is 40_9",
        "42 is 52_8",
        "5 is x=5",
        "90 is 90^\\circ",
      ].sort(),
    );
  }, 120_000);
});

describe.skipIf(gsm.file === "")(`GSM8K model solutions${gsm.why}`, () => {
  it("agrees with every published label", () => {
    type Labelled = { is_correct: boolean; solution: string };
    const models = ["6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"];
    const data = lines<Record<string, Labelled | string>>(gsm.file).flatMap((x) =>
      models.map((model) => ({ ...(x[model] as Labelled), reference: x.ground_truth as string })),
    );
    const { correct } = judge({ responses: data.map((x) => x.solution), references: data.map((x) => x.reference) });
    expect(data.length).toBe(5276);
    expect(data.filter((x, n) => correct[n] !== x.is_correct)).toEqual([]);
  });
});
