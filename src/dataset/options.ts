/** What a run over a file is told, and what it tells afterwards. */
import type { RolloutBatch } from "../core/rollout.ts";
import type { Reward, RewardNeeds, ScoredBatch, Scorer, ScorerCounters } from "../pipeline/types.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";

/** What gathers the numbers of a report; see src/report. */
export interface ReportAccumulator {
  add(batch: RolloutBatch, scored: ScoredBatch): void;
  snapshot(): unknown;
  restore(snapshot: unknown): void;
}

export interface DatasetOptions {
  /** `--map`: field → column or dotted path. */
  readonly map: Readonly<Record<string, string>>;
  /** Most rows between the first and the last of a group. */
  readonly window: number;
  readonly batchSize: number;
  readonly groupSize: number | null;
  readonly evidence: boolean;
  readonly onBadLine: "stop" | "skip";
  /** Forget an unfinished run. */
  readonly restart: boolean;
  /** Batches in the scorer at once. */
  readonly underWay: number;
  /** Least milliseconds between checkpoints. */
  readonly checkpointEvery: number;
  /** Milliseconds that batches under way get to finish when the run is stopped. */
  readonly grace: number;
  /** Further options that decide the output or the report (seed, success rule). */
  readonly identity: Readonly<Record<string, unknown>>;
}

export const defaultOptions: DatasetOptions = {
  map: {},
  window: 4096,
  batchSize: 512,
  groupSize: null,
  evidence: false,
  onBadLine: "stop",
  restart: false,
  underWay: 6,
  checkpointEvery: 1000,
  grace: 3000,
  identity: {},
};

export interface DatasetRun {
  readonly reward: Reward;
  readonly scorer: Scorer;
  readonly needs: RewardNeeds;
  /** Throws when a field that the reward wants is not among `available`. */
  readonly checkWiring: (reward: Reward, available: ReadonlySet<string>) => void;
  readonly source: Source;
  /** A file, `-` for standard output, null for none. */
  readonly output: string | null;
  readonly report: ReportAccumulator | null;
  readonly options: DatasetOptions;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: { rows: number; unscored: number; read: number }) => void;
  /** Runs when all rows are scored, before the output gets its name. */
  readonly onComplete?: (result: RunResult) => Promise<void>;
}

export interface RunResult {
  readonly status: "finished" | "interrupted";
  readonly tally: Tally;
  readonly counters: ScorerCounters;
  /** Rows that an earlier run had already written; null when this one began at the beginning. */
  readonly resumedAt: number | null;
  readonly seconds: number;
  /** Where fields come from, where that is not the column of the same name. */
  readonly sources: Readonly<Record<string, string>>;
  /** Can an interrupted run go on? */
  readonly resumable: boolean;
}
