/** One record of a step from its rollouts. */
import { meanDefined, pearson, standardDeviation } from "../../core/statistics.ts";
import type { MonitorRecord } from "./types.ts";

/** A rollout, as far as it is known. */
export interface MonitorRollout {
  /** null: unscored. */
  readonly reward: number | null;
  readonly group?: string | number;
  readonly signals?: Readonly<Record<string, number | null>>;
  /** Known on the probe only, or nowhere. */
  readonly gold?: number;
  readonly length?: number;
  readonly repetition?: number;
  /** log π − log π_ref of the rollout: its mean estimates the KL divergence. */
  readonly logRatio?: number;
  readonly entropy?: number;
  readonly ensembleStd?: number;
}

/** Means over the rollouts of one step; what no rollout knows is left out. */
export function recordOfRollouts(step: number, rollouts: readonly MonitorRollout[]): MonitorRecord {
  const average = (value: (rollout: MonitorRollout) => number | undefined) =>
    meanDefined(rollouts.map((rollout) => value(rollout) ?? null)) ?? undefined;
  const scored: (MonitorRollout & { reward: number })[] = [];
  for (const rollout of rollouts) if (rollout.reward !== null) scored.push({ ...rollout, reward: rollout.reward });
  const rewards = scored.map(({ reward }) => reward);
  const golds = rollouts.flatMap(({ gold }) => (gold === undefined ? [] : [gold]));
  const probed = scored.flatMap(({ gold, reward }) => (gold === undefined ? [] : [{ gold, reward }]));
  const verdicts = golds.length > 0 && golds.every((gold) => gold === 0 || gold === 1);
  return defined({
    step,
    reward: average(({ reward }) => reward ?? undefined),
    rewardStd: rewards.length > 1 ? standardDeviation(rewards) : undefined,
    signals: signalMeans(rollouts),
    gold: average(({ gold }) => gold),
    correlation:
      probed.length >= 8
        ? (pearson(
            probed.map(({ reward }) => reward),
            probed.map(({ gold }) => gold),
          ) ?? undefined)
        : undefined,
    kl: average(({ logRatio }) => logRatio),
    entropy: average(({ entropy }) => entropy),
    length: average(({ length }) => length),
    correctLength: verdicts ? average(({ gold, length }) => (gold === 1 ? length : undefined)) : undefined,
    repetition: average(({ repetition }) => repetition),
    ensembleStd: average(({ ensembleStd }) => ensembleStd),
    groupSpread: groupSpread(scored),
    unscored: rollouts.length === 0 ? undefined : 1 - scored.length / rollouts.length,
  });
}

function signalMeans(rollouts: readonly MonitorRollout[]): Record<string, number> | undefined {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { signals } of rollouts) {
    for (const [name, value] of Object.entries(signals ?? {})) {
      if (value === null) continue;
      const entry = sums.get(name) ?? { sum: 0, count: 0 };
      entry.sum += value;
      entry.count++;
      sums.set(name, entry);
    }
  }
  if (sums.size === 0) return undefined;
  return Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
}

/** Share of the groups of at least two whose rewards differ; undefined without such a group. */
function groupSpread(scored: readonly { group?: string | number; reward: number }[]): number | undefined {
  const groups = new Map<string | number, { first: number; size: number; spread: boolean }>();
  for (const { group, reward } of scored) {
    if (group === undefined) continue;
    const seen = groups.get(group);
    if (!seen) groups.set(group, { first: reward, size: 1, spread: false });
    else {
      seen.size++;
      seen.spread ||= reward !== seen.first;
    }
  }
  const counted = [...groups.values()].filter(({ size }) => size > 1);
  if (counted.length === 0) return undefined;
  return counted.filter(({ spread }) => spread).length / counted.length;
}

/** Without the entries that are undefined. */
export function defined<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;
}
