import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Box } from "./boxes.ts";
import { boxIou, detectionAveragePrecision, detectionMatchScore } from "./detection.ts";

const side = fc.integer({ min: 0, max: 20 });
const box = fc.tuple(side, side, side, side);
const labelled = fc.record({ box, label: fc.constantFrom("cat", "dog") });
const proper = fc.record({
  box: fc.tuple(side, side, side, side).map(([x, y, w, h]): Box => [x, y, x + w + 3, y + h + 3]),
  label: fc.constantFrom("cat", "dog"),
}) as fc.Arbitrary<{ box: [number, number, number, number]; label: string }>;

describe("signal/box-iou", () => {
  it("is symmetric, in [0, 1], and 0 for empty, inverted and null boxes", () => {
    fc.assert(
      fc.property(box, box, fc.constantFrom("continuous" as const, "pixel-inclusive" as const), (a, b, convention) => {
        const [one, two, none] = boxIou({ convention })({ boxes: [a, b, null], targets: [b, a, a] }).rewards;
        expect(one).toBe(two);
        expect(one).toBeGreaterThanOrEqual(0);
        expect(one).toBeLessThanOrEqual(1);
        expect(none).toBe(0);
      }),
    );
    const inverted = boxIou()({
      boxes: [
        [5, 5, 0, 0],
        [1, 1, 1, 9],
      ],
      targets: [
        [0, 0, 5, 5],
        [0, 0, 9, 9],
      ],
    });
    expect(Array.from(inverted.rewards)).toEqual([0, 0]);
  });
});

describe("signal/detection-average-precision", () => {
  const run = (predictions: object[], targets: object[], iou: "coco" | "ap50" = "coco") =>
    detectionAveragePrecision({ iou })({ predictions: [predictions], targets: [targets] } as never).rewards[0];

  it("is 1 for the targets themselves, in [0, 1] always, and false boxes at the end are free", () => {
    fc.assert(
      fc.property(
        fc.array(proper, { minLength: 1, maxLength: 5 }),
        fc.array(labelled, { maxLength: 5 }),
        (targets, others) => {
          expect(run(targets, targets)).toBeCloseTo(1, 9);
          expect(run([...targets, ...others], targets)).toBeCloseTo(1, 9);
          const value = run(others, targets);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(run(others, targets, "ap50") + 1e-9);
        },
      ),
    );
  });

  it("scores empty lists, unknown labels and missing ones", () => {
    const cat = { box: [0, 0, 9, 9], label: "cat" };
    expect(run([], [])).toBe(1);
    expect(run([cat], [])).toBe(0);
    expect(run([], [cat])).toBe(0);
    expect(run([{ ...cat, label: "dog" }], [cat])).toBe(0);
    expect(run([{ box: cat.box }], [{ box: cat.box }])).toBe(1);
    // Half of the targets found: recall .5 covers 51 of 101 points.
    expect(run([cat], [cat, { box: [20, 20, 30, 30], label: "cat" }])).toBeCloseTo(51 / 101, 12);
  });
});

describe("signal/detection-match-score", () => {
  const run = (predictions: object[], targets: object[], params = {}) =>
    detectionMatchScore(params)({ predictions: [predictions], targets: [targets] } as never).rewards[0];

  it("is 1 for the targets themselves; a surplus box costs completeness", () => {
    fc.assert(
      fc.property(fc.array(proper, { minLength: 1, maxLength: 4 }), proper, (targets, extra) => {
        expect(run(targets, targets, { labelWeight: 0 })).toBeGreaterThan(0);
        const alone = [targets[0]];
        expect(run(alone, alone)).toBeCloseTo(1, 12);
        expect(run([...alone, extra], alone)).toBeLessThan(1);
      }),
    );
  });

  it("takes the best pair first and lets a wrong label use it up", () => {
    const target = { box: [0, 0, 100, 100], label: "cat" };
    const near = { box: [0, 0, 100, 90], label: "Cat" };
    expect(run([near, { ...target, label: "dog" }], [target])).toBeCloseTo(0.3 * 0.75, 12);
    expect(run([], [])).toBe(1);
    expect(run([near], [])).toBe(0);
    expect(run([], [target])).toBe(0);
    expect(() => run([near], [target], { positionWeight: 0, completenessWeight: 0 })).toThrow("positive sum");
  });
});
