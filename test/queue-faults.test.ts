/** kill -9 of workers, of the server, of Redis, under load: every accepted request is answered once, with its own values or a reason. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findRedis, type RedisServer, startRedis } from "../scripts/redis.mjs";

const { reason } = findRedis();
if (reason) console.warn(`skipped, the queue under faults: ${reason}`);

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-faults-"));
const file = join(folder, "reward.ts");
// The value tells whose it is; a rollout that says "boom" has none.
writeFileSync(
  file,
  `import { defineReward } from "guerdon";
export default defineReward({ signals: { own: async ({ response }) => {
  await new Promise((resolve) => setTimeout(resolve, 60));
  if (response.startsWith("boom")) throw new Error("boom");
  return Number(response.split(" ")[1]) + 1;
} } });\n`,
);

const children = new Set<ChildProcess>();

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly said: () => string;
}

/** Starts a command and waits until it says `ready`. */
function start(args: readonly string[], ready: RegExp): Promise<Started> {
  const child = spawn(process.execPath, [bin, ...args, "--no-cache", "--log-level", "warn"], { cwd: folder });
  children.add(child);
  let said = "";
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += String(chunk);
      if (ready.test(said)) resolve({ child, ended, said: () => said });
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    void ended.then((code) => reject(new Error(`ended with ${code}: ${said}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

interface Tally {
  /** Answered with values, each of them right. */
  right: number;
  /** Answered with 503 and a reason. */
  refused: number;
  /** The connection broke: no answer at all. */
  broken: number;
  /** Anything else, described. */
  readonly wrong: string[];
}

let next = 0;

/** Clients that each send one batch after another until they are told to stop. */
function load(url: string, clients = 6) {
  const tally: Tally = { right: 0, refused: 0, broken: 0, wrong: [] };
  let running = true;
  const client = async () => {
    while (running) {
      const first = next;
      next += 4;
      const responses = [`ok ${first}`, `boom ${first + 1}`, `ok ${first + 2}`, `ok ${first + 3}`];
      const expected = [first + 1, null, first + 3, first + 4];
      try {
        const answer = await fetch(`${url}/v1/score`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ fields: { responses } }),
        });
        const json = (await answer.json()) as {
          rewards?: unknown;
          errors?: ({ code: string } | null)[];
          error?: { message: string; retryable: boolean };
        };
        const asExpected =
          JSON.stringify(json.rewards) === JSON.stringify(expected) && json.errors?.[1]?.code === "threw";
        if (answer.status === 200 && asExpected) tally.right++;
        else if (answer.status === 503 && json.error?.message && json.error.retryable) tally.refused++;
        else tally.wrong.push(`${answer.status} ${JSON.stringify(json).slice(0, 300)}`);
      } catch {
        tally.broken++;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    tally,
    /** Waits until `count` more requests have been answered rightly. */
    async more(count: number) {
      const goal = tally.right + count;
      for (let i = 0; i < 1200 && tally.right < goal; i++) await new Promise((resolve) => setTimeout(resolve, 50));
      if (tally.right < goal) throw new Error(`the load does not go on: ${JSON.stringify(tally)}`);
    },
    async end() {
      running = false;
      await all;
      return tally;
    },
  };
}

describe.skipIf(reason !== undefined)("the queue under faults", { timeout: 120_000 }, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  }, 60_000);
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    children.clear();
  });
  afterAll(async () => {
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const serve = async (port: number, more: readonly string[] = []) => {
    await start(["serve", file, "--port", String(port), "--queue", redis.url, ...more], /serving reward at/);
    return `http://127.0.0.1:${port}`;
  };
  const worker = () =>
    start(["work", file, "--queue", redis.url, "--workers", "0", "--silence", "2", "--batches", "3"], /scoring reward/);

  it("a worker dies, another takes its batches: no request notices", async () => {
    const url = await serve(await freePort());
    const [first] = await Promise.all([worker(), worker()]);
    const clients = load(url);
    await clients.more(20);
    first.child.kill("SIGKILL");
    await clients.more(40);
    const { wrong, refused, broken } = await clients.end();
    expect({ wrong, refused, broken }).toEqual({ wrong: [], refused: 0, broken: 0 });
  });

  it.each([true, false])("Redis dies and comes back (with what it had: %s)", async (persistent) => {
    const own = await startRedis({ persistent });
    try {
      const port = await freePort();
      await start(["serve", file, "--port", String(port), "--queue", own.url], /serving reward at/);
      await start(["work", file, "--queue", own.url, "--workers", "0", "--silence", "2"], /scoring reward/);
      const clients = load(`http://127.0.0.1:${port}`);
      await clients.more(20);
      await own.kill();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect([ready.status, ((await ready.json()) as { problem: string }).problem]).toEqual([
        503,
        expect.stringContaining("does not answer"),
      ]);
      await own.restart();
      await clients.more(40);
      const { wrong, broken } = await clients.end();
      expect({ wrong, broken }).toEqual({ wrong: [], broken: 0 });
      expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });

  it("the server dies and comes back: clients ask again, nobody gets another's values", async () => {
    const port = await freePort();
    const first = await start(["serve", file, "--port", String(port), "--queue", redis.url], /serving reward at/);
    await worker();
    const clients = load(`http://127.0.0.1:${port}`);
    await clients.more(20);
    first.child.kill("SIGKILL");
    await first.ended;
    await serve(port);
    await clients.more(40);
    const { wrong, broken } = await clients.end();
    expect(wrong).toEqual([]);
    expect(broken).toBeGreaterThan(0);
  });

  it("SIGTERM: the server answers all it has accepted, the worker ends what it has begun; both exit with 0", async () => {
    const port = await freePort();
    const server = await start(["serve", file, "--port", String(port), "--queue", redis.url], /serving reward at/);
    const [leaving] = await Promise.all([worker(), worker()]);
    const clients = load(`http://127.0.0.1:${port}`);
    await clients.more(10);
    leaving.child.kill("SIGTERM");
    expect(await leaving.ended).toBe(0);
    await clients.more(10);
    const { tally } = clients;
    const broken = tally.broken;
    const accepted = Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        fetch(`http://127.0.0.1:${port}/v1/score`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ fields: { responses: [`ok ${i}`] } }),
        }).then((answer) => answer.json() as Promise<{ rewards: unknown }>),
      ),
    );
    await clients.end();
    expect(tally.broken).toBe(broken);
    server.child.kill("SIGTERM");
    expect((await accepted).map(({ rewards }) => rewards)).toEqual(Array.from({ length: 12 }, (_, i) => [i + 1]));
    expect(await server.ended).toBe(0);
    expect(tally.wrong).toEqual([]);
  });
});
