import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ragged, toRows } from "../core/ragged.ts";
import { latentSimilarity, rewardGain, turningPoints } from "./latent-rewards.ts";
import { minForm, processBaseline, rlooProcess, treeRolloutReward } from "./process-returns.ts";
import { advantageFilter, rewardToGo, signWeighted, valueSmoothing } from "./token-returns.ts";

const value = fc.double({ min: -1, max: 1, noNaN: true });
const rows = fc.array(fc.array(value, { maxLength: 8 }), { maxLength: 6 });
const sum = (row: ArrayLike<number>) => Array.from(row).reduce((total, x) => total + x, 0);

describe("credit/min-form", () => {
  it("weights sum to one and the first return lies between the minimum and the mean", () => {
    fc.assert(
      fc.property(rows, fc.double({ min: 0.001, max: 10, noNaN: true }), (stepRewards, temperature) => {
        const out = minForm({ temperature })({ stepRewards });
        const returns = toRows(out.returns);
        toRows(out.weights).forEach((weights, i) => {
          if (weights.length === 0) return;
          expect(sum(weights)).toBeCloseTo(1, 9);
          expect(returns[i][0]).toBeGreaterThanOrEqual(Math.min(...stepRewards[i]) - 1e-9);
          expect(returns[i][0]).toBeLessThanOrEqual(sum(stepRewards[i]) / weights.length + 1e-9);
        });
      }),
    );
  });
  it("strict is the minimum of what is to come up to the first worst step, and the limit of softmin", () => {
    const inputs = { stepRewards: [[0.5, -0.2, 0.1, -0.2]] };
    expect(toRows(minForm({ form: "strict" })(inputs).returns)).toEqual([[-0.2, -0.2, 0, 0]]);
    const sharp = minForm({ temperature: 1e-9 })({ stepRewards: [[1, -1, 0]] });
    expect(toRows(sharp.weights)).toEqual([[0, 1, 0]]);
  });
});

describe("credit/rloo-process and credit/process-baseline", () => {
  it("keeps a group of one as it is, and whitens to mean 0", () => {
    const alone = rlooProcess({ maxLength: 4, normalize: false })({ tokenRewards: [[1, 2]], groups: ["a"] });
    expect(toRows(alone.advantages)).toEqual([[3, 2]]);
    const groups = ["a", "b", "a"];
    const { advantages } = rlooProcess({ maxLength: 4 })({ tokenRewards: [[0, 1], [2], [0.5, 0, 1]], groups });
    expect(sum(advantages.values)).toBeCloseTo(0, 9);
    expect(sum(advantages.values.map((x) => x * x)) / 5).toBeCloseTo(1, 6);
    expect(toRows(rlooProcess({ maxLength: 1 })({ tokenRewards: [[5]], groups: [1] }).advantages)).toEqual([[0]]);
    const flat = rlooProcess({ maxLength: 1, epsilon: 0 })({ tokenRewards: [[0, 0]], groups: [1] });
    expect(toRows(flat.advantages)).toEqual([[0, 0]]);
    expect(() => rlooProcess({ maxLength: 1 })({ tokenRewards: [[1]], groups: [] })).toThrow("inputs.groups");
  });
  it("subtracts nothing where there are no others, and puts the outcome on the last step", () => {
    const one = { stepRewards: [[1, 2]], stepTokens: [[3, 4]], lengths: [8], groups: ["a"] };
    for (const unit of ["step", "token"] as const) {
      expect(toRows(processBaseline({ unit })(one).stepRewards)).toEqual([[1, 2]]);
      expect(toRows(processBaseline({ unit })({ ...one, rewards: [0] }).stepRewards)).toEqual([[1, 1]]);
    }
    const empty = { stepRewards: [[], [1]], stepTokens: [[], [1]], lengths: [0, 1], groups: ["a", "a"] };
    expect(toRows(processBaseline({ unit: "token" })({ ...empty, rewards: [1, 0] }).returns)).toEqual([[], [0]]);
  });
  it("tree-rollout-reward is the outcome where nothing was verified", () => {
    expect(treeRolloutReward()({ stepVerdicts: [], outcome: -1 }).value).toBe(-1);
  });
});

describe("credit/reward-gain, credit/latent-similarity", () => {
  const trajectories = fc.array(fc.array(value, { minLength: 1, maxLength: 7 }), { maxLength: 5 });
  it("gains telescope to final minus first", () => {
    fc.assert(
      fc.property(trajectories, (latentRewards) => {
        const gains = toRows(rewardGain()({ latentRewards }).stepRewards);
        const next = toRows(rewardGain({ kind: "next" })({ latentRewards }).stepRewards);
        latentRewards.forEach((row, i) => {
          expect(sum(gains[i])).toBeCloseTo(row[row.length - 1] - row[0], 9);
          expect(next[i]).toEqual(row.slice(1));
        });
      }),
    );
    expect(() => rewardGain()({ latentRewards: [[]] })).toThrow("inputs.latentRewards[0]");
  });
  it("shares sum to one, also where nothing moved or the latent is zero", () => {
    const point = fc.tuple(value, value);
    fc.assert(
      fc.property(fc.array(point, { minLength: 2, maxLength: 5 }), value, (row, reward) => {
        const out = latentSimilarity()({ latents: [row], rewards: [reward] });
        const weights = toRows(out.weights)[0];
        fc.pre(weights.every((weight) => Math.abs(weight) < 1e6));
        expect(sum(weights)).toBeCloseTo(1, 6);
        expect(sum(out.stepRewards.values)).toBeCloseTo(reward, 6);
      }),
    );
    const still = latentSimilarity()({ latents: [[[0], [0], [0]]], rewards: [4] });
    expect(toRows(still.stepRewards)).toEqual([[2, 2]]);
    expect(() => latentSimilarity()({ latents: [[]], rewards: [1] })).toThrow("inputs.latents[0]");
  });
  it("a turning point is paid more than its increment and in its direction; the last step never is one", () => {
    fc.assert(
      fc.property(trajectories, fc.boolean(), (latentRewards, balance) => {
        const out = turningPoints({ balance })({ latentRewards });
        const [increments, rewards] = [toRows(out.incremental), toRows(out.stepRewards)];
        out.turningPoints.forEach((row, i) => {
          if (row.length > 0) expect(row[row.length - 1]).toBe(false);
          row.forEach((turning, s) => {
            if (!turning) expect(rewards[i][s]).toBe(increments[i][s]);
            else {
              expect(Math.abs(rewards[i][s])).toBeGreaterThanOrEqual(Math.abs(increments[i][s]));
              expect(Math.sign(rewards[i][s])).toBe(Math.sign(increments[i][s]));
            }
          });
        });
      }),
    );
  });
  it("balances both signs", () => {
    fc.assert(
      fc.property(trajectories, (latentRewards) => {
        const count = (balance: boolean) => {
          const out = turningPoints({ balance })({ latentRewards }).turningPoints;
          const signed = (sign: number) =>
            sum(
              out.map((row, i) => {
                const delta = latentRewards[i][latentRewards[i].length - 1] - latentRewards[i][0];
                return Math.sign(delta) === sign ? row.filter(Boolean).length : 0;
              }),
            );
          return [signed(1), signed(-1)];
        };
        const [up, down] = count(false);
        const least = Math.min(up, down);
        expect(count(true)).toEqual(least === 0 ? [up, down] : [least, least]);
      }),
    );
  });
});

describe("token returns", () => {
  it("return-to-go of the first token is the discounted sum", () => {
    expect(toRows(rewardToGo({ gamma: 0.5 })({ tokenRewards: [[4, 2, 8], []] }).returns)).toEqual([[7, 6, 8], []]);
  });
  it("sign weights keep form and zeros", () => {
    const part = signWeighted({ positiveWeight: 0.5, negativeWeight: 2 });
    expect([...(part({ advantages: [2, 0, -1] }).advantages as Float64Array)]).toEqual([1, 0, -2]);
    expect(toRows(part({ advantages: [[2], [], [-1, 0]] }).advantages as Ragged)).toEqual([[1], [], [-2, 0]]);
  });
  it("filters and stays finite, whatever is masked", () => {
    const masked = fc.array(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 6 }), { maxLength: 5 });
    fc.assert(
      fc.property(masked, fc.constantFrom("standardised", "official"), (data, bounds) => {
        const inputs = {
          advantages: data.map((row) => row.map(([a]) => a)),
          mask: data.map((row) => row.map(([, keep]) => (keep ? 1 : 0))),
        };
        const out = advantageFilter({ bounds, sigma: 2 })(inputs);
        out.advantages.values.forEach((advantage, t) => {
          expect(Number.isFinite(advantage)).toBe(true);
          if (bounds === "standardised") expect(Math.abs(advantage)).toBeLessThanOrEqual(2);
          if (inputs.mask.flat()[t] === 0) expect(advantage).toBe(0);
        });
        expect(out.keptFraction === null).toBe(!inputs.mask.flat().includes(1));
      }),
    );
  });
  it("value smoothing damps and caps", () => {
    const out = valueSmoothing({ clip: 1 })({ advantages: [4, -1], counts: [4, 4] });
    expect([...out.advantages]).toEqual([1, -0.5]);
  });
});
