import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { branchParse, dimensionScoresParse, pairwiseJudgeParse, verdictReward } from "./pairwise-parse.ts";

type Params = Parameters<typeof pairwiseJudgeParse>[0];
const read = (params: Params, ...replies: string[]) => {
  const { verdicts, valid } = pairwiseJudgeParse(params)({ replies });
  return verdicts.map((verdict, i) => verdict ?? (valid[i] ? "tie" : null));
};

describe("pairwise-judge-parse", () => {
  it("double-bracket: window in code points, both letters are none", () => {
    const verdict = "<answer>[[B]]</answer>";
    expect(read({}, verdict + "😀".repeat(80 - verdict.length))).toEqual(["B"]);
    expect(read({}, verdict + "😀".repeat(81 - verdict.length))).toEqual([null]);
    expect(read({ window: null }, verdict + "x".repeat(500), "[[B]]")).toEqual(["B", null]);
    expect(read({ tagged: false }, "[[A]] and [[B]]", "[[A]] [[A]]", "")).toEqual([null, "A", null]);
  });

  it("boxed-section: last section, comma anywhere in it is a violation", () => {
    const section = (text: string) => `[The Begin of Ranking Score]\n${text}\n[The End of Ranking Score]`;
    expect(
      read(
        { format: "boxed-section" },
        section("\\boxed{1}") + section("\\boxed{2}"),
        section("well, \\boxed{1}"),
        section("\\boxed{3}"),
        section("\\boxed{12}"),
        section("\\boxed{-1}"),
        section("\\boxed{1"),
      ),
    ).toEqual(["B", null, null, null, null, null]);
    expect(read({ format: "boxed-section", strict: true }, section("\\boxed{ 2 }"), section("\\boxed{01}"))).toEqual([
      "B",
      null,
    ]);
  });

  it("the other formats at their edges", () => {
    expect(
      read(
        { format: "winner-line" },
        "--- Final Judgment ---\nWinner: Response A\nWinner:  Response B",
        "--- Final Judgment ---\nWinner: Response Alpha",
      ),
    ).toEqual(["B", null]);
    expect(read({ format: "better-line" }, "Better:N", "better: A", "Better: B then Better: A")).toEqual([
      "tie",
      null,
      "B",
    ]);
    expect(read({ format: "answer-tag" }, "<answer>1</answer><answer>2</answer>", "<answer>12</answer>")).toEqual([
      "A",
      null,
    ]);
    expect(read({ format: "answer-tag", fallback: "last-digit" }, "<answer>x</answer> 2", "1 2 3")).toEqual([
      null,
      "B",
    ]);
    expect(read({ format: "judgement" }, "Judgement: A Judgement: none", "[RESULT] B", "A")).toEqual([null, "B", null]);
    expect(read({ format: "better-phrase" }, "<answer>image 1 is better</answer>", " Video 2 is better\n")).toEqual([
      null,
      "B",
    ]);
    expect(
      read(
        { format: "score-pair" },
        "\\boxed{ 10 , 0 }",
        "\\boxed{10.5, 0}",
        "\\boxed{1, 2} \\boxed{3}",
        "\\boxed{-1, 2}",
      ),
    ).toEqual(["A", null, "B", null]);
    expect(
      read(
        { format: "best-description" },
        "Best description is: 2",
        "BEST_DESCRIPTION -> NONE",
        "best_description of them all: 1",
        "best_description: 12",
        "best_description: x; best_description: 1",
      ),
    ).toEqual(["B", "tie", null, null, "A"]);
  });

  it("both orders: points add up to two, an unreadable reply leaves none", () => {
    const { first, second } = pairwiseJudgeParse({ format: "better-line", orders: "both" })({
      replies: ["Better: A", "Better: B", "Better: A", "?", "Better: N", "Better: N"],
    });
    expect(first).toEqual([2, null, 1]);
    expect(second).toEqual([0, null, 1]);
    expect(() => pairwiseJudgeParse({ orders: "both" })({ replies: ["x"] })).toThrow(/two replies/);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("A", "B", "N"), fc.constantFrom("A", "B", "N"))), (pairs) => {
        const replies = pairs.flat().map((letter) => `Better: ${letter}`);
        const points = pairwiseJudgeParse({ format: "better-line", orders: "both" })({ replies });
        for (let i = 0; i < pairs.length; i++) expect((points.first?.[i] ?? 0) + (points.second?.[i] ?? 0)).toBe(2);
      }),
    );
  });
});

describe("branch-parse", () => {
  const turn = (focus: string, second = "fine") =>
    `[Quality Assessment Focus]\n${focus}\n[End of Quality Assessment Focus]` +
    `[Quality Analysis for Response 1] a [End of Quality Analysis for Response 1]` +
    `[Quality Analysis for Response 2]${second}[End of Quality Analysis for Response 2]`;

  it("lists dimensions in order of appearance, any case, once", () => {
    const found = branchParse()({ reply: turn("safety awareness, LOGICAL REASONING, Safety Awareness, Beauty") });
    expect(found).toEqual({ focus: ["Safety Awareness", "Logical Reasoning"], analyses: ["a", "fine"], valid: true });
  });

  it("is not valid with none or too many, or a blank analysis", () => {
    expect(branchParse()({ reply: turn("Beauty") }).valid).toBe(false);
    const two = turn("Safety Awareness, Logical Reasoning");
    expect(branchParse({ maxFocus: 1 })({ reply: two })).toMatchObject({ valid: false, focus: { length: 2 } });
    expect(branchParse()({ reply: turn("Safety Awareness", " ") })).toMatchObject({
      valid: false,
      analyses: ["a", null],
    });
  });
});

describe("dimension-scores-parse", () => {
  it("reads brackets, bold names and decimals; a tie supports no verdict", () => {
    const reply =
      "1) [**Clarity**]: Answer 1 (7.5/10) - x; Answer 2 (8/10)\n- Depth: Answer 2 (7/10); Answer 1 (7.5/10)\n" +
      "Total score:\nAnswer 1: 7.5 + 7.5 = 15\nAnswer 2: 8+7=15\n<answer>Answer 1 is better</answer>";
    expect(dimensionScoresParse()({ reply })).toEqual({
      dimensions: [
        { name: "Clarity", scores: [7.5, 8] },
        { name: "Depth", scores: [7.5, 7] },
      ],
      sums: [15, 15],
      declaredTotals: [15, 15],
      arithmeticConsistent: true,
      verdict: "A",
      verdictConsistent: false,
    });
  });

  it("notices an addition that does not give its total, and missing totals", () => {
    const line = "1. X: Image 1 (5/10); Image 2 (4/10)\n";
    const oneLine = dimensionScoresParse()({ reply: `${line}Total score: Image 1: 4=4; Image 2: 3+2=5` });
    expect(oneLine.declaredTotals).toEqual([4, 5]);
    const wrong = dimensionScoresParse()({ reply: `${line}Total score:\nImage 1: 4+2=5\nImage 2: 4=4` });
    expect(wrong).toMatchObject({
      declaredTotals: [5, 4],
      arithmeticConsistent: false,
      verdict: null,
      verdictConsistent: false,
    });
    expect(dimensionScoresParse()({ reply: line })).toMatchObject({
      declaredTotals: null,
      arithmeticConsistent: false,
    });
  });
});

describe("verdict-reward", () => {
  it("a tie is wrong, an unreadable reply invalid, whatever else is said", () => {
    const reward = verdictReward({ correct: 1, wrong: 0, invalid: -1 });
    const inputs = { verdicts: ["A", null, null, "A"], labels: ["A", "A", "A", "A"] };
    expect(Array.from(reward(inputs).rewards)).toEqual([1, -1, -1, 1]);
    expect(Array.from(reward({ ...inputs, valid: [true, true, false, false] }).rewards)).toEqual([1, 0, -1, -1]);
  });

  it("the margin is exclusive and needs the scores", () => {
    const reward = verdictReward({ correct: 1, wrong: 0, invalid: -1, margin: 1 });
    const scores = [[6, 5], [5, 6.5], [5, 5], null];
    const rewards = reward({ verdicts: ["A", "B", null, "A"], labels: ["A", "B", "A", "A"], scores }).rewards;
    expect(Array.from(rewards)).toEqual([0, 1, 0, -1]);
    expect(() => reward({ verdicts: ["A"], labels: ["A"] })).toThrow(/inputs\.scores/);
    expect(() => reward({ verdicts: ["C"], labels: ["C"], scores: [[1, 2]] })).toThrow(/inputs\.labels\[0\]/);
    expect(verdictReward()({ verdicts: [], labels: [] }).rewards).toHaveLength(0);
  });
});
