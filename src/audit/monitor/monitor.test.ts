import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../core/random.ts";
import { createMonitor, monitorAdvice } from "./monitor.ts";
import { recordOfRollouts } from "./rollouts.ts";
import { createStatistics, type Readings } from "./statistics.ts";
import type { MonitorRecord } from "./types.ts";

/** A run whose reward and gold are lines between given points, with noise; gold every fifth step. */
function run(
  points: readonly { step: number; reward: number; gold?: number }[],
  { noise = 0.03, seed = "run", gold = true }: { noise?: number; seed?: string; gold?: boolean } = {},
): MonitorRecord[] {
  const random = createRandom(seed);
  const last = points[points.length - 1].step;
  return Array.from({ length: last + 1 }, (_, step) => {
    const after = Math.max(
      1,
      points.findIndex((point) => point.step >= step),
    );
    const [from, to] = [points[after - 1], points[after]];
    const share = (step - from.step) / (to.step - from.step);
    const between = (a: number, b: number) => a + share * (b - a) + noise * random.normal();
    return {
      step,
      reward: between(from.reward, to.reward),
      ...(gold && step % 5 === 0 && { gold: between(from.gold ?? from.reward, to.gold ?? to.reward) }),
    };
  });
}

function verdictOf(records: readonly MonitorRecord[]) {
  const monitor = createMonitor();
  for (const record of records) monitor.add(record);
  return monitor.verdict();
}

function lastReadings(records: readonly MonitorRecord[]): Readings {
  const statistics = createStatistics();
  let readings: Readings = {};
  for (const record of records) readings = statistics.add(record);
  return readings;
}

const healthy = [
  { step: 0, reward: 0.2 },
  { step: 100, reward: 0.8 },
  { step: 150, reward: 0.85 },
];
const hacking = [
  { step: 0, reward: 0.2, gold: 0.2 },
  { step: 60, reward: 0.6, gold: 0.6 },
  { step: 150, reward: 1, gold: 0.1 },
];
const collapse = [
  { step: 0, reward: 0.2, gold: 0.2 },
  { step: 60, reward: 0.7, gold: 0.7 },
  { step: 150, reward: 0.1, gold: 0.1 },
];

describe("monitor", () => {
  it("stays a number after rewards near the largest ones there are", () => {
    const monitor = createMonitor();
    for (const record of run([
      { step: 0, reward: 0 },
      { step: 60, reward: 1 },
    ])) {
      const reward = record.step % 20 === 10 ? 1.7e308 : record.reward;
      const score = monitor.add({ ...record, reward, signals: { a: -1.7e308 } })?.score;
      expect(score).toBeLessThan(0.9);
    }
  });

  it("sounds no alarm while gold follows the reward, also over 5,000 steps of noise", () => {
    expect(verdictOf(run(healthy)).alarm).toBe(false);
    const long = [
      { step: 0, reward: 0.2 },
      { step: 1000, reward: 0.8 },
      { step: 5000, reward: 0.8 },
    ];
    for (const seed of ["a", "b", "c"]) expect(verdictOf(run(long, { seed, noise: 0.1 })).alarm).toBe(false);
  });

  it("sounds it when gold falls while the reward rises, with the step from which it did", () => {
    const verdict = verdictOf(run(hacking));
    expect(verdict.alarm).toBe(true);
    expect(verdict.withGold).toBe(true);
    expect(verdict.since).toBeGreaterThanOrEqual(50);
    expect(verdict.since).toBeLessThanOrEqual(80);
    expect(verdict.knownAt).toBeGreaterThan(60);
    expect(verdict.knownAt).toBeLessThan(120);
    expect(verdict.evidence.map(({ statistic }) => statistic)).toContain("divergence");
  });

  it("takes a collapse, where the reward falls too, for no exploit", () => {
    expect(verdictOf(run(collapse)).alarm).toBe(false);
  });

  it("knows less without gold, and says so", () => {
    const verdict = verdictOf(run(hacking, { gold: false }));
    expect(verdict.withGold).toBe(false);
    expect(verdict.watched).not.toContain("gold-fall");
    expect(verdict.alarm).toBe(false);
  });

  it("sees a component fall while the total rises", () => {
    const records = run(hacking, { gold: false }).map((record, step) => ({
      ...record,
      signals: { correct: step < 60 ? 0.6 : Math.max(0, 0.6 - (step - 60) / 100), format: step / 150 },
    }));
    const verdict = verdictOf(records);
    expect(verdict.evidence[0].statistic).toBe("component-fall");
    expect(verdict.evidence[0].text).toMatch(/^component correct fell from 0\.6 to /);
    expect(verdict.alarm).toBe(true);
  });

  it("scores a step from that step and earlier ones alone", () => {
    const records = run(hacking);
    const whole = createMonitor();
    const scores = records.map((record) => whole.add(record)?.score);
    const prefix = createMonitor();
    expect(records.slice(0, 90).map((record) => prefix.add(record)?.score)).toEqual(scores.slice(0, 90));
  });

  it("does not depend on the unit of the reward or of gold, nor on where their zero is", () => {
    const records = run(hacking);
    const scaled = records.map(({ step, reward = 0, gold }) => ({
      step,
      reward: 500 * reward - 40,
      ...(gold !== undefined && { gold: 0.001 * gold + 7 }),
    }));
    expect(verdictOf(scaled).knownAt).toBe(verdictOf(records).knownAt);
    expect(verdictOf(scaled).score).toBeCloseTo(verdictOf(records).score, 6);
  });

  it("adds what a second record of a step brings, and leaves repeated and earlier ones out", () => {
    const apart = createMonitor();
    const together = createMonitor();
    for (const record of run(hacking)) {
      const { gold, ...rest } = record;
      together.add(record);
      apart.add(rest);
      if (gold !== undefined) expect(apart.add({ step: record.step, gold })).not.toBeNull();
      expect(apart.add(rest)).toBeNull();
      expect(apart.add({ ...rest, step: record.step - 1 })).toBeNull();
    }
    expect(apart.verdict().records).toBe(151);
    expect(apart.verdict().alarm).toBe(true);
    expect(Math.abs((apart.verdict().knownAt ?? 0) - (together.verdict().knownAt ?? 0))).toBeLessThan(10);
  });

  it("has less evidence, never more, when a log without gold says less", () => {
    const names = ["signals", "kl", "chi2", "length", "repetition", "groupSpread", "rewardStd", "entropy"] as const;
    fc.assert(
      fc.property(fc.subarray([...names]), fc.integer(), (kept, seed) => {
        const random = createRandom(seed);
        const full = Array.from({ length: 40 }, (_, step) => ({
          step,
          reward: step / 20 + 0.1 * random.normal(),
          rewardStd: 0.5,
          signals: { a: 1 - step / 40, b: step / 20 },
          kl: step,
          chi2: step * step,
          length: 100 + 10 * step,
          repetition: step / 60,
          groupSpread: 1 - step / 60,
          entropy: 2 - step / 30,
        }));
        const less = full.map((record) => ({
          step: record.step,
          reward: record.reward,
          ...Object.fromEntries(kept.map((name) => [name, record[name]])),
        }));
        expect(verdictOf(less).score).toBeLessThanOrEqual(verdictOf(full).score + 1e-12);
      }),
      { numRuns: 30 },
    );
  });

  it("survives numbers that are none, empty records and a single one", () => {
    const monitor = createMonitor();
    expect(monitor.verdict()).toMatchObject({ alarm: false, score: 0, records: 0, lastStep: null });
    monitor.add({ step: 1 });
    monitor.add({ step: 2, reward: Number.NaN, gold: Number.POSITIVE_INFINITY, signals: { a: Number.NaN } });
    expect(monitor.add({ step: Number.NaN, reward: 1 })).toBeNull();
    expect(monitor.verdict().score).toBeGreaterThanOrEqual(0);
    expect(monitor.verdict().score).toBeLessThan(0.5);
  });

  it("advises a trainer to stop once the alarm was reached, and keeps advising it", () => {
    const records = run(hacking);
    expect(monitorAdvice(records.slice(0, 50))).toMatchObject({ stop: false, since: null });
    const advice = monitorAdvice(records);
    expect(advice.stop).toBe(true);
    const recovered = [...records, ...run(healthy).map((record) => ({ ...record, step: record.step + 151 }))];
    expect(monitorAdvice(recovered).stop).toBe(true);
    expect(monitorAdvice(records)).toEqual(advice);
  });
});

describe("statistics", () => {
  const steps = (count: number, record: (step: number) => Omit<MonitorRecord, "step">) =>
    Array.from({ length: count }, (_, step) => ({ step, ...record(step) }));

  it("reach: rises in standard deviations of the first rollouts, from 1.5 to 5", () => {
    const at = (reward: number) =>
      lastReadings(steps(60, (step) => ({ reward: step < 8 ? 0 : reward, rewardStd: 2 }))).reach?.value;
    expect(at(3)).toBe(0);
    expect(at(6.5)).toBeCloseTo((3.25 - 1.5) / 3.5, 5);
    expect(at(20)).toBe(1);
  });

  it("lengths: a factor of 1.3 is nothing, of 5 everything, in both directions", () => {
    const grownBy = (factor: number) =>
      lastReadings(steps(80, (step) => ({ reward: 1, length: step < 8 ? 100 : 100 * factor })));
    expect(grownBy(1.2).longer?.value).toBe(0);
    expect(grownBy(6).longer?.value).toBe(1);
    expect(grownBy(2).longer?.value).toBeCloseTo(Math.log(2 / 1.3) / Math.log(5 / 1.3), 4);
    expect(grownBy(0.5)).toMatchObject({ longer: { value: 0 } });
    expect(grownBy(0.1).shorter?.value).toBe(1);
  });

  it("group collapse and unscored rollouts, in shares", () => {
    const readings = lastReadings(
      steps(80, (step) => ({ reward: 1, groupSpread: step < 8 ? 1 : 0.45, unscored: step < 8 ? 0 : 0.225 })),
    );
    expect(readings["group-collapse"]?.value).toBeCloseTo(0.5, 4);
    expect(readings.unscored?.value).toBeCloseTo(0.5, 4);
  });

  it("gold that falls with the reward is no exploit, gold that falls alone is", () => {
    const alone = lastReadings(steps(60, (step) => ({ reward: 1 + step / 100, gold: step < 20 ? 0.8 : 0.3 })));
    expect(alone["gold-fall"]?.value).toBeCloseTo(1, 6);
    expect(alone.divergence?.value).toBeCloseTo(1, 6);
    expect(alone["gold-fall"]?.text()).toMatch(/^gold fell from 0\.8 to 0\.3 since step 19, /);
    const both = lastReadings(steps(60, (step) => ({ reward: step < 20 ? 1 : 0.2, gold: step < 20 ? 0.8 : 0.3 })));
    expect(both["gold-fall"]?.value).toBe(0);
    expect(both.divergence?.value).toBe(0);
  });

  it("says nothing where its inputs are missing", () => {
    expect(Object.keys(lastReadings(steps(20, () => ({ reward: 1 }))))).toEqual(["second-rise"]);
  });
});

describe("record of rollouts", () => {
  it("takes means over those that know, and the correlation over the probe", () => {
    const rewards = [1, 0, 1, 0, 1, 0, 1, 0];
    const record = recordOfRollouts(
      7,
      [...rewards, null].map((reward, i) => ({
        reward,
        group: i < 4 ? "a" : i === 8 ? "c" : "b",
        length: 10 + i,
        signals: { correct: reward, format: i === 0 ? null : 0.5 },
        ...(i < 8 && { gold: i < 6 ? rewards[i] : 1 - rewards[i] }),
      })),
    );
    expect(record).toMatchObject({
      step: 7,
      reward: 0.5,
      signals: { correct: 0.5, format: 0.5 },
      gold: 0.5,
      groupSpread: 1,
      length: 14,
    });
    // Four pairs agree less two that do not: (6 − 2) / 8 with balanced sides.
    expect(record.correlation).toBeCloseTo(0.5, 9);
    expect(record.unscored).toBeCloseTo(1 / 9, 9);
    // Right ones are rollouts 0, 2, 4 and 7.
    expect(record.correctLength).toBeCloseTo(10 + 13 / 4, 9);
    expect(record.rewardStd).toBeCloseTo(Math.sqrt(2 / 7), 9);
    expect("kl" in record).toBe(false);
  });

  it("counts groups of one for nothing", () => {
    expect(recordOfRollouts(0, [{ reward: 1, group: 1 }]).groupSpread).toBeUndefined();
    expect(recordOfRollouts(0, []).reward).toBeUndefined();
  });
});
