import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRows } from "../core/ragged.ts";
import { beliefUpdate, boltzmannChoice, inverseChoice } from "./choice.ts";

describe("model/boltzmann-choice", () => {
  it("rows are distributions that follow the utilities", () => {
    const rows = fc.array(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(rows, fc.option(fc.double({ min: 0, max: 50, noNaN: true })), (utilities, rationality) => {
        const out = toRows(boltzmannChoice({ rationality })({ utilities }).probabilities);
        for (const [i, row] of out.entries()) {
          expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
          row.forEach((p, k) => {
            row.forEach((q, l) => {
              if (utilities[i][k] > utilities[i][l]) expect(p).toBeGreaterThanOrEqual(q - 1e-12);
            });
          });
        }
      }),
    );
    expect(toRows(boltzmannChoice({ rationality: 0 })({ utilities: [[1, 9], []] }).probabilities)).toEqual([
      [0.5, 0.5],
      [],
    ]);
  });
});

describe("model/inverse-choice", () => {
  const utilities = [
    [1, 0],
    [0, 1],
    [1, 1],
  ];
  const options = [
    [1, 0],
    [0, 1],
  ];
  it("reads a rational choice exactly, ties allowed", () => {
    const out = inverseChoice({ rationality: null, target: 0 })({ utilities, options, chosen: 0 });
    expect(out).toEqual({
      marginalLikelihood: 2 / 3,
      surprise: 1.5,
      absoluteUtility: 1,
      relativeUtility: 1,
      likelihood: 1,
      posterior: [0.5, 0, 0.5],
    });
  });

  it("what no sample allows, or no sample favours, is undefined", () => {
    const impossible = inverseChoice({ rationality: null, target: 1 })({ utilities: [[1, 0]], options, chosen: 1 });
    expect(impossible).toEqual({
      marginalLikelihood: 0,
      surprise: null,
      absoluteUtility: null,
      relativeUtility: null,
      likelihood: null,
      posterior: [null],
    });
    const nothing = inverseChoice({ target: 0 })({ utilities: [], options, chosen: 0 });
    expect(nothing).toMatchObject({ marginalLikelihood: null, posterior: [] });
    const inputs = { utilities, options, chosen: 2 };
    expect(() => inverseChoice({ target: 0 })(inputs)).toThrow("inputs.chosen");
    expect(() => inverseChoice({ target: 2 })({ ...inputs, chosen: 0 })).toThrow("params.target");
    expect(() => inverseChoice({ target: 0 })({ utilities, options: [[1]], chosen: 0 })).toThrow("inputs.options[0]");
  });
});

describe("model/belief-update", () => {
  it("keeps the belief and flags evidence that excludes everything", () => {
    const out = beliefUpdate()({
      belief: [
        [0, 1],
        [2, 2],
      ],
      evidence: [
        { attribute: 0, likelihood: [1, 0] },
        { attribute: 1, likelihood: [0.5, 1.5] },
      ],
    });
    expect(toRows(out.belief)).toEqual([
      [0, 1],
      [0.25, 0.75],
    ]);
    expect(out.contradiction).toBe(true);
    expect(out.entropy).toBeCloseTo(-0.25 * Math.log2(0.25) - 0.75 * Math.log2(0.75), 12);
  });

  it("names evidence that does not fit", () => {
    const run = (evidence: { attribute: number; likelihood: number[] }[], belief = [[0.5, 0.5]]) =>
      beliefUpdate()({ belief, evidence });
    expect(() => run([{ attribute: 1, likelihood: [1, 1] }])).toThrow("inputs.evidence[0].attribute");
    expect(() => run([{ attribute: 0, likelihood: [1] }])).toThrow("inputs.evidence[0].likelihood");
    expect(() => run([], [[-1, 2]])).toThrow("inputs.belief[0]");
    expect(run([], []).entropy).toBe(0);
  });
});
