import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RolloutBatch } from "../core/rollout.ts";
import { entropyModulated } from "../credit/entropy-modulated.ts";
import { groupRelative } from "../credit/group-relative.ts";
import { reinforcePlusPlus } from "../credit/reinforce-plus-plus.ts";
import { defineReward } from "./define.ts";
import { explain } from "./explain.ts";
import { centred, counting, echo, equal, later, lengthOfOne, noisy, reciprocal, runningMean } from "./parts.fixture.ts";
import { unscoredFailure } from "./run-limits.ts";
import { createScorer } from "./scorer.ts";
import type { Reward, RewardDefinition, ScoredBatch, ScorerOptions } from "./types.ts";

function batchOf(fields: Record<string, ArrayLike<unknown>>): RolloutBatch {
  return { size: Object.values(fields)[0].length, fields };
}

async function scoreOnce(
  reward: Reward,
  fields: Record<string, ArrayLike<unknown>>,
  options: ScorerOptions = {},
): Promise<ScoredBatch> {
  const scorer = createScorer(reward, { workers: 0, ...options });
  try {
    return await scorer.score(batchOf(fields));
  } finally {
    await scorer.close();
  }
}

const codes = ({ errors }: Pick<ScoredBatch, "errors">) => errors.map((error) => error?.code ?? null);

describe("signals", () => {
  it("give what they are worth, and null with the part's own reason", async () => {
    const scored = await scoreOnce(defineReward({ signals: { right: equal(), size: lengthOfOne({ scale: 0.5 }) } }), {
      responses: ["a", "bb", "?"],
      references: ["a", "x", "?"],
    });
    expect(scored.signals.right.values).toEqual([1, 0, null]);
    expect(scored.signals.right.errors[2]).toEqual({
      code: "no-value",
      message: "a question mark says nothing",
      retryable: false,
    });
    expect(scored.signals.right.evidence[1]).toEqual({ answers: "bb", errors: null });
    expect(scored.signals.size.values).toEqual([0.5, 1, 0.5]);
    expect(scored.signals.size.evidence[1]).toEqual({ doubled: 4 });
    expect(scored.rewards).toEqual([1.5, 1, null]);
    expect(scored.errors[2]?.message).toBe("right: a question mark says nothing");
  });

  it("a row that makes a part throw fails alone", async () => {
    const responses = Array.from({ length: 50 }, (_, i) => (i === 33 ? "boom" : "a"));
    const scored = await scoreOnce(defineReward({ signals: { right: equal() } }), { responses, references: responses });
    expect(scored.rewards.filter((reward) => reward === 1)).toHaveLength(49);
    expect(scored.errors[33]).toEqual({ code: "threw", message: "right: boom was read", retryable: false });
  });

  it("input of the wrong kind is an error of its rollout, not a zero", async () => {
    const scored = await scoreOnce(defineReward({ signals: { right: equal() } }), {
      responses: ["a", "42", null, "b"],
      references: ["a", 42, "c", undefined],
    });
    expect(scored.rewards).toEqual([1, null, null, null]);
    expect(codes(scored)).toEqual([null, "bad-input", "bad-input", "bad-input"]);
    expect(scored.errors[1]?.message).toBe("right: references: expected a text, got 42");
  });

  it("NaN and infinities are errors, from parts, functions and combine", async () => {
    const fields = { x: [1, Number.NaN, Number.POSITIVE_INFINITY, null, 0], responses: ["", "", "", "", ""] };
    const echoed = await scoreOnce(defineReward({ signals: { x: echo() } }), fields);
    expect(codes(echoed)).toEqual([null, "bad-input", "bad-input", "no-value", null]);
    const computed = await scoreOnce(defineReward({ signals: { x: ({ x }) => (x as number) / 1 } }), fields);
    expect(codes(computed)).toEqual([null, "not-finite", "not-finite", null, null]);
    const combined = await scoreOnce(
      defineReward({ signals: { x: () => 1 }, combine: (_, { x }) => 1 / (x as number) }),
      fields,
    );
    expect(codes(combined)).toEqual([null, "not-finite", null, "not-finite", "not-finite"]);
    expect(combined.errors[4]?.message).toBe("combine: gave Infinity");
  });

  it("garbage from a function is an error that shows the garbage", async () => {
    const given: unknown[] = [
      "0.7",
      undefined,
      {},
      { value: "1" },
      [1],
      null,
      true,
      { value: 2, evidence: "two" },
      { error: { code: "no-value", message: "pass" } },
    ];
    const scored = await scoreOnce(defineReward({ signals: { x: ({ given }) => given as number } }), {
      responses: given.map(String),
      given,
    });
    expect(codes(scored)).toEqual(["threw", "no-value", "threw", "threw", "threw", "no-value", null, null, "no-value"]);
    expect(scored.rewards.slice(6, 8)).toEqual([1, 2]);
    expect(scored.signals.x.evidence[7]).toBe("two");
    expect(scored.errors[0]?.message).toContain('the text "0.7"');
  });

  it("a fallback stands in only where it is named; a signal that is not required may be missing", async () => {
    const scorer = createScorer(
      defineReward({
        signals: {
          a: { use: ({ x }) => x as number, fallback: -1 },
          b: { use: ({ y }) => y as number, required: false },
        },
        combine: ({ a, b }) => a + (b ?? 100),
      }),
      { workers: 0 },
    );
    const scored = await scorer.score(batchOf({ responses: ["", "", ""], x: [1, null, 1], y: [2, 2, null] }));
    expect(scored.rewards).toEqual([3, 1, 101]);
    expect(scored.signals.a.errors[1]?.code).toBe("no-value");
    expect(scorer.counters().signals.a).toMatchObject({ calls: 3, fallbacks: 1 });
    expect(scorer.counters()).toMatchObject({ scored: 3, unscored: 0 });
    await scorer.close();
  });

  it("a fallback is also what later parts read", async () => {
    const reward = defineReward({
      signals: { right: { use: equal(), fallback: 0.25 }, again: { use: echo(), bind: { x: "right" } } },
      shaping: [{ use: noisy(), bind: { uniforms: "right" } }],
    });
    expect((await scoreOnce(reward, { responses: ["a", "?"], references: ["a", "a"] })).rewards).toEqual([3, 0.75]);
  });

  it("a signal reads another's output; what failed there fails here with the same reason", async () => {
    const reward = defineReward({
      signals: { twice: later(), right: equal() },
      combine: ({ right, twice }) => right + twice,
    });
    const scored = await scoreOnce(reward, { responses: ["abc", "?"], references: ["abc", "x"] });
    expect(scored.rewards).toEqual([7, null]);
    expect(scored.errors[1]?.code).toBe("no-value");
  });

  it("asynchronous functions: limits, retries and order", async () => {
    const tries = new Map<string, number>();
    const scorer = createScorer(
      defineReward({
        signals: {
          slow: {
            use: async ({ response }, { signal }) => {
              const count = (tries.get(response) ?? 0) + 1;
              tries.set(response, count);
              if (response === "hang")
                await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("gone"))));
              if (response === "flaky" && count < 3) throw Object.assign(new Error("fetch failed"));
              if (response === "bug") throw new Error("a bug");
              await new Promise((resolve) => setTimeout(resolve, response.length));
              return response.length;
            },
            timeLimit: 60,
            retries: 2,
          },
        },
      }),
      { workers: 0 },
    );
    const scored = await scorer.score(batchOf({ responses: ["ten letter", "flaky", "a", "bug", "hang"] }));
    expect(scored.rewards).toEqual([10, 5, 1, null, null]);
    expect(codes(scored)).toEqual([null, null, null, "threw", "timeout"]);
    expect(Object.fromEntries(tries)).toEqual({ "ten letter": 1, flaky: 3, a: 1, bug: 1, hang: 3 });
    expect(scorer.counters().signals.slow).toMatchObject({ calls: 5, retries: 4, timeouts: 3 });
    await scorer.close();
  });

  it("no more calls at once than `concurrency`, over all batches", async () => {
    let now = 0;
    let most = 0;
    const scorer = createScorer(
      defineReward({
        signals: {
          x: {
            use: async () => {
              most = Math.max(most, ++now);
              await new Promise((resolve) => setTimeout(resolve, 2));
              now--;
              return 1;
            },
            concurrency: 3,
          },
        },
      }),
      { workers: 0 },
    );
    const responses = Array.from({ length: 20 }, () => "");
    await Promise.all([scorer.score(batchOf({ responses })), scorer.score(batchOf({ responses }))]);
    expect(most).toBe(3);
    await scorer.close();
  });

  it("stops when asked to", async () => {
    const scorer = createScorer(defineReward({ signals: { x: async () => new Promise<number>(() => {}) } }), {
      workers: 0,
    });
    const stop = new AbortController();
    const scoring = scorer.score(batchOf({ responses: ["a"] }), { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(scoring).rejects.toThrow("enough");
    await scorer.close();
    await expect(scorer.score(batchOf({ responses: ["a"] }))).rejects.toThrow("closed");
  });

  it("a batch that lacks a field or has columns of other lengths is refused", async () => {
    const scorer = createScorer(defineReward({ signals: { right: equal() } }), { workers: 0 });
    await expect(scorer.score(batchOf({ responses: ["a"] }))).rejects.toThrow(/^references: signal right wants/);
    await expect(scorer.score({ size: 1, fields: { responses: ["a"], references: ["a", "b"] } })).rejects.toThrow(
      /^fields\.references: expected 1 entries/,
    );
    await scorer.close();
  });
});

describe("shaping and credit", () => {
  it("unscored rollouts are taken out before and stay null after", async () => {
    const reward = defineReward({ signals: { right: equal() }, credit: centred() });
    const scored = await scoreOnce(reward, {
      responses: ["a", "?", "b", "a"],
      references: ["a", "a", "a", "a"],
      groups: ["g", "g", "g", "h"],
    });
    expect(scored.rewards).toEqual([1, null, 0, 1]);
    // The group's mean is ½: the unscored rollout is no zero in it.
    expect(scored.advantages).toEqual([0.5, null, -0.5, 0]);
  });

  it("advantages are null, not absent, when nothing has a reward", async () => {
    const reward = defineReward({ signals: { right: equal() }, credit: centred() });
    expect((await scoreOnce(reward, { responses: ["?"], references: ["a"], groups: ["g"] })).advantages).toEqual([
      null,
    ]);
    expect((await scoreOnce(reward, { responses: [], references: [], groups: [] })).advantages).toEqual([]);
  });

  it("a column of the input that is named like a signal's output is not taken for it", async () => {
    const reward = defineReward({
      signals: { right: equal() },
      shaping: [{ use: noisy(), bind: { uniforms: "right" } }],
    });
    const fields = { responses: ["a"], references: ["a"], "right.value": [5], "right.answers": ["x"] };
    expect((await scoreOnce(reward, fields)).rewards).toEqual([2]);
  });

  it("what becomes infinite on the way is unscored and names the part", async () => {
    const scored = await scoreOnce(
      defineReward({ signals: { x: echo() }, shaping: [reciprocal()], credit: centred() }),
      { x: [2, 0, 4], groups: [1, 1, 1] },
    );
    expect(scored.rewards).toEqual([0.5, null, 0.25]);
    expect(scored.combined).toEqual([2, 0, 4]);
    expect(scored.errors[1]).toMatchObject({
      code: "not-finite",
      message: "shaping/reciprocal-fixture: rewards is not finite",
    });
    expect(scored.advantages).toEqual([0.125, null, -0.125]);
  });

  it("state goes through batches in the order of submission, whatever finishes first", async () => {
    const reward = defineReward({
      signals: {
        x: async ({ x, wait }) => {
          await new Promise((resolve) => setTimeout(resolve, wait as number));
          return x as number;
        },
      },
      shaping: [runningMean()],
    });
    const scorer = createScorer(reward, { workers: 0 });
    const [first, second] = await Promise.all([
      scorer.score(batchOf({ responses: ["", ""], x: [1, 3], wait: [40, 40] })),
      scorer.score(batchOf({ responses: [""], x: [5], wait: [0] })),
    ]);
    expect(first.rewards).toEqual([1, 3]);
    expect(second.rewards).toEqual([3]);
    expect(first.snapshot).toMatchObject({ rollouts: 2, states: { "shaping/running-mean-fixture": { n: 2, sum: 4 } } });
    expect(scorer.snapshot()).toMatchObject({
      rollouts: 3,
      states: { "shaping/running-mean-fixture": { n: 3, sum: 9 } },
    });
    await scorer.close();
  });

  it("a cancelled batch leaves no trace in the state", async () => {
    const reward = defineReward({
      signals: { x: async ({ x }) => (x === null ? new Promise<number>(() => {}) : (x as number)) },
      shaping: [runningMean()],
    });
    const scorer = createScorer(reward, { workers: 0 });
    const stop = new AbortController();
    const hanging = scorer.score(batchOf({ responses: [""], x: [null] }), { signal: stop.signal });
    const after = scorer.score(batchOf({ responses: [""], x: [7] }));
    stop.abort(new Error("stop"));
    await expect(hanging).rejects.toThrow("stop");
    expect((await after).rewards).toEqual([7]);
    await scorer.close();
  });

  it("refuses a snapshot of another reward or version", async () => {
    const scorer = createScorer(defineReward({ signals: { x: echo() }, shaping: [runningMean()] }), { workers: 0 });
    expect(() => scorer.restore({ version: 2 })).toThrow(/^snapshot\.version: /);
    expect(() => scorer.restore({ ...(scorer.snapshot() as object), reward: "other" })).toThrow(/^snapshot\.reward: /);
    await scorer.close();
  });
});

const rollout = fc.record({
  response: fc.constantFrom("a", "bb", "?", "boom", ""),
  reference: fc.constantFrom("a", "bb"),
  x: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(null)),
});
type Rollout = { response: string; reference: string; x: number | null };

const columnsOf = (rollouts: readonly Rollout[]) => ({
  responses: rollouts.map(({ response }) => response),
  references: rollouts.map(({ reference }) => reference),
  x: rollouts.map(({ x }) => x),
});

async function scoreCut(reward: Reward, rollouts: readonly Rollout[], cuts: readonly number[], overlap: boolean) {
  const scorer = createScorer(reward, { workers: 0 });
  const bounds = [
    0,
    ...[...new Set(cuts.map((cut) => cut % (rollouts.length + 1)))].sort((a, b) => a - b),
    rollouts.length,
  ];
  const pieces = bounds.slice(1).map((end, k) => rollouts.slice(bounds[k], end));
  const results: ScoredBatch[] = [];
  if (overlap)
    results.push(
      ...(await Promise.all(pieces.map((piece) => scorer.score({ size: piece.length, fields: columnsOf(piece) })))),
    );
  else for (const piece of pieces) results.push(await scorer.score({ size: piece.length, fields: columnsOf(piece) }));
  await scorer.close();
  return results.flatMap(({ rewards, errors }) =>
    rewards.map((reward, i) => ({ reward, code: errors[i]?.code ?? null })),
  );
}

describe("properties", () => {
  it("one batch or many: the same results", async () => {
    const reward = defineReward({
      signals: { right: equal(), size: lengthOfOne(), x: { use: ({ x }) => x as number | null, fallback: 0.5 } },
      combine: ({ right, size, x }) => right + 10 * size + x,
      shaping: [noisy()],
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(rollout, { maxLength: 40 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        fc.boolean(),
        async (rollouts, cuts, overlap) => {
          expect(await scoreCut(reward, rollouts, cuts, overlap)).toEqual(await scoreCut(reward, rollouts, [], false));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("a run that is interrupted and restored gives the same numbers", async () => {
    const reward = defineReward({
      signals: { count: counting(), x: ({ x }) => x as number | null },
      shaping: [runningMean(), noisy()],
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(rollout, { minLength: 1, maxLength: 8 }), { maxLength: 6 }),
        fc.nat(),
        async (batches, at) => {
          const whole = createScorer(reward, { workers: 0 });
          const expected: ScoredBatch[] = [];
          for (const batch of batches)
            expected.push(await whole.score({ size: batch.length, fields: columnsOf(batch) }));
          const stop = at % (batches.length + 1);
          let scorer = createScorer(reward, { workers: 0 });
          for (let k = 0; k < batches.length; k++) {
            if (k === stop) {
              const snapshot: unknown = JSON.parse(
                JSON.stringify(k === 0 ? scorer.snapshot() : expected[k - 1].snapshot),
              );
              await scorer.close();
              scorer = createScorer(reward, { workers: 0 });
              scorer.restore(snapshot);
            }
            const again = await scorer.score({ size: batches[k].length, fields: columnsOf(batches[k]) });
            expect(again.rewards).toEqual(expected[k].rewards);
          }
          await scorer.close();
          await whole.close();
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("cache", () => {
  it("keeps results by content; what is damaged is a miss", async () => {
    const folder = mkdtempSync(join(tmpdir(), "guerdon-cache-"));
    let calls = 0;
    const reward = defineReward({
      signals: {
        right: { use: equal(), cache: true },
        x: {
          use: async ({ response }) => {
            calls++;
            return response === "bad" ? null : { value: response.length, evidence: { response } };
          },
          cache: true,
        },
      },
    });
    const fields = { responses: ["a", "bb", "bad"], references: ["a", "a", "a"] };
    const run = async () => {
      const scorer = createScorer(reward, { workers: 0, cacheFolder: folder });
      const scored = await scorer.score(batchOf(fields));
      const counters = scorer.counters();
      await scorer.close();
      return { scored, counters };
    };
    const first = await run();
    expect(calls).toBe(3);
    const second = await run();
    expect(calls).toBe(4); // only the failure is tried again
    expect(second.counters.signals.x).toMatchObject({ calls: 1, cacheHits: 2 });
    expect(second.counters.signals.right).toMatchObject({ calls: 0, cacheHits: 3 });
    expect(second.scored.rewards).toEqual(first.scored.rewards);
    expect(second.scored.signals.x.cached).toEqual([true, true, false]);
    expect(second.scored.signals.x.evidence[1]).toEqual({ response: "bb" });
    for (const shard of readdirSync(folder)) {
      for (const file of readdirSync(join(folder, shard))) writeFileSync(join(folder, shard, file), "{");
    }
    const third = await run();
    expect(third.counters.signals.x).toMatchObject({ cacheHits: 0 });
    expect(third.scored.rewards).toEqual(first.scored.rewards);
    rmSync(folder, { recursive: true });
  });

  it.skipIf(!existsSync("/proc/self"))("that cannot be written costs nothing but the cache", async () => {
    const reward = defineReward({ signals: { right: { use: equal(), cache: true } } });
    const fields = { responses: ["a", "b"], references: ["a", "a"] };
    for (const cacheFolder of ["/proc/x/cache", "/dev/null/cache"])
      expect((await scoreOnce(reward, fields, { cacheFolder })).rewards).toEqual([1, 0]);
  });

  it("other inputs and other params are other entries", async () => {
    const folder = mkdtempSync(join(tmpdir(), "guerdon-cache-"));
    const cached = (scale: number) => defineReward({ signals: { x: { use: lengthOfOne({ scale }), cache: true } } });
    expect((await scoreOnce(cached(1), { responses: ["abc"] }, { cacheFolder: folder })).rewards).toEqual([3]);
    expect((await scoreOnce(cached(2), { responses: ["abc"] }, { cacheFolder: folder })).rewards).toEqual([6]);
    expect((await scoreOnce(cached(1), { responses: ["abcd"] }, { cacheFolder: folder })).rewards).toEqual([4]);
    rmSync(folder, { recursive: true });
  });
});

describe("explain and limits", () => {
  it("shows the path from evidence to number", async () => {
    const reward = defineReward({
      signals: { right: equal(), size: { use: lengthOfOne(), fallback: 0 } },
      combine: ({ right, size }) => right + size / 10,
      credit: centred(),
    });
    const batch = batchOf({ responses: ["ab", "?\u001b[2J"], references: ["ab", "x"], groups: [7, 7] });
    const scorer = createScorer(reward, { workers: 0 });
    const scored = await scorer.score(batch);
    const { text, signals, steps } = explain(reward, batch, scored, 0);
    expect(signals[0]).toMatchObject({
      name: "right",
      what: "signal/equal-fixture",
      value: 1,
      evidence: { answers: "ab", errors: null },
    });
    expect(steps[0].inputs).toContainEqual({ name: "groups", from: "input groups", value: 7 });
    expect(steps[0].inputs).toContainEqual({ name: "rewards", from: "combine", value: 1.2 });
    expect(text).toContain("combined = 1.2");
    expect(text).toContain('references ← input references: "ab"');
    expect(text).toContain("advantage = 0.35");
    const hostile = explain(reward, batch, scored, 1).text;
    expect(hostile).not.toContain("\u001b");
    await scorer.close();
  });

  it("a run with too many unscored rollouts fails and says why", async () => {
    const reward = defineReward({ signals: { right: equal() }, maxUnscored: 0.2 });
    const scorer = createScorer(reward, { workers: 0 });
    await scorer.score(batchOf({ responses: ["a", "a", "a", "?"], references: ["a", "a", "a", "a"] }));
    expect(unscoredFailure(reward, scorer.counters())).toBe(
      "1 of 4 rollouts (25 %) have no reward, more than the 20 % that the reward allows: no-value:right 1",
    );
    expect(unscoredFailure(reward, scorer.counters(), 5)).toBeNull();
    await scorer.close();
  });
});

describe("without credit", () => {
  it("rewards come without the groups that only credit wants, and the same as with them", async () => {
    const scorer = createScorer(defineReward({ signals: { right: equal() }, credit: centred() }), { workers: 0 });
    const fields = { responses: ["a", "b"], references: ["a", "a"] };
    await expect(scorer.score(batchOf(fields))).rejects.toThrow(/groups.*credit\/centred-fixture/);
    const plain = await scorer.score(batchOf(fields), { credit: false });
    expect(plain.rewards).toEqual([1, 0]);
    expect(plain.advantages).toBeUndefined();
    const whole = await scorer.score(batchOf({ ...fields, groups: ["g", "g"] }));
    expect(whole.rewards).toEqual(plain.rewards);
    expect(whole.advantages).toEqual([0.5, -0.5]);
    await scorer.close();
  });
});

describe("advantages of a part that gives N or N×S", () => {
  it("stand at their rollouts when others are unscored", async () => {
    const reward = defineReward({
      signals: { right: ({ response }) => (response === "?" ? null : response === "a") },
      credit: groupRelative({ scale: "none" }),
    });
    const scored = await scoreOnce(reward, { responses: ["?", "a", "?", "b"], groups: ["g", "g", "g", "g"] });
    expect(scored.advantages).toEqual([null, 0.5, null, -0.5]);
    expect(scored.fields.baselines).toEqual([null, 0.5, null, 0.5]);
  });
});

describe("the only scored rollout of a larger group", () => {
  const credited = (credit: RewardDefinition["credit"], fields: Record<string, unknown[]>) =>
    scoreOnce(defineReward({ signals: { x: ({ x }) => x as number | null }, credit }), {
      responses: fields.x.map(() => ""),
      ...fields,
    });
  const groups = ["g", "g", "g", "h", "h", "one"];
  const x = [5, null, null, 1, 0, 7];

  it("has advantage 0 under a group baseline; a group of one by design keeps its own", async () => {
    const scored = await credited(groupRelative({ scale: "none" }), { x, groups });
    expect(scored.rewards).toEqual(x);
    expect(scored.advantages).toEqual([0, null, null, 0.5, -0.5, 7]);
    const batchwise = groupRelative({ baseline: "mean", scale: "batch", epsilon: 0 });
    const fields = { x: x.slice(0, 5), groups: groups.slice(0, 5) };
    // It does not enter what the others are divided by either.
    const { advantages } = await credited(batchwise, fields);
    expect(advantages).toEqual([0, null, null, expect.closeTo(Math.SQRT1_2, 12), expect.closeTo(-Math.SQRT1_2, 12)]);
  });

  it("keeps its reward where the baseline is not the group's", async () => {
    const credit = groupRelative({ baseline: "none", scale: "none" });
    expect((await credited(credit, { x, groups })).advantages).toEqual(x);
  });

  it("has 0 also when there is no other rollout in the batch, and a later part reads it", async () => {
    const fields = { x: [5, null], groups: ["g", "g"], mask: [[1, 1, 0], [1]] };
    const one = await credited(groupRelative({ scale: "none" }), fields);
    expect(one.advantages).toEqual([0, null]);
    const spread = await credited([groupRelative({ scale: "none" }), entropyModulated()], {
      ...fields,
      entropies: [[1, 2, 1], [1]],
    });
    expect(spread.errors[0]).toBeNull();
    expect(spread.advantages?.[0]).toHaveLength(3);
  });

  it("has as many zeros as tokens where advantages are a token's", async () => {
    const credit = reinforcePlusPlus({ baseline: "group-mean" });
    const mask = [[1, 1, 0], [1], [1], [1, 1], [1, 1]];
    const fields = { x: x.slice(0, 5), groups: groups.slice(0, 5), mask };
    const { advantages, errors } = await credited(credit, fields);
    expect(errors[0]).toBeNull();
    expect(advantages?.slice(0, 3)).toEqual([[0, 0, 0], null, null]);
    // Whitened over the other four tokens alone: ±½ / √(⅓ + 1e-8).
    const half = expect.closeTo(Math.sqrt(3) / 2, 6);
    expect(advantages?.[3]).toEqual([half, half]);
  });
});
