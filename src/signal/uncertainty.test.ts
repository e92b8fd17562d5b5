import fc from "fast-check";
import { expect, it } from "vitest";
import { entropyReduction, selfCertainty, stepEntropy, tokenEntropy } from "./uncertainty.ts";

const logits = fc.array(fc.double({ min: -40, max: 40, noNaN: true }), { minLength: 1, maxLength: 6 });

it("measures certainty and entropy within their bounds, whatever is added to all logits", () => {
  fc.assert(
    fc.property(logits, fc.double({ min: -1000, max: 1000, noNaN: true }), (row, shift) => {
      const shifted = [[row.map((value) => value + shift)]];
      const [certainty] = selfCertainty()({ logits: [[row]] }).certainties[0];
      const [entropy] = tokenEntropy()({ logits: [[row]] }).entropies[0];
      expect(certainty).toBeGreaterThanOrEqual(-1e-9);
      expect(entropy).toBeGreaterThanOrEqual(-1e-9);
      expect(entropy).toBeLessThanOrEqual(Math.log(row.length) + 1e-9);
      expect(selfCertainty()({ logits: shifted }).certainties[0][0]).toBeCloseTo(certainty, 7);
      expect(tokenEntropy()({ logits: shifted }).entropies[0][0]).toBeCloseTo(entropy, 7);
      const [raw] = selfCertainty({ uniformBaseline: false })({ logits: [[row]] }).certainties[0];
      expect(raw - certainty).toBeCloseTo(Math.log(row.length), 9);
    }),
  );
});

it("averages entropy over spans, drops empty ones and refuses spans that leave the row", () => {
  const run = (stepSpans: [number, number][][]) => stepEntropy()({ entropies: [[1, 2, 6]], stepSpans }).entropies;
  expect(
    run([
      [
        [0, 2],
        [1, 1],
        [2, 3],
      ],
    ]),
  ).toEqual([[1.5, 6]]);
  expect(run([[]])).toEqual([[]]);
  expect(() => run([[[2, 4]]])).toThrow("inputs.stepSpans[0][0]");
  expect(() => run([[[2, 1]]])).toThrow("inputs.stepSpans[0][0]");
});

it("telescopes information over turns and normalises weights inside", () => {
  const beliefs = [[[1, 1, 1, 1]], [[3, 3, 0, 0]], [[0, 5, 0, 0]]];
  const out = entropyReduction()({ before: beliefs.slice(0, 2), after: beliefs.slice(1) });
  expect(out.entropyBefore).toEqual([2, 1]);
  expect(out.rewards).toEqual([1, 1]);
  expect(entropyReduction({ normalize: true })({ before: [[[1, 0]]], after: [[[1, 1]]] }).rewards).toEqual([0]);
  expect(entropyReduction()({ before: [[[1, 1]]], after: [[[1, 1, 1, 1]]] }).rewards).toEqual([-1]);
});

it("is undefined for an attribute without mass and certain without attributes", () => {
  const out = entropyReduction()({ before: [[[0, 0]], []], after: [[[1, 0]], []] });
  expect(out).toEqual({ entropyBefore: [null, 0], entropyAfter: [0, 0], rewards: [null, 0] });
  expect(() => entropyReduction({ base: 1 })).toThrow(/base/);
});
