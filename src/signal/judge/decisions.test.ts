import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choiceShareParse, decisionParse, decisionPayoff, gambleChoiceParse, tieredVerifier } from "./decisions.ts";
import { answerAttributesParse } from "./dialogue.ts";
import { boxParse, dependencyGraphParse, editParametersParse } from "./extraction.ts";
import { rewriteParse } from "./rewriting.ts";

describe("decisions", () => {
  it("decision-parse: the last label wins, words must be whole", () => {
    const read = (response: string) => {
      const { decisions, scores } = decisionParse()({ responses: [response] });
      return [decisions[0], scores[0]];
    };
    expect(read('"decision": "selected" then **Verdict:** REJECTED, score: 5/10, Score = 80')).toEqual([
      "REJECTED",
      0.8,
    ]);
    expect(read("preselected. final_score: 120")).toEqual([null, null]);
    expect(read("The candidate is rejected. Score: 3/0")).toEqual(["REJECTED", null]);
    expect(read("Score: -5 selected")).toEqual(["SELECTED", null]);
  });

  it("payoffs and tiers", () => {
    const payoff = decisionPayoff({ truePositive: 1, trueNegative: 2, falsePositive: 3, falseNegative: 4, invalid: 5 });
    const inputs = {
      decisions: ["SELECTED", "REJECTED", "SELECTED", "REJECTED", null] as ("SELECTED" | "REJECTED" | null)[],
      labels: ["SELECTED", "REJECTED", "REJECTED", "SELECTED", "SELECTED"] as ("SELECTED" | "REJECTED")[],
    };
    expect(Array.from(payoff(inputs).rewards)).toEqual([1, 2, 3, 4, 5]);
    expect(Array.from(tieredVerifier()({ correct: [true, false], formatted: [false, true] }).rewards)).toEqual([0, 10]);
  });

  it("gambles: both or neither is no choice; shares are normalised", () => {
    const choice = (reply: string, mode: "json" | "first-letter" = "json") =>
      gambleChoiceParse({ mode })({ reply }).choice;
    expect([
      choice('"Choice" : "A"'),
      choice("A"),
      choice("none", "first-letter"),
      choice("b B", "first-letter"),
    ]).toEqual(["A", null, null, "B"]);
    const share = (a: unknown, b: unknown) =>
      choiceShareParse()({ reply: JSON.stringify({ "Machine A": a, "Machine B": b }) }).probabilityB;
    expect([
      share("1/4", "3/4"),
      share(0, 0),
      share(-1, 2),
      share("x", 1),
      share("1/0", 1),
      share(1e308, 1e308),
    ]).toEqual([0.75, null, null, null, null, 0.5]);
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (a, b) => {
        const [one, other] = [share(a, b), share(b, a)];
        if (one === null || other === null) expect(a + b).toBe(0);
        else expect(one + other).toBeCloseTo(1, 12);
      }),
    );
  });
});

describe("extraction", () => {
  it("box-parse: the first answer only, no extent is no box", () => {
    const read = (response: string, inputSize: [number, number]) =>
      boxParse()({ responses: [response], inputSizes: [inputSize], imageSizes: [[100, 200]] }).boxes[0];
    expect(read("<answer>[1,2,  3,4]</answer>", [10, 10])).toEqual([20, 20, 60, 40]);
    expect(read("<answer></answer><answer>[1,2,3,4]</answer>", [10, 10])).toBeNull();
    expect(read("<answer>[1,2,3,4]</answer>", [0, 10])).toBeNull();
    expect(read("<answer>[1.5,2,3,4]</answer>", [10, 10])).toBeNull();
  });

  it("edit-parameters-parse: last value, empty braces, no exponents", () => {
    const parse = editParametersParse({ allowed: { Exposure: [-5, 5] } });
    const { edits, valid } = parse({
      responses: ["{EXPOSURE=1; exposure = 2;;}", "{}", "{exposure=1e1}", "{exposure}", "{__proto__=1}"],
    });
    expect(edits).toEqual([{ exposure: 2 }, {}, {}, {}, {}]);
    expect(valid).toEqual([true, true, false, false, false]);
  });

  it("dependency-graph-parse: brackets, unary minus, redefinition, what cannot be evaluated", () => {
    const parse = (text: string) => dependencyGraphParse()({ text });
    expect(
      parse("Define x as a; a = -(2 + 4) / 3. define y AS the letter b; so b = a * (a - 1). Answer: 6").nodes,
    ).toEqual([
      { name: "x", variable: "a", value: -2, dependencies: [] },
      { name: "y", variable: "b", value: 6, dependencies: ["x"] },
    ]);
    expect(parse("Define x as a; it is 7. Define x as c; c = 1 / 0 = none").nodes).toEqual([
      { name: "x", variable: "c", value: 0, dependencies: [] },
    ]);
    expect(parse("Define x as a;").nodes).toEqual([{ name: "x", variable: "a", value: null, dependencies: [] }]);
    expect(parse("Define x; b = 1.")).toEqual({ nodes: [], answer: null });
    expect(parse("Answer: -2.5")).toEqual({ nodes: [], answer: -2.5 });
  });

  it("dependency-graph-parse: intermediates belong to their body, letters may be reused, as in the release", () => {
    const parse = (text: string) => dependencyGraphParse()({ text });
    // d collects x in y's body only; in z's it is just a number.
    expect(
      parse("Define x as a; so a = 2. Define y as b; d = a + 1 = 3; d = d + 1; so b = d. Define z as c; so c = d + 5.")
        .nodes,
    ).toEqual([
      { name: "x", variable: "a", value: 2, dependencies: [] },
      { name: "y", variable: "b", value: 4, dependencies: ["x"] },
      { name: "z", variable: "c", value: 9, dependencies: [] },
    ]);
    // The letter of an earlier quantity keeps standing for it when it is overwritten as an intermediate …
    expect(
      parse("Define x as a; a = 2. Define y as b; a = a + 1; b = a. Define z as c; c = a.").nodes.map((node) => [
        node.value,
        node.dependencies,
      ]),
    ).toEqual([
      [2, []],
      [3, ["x"]],
      [3, ["x"]],
    ]);
    // … and when the next quantity takes it over.
    expect(parse("Define x as a; a = 3. Define y as a; a = a + 1 = 4.").nodes[1]).toEqual({
      name: "y",
      variable: "a",
      value: 4,
      dependencies: ["x"],
    });
  });

  it("dependency-graph-parse: what cannot be evaluated, tags, words before the letter", () => {
    const parse = (text: string) => dependencyGraphParse()({ text });
    const value = (text: string) => parse(text).nodes.at(-1)?.value;
    expect(value("Define x as a; a = 3 4.")).toBe(4);
    expect(value("Define x as a; a = 16\n<answer>-2</answer>")).toBe(-2);
    expect(value("Define x as\na; a\n=\n8 +1.")).toBe(9);
    expect(value("Define x as a; a = q -3.")).toBe(-3);
    expect(value("Define x as a; a = 3; a = unknown.")).toBe(3);
    expect(value("Define x as a; it is <b>7</b> <answer>9</answer>")).toBe(9);
    expect(value("Define x as a; it is 7. Answer: 9")).toBe(7);
    expect(parse("Define x as a; a = b + 1. Define y as b; b = +4. <answer>+5</answer>")).toEqual({
      nodes: [
        { name: "x", variable: "a", value: 1, dependencies: [] },
        { name: "y", variable: "b", value: 4, dependencies: [] },
      ],
      answer: 5,
    });
    expect(parse("Define x as a; a = b. Define y as b; b = 4.").nodes[0].value).toBe(4);
    expect(parse("Define  a lion. in\n3 zoos a the\tletter c; c = 1.").nodes[0]).toMatchObject({
      name: "a lion. in 3 zoos",
      variable: "c",
    });
    expect(parse("Define x as 3 a; a = 1. Define y; so b = 1.").nodes).toEqual([]);
  });

  it("rewrite-parse: an empty answer stays empty, unclosed thinking stays, quotes at word edges only", () => {
    const { rewrites, sources } = rewriteParse()({
      responses: ["<answer> </answer>", "a <think>b", "<think>x</think>", "說'你好'。", "'tis 'a'"],
      prompts: ["p", "p", "it's 'ok'", "p", "p"],
    });
    expect(rewrites).toEqual(["", "a <think>b", 'it\'s "ok"', "說'你好'。", '\'tis "a"']);
    expect(sources).toEqual(["answer", "stripped", "original", "stripped", "stripped"]);
  });

  it("answer-attributes-parse: an attribute without a known value is dropped", () => {
    const { evidence } = answerAttributesParse()({
      replies: ['{"n": 2, "c": "pink", "toString": 1}'],
      schema: { c: ["red"], n: ["1", "2"] },
    });
    expect(evidence).toEqual([[{ attribute: 1, likelihood: [0, 1] }]]);
  });
});
