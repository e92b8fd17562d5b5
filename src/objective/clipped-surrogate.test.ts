import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { clippedSurrogate } from "./clipped-surrogate.ts";
import { chiSquaredPenalty, klEstimator } from "./kl.ts";
import { cispo, clippedValue, mixedPolicy, reinforce } from "./policy-gradient.ts";

const logprob = fc.double({ min: -40, max: 0, noNaN: true });
const number = fc.double({ min: -100, max: 100, noNaN: true });

/** Rollouts of 0 to 4 tokens, with masks. */
const batch = fc
  .array(fc.array(fc.record({ l: logprob, o: logprob, r: logprob, m: fc.constantFrom(0, 1) }), { maxLength: 4 }), {
    maxLength: 4,
  })
  .chain((rows) =>
    fc.record({
      logprobs: fc.constant(rows.map((row) => row.map(({ l }) => l))),
      oldLogprobs: fc.constant(rows.map((row) => row.map(({ o }) => o))),
      refLogprobs: fc.constant(rows.map((row) => row.map(({ r }) => r))),
      mask: fc.constant(rows.map((row) => row.map(({ m }) => m))),
      advantages: fc.array(number, { minLength: rows.length, maxLength: rows.length }),
    }),
  );
type Batch = {
  logprobs: number[][];
  oldLogprobs: number[][];
  refLogprobs: number[][];
  mask: number[][];
  advantages: number[];
};

const settings = fc.record({
  clipLow: fc.constantFrom(0.2, 3e-4),
  clipHigh: fc.constantFrom(0.2, 0.28),
  dualClip: fc.constantFrom(null, 3),
  ratio: fc.constantFrom("token" as const, "sequence" as const),
  aggregation: fc.constantFrom(
    "token-mean" as const,
    "seq-mean-token-mean" as const,
    "seq-mean-token-sum" as const,
    "dr-grpo" as const,
  ),
  lossScale: fc.constant(7),
  klCoef: fc.constantFrom(0, 0.04),
  logRatioClamp: fc.constantFrom(20, null),
  klLogRatioClamp: fc.constantFrom(20, null),
  klValueClamp: fc.constantFrom(10, null),
});

/** Every row with a masked token of arbitrary values at its end. */
function padded(rows: Batch, junk: number): Batch {
  const extended = (values: number[][], value: number) => values.map((row) => [...row, value]);
  return {
    logprobs: extended(rows.logprobs, junk),
    oldLogprobs: extended(rows.oldLogprobs, -1),
    refLogprobs: extended(rows.refLogprobs, -junk),
    mask: extended(rows.mask, 0),
    advantages: rows.advantages,
  };
}

function reversed(rows: Batch): Batch {
  const turn = <T>(values: T[]): T[] => values.slice().reverse();
  return {
    logprobs: turn(rows.logprobs),
    oldLogprobs: turn(rows.oldLogprobs),
    refLogprobs: turn(rows.refLogprobs),
    mask: turn(rows.mask),
    advantages: turn(rows.advantages),
  };
}

type Result = { loss: number; gradLogprobs: number[][]; clipFraction: number | null };
const run = async (params: object, inputs: Batch) =>
  (await callPart(clippedSurrogate, { params, inputs })) as unknown as Result;

describe("clipped surrogate", () => {
  it("is finite, and blind to padding and to the order of rollouts", async () => {
    await fc.assert(
      fc.asyncProperty(settings, batch, fc.constantFrom(-1e4, 50), async (params, rows, junk) => {
        const plain = await run(params, rows);
        const wide = await run(params, padded(rows, junk));
        const scale = Math.max(1, Math.abs(plain.loss)) * 1e-9;
        expect(Math.abs(wide.loss - plain.loss)).toBeLessThanOrEqual(scale);
        wide.gradLogprobs.forEach((row, i) => {
          expect(row.at(-1)).toBe(0);
          row.slice(0, -1).forEach((value, t) => {
            const expected = plain.gradLogprobs[i][t];
            expect(Math.abs(value - expected)).toBeLessThanOrEqual(Math.max(1, Math.abs(expected)) * 1e-9);
          });
        });
        const other = await run(params, reversed(rows));
        expect(Math.abs(other.loss - plain.loss)).toBeLessThanOrEqual(scale);
        expect(other.gradLogprobs.length).toBe(plain.gradLogprobs.length);
      }),
      { numRuns: 12 },
    );
  });

  it("gives an empty or fully masked batch loss 0, gradient 0 and no fractions", async () => {
    const nothing = { logprobs: [], oldLogprobs: [], advantages: [] };
    expect(await callPart(clippedSurrogate, { inputs: nothing })).toMatchObject({
      loss: 0,
      gradLogprobs: [],
      clipFraction: null,
    });
    const masked = { logprobs: [[-1, -2]], oldLogprobs: [[-3, -1]], advantages: [2], mask: [[0, 0]] };
    expect(await callPart(clippedSurrogate, { inputs: masked })).toMatchObject({
      loss: 0,
      gradLogprobs: [[0, 0]],
      clipFraction: null,
      approxKl: null,
      ratioOutsideFraction: null,
    });
  });

  it("leaves a fully masked sequence out of sequence means", async () => {
    const inputs = {
      logprobs: [[-1], [-2, -2]],
      oldLogprobs: [[-1], [-2, -2]],
      advantages: [3, 5],
      mask: [[1], [0, 0]],
    };
    const { loss } = await callPart(clippedSurrogate, { params: { aggregation: "seq-mean-token-mean" }, inputs });
    expect(loss).toBe(-3);
    const summed = await callPart(clippedSurrogate, { params: { aggregation: "dr-grpo", lossScale: 2 }, inputs });
    expect(summed.loss).toBe(-3 / 4);
  });

  it("pushes every token of a sequence by −A·s/|y|/N under the sequence ratio", async () => {
    const inputs = {
      logprobs: [
        [-0.5, -0.7],
        [-1, -1, -1],
      ],
      oldLogprobs: [
        [-0.6, -0.7],
        [-1.1, -0.9, -1.03],
      ],
      advantages: [2, -1],
    };
    const params = { ratio: "sequence", aggregation: "seq-mean-token-mean", clipLow: 0.5, clipHigh: 0.5 };
    const { gradLogprobs } = (await callPart(clippedSurrogate, { params, inputs })) as unknown as Result;
    const first = (-2 * Math.exp(0.05)) / 2 / 2;
    const second = Math.exp(0.03 / 3) / 3 / 2;
    for (const value of gradLogprobs[0]) expect(value).toBeCloseTo(first, 12);
    for (const value of gradLogprobs[1]) expect(value).toBeCloseTo(second, 12);
  });

  it("cuts a negative advantage at the dual clip, and holds a ratio that would overflow", async () => {
    const inputs = { logprobs: [[0]], oldLogprobs: [[-900]], advantages: [-1] };
    const cut = await callPart(clippedSurrogate, { params: { dualClip: 3 }, inputs });
    expect(cut).toMatchObject({ loss: 3, gradLogprobs: [[0]], clipFractionLower: 1 });
    const held = await callPart(clippedSurrogate, { params: {}, inputs });
    expect(held.loss).toBeCloseTo(Math.exp(20), 3);
    expect((await callPart(clippedSurrogate, { params: { logRatioClamp: null }, inputs })).loss).toBeGreaterThan(1e300);
  });

  it("needs the reference where a KL term is asked for", async () => {
    const inputs = { logprobs: [[-1]], oldLogprobs: [[-1]], advantages: [1] };
    await expect(callPart(clippedSurrogate, { params: { klCoef: 0.1 }, inputs })).rejects.toThrow("inputs.refLogprobs");
  });
});

describe("KL estimators", () => {
  it("keep the digits of a small log-ratio", async () => {
    const d = 1e-9;
    const { kl } = (await callPart(klEstimator, { inputs: { logprobs: [[-1 + d]], refLogprobs: [[-1]] } })) as {
      kl: number[][];
    };
    const seen = -1 + d + 1;
    expect(kl[0][0]).toBeGreaterThan((0.999 * (seen * seen)) / 2);
    expect(kl[0][0]).toBeLessThan((1.001 * (seen * seen)) / 2);
  });

  it("have the mean of the true divergence over a distribution: k1 and k3", () => {
    const p = [0.5, 0.3, 0.2];
    const q = [0.2, 0.5, 0.3];
    const rows = (values: number[]) => values.map((value) => [Math.log(value)]);
    const exact = p.reduce((sum, value, a) => sum + value * Math.log(value / q[a]), 0);
    for (const estimator of ["k1", "k3"] as const) {
      const { kl } = klEstimator({ estimator })({ logprobs: rows(p), refLogprobs: rows(q) });
      expect(p.reduce((sum, value, a) => sum + value * kl.values[a], 0)).toBeCloseTo(exact, 12);
    }
  });

  it("give null without a counted token, and stay finite where exp would overflow", async () => {
    expect(
      await callPart(klEstimator, { inputs: { logprobs: [[-1]], refLogprobs: [[-2]], mask: [[0]] } }),
    ).toMatchObject({ mean: null });
    expect(await callPart(klEstimator, { inputs: { logprobs: [], refLogprobs: [] } })).toEqual({ kl: [], mean: null });
    const params = { logRatioClamp: null, valueClamp: null };
    await callPart(klEstimator, { params, inputs: { logprobs: [[-2000]], refLogprobs: [[0]] } });
    const clamped = await callPart(klEstimator, { inputs: { logprobs: [[-30]], refLogprobs: [[0]] } });
    expect(clamped).toEqual({ kl: [[10]], mean: 10 });
  });

  it("bound the penalty on whole sequences below by its floor", async () => {
    const inputs = { logprobs: [[-1, -2]], refLogprobs: [[-1, -2]] };
    expect(await callPart(chiSquaredPenalty, { inputs })).toEqual({ logRatios: [0], kl: 0, chi2: 0, loss: 0.01 });
    expect(await callPart(chiSquaredPenalty, { inputs: { logprobs: [], refLogprobs: [] } })).toMatchObject({
      kl: null,
      chi2: null,
    });
    await callPart(chiSquaredPenalty, { inputs: { logprobs: [[-3000]], refLogprobs: [[0]] } });
  });
});

describe("other policy-gradient losses", () => {
  it("give every token of CISPO the gradient −w·A over the count", async () => {
    const inputs = { logprobs: [[-0.1, -3]], oldLogprobs: [[-2, -1]], advantages: [2], mask: [[1, 1]] };
    const { gradLogprobs, clipFraction } = await callPart(cispo, { params: { clipLow: 0.2, clipHigh: 0.3 }, inputs });
    expect(gradLogprobs).toEqual([[-1.3, -0.8]]);
    expect(clipFraction).toBe(1);
  });

  it("weigh tokens by their advantages in REINFORCE, alike for one advantage a rollout or a token", () => {
    const logprobs = [[-1, -2], [-3]];
    const perRollout = reinforce()({ logprobs, advantages: [2, -1] }).loss;
    expect(perRollout).toBeCloseTo((2 + 4 - 3) / 3, 12);
    expect(reinforce()({ logprobs, advantages: [[2, 2], [-1]] }).loss).toBe(perRollout);
    expect(reinforce()({ logprobs: [], advantages: [] }).loss).toBe(0);
  });

  it("peak an off-policy gradient at a quarter of the advantage", async () => {
    const inputs = { logprobs: [[Math.log(0.1)]], oldLogprobs: [[-1]], advantages: [1], offPolicy: [true] };
    const params = { shaping: 0.1, offPolicyDenominator: "one" };
    const { gradLogprobs } = (await callPart(mixedPolicy, { params, inputs })) as { gradLogprobs: number[][] };
    expect(gradLogprobs[0][0]).toBeCloseTo(-0.25, 12);
    const behaviour = callPart(mixedPolicy, { params: { offPolicyDenominator: "behavior" }, inputs });
    await expect(behaviour).rejects.toThrow("inputs.behaviorLogprobs");
    const empty = { logprobs: [], oldLogprobs: [], advantages: [], offPolicy: [] };
    expect(await callPart(mixedPolicy, { inputs: empty })).toEqual({ loss: 0, gradLogprobs: [], clipFraction: 0 });
  });

  it("take the larger square of the value loss, and nothing from masked tokens", async () => {
    const inputs = { values: [[1, 9]], oldValues: [[0, 0]], returns: [[0, 0]], mask: [[1, 0]] };
    expect(await callPart(clippedValue, { inputs })).toEqual({ loss: 0.5, clipFraction: 0 });
    const pulled = { values: [[1]], oldValues: [[0]], returns: [[1]] };
    expect(await callPart(clippedValue, { inputs: pulled })).toMatchObject({ clipFraction: 1 });
    expect(await callPart(clippedValue, { inputs: { values: [], oldValues: [], returns: [] } })).toEqual({
      loss: 0,
      clipFraction: null,
    });
  });
});
