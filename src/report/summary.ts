import { correlatedSignals } from "./data.ts";
import { clusteredError, type GroupStatistics } from "./group-statistics.ts";
import { correlation, momentsDeviation, momentsError } from "./moments.ts";
import { sketchQuantile } from "./sketch.ts";
import type { ReportState, Track } from "./state.ts";
import type { Distribution, GroupSummary, MeanInterval, PassAtK, ReportData, SuccessRule, Summary } from "./types.ts";

/** 0.975 quantile of the standard normal distribution. */
const z = 1.959963984540054;

/** The numbers of a report; `null` wherever one is undefined. */
export function summarize(data: ReportData): Summary {
  const { state, options } = data;
  const scored = state.reward.moments.count;
  return {
    rollouts: state.rollouts,
    scored,
    unscored: state.rollouts - scored,
    reward: { ...distribution(state.reward), interval: meanInterval(state) },
    combined: distribution(state.combined),
    advantage: state.advantage && distribution(state.advantage),
    signals: Object.fromEntries(
      state.signals.map((signal) => [
        signal.name,
        {
          ...distribution(signal),
          errors: { ...signal.errors },
          cached: signal.cached,
          milliseconds: state.rollouts > 0 ? signal.milliseconds / state.rollouts : null,
        },
      ]),
    ),
    errors: state.causes
      .map(({ code, signal, count }) => ({ code, signal, count, share: count / state.rollouts }))
      .sort((a, b) => b.count - a.count),
    success: options.success
      ? {
          rule: ruleText(options.success),
          count: state.success.count,
          known: state.success.known,
          rate: state.success.known > 0 ? state.success.count / state.success.known : null,
        }
      : null,
    groups: state.groups && groupSummary(state.groups, options.wholeGroups, options.success !== undefined),
    passAtK: state.groups ? passAtKCurve(state.groups) : [],
    correlations: correlations(state),
    lengths: state.lengthUnit ? { ...distribution(state.length), unit: state.lengthUnit } : null,
  };
}

function distribution({ moments, sketch }: Track): Distribution {
  const { count } = moments;
  return {
    count,
    mean: count > 0 ? moments.mean : null,
    standardDeviation: momentsDeviation(moments),
    minimum: count > 0 ? moments.minimum : null,
    maximum: count > 0 ? moments.maximum : null,
    quantiles:
      count > 0 ? [0.05, 0.25, 0.5, 0.75, 0.95].map((q) => ({ q, value: sketchQuantile(sketch, q) as number })) : [],
    exactQuantiles: sketch.exact !== null,
    shareNonZero: count > 0 ? moments.nonZero / count : null,
  };
}

function meanInterval({ reward, groups }: ReportState): MeanInterval | null {
  const { mean, count } = reward.moments;
  const covered = groups ? groups.clusters.count * groups.clusters.meanX : 0;
  const clustered = groups && Math.round(covered) === count ? clusteredError(groups.clusters) : null;
  const error = clustered ?? momentsError(reward.moments);
  if (error === null) return null;
  return { lower: mean - z * error, upper: mean + z * error, over: clustered === null ? "rollouts" : "groups" };
}

function ruleText(rule: SuccessRule): string {
  return "above" in rule ? `reward > ${rule.above}` : `${rule.signals.join(" and ")} at 1`;
}

function groupSummary(groups: GroupStatistics, whole: boolean, hasRule: boolean): GroupSummary {
  const { sizes, comparable, zeroSpread, spread, allFail, mixed, allPass } = groups;
  return {
    count: sizes.count,
    minimumSize: sizes.minimum,
    meanSize: sizes.mean,
    maximumSize: sizes.maximum,
    comparable,
    zeroSpread,
    zeroSpreadShare: comparable > 0 ? zeroSpread / comparable : null,
    meanSpread: spread.count > 0 ? spread.mean : null,
    outcomes: hasRule ? { allFail, mixed, allPass } : null,
    whole,
  };
}

function passAtKCurve({ passAtK }: GroupStatistics): PassAtK[] {
  return passAtK.map((moments, power) => {
    const error = momentsError(moments);
    const value = moments.mean;
    return {
      k: 2 ** power,
      value,
      interval:
        error === null ? null : { lower: Math.max(0, value - z * error), upper: Math.min(1, value + z * error) },
      groups: moments.count,
    };
  });
}

function correlations(state: ReportState): Summary["correlations"] {
  const names = [
    ...state.signals.slice(0, correlatedSignals).map(({ name }) => name),
    "reward",
    ...(state.lengthUnit ? ["length"] : []),
  ];
  const width = Math.min(state.signals.length, correlatedSignals) + 2;
  const matrix = names.map(() => names.map((): number | null => null));
  let pair = 0;
  for (let a = 0; a < width; a++) {
    for (let b = a + 1; b < width; b++, pair++) {
      if (a >= names.length || b >= names.length || pair >= state.correlations.length) continue;
      matrix[a][b] = correlation(state.correlations[pair]);
      matrix[b][a] = matrix[a][b];
    }
    if (a < names.length && columnSpreads(state, a, names)) matrix[a][a] = 1;
  }
  return { names, matrix };
}

/** The diagonal is 1 where the column has any spread at all. */
function columnSpreads(state: ReportState, a: number, names: readonly string[]): boolean {
  const signals = Math.min(state.signals.length, correlatedSignals);
  const track = a < signals ? state.signals[a] : names[a] === "reward" && a === signals ? state.reward : state.length;
  return track.moments.count > 1 && track.moments.maximum > track.moments.minimum;
}
