/** Simple detectors, written anew: what dashboards of rewards watch. A score for each record; the benchmark sets the thresholds. */
import type { MonitorRecord } from "../../src/audit/monitor/types.ts";
import { mean, standardDeviation } from "../../src/core/statistics.ts";
import { rewardMisalignment } from "../../src/evaluation/monitors.ts";

export interface Detector {
  readonly name: string;
  readonly needsGold: boolean;
  readonly scores: (records: readonly MonitorRecord[]) => number[];
}

const window = 20;
const recent = (records: readonly MonitorRecord[], t: number, key: "reward" | "rewardStd" | "length") =>
  records.slice(Math.max(0, t + 1 - window), t + 1).flatMap((record) => record[key] ?? []);
const eachFrom = (records: readonly MonitorRecord[], score: (t: number) => number) =>
  records.map((_, t) => (t < window ? 0 : score(t)));

export const detectors: readonly Detector[] = [
  {
    name: "variance collapse",
    needsGold: false,
    scores: (records) => {
      const first = mean(recent(records, window - 1, "rewardStd"));
      return eachFrom(records, (t) => 1 - mean(recent(records, t, "rewardStd")) / Math.max(first, 1e-9));
    },
  },
  {
    name: "component dominance",
    needsGold: false,
    scores: (records) =>
      eachFrom(records, (t) => {
        const sizes = Object.values(records[t].signals ?? {}).map(Math.abs);
        if (sizes.length < 2) return 0;
        return (
          Math.max(...sizes) /
          Math.max(
            1e-9,
            sizes.reduce((sum, size) => sum + size, 0),
          )
        );
      }),
  },
  {
    name: "length drift",
    needsGold: false,
    scores: (records) => {
      const first = recent(records, window - 1, "length");
      const spread = Math.max(1e-9, standardDeviation(first));
      return eachFrom(records, (t) => {
        const now = recent(records, t, "length");
        return now.length === 0 ? 0 : Math.abs(mean(now) - mean(first)) / spread;
      });
    },
  },
  {
    name: "slope break",
    needsGold: false,
    scores: (records) => {
      const slopes = records.map((_, t) => slopeOf(recent(records, t, "reward")));
      const noise = Math.max(1e-9, standardDeviation(recent(records, window - 1, "reward")));
      return records.map((_, t) => (t < 2 * window ? 0 : Math.abs(slopes[t] - slopes[t - window]) / noise));
    },
  },
  {
    name: "ceiling",
    needsGold: false,
    scores: (records) => {
      const rewards = records.map(({ reward }) => reward ?? 0);
      let highest = Number.NEGATIVE_INFINITY;
      let lowest = Number.POSITIVE_INFINITY;
      return rewards.map((reward, t) => {
        highest = Math.max(highest, reward);
        lowest = Math.min(lowest, reward);
        if (t < window) return 0;
        const near = highest - 0.05 * (highest - lowest);
        return rewards.slice(t + 1 - window, t + 1).filter((value) => value >= near).length / window;
      });
    },
  },
  {
    name: "reward up, gold down",
    needsGold: true,
    // Slopes over the last eight probes (evaluation/reward-misalignment), the smaller of the two in units of noise.
    scores: (records) => {
      const probes: { t: number; gold: number; reward: number }[] = [];
      let score = 0;
      return records.map(({ gold, reward }, t) => {
        if (gold === undefined) return score;
        const since = probes[probes.length - 1]?.t ?? -1;
        const rewards = records.slice(since + 1, t + 1).map((record) => record.reward ?? reward ?? 0);
        probes.push({ t, gold, reward: mean(rewards) });
        if (probes.length < 8) return score;
        const last = probes.slice(-8);
        const { totalSlope, outcomeSlope } = rewardMisalignment()({
          total: last.map((probe) => probe.reward),
          outcome: last.map((probe) => probe.gold),
        });
        const unit = (values: readonly number[]) => Math.max(1e-9, standardDeviation(values));
        score = Math.min(
          (totalSlope ?? 0) / unit(probes.map((probe) => probe.reward)),
          -(outcomeSlope ?? 0) / unit(probes.map((probe) => probe.gold)),
        );
        return score;
      });
    },
  },
];

function slopeOf(values: readonly number[]): number {
  const n = values.length;
  const middle = (n - 1) / 2;
  return (12 * values.reduce((sum, value, k) => sum + (k - middle) * value, 0)) / (n * (n * n - 1));
}
