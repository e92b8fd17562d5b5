import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRows } from "../core/ragged.ts";
import { gae } from "./gae.ts";
import { reinforcePlusPlus } from "./reinforce-plus-plus.ts";

const number = fc.double({ min: -100, max: 100, noNaN: true });
const rows = fc.array(fc.array(fc.tuple(number, number, fc.boolean()), { maxLength: 8 }), { maxLength: 6 });

describe("credit/gae", () => {
  it("is the discounted return minus the value when lambda is 1", () => {
    const out = gae({ gamma: 0.5, whiten: false })({ tokenRewards: [[0, 0, 4]], values: [[7, 1, 2]] });
    expect(toRows(out.advantages)).toEqual([[1 - 7, 2 - 1, 4 - 2]]);
    expect(toRows(out.returns)).toEqual([[1, 2, 4]]);
  });

  it("computes unmasked tokens as if the masked ones were not there", () => {
    fc.assert(
      fc.property(rows, (data) => {
        const part = gae({ gamma: 0.9, lambda: 0.8, whiten: false });
        const pick = (column: 0 | 1, all: boolean) =>
          data.map((row) => row.filter((token) => all || token[2]).map((token) => token[column]));
        const mask = data.map((row) => row.map((token) => (token[2] ? 1 : 0)));
        const withMask = toRows(part({ tokenRewards: pick(0, true), values: pick(1, true), mask }).advantages);
        const without = toRows(part({ tokenRewards: pick(0, false), values: pick(1, false) }).advantages);
        expect(withMask.map((row, i) => row.filter((_, t) => mask[i][t] === 1))).toEqual(without);
      }),
    );
  });

  it("shows 0 at masked tokens when asked to, whitened or not", () => {
    for (const whiten of [true, false]) {
      const out = gae({ maskedOutput: "zero", whiten })({
        tokenRewards: [[1, 5, 2]],
        values: [[0, 9, 0.5]],
        mask: [[1, 0, 1]],
      });
      expect([toRows(out.advantages)[0][1], toRows(out.returns)[0][1]]).toEqual([0, 0]);
    }
  });

  it("whitens to mean 0 and sample variance 1 over unmasked tokens, and leaves returns alone", () => {
    const inputs = { tokenRewards: [[1, 2, 3], [4]], values: [[0, 0, 0], [0]], mask: [[1, 1, 0], [1]] };
    const plain = gae({ whiten: false })(inputs);
    const white = gae()(inputs);
    const a = toRows(white.advantages);
    const seen = [a[0][0], a[0][1], a[1][0]];
    expect(seen.reduce((x, y) => x + y)).toBeCloseTo(0, 6);
    expect(seen.reduce((x, y) => x + y * y, 0) / 2).toBeCloseTo(1, 6);
    expect(toRows(white.returns)).toEqual(toRows(plain.returns));
  });

  it("gives finite numbers for finite input", () => {
    fc.assert(
      fc.property(rows, (data) => {
        const column = (c: 0 | 1) => data.map((row) => row.map((token) => token[c]));
        const tokens = data.flat().length;
        fc.pre(tokens !== 1);
        const out = gae()({ tokenRewards: column(0), values: column(1) });
        for (const value of out.advantages.values) expect(Number.isFinite(value)).toBe(true);
      }),
    );
  });

  it("refuses to whiten a single token, and rows that do not match", () => {
    expect(() => gae()({ tokenRewards: [[1]], values: [[0]] })).toThrow("at least two unmasked tokens");
    expect(() => gae()({ tokenRewards: [[1], [2, 3]], values: [[0], [0]] })).toThrow(
      "inputs.values[1]: expected 2 entries, got 1",
    );
  });
});

describe("credit/reinforce-plus-plus", () => {
  it("starts the return anew before a masked token", () => {
    const out = reinforcePlusPlus()({ tokenRewards: [[1, 2, 4, 8]], mask: [[1, 1, 0, 1]] });
    // Token 2 is masked: it shows 4 + 8, and nothing of it reaches tokens 0 and 1.
    expect(toRows(out.returns)).toEqual([[3, 2, 12, 8]]);
    expect(toRows(out.advantages)[0][2]).toBe(0);
  });

  it("takes row sums as rewards where only token rewards are given, and keeps a group of one raw", () => {
    const mask = [[1, 1], [1], [1]];
    const groups = ["a", "a", "b"];
    const part = reinforcePlusPlus({ baseline: "group-mean" });
    const fromTokens = part({ tokenRewards: [[1, 1], [0], [5]], mask, groups });
    const fromRewards = part({ rewards: [2, 0, 5], mask, groups });
    expect(toRows(fromTokens.advantages)).toEqual(toRows(fromRewards.advantages));
    // Centred 1, 1, −1, 5 (mean 1.5): the group of one was not centred to 0.
    const [, [second], [third]] = toRows(fromRewards.advantages);
    expect(third / second).toBeCloseTo(3.5 / -2.5, 6);
  });

  it("gives finite numbers for finite input, and 0 where nothing counts", () => {
    fc.assert(
      fc.property(rows, (data) => {
        const mask = data.map((row) => row.map((token) => (token[2] ? 1 : 0)));
        fc.pre(mask.flat().filter((m) => m === 1).length !== 1);
        const out = reinforcePlusPlus({ gamma: 0.99 })({ tokenRewards: data.map((row) => row.map((t) => t[0])), mask });
        toRows(out.advantages).forEach((row, i) => {
          row.forEach((value, t) => {
            expect(Number.isFinite(value)).toBe(true);
            if (mask[i][t] === 0) expect(value).toBe(0);
          });
        });
      }),
    );
  });

  it("names what it needs", () => {
    expect(() => reinforcePlusPlus()({ rewards: [1], mask: [[1]] })).toThrow("inputs.tokenRewards: required");
    const groupMean = reinforcePlusPlus({ baseline: "group-mean" });
    expect(() => groupMean({ rewards: [1], mask: [[1]] })).toThrow("inputs.groups: required");
    expect(() => groupMean({ rewards: [1], groups: [1] })).toThrow("inputs.mask: required");
  });
});
