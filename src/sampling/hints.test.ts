import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demonstrationPrompt, expertSubstitution } from "./demonstrations.ts";
import { hindsightCandidates, hindsightReplacement } from "./hindsight.ts";
import { hintEscalation, hintSchedule, hintSelect } from "./hints.ts";

describe("sampling/hint-escalation", () => {
  it("a prompt that was never rolled has no group", () => {
    expect(hintEscalation()({ rewardsByLevel: [[null, null], []] })).toEqual({
      levels: [null, null],
      rewards: [null, null],
      resolved: [false, false],
      probes: [0, 0],
    });
  });
});

describe("sampling/hint-schedule", () => {
  it("levels stay in range and the state remembers who was not here, whatever the prompt is called", () => {
    const accuracy = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), accuracy)), (visits) => {
        const { levels, state } = hintSchedule({ lowerAbove: 0.5 })({
          prompts: visits.map((visit) => visit[0]),
          accuracies: visits.map((visit) => visit[1]),
          state: { levels: { absent: 2 } },
        });
        expect(levels.every((level) => level >= 0 && level <= 3)).toBe(true);
        if (!visits.some(([prompt]) => prompt === "absent")) expect(state.levels.absent).toBe(2);
      }),
    );
    const numbered = hintSchedule()({ prompts: [7, 8], accuracies: [0, 1], state: { levels: { 7: 1, 8: 2 } } });
    expect(numbered).toEqual({ levels: [2, 2], state: { levels: { 7: 2, 8: 2 } } });
    const odd = hintSchedule()({ prompts: ["__proto__", "toString"], accuracies: [0, 0], state: { levels: {} } });
    expect(odd.levels).toEqual([1, 1]);
    expect(Object.keys(odd.state.levels)).toEqual(["__proto__", "toString"]);
  });
});

describe("sampling/hint-select", () => {
  it("no hints, no choice; an equal base term does not replace", () => {
    const out = hintSelect()({ rewards: [[], [1]], baseTerms: [[], [0.5]], originalTerms: [0, 0.5] });
    expect(out).toEqual({ selected: [null, 0], replace: [false, false] });
    expect(() => hintSelect()({ rewards: [[1]], baseTerms: [[1, 2]], originalTerms: [0] })).toThrow("baseTerms[0]");
  });
});

describe("sampling/hindsight-candidates", () => {
  it("every candidate is a best answer of an unsolved group", () => {
    const answer = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 3 }));
    fc.assert(
      fc.property(fc.array(answer), (answers) => {
        const rewards = answers.map((a) => a[0] / 4);
        const groups = answers.map((a) => a[1]);
        const { candidates } = hindsightCandidates()({ rewards, groups });
        for (const i of candidates) {
          const best = Math.max(...rewards.filter((_, j) => groups[j] === groups[i]));
          expect(rewards[i]).toBe(best);
          expect(best).toBeLessThan(1);
        }
      }),
    );
  });
});

describe("sampling/hindsight-replacement", () => {
  const base = {
    rewards: [0.5, 0.2],
    shapedRewards: [0.6, 0.3],
    groups: ["a", "a"],
    satisfiedCounts: [1, 0],
    attemptedGroups: ["a"],
    slotOrder: [[0, 1]],
  };
  it("failed revisions fall back to the best original, even onto itself; at most the group is overwritten", () => {
    const out = hindsightReplacement({ top: 9 })({ ...base, revisionGroups: ["a"], revisionRewards: [null] });
    expect(out.slots.map(({ slot, index }) => [slot, index])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(Array.from(out.rewards)).toEqual([0.6, 0.3]);
    expect(out.offPolicy).toEqual([false, false]);
  });
  it("refuses slots of another group and groups that are not there", () => {
    const inputs = { ...base, revisionGroups: [], revisionRewards: [] };
    expect(() => hindsightReplacement()({ ...inputs, slotOrder: [[0, 2]] })).toThrow("inputs.slotOrder[0]");
    expect(() => hindsightReplacement()({ ...inputs, slotOrder: [[0, 0]] })).toThrow("each once");
    expect(() => hindsightReplacement()({ ...inputs, attemptedGroups: ["b"] })).toThrow("inputs.attemptedGroups[0]");
  });
});

describe("sampling/expert-substitution", () => {
  it("keeps the on-policy size of each group while there are rollouts to give up", () => {
    const rollout = fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(rollout), fc.double({ min: 0, max: 1, noNaN: true }), (rollouts, u) => {
        const groups = rollouts.map((r) => r[2]);
        const offPolicy = rollouts.map((r) => r[0]);
        const { keep } = expertSubstitution()({
          rewards: rollouts.map((r) => r[1]),
          groups,
          offPolicy,
          uniforms: [...new Set(groups)].map(() => u),
        });
        for (const group of new Set(groups)) {
          const own = rollouts.filter((r) => r[2] === group && !r[0]).length;
          const accepted = rollouts.filter((r) => r[2] === group && r[0] && r[1] >= 1).length;
          expect(keep.filter((kept, i) => kept && groups[i] === group)).toHaveLength(Math.max(own, accepted));
        }
      }),
    );
  });
});

describe("sampling/demonstration-prompt", () => {
  it("cuts answers by code points and stays zero-shot without examples", () => {
    const shown = demonstrationPrompt({ maxAnswerChars: 2, splitter: "|" })({
      question: "q",
      demonstrations: [{ question: "p", answer: "😀😀😀" }],
    });
    expect(shown.text).toBe("Question: p\nAnswer: 😀😀|Question: q\nAnswer:");
    expect(demonstrationPrompt()({ question: "q", demonstrations: [] }).text).toBe("Question: q\nAnswer:");
  });
});
