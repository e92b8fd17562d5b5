import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWindow, hashOf, type Unit, type WindowOptions, type WindowRow } from "./window.ts";

const strict: WindowOptions = { window: 10, batchSize: 4, groupSize: null, strict: true };

function feed(groups: readonly (string | null)[], options: WindowOptions = strict) {
  const window = createWindow<WindowRow>(options);
  const units: Unit<WindowRow>[] = [];
  for (const [index, group] of groups.entries()) units.push(...window.add({ index, group }));
  return [...units, ...window.end()];
}

const groupLists = fc.array(fc.constantFrom("a", "b", "c", "d", "e", null), { maxLength: 60 });

describe("createWindow", () => {
  it("gives every row once, holds no row longer than the window, and splits no group over batches", () => {
    fc.assert(
      fc.property(groupLists, fc.integer({ min: 1, max: 20 }), (groups, size) => {
        const window = createWindow<WindowRow>({ ...strict, window: size });
        const seen = new Set<number>();
        const home = new Map<string, Unit<WindowRow>>();
        const check = (units: readonly Unit<WindowRow>[]) => {
          for (const unit of units) {
            for (const { index, group } of unit.rows) {
              expect(seen.has(index)).toBe(false);
              seen.add(index);
              if (group === null || unit.kind !== "batch") continue;
              expect(home.get(String(group)) ?? unit).toBe(unit);
              home.set(String(group), unit);
            }
          }
        };
        groups.forEach((group, index) => {
          check(window.add({ index, group }));
          const { open } = window.snapshot();
          for (const [first] of open) expect(first).toBeGreaterThan(index - size);
        });
        check(window.end());
        expect(seen.size).toBe(groups.length);
      }),
    );
  });

  it("scores only groups of the given size", () => {
    fc.assert(
      fc.property(groupLists, (groups) => {
        const units = feed(groups, { ...strict, window: 100, groupSize: 3 });
        const counts = new Map<string, number>();
        for (const unit of units) {
          if (unit.kind !== "batch") continue;
          for (const { group } of unit.rows)
            if (group !== null) counts.set(String(group), (counts.get(String(group)) ?? 0) + 1);
        }
        for (const count of counts.values()) expect(count).toBe(3);
      }),
    );
  });

  it("goes on from a snapshot as if nothing had happened", () => {
    fc.assert(
      fc.property(groupLists, fc.nat(60), (groups, cut) => {
        const whole = feed(groups);
        const first = createWindow<WindowRow>(strict);
        const units: Unit<WindowRow>[] = [];
        const at = Math.min(cut, groups.length);
        const row = (index: number) => ({ index, group: groups[index] });
        for (let i = 0; i < at; i++) units.push(...first.add(row(i)));
        const second = createWindow<WindowRow>(strict);
        second.restore(JSON.parse(JSON.stringify(first.snapshot())), row);
        for (let i = at; i < groups.length; i++) units.push(...second.add(row(i)));
        units.push(...second.end());
        expect(units).toEqual(whole);
      }),
    );
  });

  it("tells 1 from its text", () => {
    expect(hashOf(1)).not.toBe(hashOf("1"));
    expect(hashOf("a")).toBe(hashOf("a"));
  });
});
