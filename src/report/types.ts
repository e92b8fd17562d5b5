/**
 * What a report is made of. `createReportData(options)` gives the accumulator that a run feeds batch by
 * batch, `summarize(data)` the numbers for a terminal, `renderReport(data, info)` one HTML file.
 *
 * Memory is bounded whatever the number of rollouts: moments, sketches, bins and small samples, no rows.
 */
import type { ScoreErrorCode } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch, ScorerCounters } from "../pipeline/types.ts";
import type { ReportState } from "./state.ts";

/** When a rollout counts as a success (pass@k, success rates): all these signals at 1, or a reward above a number. */
export type SuccessRule = { readonly signals: readonly string[] } | { readonly above: number };

export interface ReportOptions {
  /** Seed of the samples. Default 0. */
  readonly seed?: number | string;
  /** Absent: no success rates and no pass@k. */
  readonly success?: SuccessRule;
  /** Does every batch hold whole groups? Default false: groups are counted within a batch, and the report says so. */
  readonly wholeGroups?: boolean;
  /** How many of the best and of the worst rollouts are kept. Default 5. */
  readonly samples?: number;
}

export interface ReportData {
  readonly options: Required<Omit<ReportOptions, "success">> & Pick<ReportOptions, "success">;
  /** The accumulated numbers; plain JSON. Read it, don't write it. */
  readonly state: ReportState;
  /** Adds one scored batch. Columns and signals must be those of the first batch. */
  add(batch: RolloutBatch, scored: ScoredBatch): void;
  /** Plain JSON; `restore` of it, then the remaining batches, gives what an undisturbed run gives. */
  snapshot(): unknown;
  /** Throws `ContractError` for what is not a snapshot of this version. */
  restore(snapshot: unknown): void;
}

/** `null` wherever a number is undefined (nothing counted, no spread). */
export interface Distribution {
  readonly count: number;
  readonly mean: number | null;
  /** Sample standard deviation (n − 1). */
  readonly standardDeviation: number | null;
  readonly minimum: number | null;
  readonly maximum: number | null;
  /** At 0.05, 0.25, 0.5, 0.75, 0.95; exact while there are at most 256 distinct values. */
  readonly quantiles: readonly { readonly q: number; readonly value: number }[];
  readonly exactQuantiles: boolean;
  readonly shareNonZero: number | null;
}

/** 95 % interval. */
export interface MeanInterval {
  readonly lower: number;
  readonly upper: number;
  /** "groups": rollouts of one group are not independent, so the groups are (cluster-robust). */
  readonly over: "rollouts" | "groups";
}

interface SignalSummary extends Distribution {
  /** Rollouts for which this signal gave an error, by code (also where a fallback or `required: false` covered it). */
  readonly errors: Readonly<Partial<Record<ScoreErrorCode, number>>>;
  readonly cached: number;
  /** Mean per rollout. */
  readonly milliseconds: number | null;
}

interface ErrorCause {
  readonly code: ScoreErrorCode;
  /** The signal that failed; null: combine, shaping, credit or the input. */
  readonly signal: string | null;
  readonly count: number;
  /** Of all rollouts. */
  readonly share: number;
}

export interface GroupSummary {
  readonly count: number;
  readonly minimumSize: number;
  readonly meanSize: number;
  readonly maximumSize: number;
  /** Groups with at least two scored rollouts; the shares below are of these. */
  readonly comparable: number;
  /** All rewards equal: such a group teaches nothing under group-relative credit. */
  readonly zeroSpread: number;
  readonly zeroSpreadShare: number | null;
  /** Mean within-group standard deviation of the reward (n − 1). */
  readonly meanSpread: number | null;
  /** With a success rule: groups whose known outcomes are all failures, all successes, or mixed. */
  readonly outcomes: { readonly allFail: number; readonly mixed: number; readonly allPass: number } | null;
  /** false: groups were counted within batches; one that spans two counts as two. */
  readonly whole: boolean;
}

export interface PassAtK {
  readonly k: number;
  /** Mean of the unbiased estimator 1 − C(n−c, k)/C(n, k) over groups with n ≥ k known outcomes. */
  readonly value: number;
  readonly interval: { readonly lower: number; readonly upper: number } | null;
  readonly groups: number;
}

export interface Summary {
  readonly rollouts: number;
  readonly scored: number;
  readonly unscored: number;
  readonly reward: Distribution & { readonly interval: MeanInterval | null };
  /** Before shaping. */
  readonly combined: Distribution;
  /** Per rollout; the mean over tokens where credit gives one per token. null without credit. */
  readonly advantage: Distribution | null;
  readonly signals: Readonly<Record<string, SignalSummary>>;
  /** Most frequent first. */
  readonly errors: readonly ErrorCause[];
  readonly success: {
    readonly rule: string;
    readonly count: number;
    readonly known: number;
    readonly rate: number | null;
  } | null;
  /** null where the input has no groups. */
  readonly groups: GroupSummary | null;
  /** k = 1, 2, 4, 8, …; empty without groups or success rule. */
  readonly passAtK: readonly PassAtK[];
  /** Pearson, pairwise complete; rows and columns are the signals, the reward and the length. */
  readonly correlations: {
    readonly names: readonly string[];
    readonly matrix: readonly (readonly (number | null)[])[];
  };
  readonly lengths: (Distribution & { readonly unit: "tokens" | "code points" }) | null;
}

/** Where the numbers come from. All texts may be hostile. */
export interface ReportInfo {
  readonly title?: string;
  readonly rewardFile?: string;
  readonly rewardHash?: string;
  readonly input?: string;
  readonly output?: string;
  readonly command?: string;
  readonly seed?: number | string;
  /** ISO 8601. */
  readonly startedAt?: string;
  readonly seconds?: number;
  /** Package or tool → version. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly counters?: ScorerCounters;
  /** Further lines of the provenance table. */
  readonly notes?: Readonly<Record<string, string | number>>;
}
