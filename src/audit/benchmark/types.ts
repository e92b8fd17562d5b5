/** The contract of `guerdon bench`: items from data files, what a scorer said of them, and the metrics. */

export const benchmarkNames = [
  "reward-bench-2",
  "rewardmath",
  "contrast-instruction",
  "process-bench",
  "mrm-bench",
  "pairs",
] as const;

export type BenchmarkName = (typeof benchmarkNames)[number];

export interface Candidate {
  readonly text: string;
  /** Where the data divides a solution into steps. */
  readonly steps?: readonly string[];
}

/** A score that came with the data: of a response, of its steps, or null where the scorer failed. */
export type GivenScore = number | readonly number[] | null;

interface Base {
  readonly id: string;
  readonly subset: string;
  /** Where it stands in the data: `file:line`. */
  readonly place: string;
  /** Further fields of the rollouts: `references`, and what `--map` names. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Good responses beside bad ones: pairs, best of four, one to nine, ties. Scores stand with the chosen first. */
export interface ChoiceItem extends Base {
  readonly kind: "choice";
  /** Text, or a chat. */
  readonly prompt: unknown;
  readonly chosen: readonly Candidate[];
  readonly rejected: readonly Candidate[];
  readonly scores?: readonly GivenScore[];
  /** Of a pairwise judge: did the chosen one beat rejected j; null where it said nothing. */
  readonly wins?: readonly (boolean | null)[];
}

/** Two similar instructions, each with the response that is right for it. */
export interface ContrastItem extends Base {
  readonly kind: "contrast";
  readonly prompts: readonly [string, string];
  readonly responses: readonly [string, string];
  /** s(a, b): instruction a with response b, row by row. */
  readonly scores?: readonly GivenScore[];
}

/** A solution in steps; the label is the index of the first wrong one, −1 for none. */
export interface ProcessItem extends Base {
  readonly kind: "process";
  readonly prompt: string;
  readonly steps: readonly string[];
  readonly label: number;
  readonly scores?: readonly GivenScore[];
  readonly prediction?: number | null;
}

/** A labelled response, for a linear probe of the reward model's hidden states. */
export interface ProbeItem extends Base {
  readonly kind: "probe";
  /** The subset is the preference dimension. */
  readonly split: "train" | "test";
  readonly prompt: string;
  readonly response: string;
  readonly label: number;
  readonly embedding?: readonly number[] | null;
}

export type Item = ChoiceItem | ContrastItem | ProcessItem | ProbeItem;

/** What a scorer said of an item; null: it is unscored, which is no score. */
export type Outcome =
  | { readonly kind: "scores"; readonly scores: readonly number[] }
  | { readonly kind: "wins"; readonly wins: readonly boolean[] }
  /** Of a ranking judge: 1 if it chose the right answer, else 0. */
  | { readonly kind: "picked"; readonly result: number }
  | { readonly kind: "prediction"; readonly prediction: number }
  | { readonly kind: "stepScores"; readonly stepScores: readonly number[] }
  | { readonly kind: "embedding"; readonly embedding: readonly number[] };

export interface MetricValue {
  /** Over the scored items; null where it is undefined. */
  readonly value: number | null;
  /** 95 % percentile bootstrap over items. */
  readonly interval: readonly [number, number] | null;
  /** Where the unscored items could bring it: all of them wrong, all of them right. Only with unscored items. */
  readonly bounds?: readonly [number | null, number | null];
}

export interface SubsetResult {
  readonly subset: string;
  readonly items: number;
  readonly unscored: number;
  readonly metrics: Readonly<Record<string, MetricValue>>;
}

export interface BenchmarkResult {
  readonly format: BenchmarkName;
  readonly items: number;
  readonly unscored: number;
  /** The benchmark's own figure over everything; first metric is the headline. */
  readonly overall: SubsetResult;
  readonly subsets: readonly SubsetResult[];
  /** Why items are unscored: reason → items. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What the reader should know: conventions, settings that decide the figure. */
  readonly notes: readonly string[];
}
