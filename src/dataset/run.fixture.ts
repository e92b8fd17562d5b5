/** A scorer in memory with random delays, for tests: per-rollout worth, group means, and a state that counts. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { indexGroups } from "../core/groups.ts";
import { createRandom } from "../core/random.ts";
import type { Reward, RewardNeeds, ScoredBatch, Scorer } from "../pipeline/types.ts";
import { openSource } from "./open.ts";
import { type DatasetOptions, type DatasetRun, defaultOptions, type RunResult } from "./options.ts";
import { scoreDataset } from "./run.ts";

export const needs: RewardNeeds = {
  wholeGroups: true,
  fields: { responses: "signal length", groups: "credit mean" },
  optionalFields: {},
};

export const rowNeeds: RewardNeeds = { wholeGroups: false, fields: { responses: "signal length" }, optionalFields: {} };

export function folder(): string {
  return mkdtempSync(join(tmpdir(), "guerdon-test-"));
}

/** Worth of a response: its length. Advantage: worth − mean of the group. With `state`, the count of rollouts before is added. */
export function fakeScorer(
  options: { seed?: number; delay?: number; state?: boolean; seen?: string[] } = {},
): Scorer & { reward: Reward } {
  const random = createRandom(options.seed ?? 0);
  let count = 0;
  let chain: Promise<unknown> = Promise.resolve();
  const reward: Reward = {
    kind: "reward",
    hash: "fake",
    definition: { signals: { length: () => 0 }, credit: (() => 0) as unknown as Reward["definition"]["credit"] },
  };
  const scorer: Scorer & { reward: Reward } = {
    reward,
    async score(batch) {
      const before = chain;
      const delay = random.uniform() * (options.delay ?? 0);
      const work = (async (): Promise<ScoredBatch> => {
        if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
        await before;
        const responses = Array.from(batch.fields.responses as ArrayLike<string>);
        options.seen?.push(...responses);
        const offset = options.state ? count : 0;
        count += batch.size;
        const after = count;
        const rewards = responses.map((text) => text.length + offset);
        const groups = batch.fields.groups as ArrayLike<string | number> | undefined;
        const index = indexGroups(groups ?? responses.map((_, i) => i));
        const sums = new Float64Array(index.ids.length);
        rewards.forEach((value, i) => {
          sums[index.of[i]] += value;
        });
        const none = responses.map(() => null);
        return {
          size: batch.size,
          rewards,
          errors: none,
          advantages: rewards.map((value, i) => value - sums[index.of[i]] / index.counts[index.of[i]]),
          combined: rewards,
          signals: {
            length: {
              values: responses.map((text) => text.length),
              errors: none,
              evidence: responses.map((text) => ({ text })),
              cached: responses.map(() => false),
              milliseconds: 0.1,
            },
          },
          fields: {},
          snapshot: options.state ? { count: after } : null,
        };
      })();
      chain = work.catch(() => {});
      return work;
    },
    snapshot: () => (options.state ? { count } : null),
    restore(snapshot) {
      if (options.state) count = (snapshot as { count: number }).count;
    },
    counters: () => ({ scored: count, unscored: 0, errors: {}, signals: {} }),
    waits: false,
    close: async () => {},
  };
  return scorer;
}

export async function runFile(
  input: string,
  output: string | null,
  changes: Partial<DatasetOptions> = {},
  more: Partial<Pick<DatasetRun, "needs" | "signal" | "onProgress" | "report">> & {
    scorer?: ReturnType<typeof fakeScorer>;
  } = {},
): Promise<RunResult> {
  const source = await openSource(input);
  const scorer = more.scorer ?? fakeScorer();
  try {
    return await scoreDataset({
      reward: scorer.reward,
      scorer,
      needs: more.needs ?? needs,
      checkWiring(_reward, available) {
        for (const field of Object.keys((more.needs ?? needs).fields)) {
          if (!available.has(field)) throw new Error(`${field} missing`);
        }
      },
      source,
      output,
      report: more.report ?? null,
      options: { ...defaultOptions, ...changes },
      signal: more.signal ?? new AbortController().signal,
      onProgress: more.onProgress,
    });
  } finally {
    await source.close();
  }
}
