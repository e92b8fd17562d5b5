import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFolder, plainReward, slowReward } from "./rewards.fixture.ts";
import { type RunningService, serve } from "./serve.ts";

const folder = createFolder();
const files = { plain: folder.file("plain.ts", plainReward), slow: folder.file("slow.ts", slowReward) };
let service: RunningService;
beforeAll(async () => {
  service = await serve({
    rewards: [
      { name: "plain", file: files.plain },
      { name: "slow", file: files.slow },
    ],
    port: 0,
    workers: 1,
    watchEvery: 0,
    limits: { body: 200_000, batch: 200 },
  });
}, 60_000);
afterAll(async () => {
  await service.stop();
  folder.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, asserted on
  readonly json: any;
}

async function post(
  path: string,
  body: unknown,
  { headers = {}, at = service }: { headers?: Record<string, string>; at?: RunningService } = {},
): Promise<Answer> {
  const answer = await fetch(`${at.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, json: await answer.json() };
}

describe("POST /v1/score", () => {
  it("gives rewards, signals with evidence, advantages, and null with a reason for what failed", async () => {
    const { status, json, headers } = await post("/v1/score", {
      fields: {
        responses: ["a", "b", "boom", "b"],
        references: ["a", "a", "a", "b"],
        groups: ["g", "g", "g", "g"],
      },
    });
    expect(status).toBe(200);
    expect(json.rewards).toEqual([1.5, 0.5, null, 1.5]);
    expect(json.advantages).toEqual([expect.closeTo(1 / 3), expect.closeTo(-2 / 3), null, expect.closeTo(1 / 3)]);
    expect(json.errors[2]).toMatchObject({ code: "threw", retryable: false });
    expect(json.signals.right.values).toEqual([1, 0, 0, 1]);
    expect(json.signals.calm.evidence[1]).toEqual({ length: 1 });
    expect(json.reward).toMatchObject({ name: "plain" });
    expect(json.requestId).toBe(headers.get("x-request-id"));
  });

  it("answers carry neither paths nor secrets nor stacks", async () => {
    const { json } = await post("/v1/score", { fields: { responses: ["boom"], references: ["a"] } });
    expect(json.errors[0].message).toContain("calm: boom at [path]");
    expect(JSON.stringify(json)).not.toMatch(/someone|abcdefghij|\\n +at /);
  });

  it("takes rows under the names that trainers use, and no groups where there are none", async () => {
    const rollouts = [
      { prompt: "2+2?", completion: "4", answer: 4 },
      { prompt: "2+3?", completion: [{ role: "assistant", content: "5" }], answer: "5" },
    ];
    const { status, json } = await post("/v1/score", { rollouts, evidence: false });
    expect(status).toBe(200);
    expect(json.rewards).toEqual([1.5, 1.5]);
    expect(json).not.toHaveProperty("advantages");
    expect(json.signals.calm).not.toHaveProperty("evidence");
  });

  it("streams one line a rollout, and one that ends them", async () => {
    const size = 150;
    const answer = await fetch(`${service.url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/x-ndjson" },
      body: JSON.stringify({
        fields: {
          responses: Array.from({ length: size }, (_, i) => (i === 7 ? "boom" : "a")),
          references: new Array(size).fill("a"),
          groups: Array.from({ length: size }, (_, i) => i % 5),
        },
      }),
    });
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = (await answer.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { index: number; reward: number | null; advantage?: number | null });
    expect(lines.pop()).toMatchObject({ done: true, scored: size - 1, unscored: 1 });
    expect(lines.map(({ index }) => index).sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
    expect(lines.find(({ index }) => index === 7)?.reward).toBeNull();
    expect(lines.find(({ index }) => index === 8)).toMatchObject({ reward: 1.5, advantage: 0 });
  });

  it("a deadline ends a request with 504, and streams what there is with reasons", async () => {
    const body = { reward: "slow", fields: { responses: ["1", "never"] } };
    const headers = { "x-deadline-ms": "200" };
    const { status, json } = await post("/v1/score", body, { headers });
    expect(status).toBe(504);
    expect(json.error).toMatchObject({ code: "deadline", retryable: true });
    const streamed = await fetch(`${service.url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/x-ndjson", ...headers },
      body: JSON.stringify(body),
    });
    const lines = (await streamed.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatchObject({ reward: null, error: { code: "timeout", retryable: true } });
  });
});

describe("what is refused", () => {
  const good = { fields: { responses: ["a"], references: ["a"] } };
  it.each<[string, unknown, number, string, Record<string, string>?]>([
    ["no JSON", "{", 400, "body"],
    ["no object", "[1]", 400, "body"],
    ["nothing", "", 400, "body"],
    ["no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), 400, "body"],
    ["deep nesting", `{"fields":${"[".repeat(90_000)}`, 400, "body"],
    ["a large body", JSON.stringify({ x: "y".repeat(200_000) }), 413, "body"],
    ["another content type", "a=b", 415, "Content-Type", { "content-type": "text/plain" }],
    ["another charset", good, 415, "Content-Type", { "content-type": "application/json; charset=latin1" }],
    ["compression", good, 415, "Content-Encoding", { "content-encoding": "gzip" }],
    ["an unknown key", { ...good, rewrad: "x" }, 422, "rewrad"],
    ["neither rows nor columns", {}, 422, "fields"],
    ["both", { ...good, rollouts: [{}] }, 422, "rollouts"],
    ["a column that is none", { fields: { responses: "a" } }, 422, "fields.responses"],
    ["unequal columns", { fields: { responses: ["a"], references: [] } }, 422, "fields.references"],
    ["an empty batch", { fields: { responses: [] } }, 422, "fields"],
    ["a large batch", { fields: { responses: new Array(201).fill("a") } }, 422, "fields"],
    ["a row that is none", { rollouts: [{ response: "a" }, 3] }, 422, "rollouts[1]"],
    ["a name that is none", '{"fields":{"__proto__":["a"]}}', 422, "fields"],
    ["a missing field", { fields: { responses: ["a"] } }, 422, "references"],
    ["an unknown reward", { ...good, reward: "other" }, 404, "reward"],
    ["a flag that is none", { ...good, evidence: "yes" }, 422, "evidence"],
    ["a deadline that is none", good, 400, "X-Deadline-Ms", { "x-deadline-ms": "soon" }],
  ])("%s", async (_, body, status, field, headers = {}) => {
    const answer = await post("/v1/score", body, { headers });
    expect(answer.json.error?.message).toBeTypeOf("string");
    expect({ status: answer.status, field: answer.json.error.field }).toEqual({ status, field });
  });

  it("other routes, other methods, other hosts", async () => {
    expect((await fetch(`${service.url}/v2/score`)).status).toBe(404);
    const wrong = await fetch(`${service.url}/v1/score`);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    const { request } = await import("node:http");
    const status = await new Promise((resolve) => {
      request(`${service.url}/readyz`, { headers: { host: "evil.example" } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).end();
    });
    expect(status).toBe(403);
  });

  it("an address beyond loopback without tokens", async () => {
    await expect(serve({ rewards: [{ name: "plain", file: files.plain }], host: "0.0.0.0", port: 0 })).rejects.toThrow(
      /token/,
    );
  });
});

describe("parts", () => {
  it("are listed, described and called", async () => {
    const listed = (await (await fetch(`${service.url}/v1/parts`)).json()) as { parts: { id: string }[] };
    expect(listed.parts.map(({ id }) => id)).toContain("credit/group-relative");
    const described = (await (await fetch(`${service.url}/v1/parts/credit/group-relative`)).json()) as {
      inputs: { properties: object };
    };
    expect(Object.keys(described.inputs.properties)).toContain("rewards");
    const { json } = await post("/v1/parts/credit/group-relative", {
      params: { scale: "none" },
      inputs: { rewards: [1, 0], groups: ["a", "a"] },
    });
    expect(json.advantages).toEqual([0.5, -0.5]);
  });

  it("name the field that breaks the contract", async () => {
    const { status, json } = await post("/v1/parts/credit/group-relative", {
      inputs: { rewards: [1, "x"], groups: ["a", "a"] },
    });
    expect({ status, field: json.error.field }).toEqual({ status: 422, field: "inputs.rewards[1]" });
    expect((await post("/v1/parts/credit/nothing", {})).status).toBe(404);
  });
});

describe("operation", () => {
  it("metrics in Prometheus' text format: histograms per signal, unscored by cause, queue, rewards", async () => {
    await post("/v1/score", { fields: { responses: ["boom", "a"], references: ["a", "a"] } });
    const text = await (await fetch(`${service.url}/metrics`)).text();
    expect(text).toMatch(/guerdon_signal_seconds_bucket\{reward="plain",signal="right",le="\+Inf"\} \d+/);
    expect(text).toMatch(/guerdon_unscored_total\{by="calm",code="threw",reward="plain"\} [1-9]/);
    expect(text).toMatch(/^guerdon_queue_depth 0$/m);
    expect(text).toMatch(/guerdon_reward_count\{reward="plain"\} [1-9]/);
    expect(text).toMatch(/guerdon_cache_hits_total\{reward="plain",signal="right"\} 0/);
    for (const line of text.trimEnd().split("\n")) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? \S+)$/);
    const counts = [...text.matchAll(/guerdon_reward_bucket\{reward="plain",le="[^"]+"\} (\d+)/g)].map((m) =>
      Number(m[1]),
    );
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  it("health, readiness, the OpenAPI document and its page", async () => {
    expect(await (await fetch(`${service.url}/healthz`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${service.url}/readyz`)).json()).toMatchObject({ status: "ready" });
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as { openapi: string; paths: object };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toContain("/v1/score");
    expect(await (await fetch(`${service.url}/docs`)).text()).toContain("/v1/score");
  });

  it("tokens: none and wrong ones are turned away, bearer and basic let in, probes stay open", async () => {
    const token = "a-token-of-more-than-16";
    const closed = await serve({
      rewards: [{ name: "plain", file: files.plain }],
      port: 0,
      workers: 0,
      tokens: [token],
      watchEvery: 0,
    });
    const body = { fields: { responses: ["a"], references: ["a"] } };
    const status = async (authorization?: string) =>
      (await post("/v1/score", body, { at: closed, headers: authorization ? { authorization } : {} })).status;
    expect(await status()).toBe(401);
    expect(await status("Bearer wrong")).toBe(401);
    expect(await status("Bearer ")).toBe(401);
    expect(await status(`Bearer ${token}`)).toBe(200);
    expect(await status(`Basic ${Buffer.from(`anyone:${token}`).toString("base64")}`)).toBe(200);
    expect((await fetch(`${closed.url}/readyz`)).status).toBe(200);
    expect((await fetch(`${closed.url}/metrics`)).status).toBe(401);
    await closed.stop();
  });

  it("back-pressure: beyond the queue the answer is 429 with Retry-After, and those inside are served", async () => {
    const small = await serve({
      rewards: [{ name: "slow", file: files.slow }],
      port: 0,
      watchEvery: 0,
      limits: { running: 1, waiting: 2 },
    });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post("/v1/score", { fields: { responses: ["300"] } }, { at: small })),
    );
    const by = (status: number) => answers.filter((answer) => answer.status === status);
    expect(by(200)).toHaveLength(3);
    expect(by(429)).toHaveLength(5);
    expect(Number(by(429)[0].headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await post("/v1/score", { fields: { responses: ["1"] } }, { at: small })).status).toBe(200);
    await small.stop();
  });

  it("reload: the new file takes over, a broken one does not, and requests under way keep theirs", async () => {
    const text = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: async ({ response }) => { await new Promise((r) => setTimeout(r, Number(response))); return ${value}; } } });\n`;
    const file = folder.file("reloaded.ts", text(1));
    const own = await serve({ rewards: [{ name: "r", file }], port: 0, watchEvery: 0 });
    const ask = async (ms: string) =>
      (await post("/v1/score", { fields: { responses: [ms] } }, { at: own })).json.rewards[0] as number;
    const slow = ask("600");
    await new Promise((resolve) => setTimeout(resolve, 200));
    folder.file("reloaded.ts", text(2));
    expect(await own.reload()).toMatchObject([{ outcome: "replaced" }]);
    expect(await ask("0")).toBe(2);
    expect(await slow).toBe(1);
    folder.file("reloaded.ts", "export default 3;");
    expect(await own.reload()).toMatchObject([{ outcome: "failed" }]);
    expect(await ask("0")).toBe(2);
    folder.file("reloaded.ts", text(2));
    expect(await own.reload()).toMatchObject([{ outcome: "same" }]);
    await own.stop();
  });

  it("a changed file is noticed", async () => {
    const text = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: () => ${value} } });\n`;
    const file = folder.file("watched.ts", text(1));
    const own = await serve({ rewards: [{ name: "r", file }], port: 0, workers: 0, watchEvery: 50 });
    folder.file("watched.ts", text(22));
    let reward = 0;
    for (let i = 0; i < 100 && reward !== 22; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      reward = (await post("/v1/score", { fields: { responses: ["x"] } }, { at: own })).json.rewards[0];
    }
    expect(reward).toBe(22);
    await own.stop();
  });

  it("a changed import is noticed, also after a version that did not load", async () => {
    const rule = (value: string) => `export const rule = () => ${value};\n`;
    folder.file("rule.ts", rule("1"));
    const file = folder.file(
      "importing.ts",
      'import { defineReward } from "guerdon";\nimport { rule } from "./rule.ts";\nexport default defineReward({ signals: { a: () => rule() } });\n',
    );
    const own = await serve({ rewards: [{ name: "r", file }], port: 0, workers: 0, watchEvery: 50 });
    const becomes = async (value: number) => {
      let reward = 0;
      for (let i = 0; i < 100 && reward !== value; i++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        reward = (await post("/v1/score", { fields: { responses: ["x"] } }, { at: own })).json.rewards[0];
      }
      return reward;
    };
    folder.file("rule.ts", rule("22"));
    expect(await becomes(22)).toBe(22);
    folder.file("rule.ts", 'import { more } from "./more.ts";\nexport const rule = () => more;\n');
    for (let i = 0; i < 100 && own.host.failedReloads === 0; i++) await new Promise((r) => setTimeout(r, 50));
    expect(await becomes(22)).toBe(22);
    // What was missing turns up.
    folder.file("more.ts", "export const more = 333;\n");
    expect(await becomes(333)).toBe(333);
    expect(own.host.failedReloads).toBe(1);
    folder.file("more.ts", "export const more = 4444;\n");
    expect(await becomes(4444)).toBe(4444);
    await own.stop();
  });

  describe("reload: an import that never ends", () => {
    const good = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: () => ${value} } });\n`;
    const start = async (name: string, importLimit: number) => {
      const file = folder.file(`${name}.ts`, good(1));
      const own = await serve({ rewards: [{ name: "r", file, importLimit }], port: 0, workers: 0, watchEvery: 0 });
      return { own, write: (text: string) => folder.file(`${name}.ts`, text) };
    };
    const ask = async (at: RunningService) =>
      (await post("/v1/score", { fields: { responses: ["x"] } }, { at })).json.rewards[0] as number;

    it.concurrent.each([
      ["loops for ever", "for (;;);", 4000, /did not end within 4 s/],
      ["waits for ever", "await new Promise(() => {});", 4000, /did not end within 4 s/],
      [
        "waits for ever, but on no other thread",
        'import { isMainThread } from "node:worker_threads";\nif (isMainThread) await new Promise(() => {});',
        4000,
        /did not end within 4 s/,
      ],
      ["ends the process", "process.exit(3);", 20_000, /exit code 3/],
      ["fills the memory", "const all = []; for (;;) all.push(new Array(1e6).fill(1.5));", 20_000, /memory/],
      ["throws", 'await 1;\nthrow new Error("no table");', 20_000, /throws\.ts:3:7.*no table/],
      ["lets a rejection go", 'void Promise.reject(new Error("no table"));', 20_000, /no table/],
    ])("%s: the old version goes on, and the next one is tried", async (what, line, limit, message) => {
      const { own, write } = await start(what.replaceAll(/\W/g, "-"), limit);
      write(`${line}\n${good(2)}`);
      if (what === "throws") write(`import { defineReward } from "guerdon";\n${line}\nexport default defineReward;\n`);
      const reloaded = own.reload();
      expect(await (await fetch(`${own.url}/healthz`)).json()).toEqual({ status: "ok" });
      expect(await reloaded).toMatchObject([{ outcome: "failed", message: expect.stringMatching(message) }]);
      expect(own.host.failedReloads).toBe(1);
      expect(await ask(own)).toBe(1);
      write(good(3));
      expect(await own.reload()).toMatchObject([{ outcome: "replaced" }]);
      expect(await ask(own)).toBe(3);
      expect(await own.stop()).toBe(true);
    });

    it("what waits for something that keeps no thread alive is waited for", async () => {
      const { own, write } = await start("unref", 20_000);
      write(`await new Promise((resolve) => setTimeout(resolve, 300).unref());\n${good(2)}`);
      expect(await own.reload()).toMatchObject([{ outcome: "replaced" }]);
      expect(await ask(own)).toBe(2);
      await own.stop();
    });

    it.each([
      ["on the thread", "for (;;);"],
      ["here", 'import { isMainThread } from "node:worker_threads";\nif (isMainThread) await new Promise(() => {});'],
    ])("closing does not wait for it, %s", async (where, line) => {
      const { own, write } = await start(`closing-${where.replaceAll(" ", "-")}`, 1e6);
      write(`${line}\n${good(2)}`);
      const reloaded = own.reload();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(await own.stop()).toBe(true);
      expect(await reloaded).toEqual([]);
      expect(await own.reload()).toEqual([]);
      expect(own.host.failedReloads).toBe(0);
    });

    it("a folder of the reward that becomes a file ends no watching", async () => {
      const { own, write } = await start("folders", 20_000);
      write(`import { value } from "./deep/value.ts";\n${good(1).replace("=> 1", "=> value")}`);
      expect(await own.reload()).toMatchObject([{ outcome: "failed" }]);
      folder.file("deep", "");
      expect(await own.host.reload("changed")).toEqual([]);
      write(good(2));
      expect(await own.host.reload("changed")).toMatchObject([{ outcome: "replaced" }]);
      await own.stop();
    });
  });

  it("stop: what was accepted is answered, what comes later is not accepted", async () => {
    const own = await serve({ rewards: [{ name: "slow", file: files.slow }], port: 0, watchEvery: 0 });
    const accepted = Array.from({ length: 20 }, () =>
      post("/v1/score", { fields: { responses: ["400"] } }, { at: own }),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stopped = own.stop();
    const late = await fetch(`${own.url}/healthz`).then(
      (answer) => answer.status,
      () => "refused",
    );
    expect(["refused", 200]).toContain(late);
    const answers = await Promise.all(accepted);
    expect(answers.map(({ json }) => json.rewards)).toEqual(answers.map(() => [1]));
    expect(await stopped).toBe(true);
  });
});

describe("faults", () => {
  it("samples that kill or hang their worker fail alone, under load, and the service goes on", async () => {
    const ask = (special: string, n: number) =>
      post("/v1/score", {
        fields: {
          responses: Array.from({ length: 20 }, (_, i) => (i === n ? special : "a")),
          references: new Array(20).fill("a"),
        },
      });
    const answers = await Promise.all(
      ["exit", "hang", "a", "boom", "a", "exit", "a"].map((special, n) => ask(special, n)),
    );
    const reasons = answers.map(({ json }, n) => {
      expect(json.rewards.filter((reward: number | null, i: number) => i !== n && reward !== 1.5)).toEqual([]);
      return json.rewards[n] ?? json.errors[n].code;
    });
    expect(reasons).toEqual(["crashed", "timeout", 1.5, "threw", 1.5, "crashed", 1.5]);
    expect((await ask("a", 0)).json.rewards.every((reward: number) => reward === 1.5)).toBe(true);
  });

  it("a judge that answers with garbage, 500s, or never: unscored with reasons, never zero", async () => {
    const { createServer } = await import("node:http");
    const judge = createServer((request, response) => {
      const kind = request.url ?? "";
      if (kind.includes("hang")) return;
      response.writeHead(kind.includes("500") ? 500 : 200, { "content-type": "application/json" });
      response.end(kind.includes("garbage") ? "<html>" : JSON.stringify({ score: 1 }));
    });
    await new Promise<void>((resolve) => judge.listen(0, "127.0.0.1", resolve));
    const address = judge.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const file = folder.file(
      "judged.ts",
      `import { defineReward } from "guerdon";
export default defineReward({ signals: { judge: { timeLimit: 300, retries: 0, use: async ({ response }, { signal }) => {
  const answer = await fetch("http://127.0.0.1:${port}/" + response, { signal });
  if (!answer.ok) throw Object.assign(new Error("HTTP " + answer.status), { status: answer.status });
  return (await answer.json()).score;
} } } });\n`,
    );
    const own = await serve({ rewards: [{ name: "judged", file }], port: 0, watchEvery: 0 });
    const { json } = await post(
      "/v1/score",
      { fields: { responses: ["fine", "garbage", "500", "hang"] } },
      { at: own },
    );
    expect(json.rewards).toEqual([1, null, null, null]);
    expect(json.errors.map((error: { code: string } | null) => error?.code)).toEqual([
      undefined,
      "threw",
      "unavailable",
      "timeout",
    ]);
    await own.stop();
    judge.closeAllConnections();
    judge.close();
  });
});
