import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMonitor } from "./monitor.ts";
import { createGuard } from "./outliers.ts";
import type { MonitorRecord } from "./types.ts";

/** What is let through, value by value. */
function admitted(values: readonly number[]): number[][] {
  const guard = createGuard();
  return values.map((value, step) => guard.admit(step, value).map((sample) => sample.value));
}

const wavy = (count: number) => Array.from({ length: count }, (_, i) => 1 + ((i * 7919) % 13) / 13);

describe("outliers", () => {
  it("leaves out a value far outside of all that was seen, on either side", () => {
    expect(admitted([...wavy(10), 1e6, 1.5]).slice(-2)).toEqual([[], [1.5]]);
    expect(admitted([...wavy(10), -50, 1.5]).slice(-2)).toEqual([[], [1.5]]);
    const guard = createGuard();
    for (const [step, value] of [...wavy(10), 1e6, 1.5].entries()) guard.admit(step, value);
    expect(guard.leftOut).toBe(1);
  });

  it("believes a move with its third value, and then all of it", () => {
    expect(admitted([...wavy(10), 100, 101, 102, 103]).slice(-4)).toEqual([[], [], [100, 101, 102], [103]]);
    // One up and one down are no move.
    expect(admitted([...wavy(10), 100, -100, 100, 1.5]).slice(-4)).toEqual([[], [], [], [1.5]]);
  });

  it("lets through what is noisy, grows, or is rare and large again and again", () => {
    for (const values of [
      wavy(100),
      Array.from({ length: 60 }, (_, i) => i),
      Array.from({ length: 60 }, (_, i) => i ** 2),
      Array.from({ length: 60 }, (_, i) => 1 / (1 + i)),
    ])
      expect(admitted(values).flat()).toEqual(values);
    const rare = Array.from({ length: 100 }, (_, i) => (i % 7 === 6 ? 1 : 0));
    expect(admitted(rare).flat().length).toBeGreaterThanOrEqual(98);
  });

  it("takes back an early value that stands alone beside those after it", () => {
    for (const at of [0, 1, 3]) {
      const guard = createGuard();
      const found: number[] = [];
      wavy(8).forEach((value, step) => {
        guard.admit(step, step === at ? 1e6 : value);
        const sample = guard.retracted();
        if (sample !== null) found.push(sample.step);
      });
      expect(new Set(found)).toEqual(new Set([at]));
    }
    const guard = createGuard();
    for (const [step, value] of wavy(12).entries()) {
      guard.admit(step, value);
      expect(guard.retracted()).toBeNull();
    }
  });

  it("never invents, doubles or reorders a value", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e99, max: 1e99 }), { maxLength: 60 }), (values) => {
        const guard = createGuard();
        const steps = values.flatMap((value, step) => guard.admit(step, value).map((sample) => sample.step));
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
        expect(steps.length + guard.leftOut).toBe(values.length);
      }),
    );
  });
});

describe("monitor with one huge reward", () => {
  /** Gold falls from step 60 on, the reward does not. */
  const hacking: MonitorRecord[] = Array.from({ length: 150 }, (_, step) => ({
    step,
    reward: 0.2 + step / 200 + 0.03 * Math.sin(7 * step),
    ...(step % 5 === 0 && {
      gold: (step < 60 ? 0.2 + step / 150 : 0.6 - (step - 60) / 180) + 0.03 * Math.sin(5 * step),
    }),
  }));
  const verdictOf = (records: readonly MonitorRecord[]) => {
    const monitor = createMonitor();
    for (const record of records) monitor.add(record);
    return monitor.verdict();
  };

  it.each([0, 2, 6, 20, 70, 90])("sees the exploit as soon as without it, where it stands at step %i", (at) => {
    const plain = verdictOf(hacking);
    expect(plain).toMatchObject({ alarm: true, outliers: 0 });
    for (const reward of [1e6, -1e6, 40]) {
      const spiked = verdictOf(hacking.map((record) => (record.step === at ? { ...record, reward } : record)));
      expect(spiked).toMatchObject({ alarm: true, outliers: 1 });
      expect(Math.abs((spiked.knownAt ?? 0) - (plain.knownAt ?? 0))).toBeLessThanOrEqual(2);
    }
  });

  it("sounds no alarm for it where there is none", () => {
    const sound = hacking.map(({ step, reward }) => ({ step, reward, ...(step % 5 === 0 && { gold: reward }) }));
    for (const at of [0, 2, 30, 80])
      for (const reward of [1e6, -1e6]) {
        const verdict = verdictOf(sound.map((record) => (record.step === at ? { ...record, reward } : record)));
        expect(verdict).toMatchObject({ alarm: false, outliers: 1 });
      }
  });
});
