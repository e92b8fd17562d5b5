import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRows } from "../core/ragged.ts";
import { advicePotential } from "./advice-potential.ts";
import { klInReward } from "./kl-in-reward.ts";
import { overlongPenalty } from "./length.ts";
import { potentialBased } from "./potential-based.ts";

const potentials = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 2, maxLength: 12 });
const discount = fc.double({ min: 0.1, max: 1, noNaN: true });

describe("shaping/potential-based", () => {
  it("telescopes to γ^T Φ_T − Φ_0 for states and look-ahead advice", () => {
    fc.assert(
      fc.property(potentials, discount, fc.boolean(), (phi, gamma, terminated) => {
        for (const form of ["state", "look-ahead"] as const) {
          const out = potentialBased({ gamma, form })({ potentials: phi, terminated });
          const last = terminated ? 0 : phi[phi.length - 1];
          expect(out.discountedShaping).toBeCloseTo(gamma ** (phi.length - 1) * last - phi[0], 8);
        }
      }),
    );
  });

  it("telescopes to γ^(T−1) Φ_(T−1) for look-back advice", () => {
    fc.assert(
      fc.property(potentials, discount, (phi, gamma) => {
        const out = potentialBased({ gamma, form: "look-back" })({ potentials: phi });
        expect(out.discountedShaping).toBeCloseTo(gamma ** (phi.length - 1) * phi[phi.length - 1], 7);
      }),
    );
  });

  it("keeps the last potential of a terminated trajectory only when told to", () => {
    const inputs = { potentials: [1, 3], terminated: true };
    expect(potentialBased({ gamma: 0.5 })(inputs).shaping[0]).toBe(-1);
    expect(potentialBased({ gamma: 0.5, terminal: "keep" })(inputs).shaping[0]).toBe(0.5);
  });

  it("names a wrong number of potentials, and refuses look-back without discount", () => {
    expect(() => potentialBased({ gamma: 1 })({ potentials: [1, 2], stepRewards: [0, 0] })).toThrow(
      "inputs.potentials: expected 3 entries (form state), got 2",
    );
    expect(() => potentialBased({ gamma: 1 })({ potentials: [] })).toThrow("inputs.potentials");
    expect(() => potentialBased({ gamma: 0, form: "look-back" })({ potentials: [1] })).toThrow("params.gamma");
  });
});

describe("shaping/advice-potential", () => {
  it("converges to shaping that equals the advice on a fixed cycle", () => {
    const transitions = [
      { state: 0, action: 0, nextState: 1, nextAction: 0, advice: 1, terminated: false },
      { state: 1, action: 0, nextState: 0, nextAction: 0, advice: -0.5, terminated: false },
    ];
    const part = advicePotential({ gamma: 0.9, learningRate: 0.5 });
    let state = { potentials: [[0], [0]] };
    let shaping = new Float64Array();
    for (let pass = 0; pass < 400; pass++) ({ state, shaping } = part({ state, transitions }));
    expect(shaping[0]).toBeCloseTo(1, 6);
    expect(shaping[1]).toBeCloseTo(-0.5, 6);
  });

  it("leaves the given table alone and names a transition outside it", () => {
    const state = { potentials: [[0, 0]] };
    const part = advicePotential({ gamma: 0.9, learningRate: 1 });
    const step = { state: 0, action: 1, nextState: 0, nextAction: 0, advice: 2, terminated: false };
    expect(part({ state, transitions: [step] }).state.potentials).toEqual([[0, -2]]);
    expect(state.potentials).toEqual([[0, 0]]);
    expect(() => part({ state, transitions: [{ ...step, action: 2 }] })).toThrow("inputs.transitions[0]");
  });
});

describe("shaping/kl-in-reward", () => {
  it("pays nothing to a row whose mask is empty; its mean KL is undefined", () => {
    const inputs = { rewards: [3, 1], logprobs: [[-1], [-2]], refLogprobs: [[-2], [-2]], mask: [[0], [1]] };
    const out = klInReward({ reduction: "mean" })(inputs);
    expect(Array.from(out.rewards)).toEqual([0, 1]);
    expect(Array.from(out.sequenceKl ?? [])).toEqual([null, 0]);
    expect(Array.from(klInReward()(inputs).sequenceKl ?? [])).toEqual([0, 0]);
  });

  it("pays the outcome minus β times the summed log-ratio, wherever the mask lies", () => {
    const token = fc.tuple(
      fc.double({ min: -9, max: 0, noNaN: true }),
      fc.double({ min: -9, max: 0, noNaN: true }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(token, { minLength: 1, maxLength: 9 }), (row) => {
        const mask = [row.map((t) => (t[2] ? 1 : 0))];
        const out = klInReward({ beta: 0.3 })({
          rewards: [2],
          logprobs: [row.map((t) => t[0])],
          refLogprobs: [row.map((t) => t[1])],
          mask,
        });
        const kl = row.reduce((sum, t) => sum + (t[2] ? t[0] - t[1] : 0), 0);
        expect(out.rewards[0]).toBeCloseTo(mask[0].includes(1) ? 2 - 0.3 * kl : 0, 9);
        toRows(out.tokenRewards)[0].forEach((value, t) => {
          if (mask[0][t] === 0) expect(value).toBe(0);
        });
      }),
    );
  });

  it("needs log-probabilities unless beta is 0, and both kinds of them", () => {
    expect(() => klInReward()({ rewards: [1], mask: [[1]] })).toThrow("inputs.logprobs: required unless beta is 0");
    expect(() => klInReward()({ rewards: [1], logprobs: [[0]] })).toThrow("logprobs and refLogprobs together");
    const free = klInReward({ beta: 0 })({ rewards: [1], mask: [[1, 1, 0]] });
    expect(toRows(free.tokenRewards)).toEqual([[0, 1, 0]]);
    expect(free.sequenceKl).toBeUndefined();
  });
});

describe("shaping/overlong-penalty", () => {
  it("falls from 0 to −1 over the cache and stays there", () => {
    const out = overlongPenalty({ maxLength: 100, cache: 20 })({ lengths: [0, 80, 90, 100, 101, 5000] });
    expect(Array.from(out.lengthRewards)).toEqual([0, 0, -0.5, -1, -1, -1]);
  });
});
