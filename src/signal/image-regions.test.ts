import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectorScore, regionRewardMap, spatialRelation } from "./image-regions.ts";

type Corners = [number, number, number, number];
const at = (x: number, y: number): Corners => [x - 5, y - 5, x + 5, y + 5];
const relation = (word: string, a: Corners, b: Corners) =>
  spatialRelation()({ relations: [word], boxes: [a], referenceBoxes: [b] }).scores[0];

describe("signal/spatial-relation", () => {
  it("left and right, below and top, exclude each other", () => {
    const place = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300 }));
    fc.assert(
      fc.property(place, place, ([ax, ay], [bx, by]) => {
        const words = ["left of", "right of", "below", "top of"];
        expect(words.filter((word) => relation(word, at(ax, ay), at(bx, by)) > 0).length).toBeLessThanOrEqual(1);
        const near = relation("near", at(ax, ay), at(bx, by));
        expect(near).toBeGreaterThan(0);
        expect(near).toBeLessThanOrEqual(1);
        expect(relation("left of", at(ax, ay), at(bx, by))).toBe(relation("right of", at(bx, by), at(ax, ay)));
      }),
    );
  });

  it("discounts overlap and knows no other word", () => {
    // Shifted by 6 of 10: IoU 4/16.
    expect(relation("left of", at(0, 0), at(6, 0))).toBeCloseTo(0.4, 12);
    expect(relation("left of", at(0, 0), at(6, 6))).toBe(0);
    expect(relation("behind", at(0, 0), at(60, 0))).toBe(0);
  });
});

describe("signal/detector-score", () => {
  const detections = [
    { label: "cat", score: 0.5, box: at(0, 0) },
    { label: "cat", score: 0.9, box: at(100, 0) },
    { label: "dog", score: 0.9, box: at(50, 0) },
  ];
  it("uses the most confident boxes and reaches at most .9", () => {
    const run = (word: string) =>
      detectorScore({ task: "spatial" })({ detections, spec: { subject: "cat", object: "dog", relation: word } }).score;
    expect(run("right of")).toBeCloseTo(0.9, 12);
    expect(run("left of")).toBeCloseTo(0.4, 12);
    const alone = detectorScore({ task: "spatial" })({
      detections,
      spec: { subject: "cat", object: "cow", relation: "near" },
    });
    expect(alone.score).toBe(0.2);
  });

  it("is 1 where nothing is asked for, and names what is missing", () => {
    expect(detectorScore()({ detections: [], spec: { nouns: [] } }).score).toBe(1);
    expect(detectorScore({ task: "numeracy" })({ detections: [], spec: { counts: [] } }).score).toBe(1);
    expect(() => detectorScore()({ detections, spec: {} })).toThrow("inputs.spec.nouns");
    expect(() => detectorScore({ task: "spatial" })({ detections, spec: {} })).toThrow("inputs.spec.subject");
  });

  it("counts what survives suppression", () => {
    const count = (nmsThreshold: number) =>
      detectorScore({ task: "numeracy", nmsThreshold })({
        detections: [...detections, { label: "cat", score: 0.4, box: at(1, 0) }],
        spec: { counts: [{ name: "cat", count: 2 }] },
      }).score;
    expect(count(0.5)).toBe(1);
    expect(count(0.9)).toBe(0.2);
  });
});

describe("signal/region-reward-map", () => {
  const region = fc.record({
    box: fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 4 }),
    score: fc.double({ min: -1, max: 1, noNaN: true }),
  });
  it("stays in [0, 1] as released and in [−1, 1] as printed, whatever the boxes", () => {
    fc.assert(
      fc.property(
        fc.array(region, { maxLength: 4 }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (regions, globalScore) => {
          for (const [variant, low] of [
            ["code", 0],
            ["paper", -1],
          ] as const) {
            const { map } = regionRewardMap({ variant })({ regions, globalScore, width: 4, height: 3 });
            expect(map?.map((row) => row.length)).toEqual([4, 4, 4]);
            for (const value of map?.flat() ?? []) {
              expect(value).toBeGreaterThanOrEqual(low);
              expect(value).toBeLessThanOrEqual(1);
            }
          }
        },
      ),
    );
  });

  it("truncates, clips, skips what has no score, and has no map without a global score", () => {
    const regions = [
      { box: [-3, 0.9, 1.9, 1.9], score: 1 },
      { box: [0, 0, 2, 2], score: null },
      { box: null, score: 1 },
    ];
    expect(regionRewardMap()({ regions, globalScore: 1, width: 2, height: 2 }).map).toEqual([
      [1, 0.5],
      [0.5, 0.5],
    ]);
    expect(regionRewardMap()({ regions, globalScore: null, width: 2, height: 2 }).map).toBeNull();
  });
});
