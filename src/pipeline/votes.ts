import { mean, quantile } from "../core/statistics.ts";

export type Aggregate = "mean" | "median" | "majority" | "min" | "max";

export interface PollResult {
  /** null: the votes tie ("majority"), or none could be read. */
  readonly value: number | null;
  /** As cast; null: unreadable. */
  readonly votes: readonly (number | null)[];
  readonly readable: number;
  /** Share of the readable votes that equal the commonest one; 0 without any. */
  readonly agreement: number;
}

/** Several votes → one value. Unreadable ones count neither way. */
export function poll(votes: readonly (number | null)[], aggregate: Aggregate): PollResult {
  const read = votes.filter((vote) => vote !== null);
  if (read.length === 0) return { value: null, votes, readable: 0, agreement: 0 };
  const counts = new Map<number, number>();
  for (const vote of read) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const winners = [...counts].filter(([, count]) => count === most).map(([vote]) => vote);
  const value = {
    mean: () => mean(read),
    median: () => quantile(read, 0.5),
    min: () => Math.min(...read),
    max: () => Math.max(...read),
    majority: () => (winners.length === 1 ? winners[0] : null),
  }[aggregate]();
  return { value, votes, readable: read.length, agreement: most / read.length };
}
