import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRows } from "../core/ragged.ts";
import { checklistAdvantage } from "./checklist.ts";
import { consistencyGatedProgress, progressFusion, progressReconstruction } from "./progress.ts";
import { attentionRedistribution, uniformRedistribution, unitToToken } from "./redistribution.ts";
import { owen, shapley } from "./shapley.ts";

const value = fc.double({ min: -5, max: 5, noNaN: true });
const sum = (row: ArrayLike<number>) => Array.from(row).reduce((total, x) => total + x, 0);
const game = fc.integer({ min: 0, max: 5 }).chain((n) => fc.array(value, { minLength: 2 ** n, maxLength: 2 ** n }));

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}

describe("credit/shapley and credit/owen", () => {
  it("sum to the total, and exact is the mean over all permutations", () => {
    fc.assert(
      fc.property(game, (values) => {
        const units = Math.log2(values.length);
        const exact = shapley()({ values });
        expect(sum(exact.shapley)).toBeCloseTo(exact.total, 8);
        const orders = permutations(Array.from({ length: units }, (_, i) => i));
        const mean = shapley({ method: "permutation" })({ values, permutations: orders });
        exact.shapley.forEach((phi, i) => {
          expect(mean.shapley[i]).toBeCloseTo(phi, 8);
        });
      }),
      { numRuns: 30 },
    );
  });
  it("Owen is Shapley where spans are single units or there is one span, and always sums to the total", () => {
    fc.assert(
      fc.property(game, (values) => {
        const units = Array.from({ length: Math.log2(values.length) }, (_, i) => i);
        const phi = shapley()({ values }).shapley;
        for (const partition of [units.map((unit) => [unit]), units.length > 0 ? [units] : []]) {
          const out = owen()({ values, partition });
          out.owen.forEach((value, i) => {
            expect(value).toBeCloseTo(phi[i], 8);
          });
        }
        const halves = [units.filter((u) => u % 2 === 0), units.filter((u) => u % 2 === 1)].filter((s) => s.length);
        const out = owen()({ values, partition: halves });
        expect(sum(out.owen)).toBeCloseTo(out.total, 8);
      }),
    );
  });
  it("names what is no game, no order, no partition", () => {
    expect(() => shapley()({ values: [1, 2, 3] })).toThrow("inputs.values");
    expect(() => shapley()({ values: [] })).toThrow("inputs.values");
    const part = shapley({ method: "permutation" });
    expect(() => part({ values: [0, 1] })).toThrow("inputs.permutations");
    expect(() => part({ values: [0, 1, 2, 3], permutations: [[0, 0]] })).toThrow("inputs.permutations[0]");
    expect(() => part({ values: [0, 1, 2, 3], permutations: [[0]] })).toThrow("inputs.permutations[0]");
    expect(() => owen()({ values: [0, 1, 2, 3], partition: [[0]] })).toThrow("inputs.partition");
    expect(() => owen()({ values: [0, 1, 2, 3], partition: [[0, 0]] })).toThrow("inputs.partition");
  });
});

describe("redistribution keeps the total", () => {
  it("by attention, unless everything is masked", () => {
    const row = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, row), { maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (data, beta) => {
          const mask = data.map(([, tokens]) => tokens.map(([, keep]) => (keep ? 1 : 0)));
          const attentions = data.map(([, tokens]) => tokens.map(([a]) => a));
          const out = attentionRedistribution({ beta })({ rewards: data.map(([r]) => r), attentions, mask });
          toRows(out.tokenRewards).forEach((tokens, i) => {
            expect(sum(tokens)).toBeCloseTo(mask[i].includes(1 as 0) ? data[i][0] : 0, 9);
          });
        },
      ),
    );
    const none = attentionRedistribution()({ rewards: [2], attentions: [[0, 0]] });
    expect(toRows(none.tokenRewards)).toEqual([[0, 2]]);
  });
  it("by units, whatever they are worth", () => {
    fc.assert(
      fc.property(value, fc.array(fc.tuple(value, fc.nat(7)), { maxLength: 5 }), value, (reward, units, mix) => {
        const out = unitToToken({ mix })({
          rewards: [reward],
          unitValues: [units.map(([v]) => v)],
          unitEnds: [units.map(([, end]) => end)],
          lengths: [8],
        });
        expect(sum(out.tokenRewards.values)).toBeCloseTo(reward, 8);
      }),
    );
    const beyond = { rewards: [1], unitValues: [[1]], unitEnds: [[2]], lengths: [2] };
    expect(() => unitToToken()(beyond)).toThrow("inputs.unitEnds[0][0]: expected a token below 2, got 2");
    expect(
      toRows(unitToToken()({ rewards: [1], unitValues: [[]], unitEnds: [[]], lengths: [0] }).tokenRewards),
    ).toEqual([[]]);
  });
  it("uniformly, in [0, 1]; an episode without steps has none", () => {
    const out = uniformRedistribution()({ returns: [4, 1, 9], lengths: [2, 1, 0], state: {} });
    expect(out).toEqual({ rewards: [1, 0, null], state: { min: 1, max: 2 } });
    expect(uniformRedistribution()({ returns: [4], lengths: [2], state: {} }).rewards).toEqual([0]);
    expect(uniformRedistribution()({ returns: [4], lengths: [2] }).state).toEqual({ min: 2, max: 2 });
  });
});

describe("progress", () => {
  const hop = fc.double({ min: -1, max: 1, noNaN: true });
  const hops = fc.array(fc.tuple(hop, hop, hop), { maxLength: 12 });
  it("never leaves [0, 1] by increments", () => {
    fc.assert(
      fc.property(fc.array(hop), (row) => {
        for (const phi of progressReconstruction()({ hops: row }).progress) expect(phi >= 0 && phi <= 1).toBe(true);
      }),
    );
  });
  it("fuses to the mean of the three chains", () => {
    fc.assert(
      fc.property(hops, fc.constantFrom("fused", "own"), (rows, anchor) => {
        const out = progressFusion({ anchor })({
          incrementalHops: rows.map(([i]) => i),
          forwardHops: rows.map(([, f]) => f),
          backwardHops: rows.map(([, , b]) => b),
        });
        out.progress.forEach((phi, t) => {
          expect(phi).toBeCloseTo((out.incremental[t] + out.forward[t] + out.backward[t]) / 3, 12);
        });
      }),
    );
  });
  it("stands still where estimates contradict each other, and survives a mean of zero", () => {
    const part = consistencyGatedProgress({ alpha: 50, epsilon: 0 });
    const apart = part({ incrementalHops: [0.5], forwardHops: [1], backwardHops: [-1] });
    expect(apart.progress[0]).toBeLessThan(1e-9);
    const zero = part({ incrementalHops: [0.5, 0.5], forwardHops: [-0.5, 0], backwardHops: [-0.5, -1] });
    expect(zero.discrepancy).toEqual([null, 0]);
    expect([...zero.weights]).toEqual([0, 1]);
    const short = { incrementalHops: [1], forwardHops: [], backwardHops: [1] };
    expect(() => progressFusion()(short)).toThrow("inputs.forwardHops: expected 1 entries, got 0");
  });
});

describe("credit/checklist-advantage", () => {
  const checklist = { dependencies: { d: [[[], [0]]] }, weights: { d: [[0.6, 0.4]] } };
  const run = (steps: boolean[][]) => [steps];
  it("never pays an item judged true before its prerequisite, unless the gate is off", () => {
    const labels = [
      run([
        [false, true],
        [true, true],
      ]),
      run([
        [true, false],
        [true, true],
      ]),
    ];
    const inputs = { groups: ["d", "d"], labels, ...checklist };
    expect(checklistAdvantage()(inputs).rewards).toEqual([0.6, 1]);
    expect(checklistAdvantage({ gate: "none" })(inputs).rewards).toEqual([1, 1]);
    expect((checklistAdvantage()(inputs).advantages as number[])[1]).toBeCloseTo(0.2, 12);
  });
  it("completion pays an item again judged true after its prerequisite, and keeps it open until then", () => {
    // Rollout 0: item 1 true too early, and true again once item 0 is done; rollout 1: never again.
    const labels = [
      [
        [
          [false, true],
          [true, false],
          [false, true],
        ],
      ],
      [
        [
          [true, true],
          [true, false],
        ],
      ],
    ];
    const inputs = { groups: ["d", "d"], labels, ...checklist };
    expect(checklistAdvantage({ gate: "flip" })(inputs).rewards).toEqual([0.6, 0.6]);
    const { rewards, advantages } = checklistAdvantage({ gate: "completion", granularity: "step" })(inputs);
    expect(rewards).toEqual([1, 0.6]);
    // Item 0 is earned by both (0); item 1 by one of two (±½), open only after item 0.
    expect(advantages).toEqual([[[0, 0, 0.5]], [[0, -0.5]]]);
  });
  it("sums to zero over a group at trajectory and turn level", () => {
    const labels = fc.array(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(labels, fc.constantFrom("none", "group"), (rollouts, scale) => {
        const inputs = { groups: rollouts.map(() => "d"), labels: rollouts.map((steps) => run(steps)), ...checklist };
        const whole = checklistAdvantage({ scale })(inputs).advantages as number[];
        expect(sum(whole)).toBeCloseTo(0, 9);
        const turns = checklistAdvantage({ scale, granularity: "turn" })(inputs).advantages as number[][];
        expect(sum(turns.flat())).toBeCloseTo(0, 9);
        const steps = checklistAdvantage({ scale, granularity: "step" })(inputs).advantages as number[][][];
        for (const advantage of steps.flat(2)) expect(Number.isFinite(advantage)).toBe(true);
      }),
    );
  });
  it("skips small positions and excluded rollouts; reached turns may be the denominator", () => {
    const two = { dependencies: { d: [[[]], [[]]] }, weights: { d: [[1], [1]] } };
    const inputs = { groups: ["d", "d", "d"], labels: [[[[true]]], [[[true]], [[false]]], [[[false]]]], ...two };
    expect(checklistAdvantage()(inputs).rewards).toEqual([0.5, 0.5, 0]);
    expect(checklistAdvantage({ denominator: "reached" })(inputs).rewards).toEqual([1, 0.5, 0]);
    const turns = checklistAdvantage({ granularity: "turn", minGroup: 2 })(inputs).advantages as number[][];
    expect(turns[1][1]).toBe(0);
    const without = checklistAdvantage()({ ...inputs, include: [true, true, false] });
    expect(without.advantages).toEqual([0, 0, 0]);
    expect(toRows(without.turnRewards)).toEqual([[1], [1, 0], [0]]);
    const sums = checklistAdvantage({ granularity: "step", weighting: "sum" })({
      ...inputs,
      weights: { d: [[2], [1]] },
    }).advantages as number[][][];
    expect(sums[0][0][0]).toBeCloseTo(2 / 3, 12);
  });
  it("names what does not fit the checklist", () => {
    const part = checklistAdvantage();
    const labels = [run([[true, true]])];
    expect(() => part({ groups: ["e"], labels, ...checklist })).toThrow("no checklist for group e");
    expect(() => part({ groups: [], labels, ...checklist })).toThrow("inputs.labels");
    expect(() => part({ groups: ["d"], labels: [[[], []]], ...checklist })).toThrow("at most 1 turns");
    expect(() => part({ groups: ["d"], labels: [run([[true]])], ...checklist })).toThrow("inputs.labels[0][0][0]");
    const loose = { dependencies: { d: [[[], [5]]] }, weights: checklist.weights };
    expect(() => part({ groups: ["d"], labels, ...loose })).toThrow("there is no item 5");
    expect(() => part({ groups: ["d"], labels, dependencies: {}, weights: checklist.weights })).toThrow("dependencies");
    expect(() => part({ groups: ["d"], labels, dependencies: { d: [] }, weights: checklist.weights })).toThrow(
      "no turn",
    );
  });
});
