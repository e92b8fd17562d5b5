/** From measurements to verdicts. */

import { ContractError } from "../core/error.ts";
import { bootstrapMean, type Interval, mean } from "../core/statistics.ts";
import type {
  ArmResult,
  BudgetName,
  Check,
  CheckResult,
  Claim,
  ClaimResult,
  Curve,
  CurveSummary,
  Experiment,
  ExperimentResult,
  GateResult,
  Measurement,
  Runs,
  Summary,
  Verdict,
} from "./types.ts";

const fewestSeeds = 3;

/** The measurement of an arm at a sweep value with a seed. */
export type MeasurementOf = (arm: string, sweep: number, seed: number) => Measurement<string>;

/** Sweep values that an arm runs at. */
export function sweepOf(experiment: Experiment, arm: string): readonly number[] {
  const { sweep } = experiment;
  if (!sweep) return [1];
  return experiment.arms[arm].sweep === false ? [sweep.fixed] : sweep.values;
}

/** Judges a finished experiment. Throws `ContractError` when a check's value is not a number. */
export function judge(
  experiment: Experiment,
  measured: MeasurementOf,
  run: { budget: BudgetName; seeds: readonly number[]; hash: string; versions: Readonly<Record<string, string>> },
): ExperimentResult {
  const { seeds, budget } = run;
  const chosen: Record<string, number> = {};
  const fixed: Record<string, number> = {};
  const arms: Record<string, ArmResult> = {};
  for (const [arm, { role, label }] of Object.entries(experiment.arms)) {
    const values = sweepOf(experiment, arm);
    const swept = values.map((value) => ({ value, mean: selecting(experiment, measured, arm, value, seeds) }));
    chosen[arm] = bestOf(experiment, swept);
    fixed[arm] = experiment.sweep?.fixed ?? 1;
    const of = seeds.map((seed) => measured(arm, chosen[arm], seed));
    arms[arm] = {
      role,
      label: label ?? arm,
      sweep: experiment.sweep ? chosen[arm] : null,
      metrics: summarizeMetrics(of, `${experiment.paper}/${arm}`),
      curves: summarizeCurves(of, `${experiment.paper}/${arm}`),
      ...(values.length > 1 ? { swept } : {}),
    };
  }
  const rows = (at: Record<string, number>) => seeds.map((seed) => runsOf(experiment, measured, at, seed));
  const best = rows(chosen);
  const plain = rows(fixed);
  const check = (one: Check<string, string>, name: string) =>
    judgeCheck(one, best, plain, `${experiment.paper}/${name}`);
  const gates: GateResult[] = (experiment.gates ?? []).map((gate, i) => ({
    ...check(gate, `gate ${i + 1}`),
    ...(gate.claims ? { claims: gate.claims } : {}),
  }));
  const claims = experiment.claims.map((claim) => {
    const checks = claim.checks.map((one, i) => check(one, `claim ${claim.card}.${i + 1}`));
    return judgeClaim(claim, checks, gates, budget, seeds.length);
  });
  const { hash, versions } = run;
  return { format: 1, paper: experiment.paper, budget, seeds, hash, versions, arms, gates, claims };
}

function selecting(
  { sweep }: Experiment,
  measured: MeasurementOf,
  arm: string,
  value: number,
  seeds: readonly number[],
): number | null {
  if (!sweep) return null;
  const values = seeds.map((seed) => measured(arm, value, seed).metrics[sweep.select]);
  const defined = values.filter((one): one is number => typeof one === "number");
  return defined.length === values.length && values.length > 0 ? mean(defined) : null;
}

/** The first value with the best mean; a value where a seed is undefined never wins unless all are. */
function bestOf({ sweep }: Experiment, swept: readonly { value: number; mean: number | null }[]): number {
  let best = swept[0];
  for (const candidate of swept) {
    if (candidate.mean === null) continue;
    const better =
      best.mean === null || (sweep?.best === "min" ? candidate.mean < best.mean : candidate.mean > best.mean);
    if (better) best = candidate;
  }
  return best.value;
}

class UndefinedMetric extends Error {}

/** Metrics of all arms of a seed. Reading one that is null, or that no run measured, is an error with its name. */
function runsOf(
  experiment: Experiment,
  measured: MeasurementOf,
  at: Readonly<Record<string, number>>,
  seed: number,
): Runs<string, string> {
  return Object.fromEntries(
    Object.keys(experiment.arms).map((arm) => {
      const { metrics } = measured(arm, at[arm], seed);
      const guarded = new Proxy(metrics, {
        get(target, name) {
          if (typeof name === "symbol") return undefined;
          if (!Object.hasOwn(target, name))
            throw new ContractError(`arms.${arm}`, `measures no ${JSON.stringify(name)}`);
          const value = target[name];
          if (value === null) throw new UndefinedMetric(`${arm}.${name}`);
          return value;
        },
      });
      return [arm, guarded as Readonly<Record<string, number>>];
    }),
  );
}

function judgeCheck(
  { text, value, atLeast, atMost }: Check<string, string>,
  best: readonly Runs<string, string>[],
  plain: readonly Runs<string, string>[],
  name: string,
): CheckResult {
  const perSeed = best.map((runs, i) => {
    try {
      const number = value(runs, plain[i]);
      if (!Number.isFinite(number)) throw new ContractError(name, `${JSON.stringify(text)} gave ${number}`);
      return number;
    } catch (thrown) {
      if (thrown instanceof UndefinedMetric) return null;
      throw thrown;
    }
  });
  const summary = summarize(perSeed, name);
  return {
    text,
    ...(atLeast === undefined ? {} : { atLeast }),
    ...(atMost === undefined ? {} : { atMost }),
    ...summary,
    holds: holds(summary, atLeast ?? Number.NEGATIVE_INFINITY, atMost ?? Number.POSITIVE_INFINITY),
  };
}

/** true: the interval lies inside the bounds; false: outside; null: across one, or nothing to go by. */
function holds({ lower, upper, perSeed }: Summary, atLeast: number, atMost: number): boolean | null {
  if (lower === null || upper === null || perSeed.length < fewestSeeds || perSeed.includes(null)) return null;
  if (lower >= atLeast && upper <= atMost) return true;
  if (upper < atLeast || lower > atMost) return false;
  return null;
}

function judgeClaim(
  { card, text, paper, reportOnly, omitted }: Claim<string, string>,
  checks: readonly CheckResult[],
  gates: readonly GateResult[],
  budget: BudgetName,
  seeds: number,
): ClaimResult {
  const verdict = (is: Verdict, reason?: string): ClaimResult => ({
    card,
    text,
    paper,
    verdict: is,
    ...(reason ? { reason } : {}),
    checks,
  });
  if (omitted !== undefined) return verdict("not run", omitted);
  if (reportOnly) return verdict("report only");
  if (budget === "quick") return verdict("inconclusive", "the quick budget only shows that the experiment runs");
  if (seeds < fewestSeeds) return verdict("inconclusive", `${seeds} of at least ${fewestSeeds} seeds`);
  const closed = gates.find((gate) => gate.holds !== true && (gate.claims === undefined || gate.claims.includes(card)));
  if (closed) return verdict("inconclusive", `its gate does not hold: ${closed.text}`);
  if (checks.some((check) => check.holds === false)) return verdict("not reproduced");
  if (checks.every((check) => check.holds)) return verdict("reproduced");
  const unsure = checks.find((check) => check.holds === null);
  const undefinedSeed = unsure?.perSeed.includes(null) ?? false;
  return verdict(
    "inconclusive",
    undefinedSeed ? `undefined for a seed: ${unsure?.text}` : "an interval crosses its bound",
  );
}

function summarize(perSeed: readonly (number | null)[], name: string): Summary {
  const interval = intervalOf(perSeed, name, 4000);
  if (!interval) return { mean: null, lower: null, upper: null, perSeed };
  return { mean: interval.estimate, lower: interval.lower, upper: interval.upper, perSeed };
}

function intervalOf(perSeed: readonly (number | null)[], name: string, resamples: number): Interval | null {
  const defined = perSeed.filter((value): value is number => value !== null);
  if (defined.length === 0) return null;
  // All equal: resampled means would differ in the last bit.
  if (defined.every((value) => value === defined[0]))
    return { estimate: defined[0], lower: defined[0], upper: defined[0] };
  return bootstrapMean(defined, { resamples, seed: name });
}

function summarizeMetrics(of: readonly Measurement<string>[], name: string): Record<string, Summary> {
  const names = Object.keys(of[0]?.metrics ?? {});
  return Object.fromEntries(
    names.map((metric) => [
      metric,
      summarize(
        of.map(({ metrics }) => metrics[metric] ?? null),
        `${name}/${metric}`,
      ),
    ]),
  );
}

function summarizeCurves(of: readonly Measurement<string>[], name: string): Record<string, CurveSummary> {
  const names = Object.entries(of[0]?.curves ?? {}).flatMap(([curve, value]) => (value ? [curve] : []));
  return Object.fromEntries(
    names.map((curve) => {
      const series = of.map((one, seed): Curve => {
        const found = one.curves?.[curve];
        if (!found) throw new ContractError(`${name}/${curve}`, `seed ${seed} has no such curve`);
        return found;
      });
      const x = Array.from(series[0].x);
      for (const { x: other } of series)
        if (other.length !== x.length || x.some((value, i) => value !== other[i]))
          throw new ContractError(`${name}/${curve}`, "its x differs between seeds");
      const points = x.map((_, i) => {
        const values = series.map(({ y }) => y[i]);
        return intervalOf(values, `${name}/${curve}/${i}`, 400);
      });
      const pick = (key: keyof Interval) => points.map((point) => (point ? short(point[key]) : null));
      return [curve, { x, mean: pick("estimate"), lower: pick("lower"), upper: pick("upper") }];
    }),
  );
}

/** Curves are for looking at. */
const short = (value: number) => Number(value.toPrecision(6));
