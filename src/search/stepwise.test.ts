import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rewardEvolution } from "./reward-evolution.ts";
import { adaptiveExit, rewardGuidedGreedy, sequentialRevision } from "./stepwise.ts";

describe("search/reward-guided-greedy", () => {
  it("−1 where every candidate was rejected; the first of equals", () => {
    expect(rewardGuidedGreedy()({ candidateScores: [[null, null], [], [null, 2, 2]] }).selected).toEqual([-1, -1, 1]);
  });
});

describe("search/sequential-revision", () => {
  it("keeps the best of what was used, and uses no more than there is", () => {
    const row = fc.array(fc.option(fc.integer({ min: 0, max: 9 })));
    fc.assert(
      fc.property(
        row,
        fc.option(fc.integer({ min: 0, max: 9 })),
        fc.option(fc.integer({ min: 1, max: 3 })),
        (scores, threshold, patience) => {
          const out = sequentialRevision({ threshold, patience })({ scores: [scores] });
          const [used] = Array.from(out.used);
          const seen = scores.slice(0, used).filter((score) => score !== null);
          expect(out.selectedScores[0]).toBe(seen.length === 0 ? null : Math.max(...seen));
          const selected = out.selected[0];
          if (selected !== null) expect(scores[selected]).toBe(out.selectedScores[0]);
          if (threshold === null && patience === null) expect(used).toBe(scores.length);
        },
      ),
    );
  });
  it("an unscored revision is a failure", () => {
    const out = sequentialRevision({ patience: 2 })({ scores: [[null, null, 5]] });
    expect(out).toEqual({ selected: [null], used: [2], selectedScores: [null] });
  });
});

describe("search/adaptive-exit", () => {
  it("does not stop before minLoops, and at the last loop at the latest", () => {
    const logits = [
      [9, 0],
      [9, 0],
      [9, 0],
    ];
    const exit = (criterion: "kl" | "entropy" | "confidence", threshold: number, minLoops = 1) =>
      adaptiveExit({ criterion, threshold, minLoops })({ logits }).exit;
    expect([exit("confidence", 0.9), exit("kl", 1e-9), exit("entropy", 0.1, 3), exit("entropy", 0)]).toEqual([
      0, 1, 2, 2,
    ]);
    expect(exit("confidence", 0.9, 9)).toBe(2);
    expect(adaptiveExit({ threshold: 1 })({ logits: [] }).exit).toBeNull();
  });
  it("survives probabilities that underflow", () => {
    const { measures } = adaptiveExit({ threshold: 1e-3 })({
      logits: [
        [0, 5000],
        [5000, 0],
      ],
    });
    expect(measures[1]).toBeCloseTo(5000, 6);
  });
});

describe("search/reward-evolution", () => {
  const state = { iteration: 0, bestScore: null, bestIteration: null, bestIndex: null };
  it("a single failed candidate is shown its traceback, not repeated", () => {
    const out = rewardEvolution()({ scores: [null], state });
    expect(out).toMatchObject({ selected: 0, repeat: false, executeRate: 0, improved: false });
    expect(out.state).toEqual({ ...state, iteration: 1 });
  });
  it("an equal score is no improvement; nothing tried, nothing selected", () => {
    const best = { iteration: 3, bestScore: 0.5, bestIteration: 1, bestIndex: 2 };
    expect(rewardEvolution()({ scores: [0.5], state: best }).improved).toBe(false);
    expect(rewardEvolution()({ scores: [-2, 0.6], state: best })).toMatchObject({
      executeRate: 0.5,
      state: { iteration: 4, bestScore: 0.6, bestIteration: 3, bestIndex: 1 },
    });
    expect(rewardEvolution()({ scores: [], state })).toMatchObject({ selected: null, executeRate: null });
  });
});
