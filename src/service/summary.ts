/** What the metrics and the log need to know of a scored batch: small enough to cross threads for every request. */
import type { ScoredBatch } from "../pipeline/index.ts";

export interface SignalSummary {
  readonly name: string;
  /** Rollouts that the signal looked at: all but those that the cache knew. */
  readonly computed: number;
  /** Of all of them together. */
  readonly milliseconds: number;
  /** Of the values that there are. */
  readonly sum: number;
  readonly count: number;
}

export interface BatchSummary {
  readonly size: number;
  readonly unscored: number;
  readonly rewards: readonly (number | null)[];
  readonly signals: readonly SignalSummary[];
}

export function summaryOf({ size, rewards, signals }: ScoredBatch): BatchSummary {
  let unscored = 0;
  for (const reward of rewards) if (reward === null) unscored++;
  return {
    size,
    unscored,
    rewards,
    signals: Object.entries(signals).map(([name, { values, cached, milliseconds }]) => {
      let computed = 0;
      let sum = 0;
      let count = 0;
      for (let i = 0; i < size; i++) {
        if (!cached[i]) computed++;
        const value = values[i];
        if (value === null) continue;
        sum += value;
        count++;
      }
      return { name, computed, milliseconds: milliseconds * size, sum, count };
    }),
  };
}
