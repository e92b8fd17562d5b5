import { type Model, models as shippedModels } from "./model.ts";
import { createStatistics, type Readings } from "./statistics.ts";
import {
  type Advice,
  type Assessment,
  type Evidence,
  type MonitorRecord,
  type StatisticName,
  statisticNames,
  type Verdict,
} from "./types.ts";

export interface MonitorOptions {
  /** Score from which there is an alarm. */
  readonly alarm?: number;
  /** Weights other than the shipped ones. */
  readonly models?: { readonly withGold: Model; readonly withoutGold: Model };
}

export interface Monitor {
  /**
   * Steps have to grow. A second record of the same step adds what the first had not (an evaluation beside its
   * training step); an earlier step, or nothing new, is left out, and `null` comes back.
   */
  add(record: MonitorRecord): Assessment | null;
  verdict(): Verdict;
}

export const defaultAlarm = 0.9;
/** Below this a statistic counts as not moved. */
const still = 0.05;

/**
 * Watches one run, record by record. A score uses this and earlier records only, so what a monitor says of a step
 * does not change when more steps come.
 */
export function createMonitor({ alarm = defaultAlarm, models = shippedModels }: MonitorOptions = {}): Monitor {
  const statistics = createStatistics();
  const movedSince = new Map<StatisticName, number>();
  const watched = new Set<StatisticName>();
  /** Fields of this step that are known already. */
  const seen = new Set<string>();
  let withGold = false;
  let logOdds: number | null = null;
  let lastStep: number | null = null;
  let records = 0;
  let highest: Assessment | null = null;
  let first: Assessment | null = null;
  return {
    add(given) {
      const { step } = given;
      if (!Number.isFinite(step) || (lastStep !== null && step < lastStep)) return null;
      if (step !== lastStep) {
        seen.clear();
        records++;
      }
      const record = unseen(given, seen);
      if (step === lastStep && record === null) return null;
      lastStep = step;
      const readings = statistics.add(record ?? { step });
      withGold ||= record?.gold !== undefined;
      for (const name of statisticNames) {
        const reading = readings[name];
        if (reading === undefined) continue;
        watched.add(name);
        if (reading.value < still) movedSince.delete(name);
        else if (!movedSince.has(name)) movedSince.set(name, step);
      }
      const model = withGold ? models.withGold : models.withoutGold;
      logOdds = smooth(logOdds, sumOf(model, readings));
      const score = calibrated(model, logOdds);
      const assessment = { step, score, evidence: evidenceOf(model, readings, movedSince, step) };
      if (highest === null || score > highest.score) highest = assessment;
      if (first === null && score >= alarm) first = assessment;
      return assessment;
    },
    verdict() {
      const shown = first ?? highest;
      return {
        alarm: first !== null,
        score: highest?.score ?? 0,
        knownAt: first?.step ?? null,
        since: first?.evidence[0]?.since ?? null,
        evidence: shown?.evidence ?? [],
        watched: statisticNames.filter((name) => watched.has(name)),
        withGold,
        records,
        outliers: statistics.outliers,
        lastStep,
      };
    },
  };
}

/** What a record of this step says that was not said yet; null for nothing. */
function unseen(record: MonitorRecord, seen: Set<string>): MonitorRecord | null {
  const fresh = Object.entries(record).filter(
    ([key, value]) => key !== "step" && value !== undefined && !seen.has(key),
  );
  if (fresh.length === 0) return null;
  for (const [key] of fresh) seen.add(key);
  return { step: record.step, ...Object.fromEntries(fresh) };
}

/** Running mean of the evidence, so that one odd record is no alarm. */
export function smooth(before: number | null, now: number): number {
  return before === null ? now : before + 0.35 * (now - before);
}

/** Weighted sum of what is known; what is missing adds nothing. */
function sumOf({ weights }: Model, readings: Readings): number {
  let sum = 0;
  for (const name of statisticNames) sum += (weights[name] ?? 0) * (readings[name]?.value ?? 0);
  return sum;
}

/** `threshold`, the evidence that few sound runs reach, becomes 0.9. */
function calibrated({ threshold, slope }: Model, evidence: number): number {
  return 1 / (1 + Math.exp(-(slope * (evidence - threshold) + Math.log(9))));
}

function evidenceOf(
  { weights }: Model,
  readings: Readings,
  movedSince: ReadonlyMap<StatisticName, number>,
  step: number,
): Evidence[] {
  const evidence: Evidence[] = [];
  for (const name of statisticNames) {
    const reading = readings[name];
    const weight = (weights[name] ?? 0) * (reading?.value ?? 0);
    if (reading === undefined || weight < 0.1) continue;
    evidence.push({
      statistic: name,
      weight,
      text: reading.text(),
      since: reading.since ?? movedSince.get(name) ?? step,
    });
  }
  return evidence.sort((a, b) => b.weight - a.weight);
}

/**
 * Whether a trainer should stop, from all records so far: pure, so that a service can answer with it. `stop` stays true
 * once the score has reached the alarm.
 */
export function monitorAdvice(records: Iterable<MonitorRecord>, options: MonitorOptions = {}): Advice {
  const monitor = createMonitor(options);
  for (const record of records) monitor.add(record);
  const { alarm, score, since, evidence } = monitor.verdict();
  return { stop: alarm, score, since, evidence };
}
