import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import {
  annotationAggregation,
  hybridAnnotation,
  logisticPreferenceStrength,
  outcomeConsistencyFilter,
  preferenceLabel,
  preferenceOrientation,
  probeLabels,
  rubricConsistencyFilter,
} from "./annotation.ts";

describe("simulated annotators", () => {
  it("label and strength annotators agree on the probability of the first", () => {
    const draw = fc.double({ min: 0, max: 1, noNaN: true });
    const score = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(score, score, draw, fc.double({ min: 0.1, max: 5, noNaN: true }), (first, second, u, beta) => {
        const { probabilities } = preferenceLabel({ rationality: beta })({
          first: [first],
          second: [second],
          uniforms: [u],
        });
        const { strengths, labels } = logisticPreferenceStrength({ beta })({
          first: [first],
          second: [second],
          uniforms: [u],
        });
        expect(strengths[0]).toSatisfy(Number.isFinite);
        // The same law: label 1 where 1 − u is below the probability.
        if (Math.abs(1 - u - probabilities[0]) > 1e-9) expect(labels[0]).toBe(1 - u < probabilities[0] ? 1 : 0);
      }),
    );
  });

  it("a draw equal to the probability is no vote for the first; extremes saturate", () => {
    const out = preferenceLabel()({ first: [0, 1e4, -1e4], second: [0, 0, 0], uniforms: [0.5, 0.999, 0] });
    expect(Array.from(out.probabilities)).toEqual([0.5, 1, 0]);
    expect(out.labels).toEqual([0, 1, 0]);
  });
});

describe("model/preference-orientation", () => {
  it("0 drops or counts for the second", () => {
    const inputs = { first: [1, 2], second: [3, 4], strengths: [0, -0.5] };
    expect(preferenceOrientation()(inputs)).toEqual({
      chosen: [3, 2],
      rejected: [1, 4],
      margins: [0, 0.5],
      indices: [0, 1],
    });
    expect(preferenceOrientation({ tiePolicy: "drop" })(inputs).indices).toEqual([1]);
  });
});

describe("model/annotation-aggregation", () => {
  const run = (annotations: number[][], params = {}) =>
    callPart(annotationAggregation, { params, inputs: { annotations } });
  it("takes the tightest subset, then the closest, then the earliest; too few annotations drop the row", async () => {
    expect(await run([[2, 2, 1, 1], [1, 1, 2, 2], [1, 1], [], [-3, 0, 3]])).toEqual({
      strengths: [2, 1],
      indices: [0, 1],
    });
  });

  it("rounds halves away from zero and never gives −0", async () => {
    expect(
      await run(
        [
          [1, 2],
          [-1, -2],
          [0, -0.2],
        ],
        { agreeing: 2 },
      ),
    ).toEqual({ strengths: [2, -2, 0], indices: [0, 1, 2] });
    const { strengths } = annotationAggregation({ agreeing: 1 })({ annotations: [[-0.2]] });
    expect(Object.is(strengths[0], 0)).toBe(true);
    await expect(run([new Array(17).fill(1)])).rejects.toThrow("inputs.annotations[0]");
  });
});

describe("filters", () => {
  it("hybrid annotation: null agrees with nothing, not even with null", () => {
    expect(hybridAnnotation()({ rule: [null, true, false], judge: [null, null, false] })).toEqual({
      kept: [2],
      labels: [false],
      agreement: 1 / 3,
    });
    expect(hybridAnnotation()({ rule: [], judge: [] }).agreement).toBeNull();
  });

  it("probe labels name what the table lacks and count empty classes", () => {
    expect(probeLabels({ table: [3, 0] })({ raw: [0, 0] })).toEqual({ labels: [3, 3], counts: [0, 0, 0, 2] });
    expect(() => probeLabels({ table: [0] })({ raw: [1] })).toThrow("inputs.raw[0]");
    expect(() => probeLabels({ table: [0] })({ raw: [-1] })).toThrow("inputs.raw[0]");
  });

  it("rubric consistency needs the group and the pair; null is not right", () => {
    const out = rubricConsistencyFilter({ threshold: 0.6 })({
      groups: [1, 1, "b", "b"],
      predictions: ["A", null, "B", "B"],
      labels: ["A", "A", "B", "B"],
    });
    expect(out).toEqual({ accuracy: { 1: 0.5, b: 1 }, keep: [false, false, true, true] });
  });

  it("outcome consistency: ties go to the param, missing verdicts do not vote", () => {
    const votes = (...verdicts: (number | null)[]) => ({ verifications: verdicts.map((verdict) => ({ verdict })) });
    expect(outcomeConsistencyFilter()(votes(1, -1, 0, null))).toEqual({ verdict: -1, kept: [1] });
    expect(outcomeConsistencyFilter({ ties: 1 })(votes(1, -1, 0, null))).toEqual({ verdict: 1, kept: [0] });
    expect(outcomeConsistencyFilter()(votes(0, null))).toEqual({ verdict: null, kept: [] });
    expect(outcomeConsistencyFilter()(votes())).toEqual({ verdict: null, kept: [] });
  });
});
