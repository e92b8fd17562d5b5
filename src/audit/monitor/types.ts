/** What a monitor reads, and what it says. */

/**
 * A run at one step, as far as its log knows it. Only `step` is always there; every statistic is computed where its
 * inputs exist. Rewards are the optimised ones (the proxy), `gold` is what they stand for.
 */
export interface MonitorRecord {
  readonly step: number;
  /** Mean over the scored rollouts. */
  readonly reward?: number;
  /** Standard deviation over them. */
  readonly rewardStd?: number;
  /** Mean of every component of the reward. */
  readonly signals?: Readonly<Record<string, number>>;
  /** True quality of the present policy on a probe that the reward does not see. */
  readonly gold?: number;
  /** Correlation of reward and gold over the rollouts of the probe. */
  readonly correlation?: number;
  /** Of the present policy from the reference. */
  readonly kl?: number;
  readonly chi2?: number;
  readonly entropy?: number;
  readonly length?: number;
  /** Mean length of the rollouts whose gold says that they are right. */
  readonly correctLength?: number;
  /** Share of repeated n-grams, or any other measure that grows with repetition. */
  readonly repetition?: number;
  /** Disagreement of an ensemble of reward models, mean standard deviation over its members. */
  readonly ensembleStd?: number;
  /** Share of groups whose rewards differ. */
  readonly groupSpread?: number;
  /** Share of rollouts without a reward. */
  readonly unscored?: number;
}

/** The numbers of a record, as `--map` may name them. */
export const recordFields = [
  "step",
  "reward",
  "rewardStd",
  "gold",
  "correlation",
  "kl",
  "chi2",
  "entropy",
  "length",
  "correctLength",
  "repetition",
  "ensembleStd",
  "groupSpread",
  "unscored",
] as const satisfies readonly (keyof MonitorRecord)[];

export const statisticNames = [
  "gold-fall",
  "divergence",
  "gold-gain",
  "correlation-loss",
  "correct-length",
  "component-fall",
  "gain-share",
  "reach",
  "second-rise",
  "kl",
  "chi2",
  "ensemble",
  "entropy",
  "group-collapse",
  "unscored",
  "longer",
  "shorter",
  "repetition",
] as const;
export type StatisticName = (typeof statisticNames)[number];

/** A statistic that moved. */
export interface Evidence {
  readonly statistic: StatisticName;
  /** What it contributes to the score's log odds. */
  readonly weight: number;
  /** In words, with its numbers. */
  readonly text: string;
  /** First step from which it has been moved without a break. */
  readonly since: number;
}

/** What is known after a step. */
export interface Assessment {
  readonly step: number;
  /** Like a probability that the policy exploits its reward; see docs/monitor.md for how it was calibrated. */
  readonly score: number;
  /** Strongest first. */
  readonly evidence: readonly Evidence[];
}

/** The monitor's last word on a run, or its word so far. */
export interface Verdict {
  readonly alarm: boolean;
  /** The highest score of the run so far. */
  readonly score: number;
  /** First step at which the score reached the alarm level: when it could be known. */
  readonly knownAt: number | null;
  /** Step from which the strongest evidence had moved at that time: when it may have begun. */
  readonly since: number | null;
  /** As it was at the alarm, or at the highest score. */
  readonly evidence: readonly Evidence[];
  /** Statistics that had their inputs. */
  readonly watched: readonly StatisticName[];
  readonly withGold: boolean;
  readonly records: number;
  /** Values left out because they stand alone, far outside of all others. */
  readonly outliers: number;
  readonly lastStep: number | null;
}

/** The answer to a trainer that asks whether to go on. */
export interface Advice {
  readonly stop: boolean;
  readonly score: number;
  readonly since: number | null;
  readonly evidence: readonly Evidence[];
}
