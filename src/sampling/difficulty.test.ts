import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attemptSplit, competenceEdge, difficultyBuckets, failAtK, zeroRewardPrompts } from "./difficulty.ts";

describe("sampling/attempt-split", () => {
  it("looks no further than the allowed attempts; every item goes one way", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.boolean(), { maxLength: 5 })),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 5 }),
        (attempts, maxAttempts, easyMax) => {
          const { difficulty, rl, easy } = attemptSplit({ maxAttempts, easyMax })({ attempts });
          expect([...rl, ...easy].sort((a, b) => a - b)).toEqual(attempts.map((_, i) => i));
          for (const level of difficulty) if (level !== null) expect(level).toBeLessThanOrEqual(maxAttempts);
          for (const i of easy) expect(difficulty[i]).toBeLessThanOrEqual(easyMax);
        },
      ),
    );
    expect(attemptSplit({ maxAttempts: 2 })({ attempts: [[false, false, true], []] }).difficulty).toEqual([null, null]);
  });
});

describe("sampling/difficulty-buckets", () => {
  it("thirds belong where the rule says, at the default thresholds too", () => {
    const inputs = { correct: [true, false, false, true, true, false], groups: ["a", "a", "a", "b", "b", "b"] };
    const first = (closed: "lower" | "upper") => {
      const { buckets } = difficultyBuckets({ closed })(inputs);
      return [buckets[0], buckets[3]];
    };
    expect(first("lower")).toEqual(["medium", "easy"]);
    expect(first("upper")).toEqual(["hard", "medium"]);
    expect(() => difficultyBuckets({ thresholds: [0.9, 0.1] })(inputs)).toThrow("ascending");
  });
});

describe("sampling/competence-edge", () => {
  it("does not guess pass@k from fewer than k samples", () => {
    const out = competenceEdge({ k: 3 })({ correct: [true, false], groups: ["a", "a"] });
    expect(out).toMatchObject({ passAtK: [null], keptGroups: [] });
    expect(competenceEdge({ k: 2 })({ correct: [false, false], groups: [1, 1] }).keptGroups).toEqual([]);
    expect(competenceEdge({ k: 2 })({ correct: [true, false], groups: [1, 1] }).keptGroups).toEqual([1]);
  });
});

describe("sampling/fail-at-k and zero-reward-prompts", () => {
  it("agree on groups of k samples with 0/1 rewards", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 })), (rows) => {
        const correct = rows.flat();
        const groups = rows.flatMap((row, p) => row.map(() => p));
        const kept = rows.flatMap((row, p) => (row.includes(true) ? [] : [p]));
        expect(failAtK({ k: 3 })({ correct, groups }).keptGroups).toEqual(kept);
        expect(zeroRewardPrompts()({ rewards: correct.map(Number), groups }).seedGroups).toEqual(kept);
      }),
    );
  });
});
