import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { curatedRetraining, implicitRewardOfPolicy, klOptimalPolicy, logitValue, maxEntIrl } from "./closed-form.ts";

const outcomes = fc.array(
  fc.tuple(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true })),
  { minLength: 1, maxLength: 5 },
);
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
const normalized = (weights: number[]) => weights.map((weight) => weight / sum(weights));

describe("model/kl-optimal-policy and model/implicit-reward-of-policy", () => {
  it("invert each other up to the value", () => {
    fc.assert(
      fc.property(outcomes, fc.double({ min: 0.05, max: 20, noNaN: true }), (rows, beta) => {
        const reference = normalized(rows.map((row) => row[0]));
        const rewards = rows.map((row) => row[1]);
        const { policy, value } = klOptimalPolicy({ beta })({ rewards, reference });
        expect(sum(policy)).toBeCloseTo(1, 10);
        if (Math.min(...policy) < 1e-300) return;
        const back = implicitRewardOfPolicy({ beta })({ policy, reference });
        for (const [k, reward] of rewards.entries())
          expect(Number(back.rewards[k]) + Number(value)).toBeCloseTo(reward, 6);
        expect(Number(back.value)).toBeCloseTo(0, 9);
      }),
    );
  });

  it("survives tiny β, keeps impossible outcomes impossible, names a reference without mass", async () => {
    const out = klOptimalPolicy({ beta: 1e-4 })({ rewards: [1, 0.9, 5], reference: [0.5, 0.5, 0] });
    expect(Array.from(out.policy)).toEqual([1, 0, 0]);
    expect(out.value).toBeCloseTo(1 + 1e-4 * Math.log(0.5), 12);
    expect(() => klOptimalPolicy()({ rewards: [1], reference: [0] })).toThrow("inputs.reference");
    expect(() => klOptimalPolicy()({ rewards: [1], reference: [-1] })).toThrow("inputs.reference[0]");
    expect(klOptimalPolicy()({ rewards: [], reference: [] })).toEqual({ policy: [], value: null, logPartition: null });
    expect(implicitRewardOfPolicy()({ policy: [0, 1, 0], reference: [0.5, 0.5, 0] }).rewards).toEqual([
      null,
      Math.log(2),
      null,
    ]);
    expect(implicitRewardOfPolicy()({ policy: [], reference: [] }).value).toBeNull();
  });
});

describe("model/logit-value", () => {
  it("does not overflow, and refuses a state without actions", async () => {
    const { values, advantages } = logitValue({ beta: 2 })({ logits: [[[1000, 1000]], []] });
    expect(values[0][0]).toBeCloseTo(2000 + 2 * Math.LN2, 9);
    expect(advantages[0][0][0]).toBeCloseTo(-2 * Math.LN2, 12);
    await expect(callPart(logitValue, { inputs: { logits: [[[]]] } })).rejects.toThrow("inputs.logits[0][0]");
  });
});

describe("model/max-ent-irl", () => {
  it("has the gradient of finite differences", () => {
    const inputs = {
      features: [
        [1, 0.5],
        [0, 2],
        [-1, 1],
      ],
      demonstrations: [2, 1, 0],
      prior: [0.2, 0.5, 0.3],
    };
    const at = (theta: number[]) => maxEntIrl({ l2: 0.3 })({ ...inputs, theta });
    const { gradient } = at([0.4, -0.2]);
    for (const k of [0, 1]) {
      const moved = (step: number) => Number(at([0.4, -0.2].map((x, j) => x + (j === k ? step : 0))).logLikelihood);
      expect(gradient?.[k]).toBeCloseTo((moved(1e-6) - moved(-1e-6)) / 2e-6, 7);
    }
  });

  it("has no likelihood without demonstrations; an impossible candidate costs, it does not break", () => {
    const inputs = { features: [[1], [0]], theta: [1] };
    expect(maxEntIrl()({ ...inputs, demonstrations: [0, 0] })).toMatchObject({ gradient: null, logLikelihood: null });
    const impossible = maxEntIrl()({ ...inputs, demonstrations: [1, 0], prior: [0, 1] });
    expect(impossible.logLikelihood).toBeCloseTo(1 + Math.log(1e-300), 6);
    expect(() => maxEntIrl()({ features: [], demonstrations: [], theta: [1] })).toThrow("inputs.features");
    expect(() => maxEntIrl()({ ...inputs, demonstrations: [-1, 0] })).toThrow("inputs.demonstrations[0]");
    expect(() => maxEntIrl()({ features: [[1], [0, 1]], theta: [1], demonstrations: [1, 0] })).toThrow(
      "inputs.features[1]",
    );
  });
});

/** H by enumeration of K − 1 draws. */
function enumerated(p: number[], rewards: number[], choices: number): number[] {
  const b = rewards.map((reward) => Math.exp(reward - Math.max(...rewards)));
  const expectation = (left: number, others: number, own: number): number =>
    left === 0
      ? (choices * own) / (own + others)
      : p.reduce((total, share, j) => total + share * expectation(left - 1, others + b[j], own), 0);
  return b.map((own) => expectation(choices - 1, 0, own));
}

describe("model/curated-retraining", () => {
  it("agrees with enumeration, keeps the mass, is bounded by K and blind to shifts of the reward", () => {
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 4 }), (rows, choices) => {
        const probabilities = normalized(rows.map((row) => row[0]));
        const rewards = rows.map((row) => 4 * row[1]);
        const { multipliers, curated } = curatedRetraining({ choices })({ probabilities, rewards });
        expect(sum(curated)).toBeCloseTo(1, 10);
        const shifted = curatedRetraining({ choices })({ probabilities, rewards: rewards.map((r) => r + 700) });
        for (const [i, expected] of enumerated(probabilities, rewards, choices).entries()) {
          expect(multipliers[i]).toBeCloseTo(expected, 9);
          expect(multipliers[i]).toBeLessThanOrEqual(choices + 1e-9);
          expect(shifted.multipliers[i]).toBeCloseTo(multipliers[i], 9);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("is exact at rewards thousands apart and for very many choices", () => {
    const apart = curatedRetraining({ choices: 2 })({ probabilities: [0.5, 0.25, 0.25], rewards: [0, -2000, -3000] });
    // Against a better sample nothing is kept, against an equal one half, against a worse one all.
    expect(Array.from(apart.multipliers)).toEqual([
      expect.closeTo(2 * (0.25 + 0.5), 9),
      expect.closeTo(2 * (0.125 + 0.25), 9),
      expect.closeTo(2 * 0.125, 9),
    ]);
    const inputs = { probabilities: [0.4, 0.6], rewards: [0, 1] };
    const many = curatedRetraining({ choices: 1_000_000 })(inputs);
    const limit = curatedRetraining()(inputs);
    for (const k of [0, 1]) expect(many.multipliers[k]).toBeCloseTo(limit.multipliers[k], 5);
  });

  it("takes probabilities rounded to a few digits, but no others", () => {
    const rounded = { probabilities: [0.3333, 0.3333, 0.3333], rewards: [0, 0, 0] };
    for (const multiplier of curatedRetraining({ choices: 3 })(rounded).multipliers)
      expect(multiplier).toBeCloseTo(1, 3);
    expect(() => curatedRetraining()({ probabilities: [0.5, 0.4], rewards: [0, 0] })).toThrow("sum to 1");
  });

  it("mixes in real data, needs it when asked for, never invents an outcome", () => {
    const inputs = { probabilities: [1, 0], rewards: [0, 900] };
    for (const choices of [null, 3]) {
      const out = curatedRetraining({ choices })(inputs);
      expect(Array.from(out.probabilities)).toEqual([expect.closeTo(1, 9), 0]);
    }
    const mixed = curatedRetraining({ choices: 1, syntheticRatio: 3 })({ ...inputs, reference: [0, 1] });
    expect(Array.from(mixed.probabilities)).toEqual([0.75, 0.25]);
    expect(() => curatedRetraining({ syntheticRatio: 1 })(inputs)).toThrow("inputs.reference");
    expect(() => curatedRetraining()({ probabilities: [0.5], rewards: [0] })).toThrow("inputs.probabilities");
  });
});
