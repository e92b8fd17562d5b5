/** `guerdon score --queue`: the bytes of the embedded run, whoever scores and whoever dies. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findRedis, type RedisServer, startRedis } from "../scripts/redis.mjs";

const { reason } = findRedis();
if (reason) console.warn(`skipped, files over the queue: ${reason}`);

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-queue-score-"));
const children = new Set<ChildProcess>();

function run(args: readonly string[], ready?: RegExp) {
  const child = spawn(process.execPath, [bin, ...args, "--no-cache"], { cwd: folder });
  children.add(child);
  let said = "";
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const isReady = new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += String(chunk);
      if (ready?.test(said)) resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    void ended.then((code) => (code === 0 ? resolve() : reject(new Error(`ended with ${code}: ${said}`))));
  });
  isReady.catch(() => {});
  return { child, ended, isReady, said: () => said };
}

describe.skipIf(reason !== undefined)("guerdon score --queue", { timeout: 120_000 }, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
    writeFileSync(
      join(folder, "reward.ts"),
      `import { defineReward } from "guerdon";
import { mathAnswer } from "guerdon/signal";
import { groupRelative } from "guerdon/credit";
export default defineReward({
  signals: {
    right: mathAnswer(),
    late: async ({ response }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (response.includes("13")) throw new Error("unlucky");
      return { value: 1 / 3, evidence: { text: response.slice(0, 5), numbers: new Float64Array([0.1, Number.NaN]), none: undefined } };
    },
  },
  credit: groupRelative({ scale: "group" }),
  maxUnscored: 1,
});
`,
    );
    const lines = Array.from({ length: 600 }, (_, i) =>
      JSON.stringify({
        id: i,
        group: Math.floor(i / 4),
        completion: `so \\boxed{${i % 17}} ü\u2028`,
        answer: String(i % 5),
      }),
    );
    writeFileSync(join(folder, "in.jsonl"), `${lines.join("\n")}\n`);
  }, 150_000);
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("waits for a worker, outlives one, and writes the same bytes", async () => {
    const score = ["score", "reward.ts", "in.jsonl", "--evidence", "--batch-size", "8"];
    const away = run([...score, "-o", "away.jsonl", "--queue", redis.url]);
    const worker = () =>
      run(
        ["work", "reward.ts", "--queue", redis.url, "--workers", "1", "--silence", "2", "--log-level", "info"],
        /"msg":"batch"/,
      );
    const first = worker();
    await first.isReady;
    first.child.kill("SIGKILL");
    worker();
    expect(await run([...score, "-o", "here.jsonl", "--workers", "1"]).ended).toBe(0);
    expect([await away.ended, away.said()]).toEqual([0, expect.stringContaining("600")]);
    const [here, there] = ["here.jsonl", "away.jsonl"].map((name) => readFileSync(join(folder, name), "utf8"));
    expect(there).toBe(here);
    expect(here).toContain("unlucky");
  });
});
