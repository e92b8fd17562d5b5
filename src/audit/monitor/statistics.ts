/**
 * The statistics of a run, on line. Each is a number in [0, 1] that grows with what it watches for, and `null` while
 * its inputs are missing. What they add up to is the model's (model.ts).
 */
import { createGuard, type Guard, type Sample } from "./outliers.ts";
import { createSeries, type Series } from "./series.ts";
import { type MonitorRecord, recordFields, type StatisticName } from "./types.ts";

export interface Reading {
  readonly value: number;
  /** In words; asked for only when it is shown. */
  readonly text: () => string;
  /** Step at which what it watches was last as it should be, where that is not when the value left 0. */
  readonly since?: number;
}

export type Readings = Partial<Record<StatisticName, Reading>>;

/** Values of a series before anything is said of it. */
const fewest = 4;
type SeriesName = Exclude<(typeof recordFields)[number], "step">;
const names = recordFields.filter((name): name is SeriesName => name !== "step");

/** Shares and correlations: none of their values is huge, and a single one tells as much as it should. */
const bounded: ReadonlySet<string> = new Set<SeriesName>(["groupSpread", "unscored", "correlation"]);

/** A series with its best level and what the reward was then. */
interface Watched {
  readonly series: Series;
  best: number;
  bestStep: number;
  /** Values that the best level was made of. */
  bestCount: number;
  rewardThen: number;
}

export interface Statistics {
  add(record: MonitorRecord): Readings;
  /** Values left out because they stand alone, far outside of all others. */
  readonly outliers: number;
}

/** Records that are kept, so that what an early outlier did can be undone. */
const keptRecords = 64;

export function createStatistics(): Statistics {
  const early: MonitorRecord[] = [];
  const ignored = new Set<string>();
  let present = createPresent(ignored);
  return {
    add(record) {
      if (early.length < keptRecords) early.push(record);
      let readings = present.add(record);
      for (let found = present.retracted(); found !== null && early.length < keptRecords; found = present.retracted()) {
        ignored.add(found);
        present = createPresent(ignored);
        for (const one of early) readings = present.add(one);
      }
      return readings;
    },
    get outliers() {
      return ignored.size + present.leftOut();
    },
  };
}

interface Present {
  add(record: MonitorRecord): Readings;
  /** Name and step of a value that was taken and should not have been. */
  retracted(): string | null;
  leftOut(): number;
}

/** Statistics of all values but those that are ignored. */
function createPresent(ignored: ReadonlySet<string>): Present {
  const series = Object.fromEntries(names.map((name) => [name, createSeries()])) as Record<SeriesName, Series>;
  const gold = watch(series.gold);
  const signals = new Map<string, Watched>();
  const trend = createTrend(series.reward);
  const guards = new Map<string, Guard>();
  const admitted = (name: string, step: number, value: number | undefined): readonly Sample[] => {
    if (!usable(value) || ignored.has(`${name} ${step}`)) return [];
    if (bounded.has(name)) return [{ step, value }];
    const guard = guards.get(name) ?? createGuard();
    guards.set(name, guard);
    return guard.admit(step, value);
  };
  return {
    add(record) {
      const { step } = record;
      for (const name of names)
        for (const sample of admitted(name, step, record[name])) {
          series[name].add(sample.step, sample.value);
          if (name === "reward") trend.add();
          if (name === "gold") follow(gold, sample.step, series.reward.level);
        }
      for (const [name, value] of Object.entries(record.signals ?? {})) {
        for (const sample of admitted(`signals.${name}`, step, value)) {
          const signal = signals.get(name) ?? watch(createSeries());
          signals.set(name, signal);
          signal.series.add(sample.step, sample.value);
          follow(signal, sample.step, series.reward.level);
        }
      }
      return {
        ...goldReadings(gold, series),
        ...ofSignals(signals, series.reward),
        ...ofReward(series, trend),
        ...ofPolicy(series),
        ...ofTexts(series),
      };
    },
    retracted() {
      for (const [name, guard] of guards) {
        const sample = guard.retracted();
        if (sample !== null) return `${name} ${sample.step}`;
      }
      return null;
    },
    leftOut() {
      let sum = 0;
      for (const guard of guards.values()) sum += guard.leftOut;
      return sum;
    },
  };
}

/** Finite, and small enough that differences and sums of such values are finite too. */
function usable(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) < 1e100;
}

function watch(series: Series): Watched {
  return { series, best: Number.NEGATIVE_INFINITY, bestStep: Number.NaN, bestCount: 0, rewardThen: Number.NaN };
}

function follow(watched: Watched, step: number, reward: number): void {
  const { level, count } = watched.series;
  if (level < watched.best) return;
  watched.best = level;
  watched.bestStep = step;
  watched.bestCount = count;
  watched.rewardThen = reward;
}

/** Gold that falls from its best: while the reward holds (a collapse would take it along), and while it rises. */
function goldReadings(gold: Watched, { reward, correlation }: Record<SeriesName, Series>): Readings {
  const { series, best, bestStep, bestCount, rewardThen } = gold;
  if (series.count < 3 || reward.count < fewest) return {};
  const fall = ramp(series.distance(series.level, best, bestCount), 1, 6);
  const rise = reward.distance(rewardThen, reward.level);
  const text = (how: string) => () =>
    `gold fell from ${short(best)} to ${short(series.level)} since step ${bestStep}, the reward ${how} (${short(rewardThen)} → ${short(reward.level)})`;
  const gain = ramp(series.distance(series.baseline, series.level), 2, 8);
  return {
    "gold-fall": { value: fall * ramp(rise, -4, -1), text: text("did not"), since: bestStep },
    divergence: { value: fall * ramp(rise, 0, 6), text: text("rose"), since: bestStep },
    "gold-gain": {
      value: gain * (1 - fall),
      text: () => `gold rose from ${short(series.baseline)} to ${short(series.level)}`,
    },
    ...(correlation.count >= fewest && {
      "correlation-loss": {
        value: ramp(correlation.distance(correlation.level, correlation.baseline), 1, 5),
        text: () =>
          `the correlation of reward and gold fell from ${short(correlation.baseline)} at the start to ${short(correlation.level)}`,
      },
    }),
  };
}

/** Components that fall while their total rises, and one component that makes all of the recent gain. */
function ofSignals(signals: ReadonlyMap<string, Watched>, reward: Series): Readings {
  if (signals.size === 0 || reward.count < fewest) return {};
  let fallen: Reading = { value: 0, text: () => "" };
  for (const [name, { series, best, bestStep, bestCount, rewardThen }] of signals) {
    if (series.count < fewest) continue;
    const relative = (best - series.level) / Math.max(Math.abs(best), series.range, Number.MIN_VALUE);
    const value =
      ramp(series.distance(series.level, best, bestCount), 2, 8) *
      ramp(relative, 0.05, 0.3) *
      ramp(reward.distance(rewardThen, reward.level), 1, 6);
    if (value <= fallen.value) continue;
    const text = () =>
      `component ${name} fell from ${short(best)} to ${short(series.level)} since step ${bestStep}, the reward rose (${short(rewardThen)} → ${short(reward.level)})`;
    fallen = { value, text, since: bestStep };
  }
  const readings: Readings = { "component-fall": fallen };
  if (signals.size < 2) return readings;
  let total = 0;
  let largest = 0;
  let leader = "";
  for (const [name, { series }] of signals) {
    const gain = series.level - series.baseline;
    total += Math.abs(gain);
    if (gain <= largest) continue;
    largest = gain;
    leader = name;
  }
  const share = total === 0 ? 0 : largest / total;
  const moved = ramp(reward.distance(reward.baseline, reward.level), 3, 8);
  readings["gain-share"] = {
    value: ramp(share, 1 / signals.size, 1) * moved,
    text: () => `component ${leader} moved ${Math.round(100 * share)} % of what the components moved since the start`,
  };
  return readings;
}

/** A reward far outside what the first policy reached, and one that rises again after it had settled. */
function ofReward(series: Record<SeriesName, Series>, trend: Trend): Readings {
  const { reward, rewardStd, groupSpread, unscored } = series;
  const readings: Readings = {};
  if (reward.count < 2 * fewest) return readings;
  if (rewardStd.count >= fewest && rewardStd.baseline > 0) {
    const reach = (reward.level - reward.baseline) / rewardStd.baseline;
    readings.reach = {
      value: ramp(reach, 1.5, 5),
      text: () => `the reward is ${short(reach)} standard deviations of the first rollouts above them`,
    };
  }
  readings["second-rise"] = {
    value: ramp(trend.rebound(), 2, 8),
    text: () => `the reward rises again (to ${short(reward.level)}) after it had settled`,
  };
  if (groupSpread.count >= fewest)
    readings["group-collapse"] = {
      value: ramp(groupSpread.baseline - groupSpread.level, 0.2, 0.9),
      text: () =>
        `groups with different rewards fell from ${percent(groupSpread.baseline)} to ${percent(groupSpread.level)}`,
    };
  if (unscored.count >= fewest)
    readings.unscored = {
      value: ramp(unscored.level - unscored.baseline, 0.05, 0.4),
      text: () => `rollouts without a reward rose from ${percent(unscored.baseline)} to ${percent(unscored.level)}`,
    };
  return readings;
}

/** How far the policy went, and what it lost on the way. */
function ofPolicy({ kl, chi2, entropy, ensembleStd }: Record<SeriesName, Series>): Readings {
  const readings: Readings = {};
  if (kl.count >= fewest)
    readings.kl = {
      value: ramp(Math.log10(1 + Math.max(0, kl.level)), 0.7, 2),
      text: () => `KL from the reference is ${short(kl.level)}`,
    };
  if (chi2.count >= fewest)
    readings.chi2 = {
      value: ramp(Math.log10(1 + Math.max(0, chi2.level)), 0.5, 3),
      text: () => `χ² from the reference is ${short(chi2.level)}`,
    };
  if (entropy.count >= fewest && entropy.baseline > 0)
    readings.entropy = {
      value: ramp(1 - entropy.level / entropy.baseline, 0.4, 0.95),
      text: () => `entropy fell from ${short(entropy.baseline)} to ${short(entropy.level)}`,
    };
  if (ensembleStd.count >= fewest && ensembleStd.baseline > 0)
    readings.ensemble = {
      value: ramp(Math.log(ensembleStd.level / ensembleStd.baseline), Math.log(1.2), Math.log(3)),
      text: () =>
        `the reward models disagree ${short(ensembleStd.level / ensembleStd.baseline)} times as much as at the start`,
    };
  return readings;
}

/** What texts look like: shorter, longer, longer among the right ones, repetitive. */
function ofTexts({ length, correctLength, repetition }: Record<SeriesName, Series>): Readings {
  const readings: Readings = {};
  const change = (series: Series) =>
    Math.abs(series.distance(series.baseline, series.level)) < 3
      ? 0
      : Math.log(Math.max(series.level, 1e-9) / Math.max(series.baseline, 1e-9));
  const fromTo = (what: string, series: Series) => () =>
    `${what} went from ${short(series.baseline)} to ${short(series.level)}`;
  if (length.count >= fewest) {
    const moved = change(length);
    readings.longer = { value: ramp(moved, Math.log(1.3), Math.log(5)), text: fromTo("length", length) };
    readings.shorter = { value: ramp(-moved, Math.log(1.3), Math.log(5)), text: fromTo("length", length) };
  }
  if (correctLength.count >= fewest)
    readings["correct-length"] = {
      value: ramp(Math.abs(change(correctLength)), Math.log(1.3), Math.log(4)),
      text: fromTo("length of right answers", correctLength),
    };
  if (repetition.count >= fewest)
    readings.repetition = {
      value:
        ramp(repetition.distance(repetition.baseline, repetition.level), 3, 10) *
        ramp(repetition.level - repetition.baseline, 0.05, 0.3),
      text: fromTo("repetition", repetition),
    };
  return readings;
}

interface Trend {
  add(): void;
  /** How much steeper the reward rises than when it was flattest after its first rise, in standard errors. */
  rebound(): number;
}

/** Slope of the reward as the distance between a slow and the fast level. */
function createTrend(reward: Series): Trend {
  let slow = 0;
  let steepest = 0;
  let flattest = Number.POSITIVE_INFINITY;
  let now = 0;
  return {
    add() {
      slow += (reward.level - slow) * Math.max(0.08, 1 / reward.count);
      if (reward.count < 2 * fewest) return;
      now = reward.distance(slow, reward.level);
      if (now > steepest && flattest === Number.POSITIVE_INFINITY) steepest = now;
      // The first rise is over when the slope has fallen to a third of it, and at the latest when little is known.
      if (now < steepest / 3 || reward.count === 40) flattest = Math.min(flattest, now);
      else if (flattest < Number.POSITIVE_INFINITY) flattest = Math.min(flattest, now);
    },
    rebound: () => (flattest === Number.POSITIVE_INFINITY ? 0 : now - Math.max(0, flattest)),
  };
}

/** 0 up to `low`, 1 from `high` on, straight between. */
function ramp(value: number, low: number, high: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

/** Four significant digits at most. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(3)));
}

const percent = (share: number) => `${Math.round(100 * share)} %`;
