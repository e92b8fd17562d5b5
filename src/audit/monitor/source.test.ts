import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { openLog } from "./source.ts";
import type { MonitorRecord } from "./types.ts";
import { postWebhook } from "./webhook.ts";

const folder = mkdtempSync(join(tmpdir(), "guerdon-monitor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const line = (step: number, reward = 1) => `${JSON.stringify({ step, reward })}\n`;

async function all(path: string, options: Parameters<typeof openLog>[1] = {}) {
  const records: MonitorRecord[] = [];
  for await (const record of openLog(path, options).records()) records.push(record);
  return records;
}

describe("logs", () => {
  it("reports bad lines by their place and goes on", async () => {
    const path = join(folder, "bad.jsonl");
    writeFileSync(path, `${line(1)}\n{"step": 2, "rew\n${line(3)}[1]\n${line(4).trim()}`);
    const bad: string[] = [];
    const records = await all(path, { format: "jsonl", onBadLine: (place, reason) => bad.push(`${place} ${reason}`) });
    expect(records.map(({ step }) => step)).toEqual([1, 3, 4]);
    expect(bad).toHaveLength(2);
    expect(bad[0]).toMatch(/bad\.jsonl:3 not JSON/);
    expect(bad[1]).toMatch(/bad\.jsonl:5 expected a JSON object/);
  });

  it("names a file that is not there", async () => {
    await expect(all(join(folder, "none.jsonl"))).rejects.toThrow(/none\.jsonl: no such file/);
    mkdirSync(join(folder, "empty"));
    await expect(all(join(folder, "empty"))).rejects.toThrow(/expected metrics\.jsonl or a trainer_state\.json/);
  });

  it("follows a file that does not exist yet, grows by pieces of lines, is cut, and rests", async () => {
    const path = join(folder, "growing.jsonl");
    const seen: number[] = [];
    const bad: string[] = [];
    const log = openLog(path, { follow: true, interval: 5, idle: 1500, onBadLine: (place) => bad.push(place) });
    const reading = (async () => {
      for await (const { step } of log.records()) seen.push(step);
    })();
    const until = async (count: number) => {
      for (let look = 0; look < 200 && seen.length < count; look++) await new Promise((done) => setTimeout(done, 5));
    };
    writeFileSync(path, line(1).slice(0, 9));
    await new Promise((done) => setTimeout(done, 30));
    appendFileSync(path, line(1).slice(9) + line(2));
    await until(2);
    truncateSync(path, 0);
    appendFileSync(path, line(2));
    await until(3);
    appendFileSync(path, line(3));
    await reading;
    expect(seen).toEqual([1, 2, 2, 3]);
    expect(bad).toEqual([]);
  });

  it("tells when a followed log is another one, and when it is not", async () => {
    const path = join(folder, "replaced.jsonl");
    const told: (number | "replaced")[] = [];
    const log = openLog(path, { follow: true, interval: 5, idle: 1000, onReplaced: () => told.push("replaced") });
    const reading = (async () => {
      for await (const { step } of log.records()) told.push(step);
    })();
    const until = async (count: number) => {
      for (let look = 0; look < 200 && told.length < count; look++) await new Promise((done) => setTimeout(done, 5));
    };
    writeFileSync(path, line(1) + line(2) + line(3));
    await until(3);
    // Written anew by another file's renaming, with the same beginning: the same log.
    writeFileSync(`${path}.new`, line(1) + line(2) + line(3) + line(4));
    renameSync(`${path}.new`, path);
    await until(4);
    // Renamed and created anew.
    renameSync(path, `${path}.old`);
    await new Promise((done) => setTimeout(done, 20));
    writeFileSync(path, line(1, 2));
    await until(6);
    // Overwritten in place, and longer than before at once.
    writeFileSync(path, line(1, 3) + line(2, 3) + line(3, 3));
    await reading;
    expect(told).toEqual([1, 2, 3, 4, "replaced", 1, "replaced", 1, 2, 3]);
  });

  it("tells when a trainer_state.json is of another run, and counts its steps anew", async () => {
    const path = join(folder, "trainer_state.json");
    const state = (steps: number, reward: number) =>
      JSON.stringify({ log_history: Array.from({ length: steps }, () => ({ reward, reward_std: 0.1 })) });
    const told: (number | "replaced")[] = [];
    const options = { follow: true, interval: 5, idle: 1000, onReplaced: () => told.push("replaced") };
    writeFileSync(path, state(2, 0.5));
    for await (const { step } of openLog(path, options).records()) {
      told.push(step);
      if (told.length === 2) writeFileSync(path, state(3, 0.5));
      if (told.length === 3) writeFileSync(path, state(2, 0.7));
    }
    expect(told).toEqual([0, 1, 2, "replaced", 0, 1]);
  });

  it("ends when it is told to, and reads what was written before", async () => {
    const path = join(folder, "ended.jsonl");
    writeFileSync(path, line(1));
    const stop = new AbortController();
    const seen: number[] = [];
    for await (const { step } of openLog(path, { follow: true, interval: 5, signal: stop.signal }).records()) {
      seen.push(step);
      if (step === 1) appendFileSync(path, `${line(2)}{"step": 3, "re`);
      if (step === 2) stop.abort();
    }
    expect(seen).toEqual([1, 2]);
  });

  it("reads the newest trainer_state.json of a folder, and its new entries as it is rewritten", async () => {
    const run = join(folder, "trl");
    const state = (steps: number) =>
      JSON.stringify({
        global_step: steps,
        log_history: Array.from({ length: steps }, (_, i) => ({ step: i + 1, reward: 0.5, reward_std: 0.1 })),
      }).replace("0.5", "NaN");
    mkdirSync(join(run, "checkpoint-2"), { recursive: true });
    writeFileSync(join(run, "checkpoint-2", "trainer_state.json"), state(2));
    expect((await all(run)).map(({ step, reward }) => [step, reward])).toEqual([[2, 0.5]]);
    const seen: number[] = [];
    for await (const { step } of openLog(run, { follow: true, interval: 5, idle: 1500 }).records()) {
      seen.push(step);
      if (step !== 2) continue;
      mkdirSync(join(run, "checkpoint-4"));
      writeFileSync(join(run, "checkpoint-4", "trainer_state.json"), state(4));
    }
    expect(seen).toEqual([2, 3, 4]);
    writeFileSync(join(run, "broken.json"), "{");
    await expect(all(join(run, "broken.json"))).rejects.toThrow(/broken\.json: not JSON/);
  });
});

describe("webhook", () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = null;
  });

  /** Answers with these statuses in turn; null: no answer at all. */
  async function listen(statuses: readonly (number | null)[]) {
    const bodies: unknown[] = [];
    server = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        const status = statuses[bodies.length];
        bodies.push(JSON.parse(text));
        if (status !== null && status !== undefined)
          response.writeHead(status, { location: "/elsewhere" }).end("thanks");
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
  }
  const quick = { pause: 1, timeLimit: 200 };

  it("posts JSON", async () => {
    const { url, bodies } = await listen([204]);
    expect(await postWebhook(url, { score: 0.95 }, quick)).toEqual({ delivered: true });
    expect(bodies).toEqual([{ score: 0.95 }]);
  });

  it("tries again after a failure of the server and a silence, and no more than it should", async () => {
    const first = await listen([503, null, 200]);
    expect(await postWebhook(first.url, {}, quick)).toEqual({ delivered: true });
    expect(first.bodies).toHaveLength(3);
    server?.closeAllConnections();
    server?.close();
    const second = await listen([500, 500, 500, 200]);
    expect(await postWebhook(second.url, {}, quick)).toEqual({ delivered: false, reason: "answered 500" });
    expect(second.bodies).toHaveLength(3);
  });

  it("takes a refusal and a redirection for an answer, and gives up on silence", async () => {
    const refusing = await listen([401, 200]);
    expect(await postWebhook(refusing.url, {}, quick)).toEqual({ delivered: false, reason: "answered 401" });
    expect(refusing.bodies).toHaveLength(1);
    server?.closeAllConnections();
    server?.close();
    const moving = await listen([302, 302, 302]);
    expect((await postWebhook(moving.url, {}, quick)).delivered).toBe(false);
    server?.closeAllConnections();
    server?.close();
    const silent = await listen([null]);
    expect(await postWebhook(silent.url, {}, { ...quick, tries: 1 })).toEqual({
      delivered: false,
      reason: "no answer within 200 ms",
    });
  });
});
