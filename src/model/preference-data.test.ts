import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { hullVertices } from "./convex-hull.ts";
import {
  convexAugmentation,
  passFailPairs,
  preferenceTreePairs,
  rewardRelabel,
  truncatedNegatives,
} from "./preference-data.ts";

describe("model/pass-fail-pairs", () => {
  it("lists what two loops would, whatever the params, and picks from that list", () => {
    const samples = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2 })), { maxLength: 8 });
    fc.assert(
      fc.property(samples, fc.boolean(), fc.boolean(), (rows, crossPrompt, winTies) => {
        const passed = rows.map((row) => row[0]);
        const groups = rows.map((row) => row[1]);
        const expected: [number, number, number][] = [];
        const all = passed.map((_, i) => i);
        const together = (i: number, j: number) => crossPrompt || groups[i] === groups[j];
        for (const i of all)
          for (const j of all) if (passed[i] && !passed[j] && together(i, j)) expected.push([i, j, 1]);
        if (winTies)
          for (const i of all)
            for (const j of all) if (i < j && passed[i] && passed[j] && together(i, j)) expected.push([i, j, 0.5]);
        const bound = passFailPairs({ crossPrompt, winTies });
        const out = bound({ passed, groups });
        expect(out.total).toBe(expected.length);
        expect(out.pairs.map(([i, j], m) => [i, j, out.labels[m]])).toEqual(expected);
        if (expected.length > 0) {
          const last = bound({ passed, groups, picks: [expected.length - 1] });
          expect([...last.pairs[0], last.labels[0]]).toEqual(expected[expected.length - 1]);
        }
      }),
    );
  });

  it("picks from a list too long to build", () => {
    const n = 100_000;
    const passed = Array.from({ length: n }, (_, i) => i % 2 === 0);
    const out = passFailPairs()({ passed, groups: new Array(n).fill("a"), picks: [0, (n / 2) ** 2 - 1] });
    expect(out.pairs).toEqual([
      [0, 1],
      [n - 2, n - 1],
    ]);
    expect(() => passFailPairs()({ passed: [true], groups: ["a"], picks: [0] })).toThrow("inputs.picks[0]");
  });
});

describe("model/preference-tree-pairs", () => {
  it("handles leaves of different depth, children before parents, and one leaf", () => {
    const out = preferenceTreePairs()({ segments: ["b", "a", "c", "d"], parents: [1, -1, 1, 2] });
    expect(out).toEqual({
      leaves: [0, 3],
      responses: ["ab", "acd"],
      totalPairs: 1,
      pairs: [[0, 1]],
      sharedDepths: [1],
      uniqueSegments: [[1, 2]],
    });
    expect(preferenceTreePairs()({ segments: ["x"], parents: [-1] })).toMatchObject({ totalPairs: 0, pairs: [] });
    expect(preferenceTreePairs()({ segments: [], parents: [] })).toMatchObject({ leaves: [], totalPairs: 0 });
  });

  it("refuses cycles and parents that are no nodes", () => {
    expect(() => preferenceTreePairs()({ segments: ["a", "b"], parents: [1, 0] })).toThrow("own ancestor");
    expect(() => preferenceTreePairs()({ segments: ["a"], parents: [0] })).toThrow("own ancestor");
    expect(() => preferenceTreePairs()({ segments: ["a"], parents: [7] })).toThrow("inputs.parents[0]");
  });

  it("climbs a deep chain without recursion", () => {
    const n = 20_000;
    const parents = Array.from({ length: n }, (_, i) => i - 1);
    expect(preferenceTreePairs()({ segments: new Array(n).fill("s"), parents }).responses[0]).toHaveLength(n);
  });
});

describe("model/reward-relabel", () => {
  it("drops pairs of equal scores and fills the template literally", () => {
    const out = rewardRelabel({ template: "{score}/{score} $&" })({ chosenScores: [5, 8], rejectedScores: [5, 2.5] });
    expect(out).toEqual({
      source: [1, 1],
      goals: [8, 2.5],
      preferred: ["chosen", "rejected"],
      conditions: ["8/8 $&", "2.5/2.5 $&"],
    });
    expect(() => rewardRelabel()({ chosenScores: [1], rejectedScores: [0], filterChosen: [1] })).toThrow(
      "filterRejected",
    );
    expect(() => rewardRelabel()({ chosenScores: [1], rejectedScores: [0], filterRejected: [1] })).toThrow(
      "filterChosen",
    );
  });
});

describe("model/truncated-negatives", () => {
  const run = (responses: string[], references?: string[]) => truncatedNegatives()({ responses, references });
  it("cuts at sentence ends, not at decimals, and drops what the answer is in", () => {
    expect(run(["  Take 2.5 apples. Then", "One line", "A?\nB", "…. x", "\n\n"]).negatives).toEqual([
      "Take 2.5 apples.",
      "A?",
      "….",
    ]);
    expect(run(["It is 12. Because.", "Well \nno"], ["12", "  "]).sources).toEqual([1]);
    expect(run(["Well \nno"]).negatives).toEqual(["Well"]);
    expect(run(["It is 12. Because."], [""]).negatives).toEqual(["It is 12."]);
  });

  it("accepts any text and gives proper prefixes", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (responses) => {
        const { negatives, sources } = run(responses);
        for (const [k, negative] of negatives.entries()) {
          const text = responses[sources[k]].trim();
          expect(text.startsWith(negative)).toBe(true);
          expect(negative.length).toBeLessThan(text.length);
        }
      }),
    );
    expect(run([".".repeat(200_000)]).negatives).toEqual([]);
  });
});

describe("model/convex-augmentation", () => {
  const vertices = (embeddings: number[][], components?: number) =>
    callPart(convexAugmentation, { params: components ? { components } : {}, inputs: { embeddings } });
  it("few, collinear, identical and doubled points", async () => {
    expect(await vertices([])).toEqual({ vertices: [], vertexCount: 0 });
    expect(
      await vertices([
        [1, 2],
        [1, 2],
      ]),
    ).toEqual({ vertices: [0, 1], vertexCount: 2 });
    expect(
      (
        await vertices([
          [1, 2],
          [1, 2],
          [1, 2],
        ])
      ).vertices,
    ).toEqual([0]);
    const line = [
      [0, 0, 0],
      [1, 2, 3],
      [0.1, 0.2, 0.3],
      [0.7, 1.4, 2.1],
    ];
    expect((await vertices(line)).vertices).toEqual([0, 1]);
    expect((await vertices(line.map((row) => row.map((x) => 1e6 * x + 3e3)))).vertices).toEqual([0, 1]);
    const square = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
      [0.5, 0],
      [1, 1],
      [0.5, 0.5],
    ];
    expect((await vertices(square)).vertices).toEqual([0, 1, 2, 3]);
    expect((await vertices([[0], [5], [2], [-1]])).vertices).toEqual([1, 3]);
    await expect(vertices([[1], [1, 2], [3]])).rejects.toThrow("inputs.embeddings[1]");
  });

  it("the hull's corners do not depend on the order of the points, and all points lie inside", () => {
    const point = fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 }));
    fc.assert(
      fc.property(fc.array(point, { minLength: 3, maxLength: 9 }), (points) => {
        const corners = (list: [number, number][]) => new Set(hullVertices(list).map((i) => list[i].join(",")));
        expect(corners(points.slice().reverse())).toEqual(corners(points));
        // Support function: some corner is extreme in every direction.
        const kept = hullVertices(points).map((i) => points[i]);
        for (let angle = 0; angle < 6; angle += 0.5) {
          const along = ([x, y]: readonly [number, number]) => x * Math.cos(angle) + y * Math.sin(angle);
          expect(Math.max(...kept.map(along))).toBeCloseTo(Math.max(...points.map(along)), 9);
        }
      }),
    );
  });
});
