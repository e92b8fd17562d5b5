/**
 * The contract between experiments (`papers/<slug>/experiment.ts`), the runner, and whoever shows results.
 *
 * An experiment is read top to bottom: arms, what one run does, gates, claims, one figure. A run is one arm
 * with one seed; it measures numbers (metrics) and perhaps curves. Claims compare runs of the same seed.
 */
import type { Random } from "../core/random.ts";

/** Facts about a paper, in our own words (`papers/<slug>/paper.ts`). */
export interface Paper {
  readonly slug: string;
  readonly title: string;
  /** Month of first publication, `YYYY-MM`, or `YYYY`; absent for a collection that is no paper of its own. */
  readonly published?: string;
  /** arXiv id without version; absent where the paper is not on arXiv. */
  readonly arxiv?: string;
  /** What it says, in three lines. */
  readonly says: readonly [string, string, string];
  /** Ids of the parts that compute it, in the order in which a reader wants to meet them. */
  readonly parts: readonly string[];
  /** Name → address: official code, project page. */
  readonly links?: Readonly<Record<string, string>>;
}

export type BudgetName = "quick" | "full";

/** What an arm is in the comparison. */
export type Role = "method" | "baseline" | "ablation" | "control" | "oracle";

export interface Arm<Settings> {
  readonly role: Role;
  /** Name in tables and figures; default: the arm's key. */
  readonly label?: string;
  /** What distinguishes this arm; anything, functions and parts included. */
  readonly settings: Settings;
  /** false: this arm is not swept (an untrained floor, say). Every other arm gets the whole sweep. */
  readonly sweep?: false;
}

/** What a run gets. */
export interface RunContext<Budget, Settings, Prepared> {
  readonly arm: string;
  readonly settings: Settings;
  readonly budget: Budget;
  readonly seed: number;
  /** The same for every arm of a seed, so that arms are paired; take named streams: `random.stream("world")`. */
  readonly random: Random;
  /** This run's value of the sweep; the sweep's `fixed` value when the arm or the experiment has none (1 then). */
  readonly sweep: number;
  /** What `prepare` made for this seed. */
  readonly prepared: Prepared;
  /** Tells how far the run is, in [0, 1]. */
  readonly progress: (share: number) => void;
}

/** A series measured along a run. Every run of an arm must use the same `x`. */
export interface Curve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number | null>;
}

/** What a run gives. null is "undefined" (never 0): a check that reads it has no value for that seed. */
export interface Measurement<Metric extends string> {
  readonly metrics: Readonly<Record<Metric, number | null>>;
  readonly curves?: Readonly<Record<string, Curve | undefined>>;
}

/** Metrics of every arm, of one seed. Reading a metric that is null ends the check for that seed. */
export type Runs<ArmName extends string, Metric extends string> = Readonly<
  Record<ArmName, Readonly<Record<Metric, number>>>
>;

/**
 * A number per seed (a paired difference, a ratio turned into one, a share) and where it must lie. It holds
 * when the whole bootstrap interval of its mean lies there, fails when none of it does.
 */
export interface Check<ArmName extends string, Metric extends string> {
  readonly text: string;
  /** `runs`: each arm at its best sweep value. `fixed`: each arm at the sweep's fixed value (the same without a sweep). */
  readonly value: (runs: Runs<ArmName, Metric>, fixed: Runs<ArmName, Metric>) => number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A check that must hold before claims are judged: the flaw exists, the baseline can fail, the arm moved. */
export interface Gate<ArmName extends string, Metric extends string> extends Check<ArmName, Metric> {
  /** Which claims (by the card's number) hang on it; absent: all. */
  readonly claims?: readonly number[];
}

export interface Claim<ArmName extends string, Metric extends string> {
  /** Number of the claim in the paper's card; thresholds are the card's. */
  readonly card: number;
  readonly text: string;
  /** The paper's own figure, as the card quotes it. */
  readonly paper: string;
  /** All must hold. Empty only with `omitted`. */
  readonly checks: readonly Check<ArmName, Metric>[];
  /** The card asks for the numbers only: shown, never judged. */
  readonly reportOnly?: boolean;
  /** Why this experiment does not try the claim. */
  readonly omitted?: string;
}

/** Every arm is run at every value; per arm the value with the best mean of `select` counts. */
export interface Sweep<Metric extends string> {
  /** What is swept: "learning rate ×", "λ / σ". */
  readonly name: string;
  readonly values: readonly number[];
  readonly fixed: number;
  readonly select: Metric;
  readonly best: "max" | "min";
}

/** One panel of the figure. `arms`: which ones, default all. `domain`: of the vertical axis; what lies outside is cut. */
export type Panel<ArmName extends string, Metric extends string> =
  | {
      readonly kind: "lines";
      readonly title?: string;
      readonly curve: string;
      readonly x: string;
      readonly y: string;
      readonly arms?: readonly ArmName[];
      readonly domain?: readonly [number, number];
      readonly logX?: boolean;
    }
  | {
      readonly kind: "dots";
      readonly title?: string;
      readonly metric: Metric;
      readonly x: string;
      readonly arms?: readonly ArmName[];
      readonly domain?: readonly [number, number];
    };

export interface Figure<ArmName extends string, Metric extends string> {
  readonly title: string;
  readonly panels: readonly Panel<ArmName, Metric>[];
}

/** What `defineExperiment` takes; keep this order (`run` before gates and claims: their types follow from it). */
export interface ExperimentDefinition<Budget, Settings, Prepared, ArmName extends string, Metric extends string> {
  readonly paper: string;
  readonly question: string;
  readonly bed: string;
  /** Seeds of the full budget, at least three; `quick` runs one. */
  readonly seeds: number;
  readonly budgets: { readonly quick: Budget; readonly full: Budget };
  readonly arms: Readonly<Record<ArmName, Arm<Settings>>>;
  /** What all arms of a seed share (a fitted reward model, a pre-trained policy). Once per seed and thread. */
  readonly prepare?: (context: {
    readonly budget: Budget;
    readonly seed: number;
    readonly random: Random;
  }) => Prepared | Promise<Prepared>;
  readonly run: (context: RunContext<Budget, Settings, Prepared>) => Measurement<Metric> | Promise<Measurement<Metric>>;
  readonly sweep?: Sweep<NoInfer<Metric>>;
  readonly gates?: readonly Gate<NoInfer<ArmName>, NoInfer<Metric>>[];
  readonly claims: readonly Claim<NoInfer<ArmName>, NoInfer<Metric>>[];
  readonly figure: Figure<NoInfer<ArmName>, NoInfer<Metric>>;
}

/** An experiment whose names no longer matter to the compiler: what the runner works with. */
export interface Experiment extends ExperimentDefinition<unknown, unknown, unknown, string, string> {
  readonly kind: "experiment";
}

export interface DefinedPaper extends Paper {
  readonly kind: "paper";
}

export type Verdict = "reproduced" | "not reproduced" | "inconclusive" | "report only" | "not run";

/** Mean over seeds with its bootstrap interval; null where no seed has a value. */
export interface Summary {
  readonly mean: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** In the order of the result's `seeds`. */
  readonly perSeed: readonly (number | null)[];
}

export interface CheckResult extends Summary {
  readonly text: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** null: the interval straddles the bound, a seed has no value, or there are fewer than three seeds. */
  readonly holds: boolean | null;
}

export interface GateResult extends CheckResult {
  readonly claims?: readonly number[];
}

export interface ClaimResult {
  readonly card: number;
  readonly text: string;
  readonly paper: string;
  readonly verdict: Verdict;
  /** Why the verdict is not simply that of the checks. */
  readonly reason?: string;
  readonly checks: readonly CheckResult[];
}

export interface CurveSummary {
  readonly x: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly lower: readonly (number | null)[];
  readonly upper: readonly (number | null)[];
}

export interface ArmResult {
  readonly role: Role;
  readonly label: string;
  /** Sweep value that counts for this arm; null without a sweep. */
  readonly sweep: number | null;
  readonly metrics: Readonly<Record<string, Summary>>;
  readonly curves: Readonly<Record<string, CurveSummary>>;
  /** Mean of the selecting metric at every sweep value. */
  readonly swept?: readonly { readonly value: number; readonly mean: number | null }[];
}

/** `result.json`. Holds no time and no place: the same code and seeds give the same bytes. */
export interface ExperimentResult {
  readonly format: 1;
  readonly paper: string;
  readonly budget: BudgetName;
  readonly seeds: readonly number[];
  /** SHA-256 of the code that ran: the experiment and everything of this package that it reaches. */
  readonly hash: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly arms: Readonly<Record<string, ArmResult>>;
  readonly gates: readonly GateResult[];
  readonly claims: readonly ClaimResult[];
}
