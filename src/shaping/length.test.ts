import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { brevityPenalty, cosineLength, lengthPenalty, lengthStep } from "./length.ts";
import { adaptiveTargetLength } from "./length-targets.ts";

const batch = fc
  .array(
    fc.record({
      length: fc.integer({ min: 0, max: 5000 }),
      correct: fc.boolean(),
      group: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 30 },
  )
  .map((rollouts) => ({
    lengths: rollouts.map((r) => r.length),
    correct: rollouts.map((r) => r.correct),
    groups: rollouts.map((r) => r.group),
    rewards: rollouts.map((r) => (r.correct ? 1 : -0.5)),
  }));
const methods = [
  "group-min-max",
  "group-sigmoid",
  "relative-mean",
  "budget-exact",
  "budget-max",
  "truncation",
  "linear-excess",
  "linear-shortfall",
] as const;

describe("length-step with one budget for all", () => {
  const rollouts = { rewards: [1, 1, 0], correct: [true, true, false], lengths: [8, 9, 1] };
  it("is the same as that budget for every rollout", () => {
    expect(lengthStep({ target: 8 })(rollouts)).toEqual(lengthStep()({ ...rollouts, targetLengths: [8, 8, 8] }));
    expect([...lengthStep({ target: 8 })(rollouts).lengthRewards]).toEqual([0.5, 0, 0]);
  });
  it("needs one of the two", () => {
    expect(() => lengthStep()(rollouts)).toThrow("inputs.targetLengths: required where params.target is absent");
  });
});

describe("shaping/length-penalty", () => {
  it("adds finite terms under every method, and rewards are reward plus term", () => {
    fc.assert(
      fc.property(batch, fc.constantFrom(...methods), fc.boolean(), (inputs, method, centered) => {
        const out = lengthPenalty({ method, target: 1000, epsilon: 0, centered, ddof: 0 })(inputs);
        inputs.rewards.forEach((reward, i) => {
          expect(Number.isFinite(out.lengthRewards[i])).toBe(true);
          expect(out.rewards?.[i]).toBeCloseTo(reward + out.lengthRewards[i], 12);
        });
      }),
    );
  });

  it("never pays a right answer more for being longer than another of its group", () => {
    fc.assert(
      fc.property(
        batch,
        fc.constantFrom("group-min-max", "group-sigmoid", "relative-mean", "budget-max", "linear-excess"),
        (inputs, method) => {
          const { lengthRewards } = lengthPenalty({ method, target: 800 })(inputs);
          for (let i = 0; i < lengthRewards.length; i++)
            for (let j = 0; j < lengthRewards.length; j++)
              if (
                inputs.groups[i] === inputs.groups[j] &&
                inputs.correct[i] &&
                inputs.correct[j] &&
                inputs.lengths[i] < inputs.lengths[j]
              )
                expect(lengthRewards[i]).toBeGreaterThanOrEqual(lengthRewards[j] - 1e-12);
        },
      ),
    );
  });

  it("has no term where the group tells nothing: one member, equal lengths, one right answer", () => {
    const one = { lengths: [70], correct: [true], groups: ["a"], rewards: [1] };
    const equal = { lengths: [70, 70], correct: [true, false], groups: ["a", "a"], rewards: [1, 0] };
    for (const inputs of [one, equal])
      for (const method of ["group-min-max", "group-sigmoid", "relative-mean"] as const)
        for (const term of lengthPenalty({ method })(inputs).lengthRewards) expect(Math.abs(term)).toBe(0);
  });

  it("gives two equally long right answers half the sigmoid penalty, also without epsilon", () => {
    const inputs = { lengths: [50, 50], correct: [true, true], groups: [1, 1] };
    const out = lengthPenalty({ method: "group-sigmoid", coef: 0.4, epsilon: 0 })(inputs);
    expect([...out.lengthRewards]).toEqual([-0.2, -0.2]);
    expect(out.rewards).toBeUndefined();
  });

  it("counts an empty answer as infinitely shorter than the mean, clipped", () => {
    const out = lengthPenalty({ method: "relative-mean", coef: 0.2 })({ lengths: [0, 10], groups: [0, 0] });
    expect(out.lengthRewards[0]).toBeCloseTo(0.2, 12);
    expect(out.lengthRewards[1]).toBeCloseTo(-0.1, 12);
  });

  it("takes 0 from wrong answers in budget-max, whatever their reward", () => {
    const out = lengthPenalty({ method: "budget-max", target: 100 })({
      lengths: [10],
      correct: [false],
      rewards: [-0.5],
    });
    expect([out.rewards?.[0], out.lengthRewards[0]]).toEqual([0, 0.5]);
  });

  it("names what the method needs", () => {
    expect(() => lengthPenalty({ method: "group-min-max" })({ lengths: [1], groups: [1] })).toThrow("inputs.correct");
    expect(() => lengthPenalty({ method: "relative-mean" })({ lengths: [1] })).toThrow("inputs.groups");
    expect(() => lengthPenalty({ method: "truncation", target: 3 })({ lengths: [1] })).toThrow("inputs.rewards");
    expect(() => lengthPenalty({ method: "budget-exact" })({ lengths: [1] })).toThrow("params.target");
    expect([...lengthPenalty({ method: "linear-excess" })({ lengths: [300, 400] }).lengthRewards]).toEqual([0, -1]);
  });
});

describe("shaping/length-step", () => {
  const inputs = {
    rewards: [1, 1, 0, 0],
    correct: [true, true, false, false],
    lengths: [10, 11, 10, 11],
    targetLengths: [10, 10, 10, 10],
  };
  it("explores with every long wrong answer where nothing says otherwise", () => {
    expect([...lengthStep({ mode: "explore" })(inputs).lengthRewards]).toEqual([0.5, 0, 0, 0.5]);
    const held = { ...inputs, repeated: [false, false, false, true] };
    expect([...lengthStep({ mode: "explore" })(held).lengthRewards]).toEqual([0.5, 0, 0, 0]);
  });
  it("touches right answers only in the other modes", () => {
    fc.assert(
      fc.property(batch, fc.constantFrom("reward", "penalty", "hybrid"), (given, mode) => {
        const out = lengthStep({ mode, bonus: 0.3 })({ ...given, targetLengths: given.lengths.map(() => 1000) });
        out.lengthRewards.forEach((term, i) => {
          if (!given.correct[i]) expect(term).toBe(0);
        });
      }),
    );
  });
});

describe("shaping/cosine-length and shaping/brevity-penalty", () => {
  it("meets both ends, and the middle in between", () => {
    const part = cosineLength({ maxLength: 100, correctShort: 2, correctLong: 0 });
    const { rewards } = part({ lengths: [0, 50, 100], correct: [true, true, true] });
    expect(rewards[0]).toBe(2);
    expect(rewards[1]).toBeCloseTo(1, 12);
    expect(rewards[2]).toBeCloseTo(0, 12);
  });
  it("charges only wrong answers, at most the maximum", () => {
    fc.assert(
      fc.property(batch, ({ correct, lengths, groups }) => {
        const { lengthRewards } = brevityPenalty({ maxPenalty: 0.7, tolerance: 0.1 })({ correct, lengths, groups });
        lengthRewards.forEach((term, i) => {
          expect(term).toBeLessThanOrEqual(0);
          expect(term).toBeGreaterThanOrEqual(-0.7);
          if (correct[i]) expect(term).toBe(0);
        });
      }),
    );
  });
});

describe("shaping/adaptive-target-length", () => {
  it("asks for nothing of a difficulty that was not monitored, and checks the grid", () => {
    const part = adaptiveTargetLength({ thresholds: [8, 4] });
    const out = part({ coverage: { hard: [1, 0.5] }, maxLength: 100 });
    expect(out.targetLengths).toEqual({ hard: 8 });
    expect(() => part({ coverage: { easy: [1] }, maxLength: 9 })).toThrow("inputs.coverage.easy: expected 2 entries");
  });
  it("never grows when coverage grows", () => {
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(shares, shares, fc.integer({ min: 1, max: 16 }), (low, more, rollouts) => {
        const part = adaptiveTargetLength({ thresholds: [1, 2, 4, 8], rollouts });
        const high = low.map((share, k) => Math.min(1, share + more[k]));
        const before = part({ coverage: { easy: low, medium: low, hard: low }, maxLength: 8 }).targetLengths;
        const after = part({ coverage: { easy: high, medium: high, hard: high }, maxLength: 8 }).targetLengths;
        for (const bucket of ["easy", "medium", "hard"]) expect(after[bucket]).toBeLessThanOrEqual(before[bucket]);
      }),
    );
  });
});
