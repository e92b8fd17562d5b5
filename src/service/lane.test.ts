/** The short way gives the same answers as the ordinary one, which a body without an announced length takes. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFolder, plainReward, postJson } from "./rewards.fixture.ts";
import { type RunningService, serve } from "./serve.ts";

const folder = createFolder();
const plain = folder.file("plain.ts", plainReward);
let service: RunningService;
beforeAll(async () => {
  service = await open(plain);
}, 60_000);
afterAll(async () => {
  await service.stop();
  folder.remove();
});

async function open(file: string, workers = 2): Promise<RunningService> {
  const made = await serve({ rewards: [{ name: "r", file }], port: 0, workers, watchEvery: 0 });
  const warm = { fields: { responses: new Array(32).fill("a"), references: new Array(32).fill("a") } };
  // How long a first batch takes says nothing.
  for (let tries = 0; tries < 40 && !isOpen(made); tries++) await post(made, warm);
  expect(isOpen(made)).toBe(true);
  return made;
}

function isOpen({ host }: RunningService): boolean {
  return host.current()[0].lane?.open === true;
}

const post = (at: RunningService, body: unknown, headers?: Record<string, string>, more?: RequestInit) =>
  postJson(`${at.url}/v1/score`, body, headers, more);

/** A body in chunks, whose length nobody knows beforehand. */
const chunked = (body: unknown) => ({
  body: new Blob([typeof body === "string" ? body : JSON.stringify(body)]).stream(),
  duplex: "half" as const,
});

async function answered(at: RunningService): Promise<number> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  return Number(/guerdon_lane_requests_total\{outcome="answered",reward="r"\} (\d+)/.exec(text)?.[1] ?? 0);
}

const batch = (responses: readonly string[]) => ({
  fields: { responses, references: responses.map(() => "a") },
});

describe("the lane", () => {
  it("answers as the ordinary way does, byte for byte but for the id", async () => {
    const fields = { responses: ["a", "b", "é\n", "b"], references: ["a", "a", "é\n", "b"], groups: [0, 0, 0, 1] };
    const right = [
      { fields },
      { fields, credit: false },
      { fields, evidence: false, reward: "r" },
      { fields: { ...fields, responses: ["a", "boom", "boom", "b"] } },
      { rollouts: [{ prompt: '"reward": "x"', completion: "4", answer: 4 }, { completion: "a" }] },
      { rollouts: [{ completion: [{ role: "assistant", content: "5" }], answer: "5" }] },
      { fields: { responses: [1], references: ["a"] } },
      batch(Array.from({ length: 300 }, (_, i) => "x".repeat(i * 10))),
    ];
    const wrong = [
      "{",
      "[]",
      '"\\ud800"',
      { fields: {} },
      { fields: { responses: ["a"] } },
      { fields, more: 1 },
      { fields: { ...fields, groups: [0] } },
      { fields, reward: "other" },
      `${"[".repeat(100)}${"]".repeat(100)}`,
    ];
    let before = await answered(service);
    for (const body of [...right, ...wrong]) {
      const id = { "x-request-id": "same" };
      const [long, short] = [await post(service, body, id, chunked(body)), await post(service, body, id)];
      expect(short.status).toBe(long.status);
      expect(short.json).toEqual(long.json);
      expect(Object.keys(short.json)).toEqual(Object.keys(long.json));
      const after = await answered(service);
      expect(after - before).toBe(right.includes(body as never) ? 1 : 0);
      before = after;
    }
  });

  it("bytes: the same length and headers", async () => {
    const body = { fields: { ...batch(["a", "b"]).fields, groups: ["g", "g"] } };
    const raw = async (more: RequestInit) => {
      const headers = { "content-type": "application/json", "x-request-id": "one", "x-policy-step": "3" };
      const answer = await fetch(`${service.url}/v1/score`, { method: "POST", headers, ...more });
      const { date: _, ...rest } = Object.fromEntries(answer.headers);
      return { headers: rest, text: await answer.text() };
    };
    const before = await answered(service);
    expect(await raw({ body: JSON.stringify(body) })).toEqual(await raw(chunked(body)));
    expect(await answered(service)).toBe(before + 1);
  });

  it("a Host header that is no URL's ends nothing", async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(service.url).port), "127.0.0.1");
      socket.once("error", reject).once("data", (data) => {
        socket.destroy();
        resolve(String(data));
      });
      socket.write(
        "POST /v1/score HTTP/1.1\r\nHost: localhost:99999\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{",
      );
    });
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect((await post(service, batch(["a"]))).status).toBe(200);
  });

  it("everybody gets their own, many at once, and the metrics count them all", { timeout: 30_000 }, async () => {
    const own = await open(plain);
    const counted = async () => {
      const text = await (await fetch(`${own.url}/metrics`)).text();
      return Number(/guerdon_rollouts_total\{outcome="scored",reward="r"\} (\d+)/.exec(text)?.[1]);
    };
    const before = await counted();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => post(own, batch(Array.from({ length: 1 + (n % 7) }, () => "z".repeat(n))))),
    );
    answers.forEach(({ json }, n) => {
      expect(json.signals.calm.evidence).toEqual(Array.from({ length: 1 + (n % 7) }, () => ({ length: n })));
    });
    expect(await answered(own)).toBeGreaterThan(0);
    const expected = before + answers.reduce((sum, { json }) => sum + json.rewards.length, 0);
    // The threads tell a little later.
    for (let tries = 0; tries < 50 && (await counted()) < expected; tries++)
      await new Promise((r) => setTimeout(r, 50));
    expect(await counted()).toBe(expected);
    await own.stop();
  });

  it("samples that kill or hang a thread fail alone, also while it stops", { timeout: 30_000 }, async () => {
    const own = await open(plain);
    const ask = (special: string, n: number) =>
      post(own, batch(Array.from({ length: 20 }, (_, i) => (i === n ? special : "a"))));
    const sent = ["exit", "hang", "a", "boom", "a", "exit", "a"].map((special, n) => ask(special, n));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stopped = own.stop();
    const reasons = (await Promise.all(sent)).map(({ json }, n) => {
      expect(json.rewards.filter((reward: number | null, i: number) => i !== n && reward !== 1.5)).toEqual([]);
      return json.rewards[n] ?? json.errors[n].code;
    });
    expect(reasons).toEqual(["crashed", "timeout", 1.5, "threw", 1.5, "crashed", 1.5]);
    expect(await stopped).toBe(true);
  });

  it("closes for a while after a loss, and goes on the ordinary way", { timeout: 30_000 }, async () => {
    const own = await open(plain, 1);
    expect((await post(own, batch(["exit", "a"]))).json).toMatchObject({
      rewards: [null, 1.5],
      errors: [{ code: "crashed" }, null],
    });
    expect(isOpen(own)).toBe(false);
    expect((await post(own, batch(["a"]))).json.rewards).toEqual([1.5]);
    await own.stop();
  });

  it("a deadline is 504, a client that leaves leaves nothing behind", { timeout: 30_000 }, async () => {
    const own = await open(plain);
    const late = await post(own, batch(["hang"]), { "x-deadline-ms": "150" });
    expect(late).toMatchObject({ status: 504, json: { error: { code: "deadline", retryable: true } } });
    expect(late.json.error.message).toContain("150 ms");
    const another = await open(plain);
    const controller = new AbortController();
    const gone = post(another, batch(["hang"]), {}, { signal: controller.signal }).catch(() => "gone");
    setTimeout(() => controller.abort(), 100);
    expect(await gone).toBe("gone");
    for (const one of [own, another]) {
      expect((await post(one, batch(["a"]))).json.rewards).toEqual([1.5]);
      expect(await one.stop()).toBe(true);
    }
  });

  it("a function that waits after all: the ordinary way from then on", { timeout: 30_000 }, async () => {
    const file = folder.file(
      "sometimes.ts",
      `import { defineReward } from "guerdon";
export default defineReward({ signals: { a: ({ response, reference }) =>
  response === "later" ? new Promise((resolve) => setTimeout(() => resolve(7), 10)) : response === reference } });\n`,
    );
    const own = await open(file);
    expect((await post(own, batch(["a", "later", "b"]))).json.rewards).toEqual([1, 7, 0]);
    expect(isOpen(own)).toBe(false);
    expect((await post(own, batch(["a", "later", "b"]))).json.rewards).toEqual([1, 7, 0]);
    await own.stop();
  });

  it("a new version has a lane of its own", { timeout: 30_000 }, async () => {
    const text = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: () => ${value} } });\n`;
    const own = await open(folder.file("versions.ts", text(1)));
    expect((await post(own, batch(["a"]))).json.rewards).toEqual([1]);
    folder.file("versions.ts", text(2));
    expect(await own.reload()).toMatchObject([{ outcome: "replaced" }]);
    for (let i = 0; i < 40; i++) expect((await post(own, batch(["a"]))).json.rewards).toEqual([2]);
    expect(isOpen(own)).toBe(true);
    await own.stop();
  });

  it("none for rewards that keep state, that draw, or that wait", async () => {
    const none = async (text: string) => {
      const file = folder.file("none.ts", text);
      const own = await serve({ rewards: [{ name: "r", file }], port: 0, watchEvery: 0 });
      expect(own.host.current()[0].lane).toBeNull();
      await own.stop();
    };
    const reward = (definition: string) =>
      `import { defineReward } from "guerdon";\nimport { runningNormalization } from "guerdon/shaping";\nexport default defineReward(${definition});\n`;
    await none(reward("{ signals: { a: async () => 1 } }"));
    await none(reward("{ signals: { a: { use: () => 1, thread: 'main' } } }"));
  });
});
