/** The contract between a reward file, the scorer that runs it, and whoever feeds it (files, HTTP, training). */
import type { ScoreError } from "../core/error.ts";
import type { AnyPart } from "../core/part.ts";
import type { RolloutBatch } from "../core/rollout.ts";

/** One rollout as a function signal sees it: singular names (`prompt`, `response`, `reference`, …) of the batch's columns. */
export type RolloutView = Readonly<Record<string, unknown>> & { readonly response: string };

export interface SignalContext {
  /** Aborts at the time limit, or when the run stops. */
  readonly signal: AbortSignal;
}

/** What a function signal may return; `null` means "nothing to say" (the rollout is unscored by it). */
export type SignalResult =
  | number
  | boolean
  | null
  | { readonly value: number; readonly evidence?: unknown }
  /** `retryAfter`: milliseconds that the endpoint asked to be left alone. */
  | { readonly error: ScoreError; readonly retryAfter?: number };

export type SignalFunction = (rollout: RolloutView, context: SignalContext) => SignalResult | Promise<SignalResult>;

/** A field that something reads: the columns in which it may be found, best first. */
export interface FieldRead {
  readonly names: readonly string[];
  readonly optional: boolean;
}

/** A judge made by `judge({ model, prompt, parse })`; see judge.ts. */
export interface JudgeSignal {
  readonly kind: "judge";
  readonly run: SignalFunction;
  /** Everything that decides its answer, for the cache key. */
  readonly identity: unknown;
  /** Fields of the rollout that it reads. */
  readonly reads: readonly FieldRead[];
}

/** Any part with its params bound (`BoundPart`, whatever its contract). */
export interface AnyBoundPart {
  readonly part: AnyPart;
  readonly params: unknown;
}

export type SignalSource = AnyBoundPart | SignalFunction | JudgeSignal;

/** A signal with its options; a bare source means all defaults. */
export interface SignalOptions {
  readonly use: SignalSource;
  /** Renames inputs: contract name → field (`{ references: "rubric" }`, `{ correct: "math.correct" }`). */
  readonly bind?: Readonly<Record<string, string>>;
  /** Inputs of a part that are the same for every rollout (`{ schema: … }`). */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** State to begin with, for a part that keeps state and has no default for it. */
  readonly state?: unknown;
  /** Output of a part that counts as this signal's worth, where it is not `correct`, `rewards` or `scores`. */
  readonly output?: string;
  /** Milliseconds one try of one rollout may take. Default 1,000 for what computes (parts, synchronous functions), 60,000 for what waits (asynchronous functions, judges). */
  readonly timeLimit?: number;
  /** Further tries after a retryable error, with exponential backoff and jitter. Default 0 for what computes, 2 for what waits. */
  readonly retries?: number;
  /** Rollouts under way at once (functions and judges). Default 16. */
  readonly concurrency?: number;
  /** Keep results in the content-addressed cache. Default: true for judges, false otherwise. */
  readonly cache?: boolean;
  /** Value in place of an error. Absent: the rollout is unscored. */
  readonly fallback?: number;
  /** false: the rollout is scored without this signal when it fails (`combine` gets `undefined`). Default true. */
  readonly required?: boolean;
  /**
   * What one call of a part may see. "rollout": rollouts do not influence one another, so the batch may be
   * cut anywhere; "batch": all of it at once. Default: "rollout" for parts that read texts and neither
   * `groups` nor `state`, "batch" for the rest.
   */
  readonly scope?: "rollout" | "batch";
  /** Where it runs. Default: parts and synchronous functions on the worker pool, the rest here. */
  readonly thread?: "worker" | "main";
}

export type SignalSpec = SignalSource | SignalOptions;

/** A shaping or credit part with its options; a bare part means all defaults. */
export interface StepOptions {
  readonly use: AnyBoundPart;
  /** Renames inputs, as for signals; a signal's name alone means its worth. */
  readonly bind?: Readonly<Record<string, string>>;
  /** Inputs that are the same for every rollout. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** State to begin with, for a part that keeps state and has no default for it. */
  readonly state?: unknown;
}

export type StepSpec = AnyBoundPart | StepOptions;

/** What `combine` gets for a signal: its worth, perhaps `undefined` where `required: false`. */
export type SignalWorth<Spec> = Spec extends { readonly required: false } ? number | undefined : number;

export interface RewardDefinition<S extends Record<string, SignalSpec> = Record<string, SignalSpec>> {
  readonly name?: string;
  readonly signals: S;
  /** Worth of each signal → reward. Default: their sum. Called per rollout; may not be asynchronous. */
  readonly combine?: (values: { readonly [K in keyof S]: SignalWorth<S[K]> }, rollout: RolloutView) => number;
  /** Applied in order. A part that gives `rewards` replaces them; one that gives `lengthRewards` adds to them. */
  readonly shaping?: readonly StepSpec[];
  /** Turns rewards and groups into advantages. */
  readonly credit?: StepSpec | readonly StepSpec[];
  /** A run with a larger share of unscored rollouts fails. Default 0.1. */
  readonly maxUnscored?: number;
}

/** A reward that is ready to run. `hash` changes whenever anything that decides its numbers changes. */
export interface Reward {
  readonly kind: "reward";
  readonly definition: RewardDefinition;
  readonly hash: string;
  /** Module that worker threads import to get the same reward; absent for rewards built in memory. */
  readonly module?: string;
}

/** One signal's results for a batch, N entries each. A value beside an error is the fallback that the reward file names. */
export interface SignalColumn {
  readonly values: readonly (number | null)[];
  readonly errors: readonly (ScoreError | null)[];
  readonly evidence: readonly unknown[];
  readonly cached: readonly boolean[];
  /** Mean milliseconds per rollout spent in this signal for this batch (0 for cache hits). */
  readonly milliseconds: number;
}

export interface ScoredBatch {
  readonly size: number;
  /** After combine and shaping; null: unscored, with the reason in `errors`. */
  readonly rewards: readonly (number | null)[];
  readonly errors: readonly (ScoreError | null)[];
  /** N, or N × T; null entries for unscored rollouts. Absent without credit. */
  readonly advantages?: readonly (number | readonly number[] | null)[];
  /** Before shaping. */
  readonly combined: readonly (number | null)[];
  readonly signals: Readonly<Record<string, SignalColumn>>;
  /**
   * State of stateful parts just after this batch, whatever else is under way: what to checkpoint together
   * with this batch's results. Pass it to `Scorer.restore` to go on from here.
   */
  readonly snapshot?: unknown;
  /** Every other field that shaping and credit wrote, N entries each (`lengthRewards`, `baselines`, …). */
  readonly fields: Readonly<Record<string, ArrayLike<unknown>>>;
}

/** Counted since the scorer was made; visible to users. */
export interface ScorerCounters {
  scored: number;
  unscored: number;
  /** Unscored by code and signal: `timeout:math`. */
  readonly errors: Record<string, number>;
  readonly signals: Record<
    string,
    { calls: number; cacheHits: number; retries: number; timeouts: number; fallbacks: number; milliseconds: number }
  >;
}

export interface ScorerOptions {
  /** Worker threads. Default: available parallelism. 0: everything on this thread (tests, tiny inputs). */
  readonly workers?: number;
  /** Folder of the content-addressed cache; absent: no cache. */
  readonly cacheFolder?: string;
  /** Seed of backoff jitter and of any draw that parts ask for. Default 0. */
  readonly seed?: number | string;
  /**
   * Told before every call of a signal which one it is and which rows, and of an empty range when none is under way any
   * more: for a scorer without workers on a thread that somebody watches and ends when a call takes too long. `score`
   * then rejects when a function turns out to wait for something, whose limits have to hold for all such threads
   * together.
   */
  readonly onCall?: (signal: number, from: number, to: number) => void;
}

/** Runs one reward. Knows no file, no HTTP: batches in, scored batches out, in the same order. */
export interface Scorer {
  /**
   * Groups must be whole within the batch when the reward has group parts. Several calls may be under way at once.
   * `credit: false` stops after shaping: rewards without advantages, for input that has no groups.
   */
  score(
    batch: RolloutBatch,
    options?: { readonly signal?: AbortSignal; readonly credit?: boolean },
  ): Promise<ScoredBatch>;
  /** State of stateful parts, as JSON; `restore` continues from it with identical numbers. */
  snapshot(): unknown;
  restore(snapshot: unknown): void;
  counters(): ScorerCounters;
  /** A function that is not declared `async` turned out to wait for something. */
  readonly waits: boolean;
  close(): Promise<void>;
}

/** Does scoring need whole groups (credit or shaping that reads `groups`)? Says which field names the reward wants from the input. */
export interface RewardNeeds {
  readonly wholeGroups: boolean;
  /** Field → who wants it ("signal math", "shaping/length-step", …). */
  readonly fields: Readonly<Record<string, string>>;
  readonly optionalFields: Readonly<Record<string, string>>;
}
