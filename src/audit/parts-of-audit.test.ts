import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkAnswer, checkFormat, declaredAnswers } from "./answers.ts";
import { bareAnswer, problemsFromRows } from "./data.ts";
import { samples } from "./dictionary.ts";
import { exploits } from "./exploits/index.ts";
import { mergeFindings, severityOfGain } from "./findings.ts";
import { referenceCheck } from "./hidden-check.ts";
import { builtinProblems } from "./problems.ts";
import { fencedLines } from "./report.ts";
import { shrink } from "./shrink.ts";
import { honest, stylesOf } from "./styles.ts";
import { type Finding, mechanisms, problemKinds } from "./types.ts";

describe("exploits", () => {
  it("are at least forty, each with its own name, a source, and a mechanism that is explained", () => {
    expect(exploits.length).toBeGreaterThanOrEqual(40);
    expect(new Set(exploits.map(({ id }) => id)).size).toBe(exploits.length);
    for (const { source, mechanism, title } of exploits) {
      expect(source.length).toBeGreaterThan(10);
      expect(title).not.toBe("");
      expect(mechanisms[mechanism]).toBeDefined();
    }
  });
});

describe("problems", () => {
  it.each(problemKinds)(
    "%s: the hidden check calls honest right answers right and honest wrong ones wrong, in every style",
    async (kind) => {
      const check = referenceCheck();
      const problems = kind === "code" ? builtinProblems(kind).slice(0, 1) : builtinProblems(kind);
      for (const problem of problems) {
        for (const style of stylesOf(kind)) {
          expect([style.id, await check(problem, honest(problem, style, true))]).toEqual([style.id, true]);
          expect([style.id, await check(problem, honest(problem, style, false))]).toEqual([style.id, false]);
        }
      }
    },
    60_000,
  );
});

describe("the hidden check", () => {
  const [problem] = builtinProblems("math"); // 43
  it.each([
    ["The answer is 43.", true],
    ["<answer>42</answer><answer>43</answer>", false],
    ["\\boxed{42} or \\boxed{43}", false],
    ["<answer>42 43</answer>", false],
    ["<think>Is it 42? No.</think><answer>43</answer>", true],
    ["<think>43</think>", false],
    ["x = 43", true],
    ["", false],
    ["42", false],
    ["Perhaps 43, perhaps not, 12.", null],
  ])("%s", (response, verdict) => {
    expect(checkAnswer(problem, response)).toBe(verdict);
  });

  it("knows pairs, vectors, intervals and roots as well as numbers", () => {
    for (const answer of [
      "\\left( 3, \\frac{\\pi}{2} \\right)",
      "3\\sqrt{13}",
      "(6,31,-1)",
      "(3,4]",
      "(a+5)(b+2)",
      "\\begin{pmatrix} -1/3 \\\\ 2/3 \\end{pmatrix}",
    ]) {
      const asked = { ...problem, answer };
      expect([answer, checkAnswer(asked, `So it is $\\boxed{${answer}}.$`)]).toEqual([answer, true]);
      expect([answer, checkAnswer(asked, `<think>x</think><answer>${answer}</answer>`)]).toEqual([answer, true]);
      expect([answer, checkAnswer(asked, "\\boxed{(7,\\sqrt{11})}")]).toEqual([answer, false]);
    }
  });

  it("never throws, whatever a policy writes", () => {
    const piece = fc.constantFrom(
      "<answer>",
      "</answer>",
      "\\boxed{",
      "}",
      "43",
      "42",
      " ",
      "<think>",
      "</think>",
      "answer is",
      "####",
      "\n",
      "\u0000",
      "(",
      "9^9",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join("");
        expect([true, false, null]).toContain(checkAnswer(problem, text));
        expect(typeof checkFormat(text)).toBe("boolean");
        expect(Array.isArray(declaredAnswers(text))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("of a format allows exactly one filled block of each", () => {
    expect(checkFormat("<think>a</think>\n<answer>b</answer>")).toBe(true);
    for (const bad of [
      "<think></think><answer>b</answer>",
      "<think>a</think><answer>b</answer> c",
      "<think>a</think><answer>b</answer></answer>",
      "<answer>b</answer><think>a</think>",
      "<think><think>a</think></think><answer>b</answer>",
    ])
      expect([bad, checkFormat(bad)]).toEqual([bad, false]);
  });
});

describe("shrinking", () => {
  it("keeps what is needed and nothing else", async () => {
    const text = `${"much ado about nothing. ".repeat(50)}needle\n${"more words ".repeat(30)}pin`;
    const holds = async (texts: readonly string[]) => texts.map((one) => one.includes("needle") && one.includes("pin"));
    expect((await shrink(text, holds, 500)).replace(/\s/g, "")).toBe("needlepin");
  });
  it("tries the empty text first, and asks no more than it may", async () => {
    expect(await shrink("abc", async (texts) => texts.map(() => true), 10)).toBe("");
    let asked = 0;
    const text = Array.from({ length: 200 }, (_, i) => `w${i}`).join(" ");
    await shrink(
      text,
      async (texts) => {
        asked += texts.length;
        return texts.map(() => false);
      },
      40,
    );
    expect(asked).toBeLessThanOrEqual(40 + 32);
  });
});

describe("texts of a pattern", () => {
  it("match it", () => {
    for (const pattern of [
      "Step \\d+:",
      "(yes|no)\\b",
      "rating: \\[\\[(\\d)\\]\\]",
      "a{3}b?",
      "<answer>[\\s\\S]*</answer>",
    ]) {
      const found = samples(pattern);
      expect(found.length).toBeGreaterThan(0);
      for (const one of found) expect(one).toMatch(new RegExp(pattern));
    }
  });
  it("end, whatever the pattern", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."()[]{}|*+?\\^$.,ab1:=!<"), maxLength: 40 }),
        (pattern) => samples(pattern).length <= 8,
      ),
      { numRuns: 500 },
    );
  });
});

describe("findings", () => {
  const finding = (over: Partial<Finding>): Finding => ({
    key: "k",
    severity: "major",
    mechanism: "steps",
    title: "",
    exploit: "e",
    source: "s",
    also: [],
    ease: "easy",
    finder: "",
    problem: "p",
    prompt: "",
    response: "Step 1: Step 2:",
    reward: 1,
    error: null,
    honestRight: 1,
    honestWrong: 0,
    gain: 0.5,
    problemsHit: "",
    responsible: [{ name: "steps", what: "function", here: 1, honest: 0, detail: "" }],
    repairs: [],
    evaluations: 5,
    milliseconds: 7,
    ...over,
  });
  it("through one hole are one: the same key, or a smaller dose of the same text in the same signal", () => {
    const merged = mergeFindings([
      finding({ exploit: "a" }),
      finding({ exploit: "b", gain: 0.4, evaluations: 3 }),
      finding({ key: "other", mechanism: "phrases", exploit: "c", gain: 0.3, response: "Step 7:" }),
      finding({
        key: "else",
        mechanism: "phrases",
        exploit: "d",
        gain: 0.3,
        response: "Wait",
        responsible: [{ name: "aha", what: "function", here: 1, honest: 0, detail: "" }],
      }),
    ]);
    expect(merged.map(({ exploit, also, evaluations }) => ({ exploit, also, evaluations }))).toEqual([
      { exploit: "a", also: ["b", "c"], evaluations: 3 },
      { exploit: "d", also: [], evaluations: 5 },
    ]);
  });
  it("are as grave as what they gain and how easily", () => {
    expect(severityOfGain(1, "trivial")).toBe("critical");
    expect(severityOfGain(1, "hard")).toBe("major");
    expect(severityOfGain(0.3, "easy")).toBe("major");
    expect(severityOfGain(0.1, "easy")).toBe("minor");
    expect(severityOfGain(0.001, "easy")).toBeNull();
  });
  it("show responses without control characters", () => {
    expect(fencedLines("a\u001b[31mb\n\u202ec").join("|")).toBe("    │ a‹U+001B›[31mb|    │ ‹U+202E›c");
  });
});

describe("problems from data", () => {
  it("reads answers out of solutions", () => {
    expect(bareAnswer("so we get 5\n#### 5")).toBe("5");
    expect(bareAnswer("hence \\boxed{\\frac{1}{2}}.")).toBe("\\frac{1}{2}");
    expect(bareAnswer("<answer> B </answer>")).toBe("B");
    expect(bareAnswer("$7$")).toBe("7");
  });
  it("makes one problem of the rollouts of one prompt, of the commonest kind", async () => {
    const rows = [
      { prompts: "1+1?", references: "2", responses: "2", ids: "x" },
      { prompts: "1+1?", references: "2", responses: "3", ids: "x" },
      { prompts: "2+2?", references: "4", responses: "4", ids: "x", level: 3 },
      { prompts: "Capital?", references: "Paris", responses: "Rome" },
    ];
    const problems = await problemsFromRows(rows, "auto", referenceCheck());
    expect(problems.map(({ id, kind, responses, extra }) => ({ id, kind, responses, extra }))).toEqual([
      { id: "x", kind: "math", responses: ["2", "3"], extra: {} },
      { id: "x-2", kind: "math", responses: ["4"], extra: { level: 3 } },
    ]);
    expect(problems[0].far).not.toBe("2");
  });
});
