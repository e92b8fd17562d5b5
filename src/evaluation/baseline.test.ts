import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import { passAtK } from "./pass-at-k.ts";
import { policyValue } from "./policy-value.ts";
import { shapingInvariance } from "./shaping-invariance.ts";

describe("evaluation/pass-at-k", () => {
  it("grows with k, reaches 1 only when failure is impossible, and stays within [0, 1]", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(300), (n, c) => {
        const correct = Math.min(c, n);
        const k = Array.from({ length: n }, (_, i) => i + 1);
        const [row] = passAtK({ k })({ counts: [n], correctCounts: [correct] }).perPrompt;
        expect(row[0]).toBeCloseTo(correct / n, 9);
        row.forEach((value, i) => {
          if (value === null) throw new Error("defined for every k up to n");
          expect(value).toBeGreaterThanOrEqual(i > 0 ? (row[i - 1] ?? 0) - 1e-12 : 0);
          expect(value).toBeLessThanOrEqual(1);
          if (n - correct < k[i]) expect(value).toBe(1);
        });
      }),
    );
  });

  it("is undefined with fewer samples than k, and so is the mean", () => {
    const out = passAtK({ k: [1, 4] })({ counts: [4, 2], correctCounts: [2, 1] });
    expect(out.perPrompt).toEqual([
      [0.5, 1],
      [0.5, null],
    ]);
    expect(out.passAtK).toEqual([0.5, null]);
    expect(passAtK()({ counts: [], correctCounts: [] }).passAtK).toEqual([null]);
  });

  it("names impossible counts", () => {
    expect(() => passAtK()({ counts: [2], correctCounts: [3] })).toThrow(
      "inputs.correctCounts[0]: expected 0 to 2, got 3",
    );
  });
});

/** MDPs of claim 1 of the card: 6 states, 3 actions, N(0, 4) potentials. */
function randomMdp(seed: number) {
  const random = createRandom(seed);
  const states = 6;
  const actions = 3;
  const table = <T>(entry: () => T) => Array.from({ length: states }, () => Array.from({ length: actions }, entry));
  const transitions = table(() => {
    const row = Array.from({ length: states }, () => -Math.log(1 - random.uniform()));
    const total = row.reduce((a, b) => a + b);
    return row.map((p) => p / total);
  });
  const rewardTable = table(() => random.normal());
  const potential = Array.from({ length: states }, () => 2 * random.normal());
  const shapedBy = (gamma: number, own: number) =>
    rewardTable.map((row, s) =>
      row.map(
        (r, a) =>
          r + gamma * transitions[s][a].reduce((sum, p, next) => sum + p * potential[next], 0) - own * potential[s],
      ),
    );
  return { transitions, rewardTable, shapedBy, initial: Array.from({ length: states }, () => 1 / states) };
}

describe("evaluation/shaping-invariance", () => {
  it("holds for every potential, and for few bonuses that are none", () => {
    const part = shapingInvariance({ gamma: 0.9 });
    let bonusKept = 0;
    for (let seed = 0; seed < 100; seed++) {
      const { transitions, rewardTable, shapedBy, initial } = randomMdp(seed);
      const lawful = part({ transitions, rewardTable, shapedRewardTable: shapedBy(0.9, 1), initial });
      expect(lawful.invariant).toBe(true);
      expect(lawful.regret).toBeLessThan(1e-9);
      const bonus = part({ transitions, rewardTable, shapedRewardTable: shapedBy(1, 0), initial });
      expect(bonus.regret).toBeGreaterThanOrEqual(0);
      if (bonus.invariant) bonusKept++;
    }
    expect(bonusKept).toBeLessThan(30);
  });
});

describe("evaluation/policy-value", () => {
  const loop = { transitions: [[[1]]], rewardTable: [[2]], policy: [[1]], initial: [1] };
  it("sums a geometric series, and an episode that ends where a row falls short of 1", () => {
    expect(policyValue({ gamma: 0.75 })(loop).return).toBeCloseTo(8, 12);
    expect(policyValue({ gamma: 1 })({ ...loop, transitions: [[[0.75]]] }).return).toBeCloseTo(8, 12);
  });

  it("says so when the values are infinite, and names rows that are no distributions", () => {
    expect(() => policyValue({ gamma: 1 })(loop)).toThrow("params.gamma: values are infinite");
    expect(() => policyValue({ gamma: 0.5 })({ ...loop, policy: [[0.5]] })).toThrow("inputs.policy[0]");
    expect(() => policyValue({ gamma: 0.5 })({ ...loop, transitions: [[[1.5]]] })).toThrow("inputs.transitions[0][0]");
    expect(() => policyValue({ gamma: 0.5 })({ ...loop, initial: [-1] })).toThrow("inputs.initial[0]");
  });
});
