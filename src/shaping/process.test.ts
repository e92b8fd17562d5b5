import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ragged, toRows } from "../core/ragged.ts";
import { countRatio, hindsightBonus } from "./corrections.ts";
import { abilityAdaptiveThought, clip, delta, outcomePlusProcess, stepAggregation, stepDoubling } from "./process.ts";
import { progressDifference, progressPotential } from "./progress.ts";
import { qualityDelta, subgoalBonus } from "./step-bonuses.ts";
import { tokenMinmax, tokenSelect } from "./token-scores.ts";

const value = fc.double({ min: -5, max: 5, noNaN: true });
const rows = fc.array(fc.array(value, { maxLength: 8 }), { maxLength: 6 });
const sum = (row: readonly number[]) => row.reduce((total, x) => total + x, 0);

describe("clip and delta", () => {
  it("clip never pays", () => {
    fc.assert(
      fc.property(rows, value, (stepRewards, threshold) => {
        for (const reward of clip({ threshold })({ stepRewards }).stepRewards.values)
          expect(reward).toBeLessThanOrEqual(0);
      }),
    );
  });
  it("delta telescopes: the sum from step k on is r_k, and a row of one pays nothing", () => {
    fc.assert(
      fc.property(rows, (stepRewards) => {
        const out = toRows(delta()({ stepRewards }).stepRewards);
        stepRewards.forEach((row, i) => {
          row.forEach((reward, k) => {
            expect(sum(out[i].slice(k))).toBeCloseTo(k === row.length - 1 ? 0 : reward, 9);
          });
        });
      }),
    );
  });
  it("outcome-plus-process: the first return is the sum of everything", () => {
    const out = outcomePlusProcess({ processWeight: 0.5 })({ stepRewards: [[2, 4], []], rewards: [10, 7] });
    expect(toRows(out.stepRewards)).toEqual([[1, 12], []]);
    expect(toRows(out.returns)).toEqual([[13, 12], []]);
  });
});

type Aggregate = NonNullable<NonNullable<Parameters<typeof stepAggregation>[0]>["aggregate"]>;

describe("shaping/step-aggregation", () => {
  const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 });
  it("means lie between min and max, the product below the geometric mean", () => {
    fc.assert(
      fc.property(probabilities, (row) => {
        const by = (aggregate: Aggregate) =>
          stepAggregation({ aggregate })({ stepRewards: [row] }).rewards[0] as number;
        const [low, high] = [by("min"), by("max")];
        for (const name of ["mean", "geometric-mean", "last", "mean-logit"] as const) {
          expect(by(name)).toBeGreaterThanOrEqual(low - 1e-6);
          expect(by(name)).toBeLessThanOrEqual(high + 1e-6);
        }
        expect(by("prod")).toBeLessThanOrEqual(by("geometric-mean") + 1e-9);
      }),
    );
  });
  it("is finite for certain steps, 0 with a zero step, null for a negative product", () => {
    const of = (aggregate: "mean-odd" | "mean-logit" | "geometric-mean", row: number[]) =>
      stepAggregation({ aggregate })({ stepRewards: [row] }).rewards[0];
    expect(of("mean-odd", [1])).toBeCloseTo((1 - 1e-7) / 1e-7, 0);
    expect(of("mean-logit", [1, 0])).toBeCloseTo(0.5, 9);
    expect(of("geometric-mean", [0, -2])).toBe(0);
    expect(of("geometric-mean", [-1, 2])).toBeNull();
    expect(of("geometric-mean", new Array(2000).fill(0.5))).toBeCloseTo(0.5, 12);
  });
  it("gives a response without steps the named value, and sums before it aggregates when told to", () => {
    expect(stepAggregation()({ stepRewards: [[]] }).rewards).toEqual([null]);
    expect(stepAggregation({ emptyValue: 0.5 })({ stepRewards: [[]] }).rewards).toEqual([0.5]);
    const inputs = { stepRewards: [[3, -5, 4]] };
    expect(stepAggregation({ stepMode: "accumulative", aggregate: "min" })(inputs).rewards).toEqual([-2]);
    expect(inputs.stepRewards).toEqual([[3, -5, 4]]);
  });
});

describe("bonuses per step", () => {
  it("step-doubling: a later step outweighs all earlier ones", () => {
    const { weights } = stepDoubling({ skipFirst: false })({ scores: [[1], [1], [1], [1]] });
    weights.forEach((weight, i) => {
      expect(weight).toBeGreaterThan(sum([...weights.slice(0, i)]));
    });
    expect(() => stepDoubling()({ scores: [[1], [1, 2]] })).toThrow("inputs.scores[1]");
  });
  it("quality-delta: returns telescope to the change of quality plus bonuses", () => {
    const out = qualityDelta({ success: 1, finalize: 10, failure: -1 })({
      qualities: [[0, 0.5, 0.25, 1]],
      success: [[true, false, true]],
      finalized: [[false, true, true]],
    });
    expect(toRows(out.stepRewards)).toEqual([[1.5, -1.25, 10.75]]);
    expect(out.returns[0]).toBe(11);
    const short = { qualities: [[1]], success: [[true]], finalized: [[true]] };
    expect(() => qualityDelta()(short)).toThrow("inputs.qualities[0]: expected 2 entries");
    expect(() => qualityDelta()({ ...short, qualities: [] })).toThrow("inputs.qualities: expected 1 rows");
  });
  it("subgoal-bonus: 'once' pays each subgoal at most once and never more than 'every'", () => {
    const flags = fc.array(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), { maxLength: 6 });
    fc.assert(
      fc.property(flags, (steps) => {
        const inputs = { stepRewards: [steps.map(() => 0)], achieved: [steps] };
        const paid = (mode: "once" | "every" | "ordered") =>
          subgoalBonus({ mode })(inputs).bonuses.values.reduce((a, b) => a + b, 0);
        expect(paid("once")).toBe([0, 1, 2].filter((k) => steps.some((step) => step[k])).length);
        expect(paid("ordered")).toBeLessThanOrEqual(paid("once"));
        expect(paid("every")).toBeGreaterThanOrEqual(paid("once"));
      }),
    );
    const ordered = subgoalBonus({ mode: "ordered" })({ stepRewards: [[0]], achieved: [[[true, true]]] });
    expect(ordered.firstSteps).toEqual([[0, 0]]);
  });
  it("hindsight-bonus and count-ratio by hand", () => {
    expect([...hindsightBonus()({ rewards: [1], candidates: [], revisedRewards: [] }).rewards]).toEqual([1]);
    const failed = { rewards: [1, 0], candidates: [0, 1, 1], revisedRewards: [null, 1, null] };
    expect([...hindsightBonus({ alpha: 0.5 })(failed).rewards]).toEqual([1, 0.5]);
    expect(() => hindsightBonus()({ rewards: [1], candidates: [1], revisedRewards: [1] })).toThrow("candidates[0]");
    const out = countRatio()({ rewards: [1, 1], predictedCounts: [0, 4], targetCounts: [3, 1] });
    expect([...out.factors]).toEqual([1, 0.25]);
  });
  it("thoughts of a wrong solution are paid by the outcome advantage, unknown ones of a right one nothing", () => {
    const out = abilityAdaptiveThought()({
      thoughtLabels: [[-1, 1, -1], [0, 1, 1], []],
      correct: [false, true, false],
      groups: ["a", "a", "b"],
      outcomeAdvantages: [-2, 2, 0],
    });
    expect(toRows(out.thoughtRewards)).toEqual([[-2, 2, 0], [0, 0.5, 0], []]);
    expect([...out.groupAccuracy]).toEqual([0.5, 0.5, 0]);
  });
});

describe("progress", () => {
  const potentials = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 });
  it("shaping telescopes, with the last potential kept or not", () => {
    fc.assert(
      fc.property(potentials, fc.boolean(), (phi, zero) => {
        const part = progressPotential({ gamma: 0.9, terminalPotential: zero ? "zero" : "keep" });
        const steps = phi.length - 1;
        const last = steps === 0 ? phi[0] : zero ? 0 : 0.9 ** steps * phi[steps];
        expect(part({ potentials: phi }).discountedShaping).toBeCloseTo(last - phi[0], 9);
      }),
    );
  });
  it("the plain difference pays for hovering, the potential does not", () => {
    const hovering = { potentials: new Array(50).fill(0.9) };
    hovering.potentials[0] = 0;
    expect(progressDifference({ gamma: 0.9 })(hovering).discountedReturn).toBeCloseTo(0.9, 9);
    expect(progressPotential({ gamma: 0.9 })(hovering).discountedShaping).toBeLessThan(0.01);
    expect(() => progressDifference({ gamma: 1 })({ potentials: [] })).toThrow("inputs.potentials");
  });
});

describe("token scores", () => {
  const masked = fc.array(fc.array(fc.tuple(value, fc.boolean()), { maxLength: 8 }), { maxLength: 5 });
  const columns = (data: [number, boolean][][]) => ({
    scores: data.map((row) => row.map(([score]) => score)),
    mask: data.map((row) => row.map(([, keep]) => (keep ? 1 : 0))),
  });
  it("min-max lies in [0, 1] and touches both ends where scores differ", () => {
    fc.assert(
      fc.property(masked, (data) => {
        const inputs = columns(data);
        const out = toRows(tokenMinmax({ gamma: 2 })(inputs).scores);
        data.forEach((row, i) => {
          const kept = out[i].filter((_, t) => row[t][1]);
          const given = row.filter(([, keep]) => keep).map(([score]) => score);
          for (const score of out[i]) expect(score >= 0 && score <= 1).toBe(true);
          if (new Set(given).size > 1) expect([Math.min(...kept), Math.max(...kept)]).toEqual([0, 1]);
          else for (const score of kept) expect(score).toBe(0);
        });
      }),
    );
  });
  it("the release's minimum stays finite on constant rows", () => {
    fc.assert(
      fc.property(masked, (data) => {
        const { scores } = tokenMinmax({ minimum: "second-smallest", gamma: 0.5 })(columns(data));
        for (const score of scores.values) expect(Number.isFinite(score)).toBe(true);
      }),
    );
    const part = tokenMinmax({ minimum: "second-smallest" });
    expect(
      toRows(
        part({
          scores: [
            [2, 2],
            [1, 2],
          ],
        }).scores,
      ),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
  it("selection keeps at most topK tokens, unchanged, above the threshold", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 4 }), fc.boolean(), (scores, topK, bilateral) => {
        const out: Ragged = tokenSelect({ threshold: 0.5, topK, bilateral })({ scores }).scores;
        toRows(out).forEach((row, i) => {
          const kept = row.filter((score) => score !== 0);
          expect(kept.length).toBeLessThanOrEqual(topK);
          row.forEach((score, t) => {
            if (score !== 0) expect(score).toBe(scores[i][t]);
          });
          for (const score of kept) expect(bilateral ? Math.abs(score) : score).toBeGreaterThan(0.5);
        });
      }),
    );
    expect(toRows(tokenSelect({ topK: 1 })({ scores: [[0.9, 0.9]] }).scores)).toEqual([[0.9, 0]]);
    expect(toRows(tokenSelect({ threshold: 0, topK: 0 })({ scores: [[-1, 2]] }).scores)).toEqual([[-1, 2]]);
  });
});
