import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findRedis, type RedisServer, startRedis } from "../../scripts/redis.mjs";
import type { RolloutBatch } from "../core/rollout.ts";
import { createScorer, loadReward, type ScoredBatch, type Scorer } from "../pipeline/index.ts";
import { openQueue, type Queue } from "./queue.ts";
import { jobKey, loadQueueLibraries, queueName, resultKey } from "./queue-connection.ts";
import { createQueueScorer } from "./queue-scorer.ts";
import { type RunningWork, type WorkOptions, work } from "./queue-work.ts";
import { createFolder, plainReward, slowReward } from "./rewards.fixture.ts";
import { serve } from "./serve.ts";

const { reason } = findRedis();
if (reason) console.warn(`skipped, the queue: ${reason}`);

/** Shaping whose result depends on all batches before, and on draws. */
const statefulReward = `import { definePart, defineReward, fields } from "guerdon";
import { exactMatch } from "guerdon/signal";
import { groupRelative } from "guerdon/credit";
import { z } from "zod";
const state = z.object({ count: z.number().default(0), sum: z.number().default(0) });
const running = definePart({
  id: "shaping/minus-running-mean",
  papers: [],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, uniforms: fields.rewards, state }),
  outputs: z.object({ rewards: fields.rewards, state }),
  compute: (_, { rewards, uniforms, state: { count, sum } }) => {
    const mean = count === 0 ? 0 : sum / count;
    let total = sum;
    for (let i = 0; i < rewards.length; i++) total += rewards[i];
    return { rewards: Array.from(rewards, (reward, i) => reward - mean + 0.01 * uniforms[i]), state: { count: count + rewards.length, sum: total } };
  },
});
export default defineReward({ signals: { right: exactMatch() }, shaping: [running()], credit: groupRelative({ scale: "none" }) });
`;

describe.skipIf(reason !== undefined)("the queue", { timeout: 60_000 }, () => {
  const folder = createFolder();
  const files = {
    plain: folder.file("plain.ts", plainReward),
    slow: folder.file("slow.ts", slowReward),
    stateful: folder.file("stateful.ts", statefulReward),
  };
  const open: { close(): Promise<unknown> }[] = [];
  // For what the reward file imports beside guerdon.
  symlinkSync(
    fileURLToPath(new URL("../../node_modules", import.meta.url)),
    join(dirname(files.plain), "node_modules"),
  );
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ password: "a-long-password" });
  }, 150_000);
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });
  afterAll(async () => {
    await redis?.stop();
    folder.remove();
  });

  const startWork = async (name: keyof typeof files, more: Partial<WorkOptions> = {}): Promise<RunningWork> => {
    const own = { rewards: [{ name, file: files[name] }], url: redis.url, workers: 0, silence: 2000, watchEvery: 0 };
    const running = await work({ ...own, ...more });
    open.push({ close: () => running.stop() });
    return running;
  };
  const openScorer = async (
    name: keyof typeof files,
    patience = 30_000,
  ): Promise<{ scorer: Scorer; queue: Queue; hash: string }> => {
    const queue = await openQueue({ url: redis.url, patience });
    const reward = await loadReward(files[name]);
    const scorer = createQueueScorer(queue, name, reward);
    open.push({ close: () => scorer.close().then(() => queue.close()) });
    return { scorer, queue, hash: reward.hash };
  };
  const client = async () => {
    const { Redis } = await loadQueueLibraries();
    const own = new Redis(redis.url);
    open.push({ close: () => own.quit() });
    return own;
  };
  /** All of a batch but how long it took. */
  const plainOf = (scored: ScoredBatch) => ({
    ...scored,
    snapshot: scored.snapshot,
    signals: Object.fromEntries(
      Object.entries(scored.signals).map(([name, column]) => [
        name,
        { ...column, milliseconds: 0, evidence: [...column.evidence] },
      ]),
    ),
  });
  const batchOf = (first: number, size = 8): RolloutBatch => {
    const row = (i: number) => first + i;
    return {
      size,
      fields: {
        responses: Array.from({ length: size }, (_, i) => (row(i) % 7 === 3 ? "boom" : row(i) % 3 === 0 ? "a" : "b")),
        references: new Array(size).fill("a"),
        groups: Array.from({ length: size }, (_, i) => Math.floor(row(i) / 4)),
      },
    };
  };

  it("gives what the embedded scorer gives, and leaves nothing in Redis", async () => {
    await startWork("plain");
    const { scorer, hash } = await openScorer("plain");
    const embedded = createScorer(await loadReward(files.plain), { workers: 0 });
    open.push(embedded);
    const batches = Array.from({ length: 12 }, (_, i) => batchOf(8 * i));
    const ours = await Promise.all(batches.map((batch) => scorer.score(batch)));
    const theirs = await Promise.all(batches.map((batch) => embedded.score(batch)));
    expect(ours.map(plainOf)).toEqual(theirs.map(plainOf));
    expect(ours[0].errors[3]).toMatchObject({ code: "threw" });
    const { signals: _, ...counted } = scorer.counters();
    const { signals: __, ...known } = embedded.counters();
    expect(counted).toEqual(known);
    await expect(scorer.score({ size: 1, fields: { responses: ["a"] } })).rejects.toThrow(/references/);
    const own = await client();
    const keys = await own.keys("*");
    expect(keys.filter((key) => /:result:|-\d+$/.test(key))).toEqual([]);
    expect(await own.llen(`guerdon:${queueName(hash)}:active`)).toBe(0);
  });

  it("state and draws stay in the order of the batches, whoever scores them", async () => {
    await Promise.all([startWork("stateful"), startWork("stateful")]);
    const { scorer } = await openScorer("stateful");
    const embedded = createScorer(await loadReward(files.stateful), { workers: 0 });
    open.push(embedded);
    const batches = Array.from({ length: 6 }, (_, i) => batchOf(8 * i));
    const ours = await Promise.all(batches.map((batch) => scorer.score(batch)));
    const theirs = await Promise.all(batches.map((batch) => embedded.score(batch)));
    expect(ours.map(plainOf)).toEqual(theirs.map(plainOf));
    expect(scorer.snapshot()).toEqual(embedded.snapshot());
  });

  it("a new version whose import never ends does not take over, and keeps no worker from stopping", async () => {
    const text = (line: string, value: number) =>
      `import { defineReward } from "guerdon";\n${line}\nexport default defineReward({ signals: { a: () => ${value} } });\n`;
    const file = folder.file("changing.ts", text("", 1));
    const rewards = [{ name: "changing", file, importLimit: 1500 }];
    const running = await work({ rewards, url: redis.url, workers: 0, watchEvery: 0 });
    open.push({ close: () => running.stop() });
    const queue = await openQueue({ url: redis.url, patience: 30_000 });
    open.push(queue);
    const scorer = createQueueScorer(queue, "changing", await loadReward(file));
    open.push(scorer);
    folder.file("changing.ts", text("for (;;);", 2));
    await running.reload();
    expect((await scorer.score({ size: 1, fields: { responses: ["x"] } })).rewards).toEqual([1]);
    rewards[0].importLimit = 1e6;
    const reloaded = running.reload();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await running.stop()).toBe(true);
    await reloaded;
  });

  it("another version of the reward is refused, and no worker at all is said", async () => {
    const { scorer } = await openScorer("plain", 1000);
    const other = folder.file("other.ts", plainReward.replace("0.5 * calm", "0.25 * calm"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(startWork("plain", { rewards: [{ name: "plain", file: other }] })).rejects.toThrow(
      /^plain: is another version here \(\w{12}\) than what is asked for/,
    );
    await expect(scorer.score(batchOf(0))).rejects.toThrow(/no worker scores reward plain .* guerdon work/);
    // One that comes later is seen, and the same scorer goes on.
    await startWork("plain");
    expect((await scorer.score(batchOf(0, 1))).rewards).toEqual([1.5]);
  });

  it("a password is asked for, and never shown", async () => {
    const wrong = redis.url.replace("a-long-password", "another-password");
    const refused = await openQueue({ url: wrong }).catch((thrown: Error) => thrown.message);
    expect(refused).toMatch(/^--queue: cannot use Redis at 127\.0\.0\.1:\d+\/0: .*WRONGPASS/);
    expect(refused).not.toContain("another-password");
  });

  it("what others write into Redis is refused on both sides", async () => {
    const worker = await startWork("plain");
    const { scorer, queue, hash } = await openScorer("plain");
    const own = await client();
    const { bullmq } = await loadQueueLibraries();
    const bull = new bullmq.Queue(queueName(hash), { prefix: "guerdon", connection: own });
    bull.on("error", () => {});
    open.push(bull);
    await bull.add("score", { version: 1, reward: hash, size: 1e12 }, { jobId: "strange-1" });
    await bull.add("score", ["x"], { jobId: "strange-2" });
    await bull.add("score", { a: 1 }, { jobId: "../../strange" });
    // A job whose data are no JSON at all.
    const broken = await bull.add("score", {}, { jobId: "strange-3", delay: 300 });
    await own.hset(jobKey("guerdon", hash, String(broken.id)), "data", "{");
    for (let i = 0; i < 100 && worker.counters.refused < 2; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(worker.counters.refused).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await scorer.score(batchOf(0, 1))).rewards).toEqual([1.5]);
    // A result that somebody else wrote before the worker could.
    const { scorer: waiting } = await openScorer("slow");
    const slow = await loadReward(files.slow);
    const pending = waiting.score({ size: 1, fields: { responses: ["1"] } });
    const ids = async () => (await own.keys(`guerdon:${queueName(slow.hash)}:*-1`)).map((key) => key.split(":")[2]);
    let found: string[] = [];
    for (let i = 0; i < 100 && found.length === 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      found = await ids();
    }
    await own.set(
      resultKey("guerdon", found[0]),
      JSON.stringify({ version: 1, reward: slow.hash, size: 1, rewards: [0] }),
    );
    await expect(pending).rejects.toThrow(/what came back from the queue is no result: result\./);
    expect(queue.problem).toBeNull();
  });

  it("a batch that kills its workers gets a reason for every rollout", async () => {
    const { scorer, hash } = await openScorer("slow");
    const scored = scorer.score({ size: 2, fields: { responses: ["1", "2"] } });
    const own = await client();
    const waits = `guerdon:${queueName(hash)}:wait`;
    let id: string | null = null;
    for (let i = 0; i < 100 && id === null; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      id = (await own.lrange(waits, 0, 0))[0] ?? null;
    }
    // As after two workers that died with it; the third one takes it and falls silent for good.
    await own.hset(jobKey("guerdon", hash, String(id)), "stc", 2);
    await own.lrem(waits, 1, String(id));
    await own.lpush(`guerdon:${queueName(hash)}:active`, String(id));
    await startWork("slow", { silence: 500 });
    const { rewards, errors } = await scored;
    expect(rewards).toEqual([null, null]);
    expect(errors).toEqual([0, 1].map(() => expect.objectContaining({ code: "crashed", retryable: false })));
  });

  it("an aborted batch leaves the queue", async () => {
    const { scorer, queue, hash } = await openScorer("slow");
    const controller = new AbortController();
    const scored = scorer.score({ size: 1, fields: { responses: ["1"] } }, { signal: controller.signal });
    const own = await client();
    const waiting = () => own.llen(`guerdon:${queueName(hash)}:wait`);
    for (let i = 0; i < 100 && (await waiting()) === 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(queue.pending).toBe(1);
    controller.abort(new Error("enough"));
    await expect(scored).rejects.toThrow("enough");
    for (let i = 0; i < 100 && (await waiting()) > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect([await waiting(), queue.pending]).toEqual([0, 0]);
  });

  it("behind HTTP: scores, deadlines, back-pressure, metrics", async () => {
    const service = await serve({
      rewards: [{ name: "slow", file: files.slow }],
      port: 0,
      watchEvery: 0,
      queue: redis.url,
      limits: { running: 2, waiting: 2 },
    });
    open.push({ close: () => service.stop() });
    const post = async (responses: readonly string[], headers: Record<string, string> = {}) => {
      const answer = await fetch(`${service.url}/v1/score`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ fields: { responses } }),
      });
      return {
        status: answer.status,
        json: (await answer.json()) as { rewards?: unknown; error?: { message: string } },
      };
    };
    // Nobody scores yet: the deadline's answer says so.
    const alone = await post(["1"], { "x-deadline-ms": "800" });
    expect([alone.status, alone.json.error?.message]).toEqual([503, expect.stringMatching(/800 ms: no worker scores/)]);
    const worker = await startWork("slow");
    expect(await post(["1", "2"])).toMatchObject({ status: 200, json: { rewards: [1, 1] } });
    expect((await post(["never"], { "x-deadline-ms": "500" })).status).toBe(504);
    // Its worker has heard that nobody waits, and is free again.
    for (let i = 0; i < 60 && worker.running > 0; i++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect([worker.running, worker.counters.late]).toEqual([0, 1]);
    const many = await Promise.all(Array.from({ length: 8 }, () => post(["300"])));
    expect(many.filter(({ status }) => status === 200)).toHaveLength(4);
    expect(many.filter(({ status }) => status === 429)).toHaveLength(4);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/^guerdon_queue_workers\{reward="slow"\} 1$/m);
    expect(metrics).toMatch(/^guerdon_queue_connected 1$/m);
    expect(metrics).toMatch(/^guerdon_rollouts_total\{outcome="scored",reward="slow"\} 6$/m);
  });
});
