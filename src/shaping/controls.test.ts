import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRows } from "../core/ragged.ts";
import { gradientNormalization, pessimisticPreconditioning } from "./gradients.ts";
import { patternCalibration, rewardFlip, spuriousReward } from "./noise.ts";
import { occupancyPenalty } from "./occupancy-penalty.ts";
import { resizeMap } from "./resize-map.ts";
import { annealedBonus, dynamicBeta, rewardScaleSchedule } from "./schedules.ts";
import { trustWeightedThinking, varianceTrust } from "./trust.ts";

const value = fc.double({ min: -20, max: 20, noNaN: true });

describe("noise", () => {
  it("flipping twice with the same draws gives the rewards back", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.double({ min: 0, max: 0.999, noNaN: true }))), (rollouts) => {
        const part = rewardFlip({ probability: 0.4, level: "rollout" });
        const groups = rollouts.map(() => "g");
        const uniforms = rollouts.map(([, u]) => u);
        const rewards = rollouts.map(([r]) => Number(r));
        const once = part({ rewards, groups, uniforms });
        expect([...part({ rewards: once.rewards, groups, uniforms }).rewards]).toEqual(rewards);
        expect(once.flipped).toEqual(uniforms.map((u) => u < 0.4));
      }),
    );
    expect(() => rewardFlip({ probability: 1 })({ rewards: [1], groups: ["a"], uniforms: [] })).toThrow("per group");
  });
  it("calibration lifts only what is low, up to the cap", () => {
    const inputs = { rewards: [0.4, 0.49, 0.6], patternScores: [1, 9, 9] };
    expect([...patternCalibration()(inputs).rewards]).toEqual([0.5, 1, 0.6]);
  });
  it("spurious labels: blanks do not vote, ties go to the first seen, a right label is no control", () => {
    const part = spuriousReward({ kind: "majority-incorrect" });
    const out = part({ correct: [false, true, false, false], answers: ["2", "4", null, " "] });
    expect([...out.rewards]).toEqual([1, 0, 0, 0]);
    expect(part({ correct: [true, false], answers: ["4", "2"] }).keep).toEqual([false, false]);
    expect(part({ correct: [false], answers: [null] })).toEqual({ rewards: Float64Array.of(0), keep: [false] });
    expect([...spuriousReward()({ correct: [true, false] }).rewards]).toEqual([1, 0]);
    expect(() => part({ correct: [true] })).toThrow("inputs.answers");
    expect(() => spuriousReward({ kind: "random" })({ correct: [true] })).toThrow("inputs.uniforms");
  });
});

describe("schedules", () => {
  it("the bonus fades to nothing, for correct off-policy rollouts only", () => {
    const inputs = { rewards: [1, 1], correct: [true, true], offPolicy: [true, false] };
    for (const schedule of ["linear", "exponential", "cosine"] as const) {
      expect(annealedBonus({ schedule })({ ...inputs, step: 0 }).rewards[0]).toBe(2);
      expect(annealedBonus({ schedule })({ ...inputs, step: 400 }).rewards[0]).toBeCloseTo(1, 12);
    }
    expect(annealedBonus()({ ...inputs, step: 900 }).decay).toBe(0);
  });
  it("scales end at the end values and stay there", () => {
    const { correctnessMax, correctnessMin, formatMax } = rewardScaleSchedule({ kind: "smooth" })({
      steps: [150, 900],
    });
    expect([[...correctnessMax], [...correctnessMin], [...formatMax]]).toEqual([
      [3, 3],
      [-3, -3],
      [1, 1],
    ]);
  });
  it("β grows with the margin within its bounds", () => {
    fc.assert(
      fc.property(fc.array(value), (margins) => {
        const sorted = margins.sort((a, b) => a - b);
        const { betas } = dynamicBeta()({ margins: sorted });
        betas.forEach((beta, i) => {
          expect(beta).toBeGreaterThanOrEqual(0.1);
          expect(beta).toBeLessThanOrEqual(0.15 + 1e-12);
          if (i > 0) expect(beta).toBeGreaterThanOrEqual(betas[i - 1]);
        });
      }),
    );
  });
});

describe("trust", () => {
  it("falls below 1 only where wrong answers think better, and not below 1/e", () => {
    const reply = fc.tuple(fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(reply), fc.constantFrom("paper", "code"), (replies, variant) => {
        const out = trustWeightedThinking({ variant })({
          outcomeRewards: replies.map(([right]) => (right ? 1 : 0)),
          thinkingRewards: replies.map(([, thinking]) => thinking),
          groups: replies.map(([, , group]) => group),
          step: 10,
        });
        out.trust.forEach((trust, i) => {
          expect(trust).toBeLessThanOrEqual(1);
          expect(trust).toBeGreaterThanOrEqual(Math.exp(-1) - 1e-12);
          expect(out.rewards[i]).toBeGreaterThanOrEqual(replies[i][0] ? 1 : 0);
        });
      }),
    );
  });
  it("ignores a judge that failed, and decays as told", () => {
    const inputs = { outcomeRewards: [1, 0], thinkingRewards: [null, 1], groups: ["a", "a"], step: 3000 };
    const out = trustWeightedThinking({ schedule: "none" })(inputs);
    expect([...out.rewards]).toEqual([1, 0.3]);
    expect(trustWeightedThinking({ schedule: "linear" })(inputs).decay).toBeCloseTo(Math.exp(-1), 12);
    expect(varianceTrust()({ samples: [[], [0.5]] })).toEqual({ variances: [null, 0], trust: [null, 1] });
  });
});

describe("shaping/occupancy-penalty", () => {
  it("is finite and within its clip for every divergence", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -800, max: 800, noNaN: true })),
        fc.constantFrom("sqrt-chi2", "chi2", "kl", "tv", "wasserstein"),
        (discriminatorScores, divergence) => {
          const rewards = discriminatorScores.map(() => 1);
          const out = occupancyPenalty({ divergence, coefficient: 0.5, clip: 2 })({ rewards, discriminatorScores });
          for (const penalty of out.penalties) expect(Math.abs(penalty)).toBeLessThanOrEqual(2);
          if (out.divergence !== null) expect(Number.isFinite(out.divergence)).toBe(true);
        },
      ),
    );
  });
  it("divides by the root of the divergence only where that is positive", () => {
    const away = occupancyPenalty({ coefficient: 1 })({ rewards: [0], discriminatorScores: [Math.log(5)] });
    expect(away.penalties[0]).toBeCloseTo(-2, 12);
    const home = occupancyPenalty({ coefficient: 1 })({ rewards: [0], discriminatorScores: [Math.log(0.5)] });
    expect(home.penalties[0]).toBeCloseTo(0.5, 12);
    expect(occupancyPenalty({ coefficient: 1 })({ rewards: [], discriminatorScores: [] }).divergence).toBeNull();
  });
});

describe("gradients", () => {
  it("directions ignore the scale of each reward", () => {
    const vectors = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(vectors, fc.double({ min: 0.01, max: 100, noNaN: true }), (samples, scale) => {
        fc.pre(samples.every(([x, y]) => Math.hypot(x, y) > 0.01));
        const gradients = [samples, samples.map(([x, y]) => [y * scale, x * scale])];
        const unit = gradientNormalization()({ gradients: [gradients[0], samples.map(([x, y]) => [y, x])] });
        const scaled = gradientNormalization()({ gradients });
        unit.directions.forEach((direction, i) => {
          direction.forEach((x, d) => {
            expect(scaled.directions[i][d]).toBeCloseTo(x, 3);
          });
        });
      }),
    );
  });
  it("leaves a zero gradient at zero and names what does not fit", () => {
    expect([...gradientNormalization({ scope: "batch" })({ gradients: [[[0, 0]]] }).directions[0]]).toEqual([0, 0]);
    expect(() => gradientNormalization()({ gradients: [[[1]]], weights: [0] })).toThrow("inputs.weights");
    expect(() => gradientNormalization()({ gradients: [[[1]], []] })).toThrow("inputs.gradients[1]");
    expect(() => gradientNormalization()({ gradients: [[[1], [1, 2]]] })).toThrow("inputs.gradients[0][1]");
    expect(gradientNormalization()({ gradients: [] })).toEqual({ norms: [], directions: [] });
  });
  it("keeps at most `window` batches and gives an empty batch its state back", () => {
    const part = pessimisticPreconditioning({ scope: "batch", target: 0, window: 2, minimum: null });
    let state: Parameters<typeof part>[0]["state"];
    for (const norm of [1, 2, 3]) ({ state } = part({ rewards: [1], gradientNorms: [norm], state }));
    expect(state?.window).toEqual([4, 9]);
    expect(part({ rewards: [], gradientNorms: [], state }).state).toEqual(state);
    expect([...pessimisticPreconditioning({ target: 1 })({ rewards: [2], gradientNorms: [0] }).rewards]).toEqual([2]);
    const floored = pessimisticPreconditioning({ scope: "batch", target: 0 })({ rewards: [1], gradientNorms: [99] });
    expect([...floored.weights]).toEqual([0.7]);
  });
});

describe("shaping/resize-map", () => {
  it("keeps a map of the same size and stays within its range", () => {
    const map = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
      .chain(([h, w]) => fc.array(fc.array(value, { minLength: w, maxLength: w }), { minLength: h, maxLength: h }));
    fc.assert(
      fc.property(map, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (rows, height, width) => {
        const same = resizeMap({ height: rows.length, width: rows[0].length })({ map: rows });
        toRows(same.map).forEach((row, y) => {
          row.forEach((cell, x) => {
            expect(cell).toBeCloseTo(rows[y][x], 9);
          });
        });
        for (const cell of resizeMap({ height, width })({ map: rows }).map.values) {
          expect(cell).toBeGreaterThanOrEqual(Math.min(...rows.flat()) - 1e-9);
          expect(cell).toBeLessThanOrEqual(Math.max(...rows.flat()) + 1e-9);
        }
      }),
    );
    expect(() => resizeMap({ height: 1, width: 1 })({ map: [] })).toThrow("inputs.map");
    expect(() => resizeMap({ height: 1, width: 1 })({ map: [[1], [1, 2]] })).toThrow("inputs.map[1]");
  });
});
