import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { critiqueScore, judgeRatingParse, rankingJudgeParse, rankingJudgePrompt, rubricScoresParse } from "./rating.ts";

describe("judge-rating-parse", () => {
  const trailing = (reply: string) => judgeRatingParse({ format: "trailing" })({ reply }).rating;
  const label = (reply: string, params = {}) => judgeRatingParse(params)({ reply }).rating;

  it("trailing: a whole number between the bounds ends the text", () => {
    expect(["10", "8.5", "-5", "0", "11", "07", "x7", "é7", "7!", "", "9\n \n"].map(trailing)).toEqual([
      10,
      5,
      5,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      9,
    ]);
    expect(judgeRatingParse({ format: "trailing", min: 0, max: 100 })({ reply: "so 100" }).rating).toBe(100);
    expect(trailing("1".repeat(400))).toBeNull();
  });

  it("label: the first label that occurs, its last occurrence, the first digits behind it", () => {
    expect(label("[RESULT] 3 Rating: none")).toBeNull();
    expect(label("Rating: 8.5")).toBe(8);
    expect(label("Rating: 42")).toBe(42);
    expect(label("Rating: 42", { max: 10, invalid: 1 })).toBe(1);
    expect(label(`Rating: ${"9".repeat(400)}`)).toBeNull();
    expect(label("Note: 4", { labels: ["Note:"] })).toBe(4);
  });
});

describe("ranking judge", () => {
  it("swaps the right answer with its place", () => {
    fc.assert(
      fc.property(fc.nat({ max: 3 }), (correctPosition) => {
        const { order } = rankingJudgePrompt()({ question: "q", answers: ["r", "a", "b", "c"], correctPosition });
        expect(order[correctPosition]).toBe(0);
        expect([...order].sort()).toEqual([0, 1, 2, 3]);
      }),
    );
  });

  it("takes the first label with a marker; without one the chance level, or null", () => {
    expect(rankingJudgeParse()({ reply: "[[D]] or [[B]]", correctPosition: 3 })).toEqual({ verdict: "B", result: 0 });
    expect(rankingJudgeParse()({ reply: "[[b]]", correctPosition: 1 })).toEqual({ verdict: null, result: 0.25 });
    expect(rankingJudgeParse({ invalid: null })({ reply: "", correctPosition: 1 }).result).toBeNull();
  });
});

describe("rubric-scores-parse", () => {
  it("the last mention wins, also when it is out of range; several may share a line", () => {
    const reply =
      "response 1: SCORE: 5; Response 2 score = 1.5\nResponse 2 Score: 7\nResponse 4 Score: 1\nResponse 3 none";
    expect(rubricScoresParse({ count: 3 })({ reply }).scores).toEqual([5, null, null]);
    expect(rubricScoresParse({ count: 2 })({ reply: "Response 1 beats Response 2. Score: 4" }).scores).toEqual([
      4,
      null,
    ]);
    expect(rubricScoresParse({ count: 0 })({ reply }).scores).toEqual([]);
  });
});

describe("critique-score", () => {
  it("averages what there is", () => {
    expect(critiqueScore()({ critiqueScores: [[1, null, 3], [], [null]] }).scores).toEqual([2, null, null]);
  });
});
