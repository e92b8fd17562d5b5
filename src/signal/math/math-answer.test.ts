import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CASES } from "./cases.fixture.ts";
import { mathAnswer } from "./math-answer.ts";

const judge = mathAnswer();

function verdict(response: string, reference: string, params?: Parameters<typeof mathAnswer>[0]) {
  const { correct, answers, errors } = (params ? mathAnswer(params) : judge)({
    responses: [response],
    references: [reference],
  });
  return { correct: correct[0], answer: answers[0], error: errors[0] };
}

describe("verdicts", () => {
  it.each(CASES)("reference %j, response %j: %j", (reference, response, correct) => {
    expect(verdict(response, reference).correct).toBe(correct);
  });
});

describe("params", () => {
  it("digits: decimals to which decimal numbers are rounded", () => {
    expect(verdict("\\boxed{0.33}", "1/3").correct).toBe(false);
    expect(verdict("\\boxed{0.33}", "1/3", { digits: 2 }).correct).toBe(true);
    expect(verdict("\\boxed{3.14}", "\\pi", { digits: 2 }).correct).toBe(true);
    // Exact on both sides: no rounding.
    expect(verdict("\\boxed{\\frac{33}{100}}", "1/3", { digits: 2 }).correct).toBe(false);
  });

  it("tiny decimals are told apart by their significant digits", () => {
    expect(verdict("\\boxed{0.00000015}", "0.00000025").correct).toBe(false);
    expect(verdict("\\boxed{0.00000015}", "0").correct).toBe(false);
    expect(verdict("\\boxed{0.00000015}", "1.5 \\times 10^{-7}").correct).toBe(true);
  });

  it("strict: names of variables, sets against tuples", () => {
    expect(verdict("\\boxed{y+1}", "x+1").correct).toBe(false);
    expect(verdict("\\boxed{y+1}", "x+1", { strict: false }).correct).toBe(true);
    expect(verdict("\\boxed{(1,2)}", "\\{2,1\\}").correct).toBe(false);
    expect(verdict("\\boxed{(1,2)}", "\\{2,1\\}", { strict: false }).correct).toBe(true);
    expect(verdict("\\boxed{[1,2]}", "(1,2)").correct).toBe(false);
  });

  it("setRelation: a relation may answer a set", () => {
    expect(verdict("\\boxed{(1,2)}", "1<x<2").correct).toBe(true);
    expect(verdict("\\boxed{1<x<2}", "(1,2)").correct).toBe(false);
    expect(verdict("\\boxed{1<x<2}", "(1,2)", { setRelation: true }).correct).toBe(true);
    expect(verdict("\\boxed{1<x\\le 2}", "(1,2)", { setRelation: true }).correct).toBe(false);
  });
});

describe("extraction", () => {
  it.each([
    ["First \\boxed{7}, then \\boxed{9}.", "9"],
    ["\\boxed{\\frac{1}{2}} leaves 3", "\\frac{1}{2}"],
    ["\\boxed{5} and then \\boxed{6", "5"],
    ["\\boxed{2} and \\boxed{3}", "2, 3"],
    ["$$\\boxed{(2, 2)} \\quad \\text{and} \\quad \\boxed{(6, 2)}$$", "(2, 2), (6, 2)"],
    ["The final answer is 12. I checked 3 times.", "12"],
    ["#### 72", "72"],
    ["so $5\nA: -1.8 billion", "-1.8"],
    ["Answer:\n\n$$\nx^2\n$$", "x^2"],
    ["I hope the answer is right. 5 apples.", "5"],
    ["It was $5, now it is $1,250.00 in total", "1,250.00"],
    ["from 3 to $x+1$, in words", "x+1"],
    ["at 10:45", "10:45"],
    ["nothing to see", null],
    ["\\boxed{}", null],
    ["", null],
  ])("%j: %j", (response, answer) => {
    expect(verdict(response, "5").answer).toBe(answer);
  });
});

describe("errors are not wrong answers", () => {
  it("has no verdict on what is too large, and says why", () => {
    for (const answer of [
      "(".repeat(10_000),
      "9^{9^{9^9}}-9^{9^{9^9}}+5",
      "1+".repeat(4_000),
      `${"1+".repeat(9_000)}1`,
    ]) {
      const { correct, error } = verdict(`\\boxed{${answer}}`, "5");
      expect(correct).toBeNull();
      expect(error?.code).toMatch(/^(?:timeout|not-finite)$/);
    }
  });

  it("refuses a reference without an answer", () => {
    expect(verdict("\\boxed{5}", " ")).toMatchObject({ correct: null, error: { code: "bad-input" } });
  });

  it("is false where certain, however large", () => {
    expect(verdict("\\boxed{9^{9^{9^9}}}", "5").correct).toBe(false);
    expect(verdict(`\\boxed{${"7".repeat(100_000)}}`, "7").correct).toBe(false);
    expect(verdict("\\boxed{\\frac{1}{0}}", "5").correct).toBe(false);
    expect(verdict("\\boxed{10^{300}+1}", "10^{300}").correct).toBe(false);
  });
});

describe("hostile text", () => {
  const hostile: Record<string, string> = {
    "a million unfinished boxes": "\\fbox{".repeat(1_000_000),
    "ten million dollars": "$".repeat(10_000_000),
    "ten million backslashes": "\\".repeat(10_000_000),
    "ten million phrases": "A:".repeat(5_000_000),
    "deep braces": `\\boxed{${"{".repeat(4000)}5${"}".repeat(4000)}}`,
    "deep roots": `\\boxed{${"\\sqrt{".repeat(1000)}2${"}".repeat(1000)}}`,
    "a large expansion": "\\boxed{(a+b+c+d+e+f)^{500}}",
    "a long list": `\\boxed{${Array.from({ length: 1500 }, (_, k) => `x^${k}`).join(",")}}`,
    "nested sums": "\\boxed{\\sum_{k=1}^{9999}\\sum_{j=1}^{9999}\\sum_{i=1}^{9999} x}",
    "lone surrogates and nulls": "\\boxed{\ud800 5 \0 \udfff}",
    binomials: "\\boxed{\\binom{1000000000}{500000000}}",
    "an exponent of ten digits": "\\boxed{1e9999999999}",
    "broken fractions": `\\boxed{${"\\frac".repeat(1500)}}`,
  };
  // A loose ceiling against runaway work, several times above what a loaded machine needs.
  it.each(Object.entries(hostile))(
    "%s",
    (_, text) => {
      for (const reference of ["5", "x^2+1", "\\{1,2\\}", "(0,1)\\cup(2,3)"]) {
        const { correct } = verdict(text, reference);
        expect(correct === null || typeof correct === "boolean").toBe(true);
        expect(correct).not.toBe(true);
      }
    },
    20_000,
  );
});

const integer = fc.integer({ min: -10_000, max: 10_000 });
const natural = fc.integer({ min: 1, max: 999 });
const fraction = fc.tuple(integer, natural).map(([p, q]) => `\\frac{${p}}{${q}}`);
const polynomial = fc
  .array(integer, { minLength: 2, maxLength: 5 })
  .map((c) => c.map((k, i) => `${k < 0 ? "-" : "+"} ${Math.abs(k)}x^{${i}}`).join(" "));
const value = fc.oneof(
  integer.map(String),
  fraction,
  polynomial,
  natural.map((n) => `${n}\\sqrt{${n + 1}}`),
  natural.map((n) => `\\frac{${n}\\pi}{7}`),
);
const answer = fc.oneof(
  value,
  fc.tuple(value, value).map(([a, b]) => `\\left(${a}, ${b}\\right)`),
  fc.array(value, { minLength: 1, maxLength: 4 }).map((items) => `\\{${items.join(", ")}\\}`),
  fc.tuple(value, value).map(([a, b]) => `\\begin{pmatrix} ${a} \\\\ ${b} \\end{pmatrix}`),
);

describe("properties", () => {
  it("accepts the reference itself, however it is set", () => {
    fc.assert(
      fc.property(answer, (x) => {
        expect(verdict(`so \\boxed{${x}} 17`, `$${x}$`).correct).toBe(true);
        expect(verdict(`\\boxed{\\displaystyle ${x.replaceAll("\\frac", "\\dfrac")} }`, x).correct).toBe(true);
      }),
    );
  });

  it("is exact and symmetric on fractions", () => {
    const near = fc.integer({ min: -6, max: 6 });
    fc.assert(
      fc.property(near, fc.integer({ min: 1, max: 6 }), near, fc.integer({ min: 1, max: 6 }), (a, b, c, d) => {
        const [x, y] = [`\\frac{${a}}{${b}}`, `${c}/${d}`];
        expect(verdict(`\\boxed{${x}}`, y).correct).toBe(a * d === c * b);
        expect(verdict(`\\boxed{${y}}`, x).correct).toBe(a * d === c * b);
      }),
      { numRuns: 500 },
    );
  });

  it("accepts an expanded product and refuses a shifted one", () => {
    fc.assert(
      fc.property(integer, integer, (a, b) => {
        const factors = `\\boxed{(x-(${a}))(x-(${b}))}`;
        expect(verdict(factors, `x^2 - (${a + b})x + (${a * b})`).correct).toBe(true);
        expect(verdict(factors, `x^2 - (${a + b})x + (${a * b + 1})`).correct).toBe(false);
      }),
    );
  });

  it("takes sets in any order and tuples in one", () => {
    fc.assert(
      fc.property(fc.uniqueArray(integer, { minLength: 2, maxLength: 6 }), (items) => {
        const reversed = [...items].reverse();
        expect(verdict(`\\boxed{\\{${reversed.join(",")}\\}}`, `\\{${items.join(", ")}\\}`).correct).toBe(true);
        expect(verdict(`\\boxed{(${reversed.join(",")})}`, `(${items.join(", ")})`).correct).toBe(false);
      }),
    );
  });

  it("gives a verdict or an error for any text on either side", () => {
    const pieces = fc.constantFrom(
      "\\frac",
      "{",
      "}",
      "\\boxed{",
      "$",
      "\\sqrt",
      "^",
      "_",
      "(",
      "[",
      "|",
      "\\{",
      "5",
      "x",
      "=",
      ",",
      "\\pm",
      "!",
      "%",
      " ",
      "\\text{",
      "\\begin{pmatrix}",
      "&",
      "\\\\",
      "\\cup",
      "<",
      "e",
      "answer is ",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, text, (response, reference) => {
        for (const wrapped of [response, `\\boxed{${response}}`]) {
          const { correct, error } = verdict(wrapped, reference);
          expect(correct === null ? error !== null : error === null).toBe(true);
          expect(error?.code).not.toBe("threw");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
