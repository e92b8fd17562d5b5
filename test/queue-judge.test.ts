/** A judge that fails behind the queue, under load: each rollout gets its own value or a reason, and all is well when the judge is. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findRedis, type RedisServer, startRedis } from "../scripts/redis.mjs";

const { reason } = findRedis();
if (reason) console.warn(`skipped, a judge that fails behind the queue: ${reason}`);

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-judge-faults-"));
mkdirSync(join(folder, "node_modules"));
symlinkSync(fileURLToPath(new URL("../node_modules/zod", import.meta.url)), join(folder, "node_modules/zod"));
/** Milliseconds: a judge that is well answers within them on a busy machine too. */
const timeLimit = 1000;

const rewardText = (judgeUrl: string) => `import { definePart, defineReward, fields, judge } from "guerdon";
import { z } from "zod";
const ask = definePart({
  id: "signal/own-prompt", papers: [], params: z.object({}),
  inputs: z.object({ response: fields.response }), outputs: z.object({ messages: fields.messages }),
  compute: (_, { response }) => ({ messages: [{ role: "user", content: response }] }),
});
const read = definePart({
  id: "signal/own-parse", papers: [], params: z.object({}),
  inputs: z.object({ reply: fields.reply }), outputs: z.object({ rating: z.number().nullable() }),
  compute: (_, { reply }) => {
    const found = /^Rating: (\\d+)$/.exec(reply);
    return { rating: found ? Number(found[1]) : null };
  },
});
export default defineReward({
  signals: {
    rated: {
      use: judge({ model: "m", baseURL: ${JSON.stringify(judgeUrl)}, apiKey: "none", prompt: ask(), parse: read() }),
      timeLimit: ${timeLimit}, retries: 1, concurrency: 32,
    },
  },
});
`;

type Mood = "well" | "hangs" | "stalls" | "garbage" | "prose" | "nonsense" | "endless" | "500" | "429" | "drops";

/** What a rollout may come to have in place of a value, by what ails the judge. */
const codes: Readonly<Record<Exclude<Mood, "well">, RegExp>> = {
  hangs: /^timeout$/,
  stalls: /^timeout$/,
  garbage: /^unreadable$/,
  prose: /^unreadable$/,
  nonsense: /^unreadable$/,
  endless: /^(timeout|unreadable|unavailable)$/,
  "500": /^unavailable$/,
  "429": /^unavailable$/,
  drops: /^unavailable$/,
};

/** Rates a rollout with the number in it plus one, so that no rating is 0 and none is another's. */
function answer(mood: Mood, asked: string, response: ServerResponse): void {
  const reply = (content: unknown) =>
    response.end(JSON.stringify({ id: "1", object: "chat.completion", choices: [{ index: 0, message: { content } }] }));
  response.setHeader("content-type", "application/json");
  if (mood === "well") reply(`Rating: ${Number(asked) + 1}`);
  else if (mood === "stalls") response.write('{"choices": [');
  else if (mood === "garbage") response.end("<html>0</html>");
  else if (mood === "prose") reply("I would rather give no number, or 0.");
  else if (mood === "nonsense") response.end(JSON.stringify({ choices: [{ message: { content: 0 } }], rating: 0 }));
  else if (mood === "endless") {
    const piece = Buffer.alloc(65_536, " ");
    const more = () => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  } else if (mood === "500") {
    response.statusCode = 500;
    response.end('{"error": {"message": "0"}}');
  } else if (mood === "429") {
    response.statusCode = 429;
    response.setHeader("retry-after", "0");
    response.end("{}");
  } else if (mood === "drops") response.destroy();
}

const children: ChildProcess[] = [];

/** Starts a command and waits until it says `ready`; gives what was found. */
function start(args: readonly string[], ready: RegExp): Promise<RegExpExecArray> {
  const child = spawn(process.execPath, [bin, ...args, "--no-cache", "--log-level", "warn"], { cwd: folder });
  children.push(child);
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += String(chunk);
      const found = ready.exec(said);
      if (found) resolve(found);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("close", (code) => reject(new Error(`ended with ${code}: ${said}`)));
  });
}

describe.skipIf(reason !== undefined)("a judge that fails behind the queue", { timeout: 120_000 }, () => {
  let redis: RedisServer;
  let judgeServer: Server;
  let url = "";
  let mood: Mood = "well";
  let next = 0;
  let sent = 0;

  beforeAll(async () => {
    redis = await startRedis();
    judgeServer = createServer((request, response) => {
      let body = "";
      request.on("data", (piece) => {
        body += String(piece);
      });
      request.on("end", () => {
        const { messages } = JSON.parse(body) as { messages: { content: string }[] };
        answer(mood, messages[0].content, response);
      });
    });
    await new Promise<void>((resolve) => judgeServer.listen(0, "127.0.0.1", resolve));
    const file = join(folder, "reward.ts");
    writeFileSync(file, rewardText(`http://127.0.0.1:${(judgeServer.address() as AddressInfo).port}/v1`));
    const queue = ["--queue", redis.url];
    [, url] = await start(["serve", file, "--port", "0", ...queue], /serving \S+ at (http:\S+)/);
    const work = ["work", file, ...queue, "--workers", "0", "--batches", "4"];
    await Promise.all([start(work, /scoring reward/), start(work, /scoring reward/)]);
  }, 60_000);
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    judgeServer?.closeAllConnections();
    judgeServer?.close();
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One request of four rollouts; how many of them have a value. Anything but an own value or a fitting reason fails. */
  const ask = async (allowed: RegExp): Promise<number> => {
    const ids = Array.from({ length: 4 }, () => next++);
    sent += ids.length;
    const reply = await fetch(`${url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ fields: { responses: ids.map(String) } }),
    });
    const json = (await reply.json()) as { rewards: (number | null)[]; errors: ({ code: string } | null)[] };
    expect([reply.status, json.rewards?.length, json.errors?.length]).toEqual([200, 4, 4]);
    ids.forEach((id, i) => {
      if (json.rewards[i] === null) expect(json.errors[i]?.code).toMatch(allowed);
      else expect([json.rewards[i], json.errors[i]]).toEqual([id + 1, null]);
    });
    return json.rewards.filter((reward) => reward !== null).length;
  };
  /** `clients` at once, `times` requests each. */
  const load = async (allowed: RegExp, clients: number, times: number) => {
    const one = async () => {
      let scored = 0;
      for (let i = 0; i < times; i++) scored += await ask(allowed);
      return scored;
    };
    const scored = await Promise.all(Array.from({ length: clients }, one));
    return scored.reduce((a, b) => a + b, 0);
  };
  const never = /^$/;
  const metric = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length]));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  };

  it.each(Object.keys(codes) as (keyof typeof codes)[])(
    "%s: reasons and no numbers; then values again",
    async (ill) => {
      mood = "well";
      expect(await load(never, 8, 1)).toBe(32);
      // It falls ill while requests are under way.
      const before = load(codes[ill], 8, 2);
      mood = ill;
      const [, during] = await Promise.all([before, load(codes[ill], 8, 1)]);
      expect(during).toBe(0);
      mood = "well";
      expect(await load(never, 8, 1)).toBe(32);
    },
  );

  it("each rollout was counted once, and nothing is left in the queue", async () => {
    expect(await metric("guerdon_rollouts_total")).toBe(sent);
    expect(await metric("guerdon_queue_batches")).toBe(0);
    expect(await metric("guerdon_queue_events_total")).toBeGreaterThan(0);
  });
});
