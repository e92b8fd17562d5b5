import type { ScoreError } from "../core/error.ts";
import type { ScorerCounters } from "../pipeline/types.ts";

/** What a run counts by itself; plain JSON but for its two methods, so that it can be saved and gone on with. */
export interface Tally {
  scored: number;
  unscored: number;
  /** Unscored by code. */
  errors: Record<string, number>;
  /** Rollouts whose group had already closed. */
  late: number;
  /** Rollouts in groups that closed with another number than --group-size. */
  short: number;
  badLines: number;
  /** The first of them, in words. */
  badLineMessages: string[];
  /** Some input column had the name of an output column. */
  replaced: boolean;
  /** Advantages are per token. */
  advantageLists: boolean;
  /** No line of output has more bytes than this. */
  longestLine: number;
  /** Counters of the scorers of earlier runs that this one continues. */
  counters: ScorerCounters;
  count(reward: number | null, error: ScoreError | null, kind: "batch" | "late" | "short"): void;
  badLine(message: string): void;
}

const keptMessages = 20;

export function createTally(saved: unknown, baseline: ScorerCounters): Tally {
  const empty = { scored: 0, unscored: 0, errors: {}, signals: {} };
  return {
    scored: 0,
    unscored: 0,
    errors: {},
    late: 0,
    short: 0,
    badLines: 0,
    badLineMessages: [],
    replaced: false,
    advantageLists: false,
    longestLine: 0,
    counters: addCounters(empty, baseline, baseline),
    ...(saved as Partial<Tally> | undefined),
    count(reward, error, kind) {
      if (reward !== null) {
        this.scored++;
        return;
      }
      this.unscored++;
      const code = error?.code ?? "no-value";
      this.errors[code] = (this.errors[code] ?? 0) + 1;
      if (kind === "late") this.late++;
      if (kind === "short") this.short++;
    },
    badLine(message) {
      this.badLines++;
      if (this.badLineMessages.length < keptMessages) this.badLineMessages.push(message);
    },
  };
}

/** `before` + (`now` − `baseline`), name by name. */
export function addCounters(before: ScorerCounters, now: ScorerCounters, baseline: ScorerCounters): ScorerCounters {
  const errors: Record<string, number> = { ...before.errors };
  for (const [cause, count] of Object.entries(now.errors)) {
    errors[cause] = (errors[cause] ?? 0) + count - (baseline.errors[cause] ?? 0);
  }
  const signals: ScorerCounters["signals"] = { ...before.signals };
  for (const [name, counts] of Object.entries(now.signals)) {
    const old = signals[name];
    const first = baseline.signals[name];
    const sum = { ...counts };
    for (const key of Object.keys(counts) as (keyof typeof counts)[]) {
      sum[key] = (old?.[key] ?? 0) + counts[key] - (first?.[key] ?? 0);
    }
    signals[name] = sum;
  }
  return {
    scored: before.scored + now.scored - baseline.scored,
    unscored: before.unscored + now.unscored - baseline.unscored,
    errors,
    signals,
  };
}
