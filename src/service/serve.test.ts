import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFolder, plainReward, postJson, slowReward } from "./rewards.fixture.ts";
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

const post = (
  path: string,
  body: unknown,
  { headers, at = service }: { headers?: Record<string, string>; at?: RunningService } = {},
) => postJson(`${at.url}${path}`, body, headers);

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
