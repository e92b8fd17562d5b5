import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { majorityVote, weightedMajorityVote } from "./voting.ts";

describe("search/majority-vote", () => {
  it("the winner has the most votes, and was first to appear among the tied", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 3 }))), (votes) => {
        const { choices, counts } = majorityVote()({ votes: [votes] });
        const cast = votes.filter((one) => one !== null);
        const times = (one: unknown) => cast.filter((other) => other === one).length;
        const most = Math.max(0, ...cast.map(times));
        expect(counts).toEqual([most]);
        expect(choices[0]).toBe(cast.find((one) => times(one) === most) ?? null);
        const strict = majorityVote({ ties: "none" })({ votes: [votes] }).choices[0];
        const winners = new Set(cast.filter((one) => times(one) === most));
        expect(strict).toBe(winners.size === 1 ? [...winners][0] : null);
      }),
    );
  });
  it("does not mix types, nor overlook a tie that was broken again", () => {
    expect(majorityVote()({ votes: [["1", 1, 1, true]] }).choices).toEqual([1]);
    expect(majorityVote({ ties: "none" })({ votes: [["a", "b", "c", "c"]] }).choices).toEqual(["c"]);
  });
});

describe("search/weighted-majority-vote", () => {
  it("with equal scores is a majority vote of each group", () => {
    const vote = fc.tuple(fc.option(fc.constantFrom("x", "y", "z")), fc.nat(2));
    fc.assert(
      fc.property(fc.array(vote), (votes) => {
        const groups = votes.map((v) => v[1]);
        const ids = [...new Set(groups)];
        const rows = ids.map((id) => votes.filter((v) => v[1] === id).map((v) => v[0]));
        const out = weightedMajorityVote()({ answers: votes.map((v) => v[0]), scores: votes.map(() => 0), groups });
        const plain = majorityVote()({ votes: rows });
        expect(out.answers).toEqual(plain.choices);
        expect(Array.from(out.weights, (weight) => 2 * weight)).toEqual(plain.counts);
      }),
    );
  });
  it("unscored candidates do not vote; identity weights may be negative", () => {
    const inputs = { answers: ["a", "b", "b"], scores: [-1, null, -3], groups: [0, 0, 0] };
    expect(weightedMajorityVote({ transform: "identity" })(inputs)).toEqual({
      answers: ["a"],
      weights: Float64Array.of(-1),
    });
  });
});
