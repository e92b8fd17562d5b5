import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { isRagged, toRows } from "../core/ragged.ts";
import { inputZScore, intrinsicReward, linearRescale, runningNormalization } from "./normalization.ts";
import { logSigmoidCentered, preferenceAsReward, rewardFusion } from "./reference.ts";

const numbers = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 12 });
const fresh = { n: 0, mean: 0, m2: 0, min: null, max: null };

describe("shaping/running-normalization", () => {
  it("knows the moments of everything it saw, however it came", () => {
    fc.assert(
      fc.property(fc.array(numbers, { maxLength: 5 }), (batches) => {
        const part = runningNormalization({ mode: "minmax" });
        let state: Parameters<typeof part>[0]["state"] = fresh;
        for (const rewards of batches) state = part({ rewards, state }).state;
        const all = batches.flat();
        const mean = all.reduce((sum, x) => sum + x, 0) / Math.max(1, all.length);
        expect(state.n).toBe(all.length);
        expect(state.mean).toBeCloseTo(mean, 8);
        expect(state.m2).toBeCloseTo(
          all.reduce((sum, x) => sum + (x - mean) ** 2, 0),
          5,
        );
        expect(state.min).toBe(all.length === 0 ? null : Math.min(...all));
      }),
    );
  });

  it("stays finite and bounded in every mode", () => {
    fc.assert(
      fc.property(
        numbers,
        fc.constantFrom("meanstd", "clip", "minmax"),
        fc.constantFrom(0, 1),
        (rewards, mode, ddof) => {
          const out = runningNormalization({ mode, ddof: ddof as 0 })({ rewards, state: fresh });
          for (const value of out.rewards) {
            expect(Number.isFinite(value)).toBe(true);
            if (mode === "minmax") expect(value >= 0 && value <= 1).toBe(true);
          }
        },
      ),
    );
  });

  it("leaves moments alone where a batch of one has no sample variance", () => {
    const state = { ...fresh, n: 4, mean: 1, m2: 4 };
    const out = runningNormalization({ ddof: 1 })({ rewards: [3], state });
    expect(out.rewards[0]).toBe(2);
    expect([out.state.n, out.state.mean, out.state.m2, out.state.max]).toEqual([4, 1, 4, 3]);
    expect(runningNormalization({ ddof: 1 })({ rewards: [3], state: fresh }).rewards[0]).toBe(3);
  });

  it("divides by 1 where nothing varies, and fills in a state that starts empty", () => {
    expect([...runningNormalization()({ rewards: [2, 2], state: fresh }).rewards]).toEqual([0, 0]);
    expect([...runningNormalization({ mode: "minmax" })({ rewards: [2, 2], state: {} }).rewards]).toEqual([0, 0]);
  });
});

describe("shaping/intrinsic-reward", () => {
  it("scales by the running deviation and keeps the form of its input", () => {
    const part = intrinsicReward();
    const flat = part({ stepRewards: [0, 1], bonuses: [1, 3], state: {} });
    expect(flat.scale).toBeCloseTo(1, 6);
    expect(isRagged(flat.rewards)).toBe(false);
    const rows = part({ stepRewards: [[0], [1]], bonuses: [[1], [3]], state: {} }).rewards;
    expect(isRagged(rows) && toRows(rows).flat()).toEqual(Array.from(flat.rewards as Float64Array));
  });
  it("starts without a state, at the edges too", async () => {
    const inputs = { stepRewards: [0, 1], bonuses: [1, 3] };
    expect(await callPart(intrinsicReward, { inputs })).toEqual(
      await callPart(intrinsicReward, { inputs: { ...inputs, state: {} } }),
    );
    expect(await callPart(runningNormalization, { inputs: { rewards: [1, 3] } })).toEqual(
      await callPart(runningNormalization, { inputs: { rewards: [1, 3], state: {} } }),
    );
  });
  it("leaves rewards alone where there is no bonus, and checks shapes", () => {
    const out = intrinsicReward({ clip: 1 })({ stepRewards: [0.5], bonuses: [0], state: {} });
    expect([...(out.rewards as Float64Array)]).toEqual([0.5]);
    expect(() => intrinsicReward()({ stepRewards: [0], bonuses: [0, 1], state: {} })).toThrow("inputs.bonuses");
    expect(() => intrinsicReward()({ stepRewards: [0], bonuses: [[0]], state: {} })).toThrow("inputs.bonuses");
  });
});

describe("shaping/input-z-score and shaping/linear-rescale", () => {
  it("is zero-mean over prompts with equally many samples", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 2, maxLength: 9 }), (rows) => {
        const out = inputZScore({ epsilon: 0 })({ samples: rows, groups: rows.map(() => 0) });
        const sum = Array.from(out.rewards).reduce((total: number, value) => total + (value ?? 0), 0);
        expect(sum).toBeCloseTo(0, 6);
      }),
    );
  });
  it("knows nothing of a prompt without samples, and nothing special of equal ones", () => {
    const out = inputZScore({ epsilon: 0, ddof: 1 })({ samples: [[], [3], [3, 3]], groups: ["x", "x", "y"] });
    expect(out.rewards).toEqual([null, 0, 0]);
  });
  it("maps ends to ends and refuses an empty range", () => {
    const out = linearRescale({ oldMin: -1, oldMax: 3, newMin: 10, newMax: 2 })({ rewards: [-1, 3, 1] });
    expect([...out.rewards]).toEqual([10, 2, 6]);
    expect(() => linearRescale({ oldMin: 1, oldMax: 1 })({ rewards: [0] })).toThrow("params.oldMax");
  });
});

describe("rewards beside references", () => {
  const transforms = ["sigmoid", "tanh", "arctan", "identity"] as const;
  it("does not change when a constant is added to all rewards of a prompt", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -9, max: 9 }),
        numbers.filter((row) => row.length > 0),
        fc.integer({ min: -50, max: 50 }),
        fc.constantFrom(...transforms),
        (reward, references, shift, transform) => {
          const part = preferenceAsReward({ transform });
          const before = part({ rewards: [reward], referenceRewards: [references] }).rewards[0];
          const after = part({ rewards: [reward + shift], referenceRewards: [references.map((r) => r + shift)] });
          expect(after.rewards[0]).toBeCloseTo(before as number, 8);
        },
      ),
    );
  });
  it("rises with the reward", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -8, max: 8, noNaN: true }),
        fc.double({ min: 0, max: 8, noNaN: true }),
        fc.constantFrom(...transforms),
        (low, more, transform) => {
          const inputs = { rewards: [low, low + more], referenceRewards: [[0.5], [0.5]] };
          const { rewards } = preferenceAsReward({ transform })(inputs);
          expect(rewards[1]).toBeGreaterThanOrEqual(rewards[0] as number);
          const lsc = logSigmoidCentered()(inputs).rewards;
          expect(lsc[1]).toBeGreaterThanOrEqual(lsc[0] as number);
          expect(lsc[1]).toBeLessThanOrEqual(0);
        },
      ),
    );
  });
  it("is null without references, and says what is missing", () => {
    const inputs = { rewards: [1], referenceRewards: [[]] };
    expect(preferenceAsReward()(inputs).rewards[0]).toBeNull();
    expect(logSigmoidCentered()(inputs).rewards[0]).toBeNull();
    expect(() => preferenceAsReward()({ rewards: [1] })).toThrow("inputs.referenceRewards");
    expect(() => preferenceAsReward()({ rewards: [1], referenceRewards: [[1], [1]] })).toThrow("expected 1 rows");
    expect(preferenceAsReward({ centered: false, transform: "fitted-poly" })({ rewards: [-6, 6, 0] }).rewards).toEqual(
      Float64Array.of(0, 1, 0.5),
    );
  });
  it("fuses to a mean between the extremes", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.array(fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))),
        (reward, neighbors) => {
          const out = rewardFusion({ threshold: 0.5, topK: 3 })({
            rewards: [reward],
            neighborRewards: [neighbors.map(([r]) => r)],
            similarities: [neighbors.map(([, s]) => s)],
          });
          const all = [reward, ...neighbors.map(([r]) => r)];
          expect(out.rewards[0]).toBeGreaterThanOrEqual(Math.min(...all) - 1e-12);
          expect(out.rewards[0]).toBeLessThanOrEqual(Math.max(...all) + 1e-12);
          expect(out.neighborsUsed[0]).toBe(Math.min(3, neighbors.filter(([, s]) => s >= 0.5).length));
        },
      ),
    );
  });
});

it("reward-fusion: threshold 0 lets every neighbour in that is not opposed", () => {
  const out = rewardFusion({ threshold: 0 })({ rewards: [1], neighborRewards: [[3, 9]], similarities: [[0, -0.5]] });
  expect(Array.from(out.rewards)).toEqual([1]);
  expect(Array.from(out.neighborsUsed)).toEqual([1]);
});
