import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ContractError, scoreError } from "../core/error.ts";
import { bootstrapMean, mean, pearson, quantile, standardDeviation } from "../core/statistics.ts";
import type { ScoredBatch } from "../pipeline/types.ts";
import { createReportData } from "./data.ts";
import { scoredBatches } from "./rollouts.fixture.ts";
import { summarize } from "./summary.ts";

const success = { signals: ["correct"] } as const;

function known(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

describe("report data", () => {
  it("summarises as two passes over all rollouts do", () => {
    const batches = scoredBatches(150, 8, 64, 3);
    const data = createReportData({ success, wholeGroups: true });
    for (const { batch, scored } of batches) data.add(batch, scored);
    const summary = summarize(data);
    const rewards = known(batches.flatMap(({ scored }) => [...scored.rewards]));
    const correct = batches.flatMap(({ scored }) => [...scored.signals.correct.values]);
    const lengths = batches.flatMap(({ batch }) => Array.from(batch.fields.lengths as ArrayLike<number>));
    expect(summary.rollouts).toBe(1200);
    expect(summary.scored).toBe(rewards.length);
    expect(summary.unscored).toBe(1200 - rewards.length);
    expect(summary.unscored).toBeGreaterThan(0);
    expect(summary.reward.mean).toBeCloseTo(mean(rewards), 12);
    expect(summary.reward.standardDeviation).toBeCloseTo(standardDeviation(rewards), 12);
    expect(summary.reward.quantiles.find(({ q }) => q === 0.25)?.value).toBeCloseTo(quantile(rewards, 0.25), 3);
    expect(summary.signals.correct.mean).toBeCloseTo(mean(known(correct)), 12);
    expect(summary.signals.correct.errors).toEqual({
      timeout: summary.errors.find(({ code }) => code === "timeout")?.count,
      threw: summary.errors.find(({ code }) => code === "threw")?.count,
    });
    expect(summary.errors.every(({ signal }) => signal === "correct")).toBe(true);
    expect(summary.success).toMatchObject({ count: known(correct).filter((x) => x === 1).length });
    const { names, matrix } = summary.correlations;
    const both = correct.flatMap((x, i) => (x === null ? [] : [[x, lengths[i]]]));
    expect(matrix[names.indexOf("correct")][names.indexOf("length")]).toBeCloseTo(
      pearson(
        both.map(([x]) => x),
        both.map(([, y]) => y),
      ) as number,
      10,
    );
  });

  it("gives an interval of the mean over groups as a bootstrap of groups does", () => {
    const batches = scoredBatches(300, 4, 1200, 8);
    const data = createReportData();
    for (const { batch, scored } of batches) data.add(batch, scored);
    const { interval } = summarize(data).reward;
    const { batch, scored } = batches[0];
    const byGroup = new Map<unknown, number[]>();
    scored.rewards.forEach((reward, i) => {
      if (reward === null) return;
      const group = batch.fields.groups[i];
      byGroup.set(group, [...(byGroup.get(group) ?? []), reward]);
    });
    const bootstrap = bootstrapMean([...byGroup.values()].map(mean));
    expect(interval?.over).toBe("groups");
    expect((interval?.upper ?? 0) - (interval?.lower ?? 0)).toBeCloseTo(bootstrap.upper - bootstrap.lower, 1);
    expect(interval?.lower).toBeCloseTo(bootstrap.lower, 1);
  });

  it("goes on from a snapshot, through JSON, as if it had never stopped", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(30), fc.nat(1000), (batchSize, stop, seed) => {
        const batches = scoredBatches(60, 6, batchSize, seed);
        const undisturbed = createReportData({ success, seed });
        let resumed = createReportData({ success, seed });
        batches.forEach(({ batch, scored }, i) => {
          undisturbed.add(batch, scored);
          if (i === stop) {
            const written = JSON.stringify(resumed.snapshot());
            summarize(resumed);
            resumed = createReportData({ success, seed });
            resumed.restore(JSON.parse(written));
          }
          resumed.add(batch, scored);
        });
        expect(resumed.snapshot()).toEqual(undisturbed.snapshot());
        expect(summarize(resumed)).toEqual(summarize(undisturbed));
      }),
      { numRuns: 25 },
    );
  });

  it("does not depend on how rollouts with whole groups are cut into batches", () => {
    const summaries = [6, 60, 360].map((size) => {
      const data = createReportData({ success });
      for (const { batch, scored } of scoredBatches(60, 6, size)) data.add(batch, scored);
      return summarize(data);
    });
    for (const summary of summaries) {
      expect(summary.groups).toEqual(summaries[0].groups);
      expect(summary.passAtK).toEqual(summaries[0].passAtK);
      expect(summary.reward).toEqual(summaries[0].reward);
    }
  });

  it("keeps the most extreme rollouts and a random choice of equal ones", () => {
    const size = 1000;
    const batch = { size, fields: { ids: Array.from({ length: size }, (_, i) => `r${i}`) } };
    const rewards = Array.from({ length: size }, (_, i) => (i === 700 ? 5 : i === 20 ? -5 : 1));
    const keep = (seed: number) => {
      const data = createReportData({ seed, samples: 3 });
      data.add(batch, plain(rewards));
      return data.state;
    };
    expect(keep(1).best.map(({ reward }) => reward)).toEqual([5, 1, 1]);
    expect(keep(1).worst.map(({ reward }) => reward)).toEqual([-5, 1, 1]);
    expect(keep(1).best[0].sample.id).toBe("r700");
    const tied = keep(1)
      .best.slice(1)
      .map(({ sample }) => sample.index);
    expect(
      keep(1)
        .best.slice(1)
        .map(({ sample }) => sample.index),
    ).toEqual(tied);
    expect(
      keep(2)
        .best.slice(1)
        .map(({ sample }) => sample.index),
    ).not.toEqual(tied);
    expect(Math.max(...tied)).toBeGreaterThan(10);
  });

  it("stays small: twenty times the rollouts, a snapshot of about the same size", () => {
    const size = (groups: number) => {
      const data = createReportData({ success });
      for (const { batch, scored } of scoredBatches(groups, 8, 512)) data.add(batch, scored);
      return JSON.stringify(data.snapshot()).length;
    };
    expect(size(5000)).toBeLessThan(600_000);
    expect(size(5000)).toBeLessThan(3 * size(250));
  });

  it("is undefined, not NaN, where nothing was scored", () => {
    const data = createReportData({ success: { above: 0 } });
    data.add(
      { size: 2, fields: { groups: ["a", "a"], responses: ["", "x"] } },
      { ...plain([null, null]), errors: [0, 1].map(() => scoreError("crashed", "gone")) },
    );
    const summary = summarize(data);
    expect(summary.reward).toMatchObject({ count: 0, mean: null, standardDeviation: null, interval: null });
    expect(summary.errors).toEqual([{ code: "crashed", signal: null, count: 2, share: 1 }]);
    expect(summary.groups).toMatchObject({ count: 1, comparable: 0, zeroSpreadShare: null });
    expect(summary.passAtK).toEqual([]);
    expect(summary.lengths).toMatchObject({ unit: "code points", mean: 0.5 });
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });

  it("keeps its numbers finite, and its snapshot whole, for rewards of any size", () => {
    const extreme = [Number.MAX_VALUE, -Number.MAX_VALUE, 5e-324, 0, 1];
    const batch = { size: 5, fields: { groups: [1, 1, 2, 2, 2], lengths: [1e300, 0, 3, 1, 2] } };
    const data = createReportData({ success: { above: 0 } });
    data.add(batch, plain(extreme));
    data.add(batch, plain(extreme));
    expect(JSON.parse(JSON.stringify(data.snapshot()))).toEqual(data.snapshot());
    expect(JSON.parse(JSON.stringify(summarize(data)))).toEqual(summarize(data));
  });

  it("takes the mean of token advantages and of nothing else", () => {
    const data = createReportData();
    data.add({ size: 3, fields: {} }, { ...plain([1, 2, null]), advantages: [[1, 2, 6], [-1], null] });
    expect(summarize(data).advantage).toMatchObject({ count: 2, mean: 1 });
    expect(summarize(data).groups).toBeNull();
    expect(summarize(data).lengths).toBeNull();
  });

  it("names what is wrong with a batch, a rule or a snapshot", () => {
    const batch = { size: 1, fields: {} };
    expect(() => createReportData({ success: { signals: ["nosuch"] } }).add(batch, plain([1]))).toThrow(/nosuch/);
    expect(() => createReportData().add({ size: 2, fields: {} }, plain([1]))).toThrow(ContractError);
    expect(() => createReportData().add(batch, plain([Number.NaN]))).toThrow(/NaN/);
    expect(() => createReportData().restore({ version: 0 })).toThrow(/version 1/);
    expect(() => createReportData().restore({ version: 1 })).toThrow(/missing/);
    const data = createReportData();
    data.add(batch, plain([1]));
    expect(() => data.add(batch, { ...plain([1]), signals: {} })).toThrow(/signals/);
  });
});

function plain(rewards: (number | null)[]): ScoredBatch {
  const none = rewards.map(() => null);
  return {
    size: rewards.length,
    rewards,
    errors: none,
    combined: rewards,
    signals: { only: { values: rewards, errors: none, evidence: none, cached: [], milliseconds: 0 } },
    fields: {},
  };
}
