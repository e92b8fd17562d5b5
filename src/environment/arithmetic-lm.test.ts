import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import {
  type ArithmeticTask,
  arithmeticLengths,
  arithmeticVocabulary,
  decodeArithmetic,
  defaultArithmeticTask,
  drawArithmeticProblem,
  encodeArithmetic,
  verifyArithmetic,
} from "./arithmetic-lm.ts";

const task = (changes: Partial<ArithmeticTask>): ArithmeticTask => ({ ...defaultArithmeticTask, ...changes });

const tasks: ArithmeticTask[] = [
  ...[2, 3, 5, 8].flatMap((operands) =>
    (["chain", "direct", "tagged"] as const).map((reply) => task({ operands, reply, modulus: 7 })),
  ),
  task({ checks: 3 }),
  ...[1, 2, 4].flatMap((operands) => [
    task({ kind: "addition", operands }),
    task({ kind: "addition", operands, reply: "direct", modulus: 7 }),
    task({ kind: "addition", operands, checks: 2 }),
  ]),
  task({ kind: "calculation", reply: "direct", operands: 3 }),
];

describe("arithmetic-lm", () => {
  it("has 32 different one-character tokens", () => {
    expect(new Set(arithmeticVocabulary).size).toBe(32);
    expect(arithmeticVocabulary.length).toBe(32);
  });

  it.each(tasks.map((one) => [JSON.stringify(one), one] as const))(
    "demonstrates right answers that fit: %s",
    (_, one) => {
      const random = createRandom("demonstrations");
      const { promptLength, replyLength } = arithmeticLengths(one);
      let longestPrompt = 0;
      let longestReply = 0;
      for (let i = 0; i < 200; i++) {
        const problem = drawArithmeticProblem(one, random, i % 2 === 0 ? "training" : "held-out");
        const prompt = encodeArithmetic(problem.prompt, promptLength, "left");
        const reply = encodeArithmetic(problem.demonstration, replyLength, "right");
        expect(decodeArithmetic(prompt)).toBe(problem.prompt);
        expect(decodeArithmetic(reply)).toBe(problem.demonstration);
        expect(verifyArithmetic(one, problem, problem.demonstration)).toEqual({ correct: true, valid: true });
        longestPrompt = Math.max(longestPrompt, problem.prompt.length);
        longestReply = Math.max(longestReply, problem.demonstration.length);
      }
      expect(longestPrompt).toBe(promptLength);
      expect(longestReply).toBe(replyLength);
    },
  );

  it("writes the running sums, the tags and the checks", () => {
    const random = createRandom("format");
    for (let i = 0; i < 50; i++) {
      const { prompt, answer, demonstration } = drawArithmeticProblem(task({ checks: 1 }), random, "training");
      const digits = prompt.slice(0, -1).split("+").map(Number);
      const sums = [1, 2, 3].map((k) => digits.slice(0, k + 1).reduce((a, b) => a + b) % 10);
      expect(demonstration).toBe(`${sums.join(",")}!${answer}$`);
      expect(answer).toBe(String(sums[2]));
    }
    const tagged = drawArithmeticProblem(task({ reply: "tagged" }), random, "training");
    expect(tagged.demonstration).toMatch(/^<\d,\d>\d\$$/);
    const addition = drawArithmeticProblem(task({ kind: "addition", operands: 2 }), random, "training");
    const [a, b] = addition.prompt.slice(0, -1).split("+").map(Number);
    expect(Number(addition.answer)).toBe(a + b);
    expect(addition.demonstration).toBe(`${[...addition.answer].reverse().join("")},${addition.answer}$`);
  });

  it("demonstrates haste as often as asked, and nothing else changes", () => {
    const hasty = task({ reply: "tagged", haste: 0.75 });
    const random = createRandom("haste");
    let short = 0;
    for (let i = 0; i < 400; i++) {
      const { prompt, demonstration } = drawArithmeticProblem(hasty, random, "training");
      if (demonstration === `${prompt.at(-2)}$`) short++;
      else expect(demonstration).toMatch(/^<\d,\d>\d\$$/);
    }
    expect(short).toBeGreaterThan(270);
    expect(short).toBeLessThan(330);
  });

  it("never trains on a held-out problem", () => {
    const random = createRandom("splits");
    const seen = new Set<string>();
    for (let i = 0; i < 3000; i++) seen.add(drawArithmeticProblem(task({ operands: 3 }), random, "training").prompt);
    let heldOut = 0;
    for (let i = 0; i < 300; i++)
      if (!seen.has(drawArithmeticProblem(task({ operands: 3 }), random, "held-out").prompt)) heldOut++;
    expect(heldOut).toBe(300);
    // 1000 problems, one in five held out.
    expect(seen.size).toBeGreaterThan(700);
    expect(seen.size).toBeLessThan(860);
  });

  it("pays for the exact answer at the end only", () => {
    const problem = { prompt: "3+5=", answer: "8", demonstration: "8$" };
    const verdict = (reply: string, changes: Partial<ArithmeticTask> = {}) => {
      const { correct, valid } = verifyArithmetic(task({ operands: 2, ...changes }), problem, reply);
      return `${correct} ${valid}`;
    };
    expect(verdict("8$")).toBe("true true");
    expect(verdict("1,2,8$")).toBe("true true");
    expect(verdict("8,1$")).toBe("false true");
    expect(verdict("08$")).toBe("false true");
    for (const reply of ["8", "8$8$", "$", "8,$", "8,8", "8+$", "", "8$ "]) expect(verdict(reply)).toBe("false false");
    expect(verdict("<>8$", { reply: "tagged" })).toBe("true true");
    for (const reply of ["8$", "<<>8$", "<8$", "8<>8$"])
      expect(verdict(reply, { reply: "tagged" })).toBe("false false");
  });

  it("names what is wrong with a task", () => {
    expect(() => arithmeticLengths(task({ operands: 9 }))).toThrow(/task.operands.*2 to 8/);
    expect(() => arithmeticLengths(task({ kind: "calculation" }))).toThrow(/task.reply/);
    expect(() => arithmeticLengths(task({ haste: 1 }))).toThrow(/task.haste/);
    expect(() => arithmeticLengths(task({ kind: "sums" as "sum" }))).toThrow(/task.kind.*sum, addition, calculation/);
    expect(() => arithmeticLengths(task({ reply: "long" as "chain" }))).toThrow(/task.reply.*direct, chain, tagged/);
    expect(() => arithmeticLengths({ ...task({}), operand: 3 } as ArithmeticTask)).toThrow(/task.operand: no such/);
    expect(() => encodeArithmetic("3x", 4, "left")).toThrow(/vocabulary/);
  });
});
