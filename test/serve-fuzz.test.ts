/** Malformed requests, made from the service's own OpenAPI document: 4xx with a message, never 5xx, never a crash. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningService, serve } from "../src/service/index.ts";

type Json = Readonly<Record<string, unknown>>;

const folder = mkdtempSync(join(tmpdir(), "guerdon-fuzz-"));
let service: RunningService;
let document: { paths: Record<string, { post?: Json }>; components: { schemas: Record<string, Json> } };
beforeAll(async () => {
  const file = fileURLToPath(new URL("../examples/serve/reward.ts", import.meta.url));
  service = await serve({
    rewards: [{ name: "answers", file }],
    port: 0,
    workers: 0,
    watchEvery: 0,
    limits: { body: 100_000, batch: 50 },
    store: join(folder, "store.duckdb"),
  });
  document = (await (await fetch(`${service.url}/openapi.json`)).json()) as typeof document;
}, 60_000);
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Values that follow a schema, more or less: any node may be something else instead. */
function near(schema: Json, depth = 0): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(
    { depthSize: "small" },
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, "", 1e308, -1, [], {}, [[]], [null], "\u0000", "\ud800", "__proto__", "constructor", 0.5),
  );
  const right = (): fc.Arbitrary<unknown> => {
    if (typeof schema.$ref === "string") {
      const name = schema.$ref.slice("#/components/schemas/".length);
      return near(document.components.schemas[name], depth);
    }
    if (Array.isArray(schema.anyOf)) return fc.oneof(...schema.anyOf.map((one) => near(one as Json, depth + 1)));
    if (schema.const !== undefined) return fc.constant(schema.const);
    switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
      case "string":
        return fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("answers", "unscored", "42"));
      case "integer":
      case "number":
        return fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
      case "boolean":
        return fc.boolean();
      case "array":
        return depth > 5
          ? fc.constant([])
          : fc.array(near((schema.items ?? {}) as Json, depth + 1), { minLength: 1, maxLength: 3 });
      case "object": {
        const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>);
        const known = fc.record(Object.fromEntries(properties.map(([key, one]) => [key, near(one, depth + 1)])), {
          requiredKeys: [],
        });
        const columns = fc.record(
          Object.fromEntries(
            ["responses", "references", "groups", "prompts", "input", "output", "usage"].map((key) => [
              key,
              near((schema.additionalProperties || {}) as Json, depth + 1),
            ]),
          ),
          { requiredKeys: [] },
        );
        return schema.additionalProperties === false
          ? fc.oneof(
              { weight: 5, arbitrary: known },
              { weight: 1, arbitrary: fc.tuple(known, columns).map(([a, b]) => ({ ...a, ...b })) },
            )
          : fc.tuple(known, columns).map(([a, b]) => ({ ...b, ...a }));
      }
      default:
        return wrong;
    }
  };
  return fc.oneof({ weight: 6, arbitrary: right() }, { weight: 1, arbitrary: wrong });
}

async function check(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<number> {
  const answer = await fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: body as string,
  });
  const text = await answer.text();
  expect(answer.status, `${path} ${String(body).slice(0, 300)} → ${text.slice(0, 300)}`).toBeLessThan(500);
  if (answer.status >= 400) {
    const { error } = JSON.parse(text) as { error: { message: string; code: string } };
    expect(error.message.length).toBeGreaterThan(3);
    expect(error.code).not.toBe("internal");
    expect(text).not.toMatch(/node_modules|\/src\/|\n +at /);
  }
  return answer.status;
}

describe("fuzzed from the OpenAPI document", () => {
  it("bodies that nearly follow their schema", async () => {
    const posts = Object.entries(document.paths).filter(([, methods]) => methods.post);
    expect(posts.length).toBeGreaterThan(10);
    const statuses = new Set<number>();
    for (const [template, { post }] of posts) {
      const schema = (post as { requestBody: { content: Record<string, { schema: Json }> } }).requestBody.content[
        "application/json"
      ].schema;
      const path = template.replace("{reward}", "answers").replace("{stage}/{name}", "credit/group-relative");
      await fc.assert(
        fc.asyncProperty(near(schema), async (value) => {
          statuses.add(await check(path, JSON.stringify(value) ?? "null"));
        }),
        { numRuns: 60 },
      );
    }
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 422]));
  }, 120_000);

  it("bytes, truncations, content types and paths of every kind", async () => {
    const good = JSON.stringify({ fields: { responses: ["aé😀"], references: ["a"] } });
    const bytes = new TextEncoder().encode(good);
    for (let end = 0; end < bytes.length; end++) expect(await check("/v1/score", bytes.slice(0, end))).toBe(400);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
        expect(await check("/v1/score", body)).toBeGreaterThanOrEqual(400);
      }),
      { numRuns: 100 },
    );
    for (const type of [
      "",
      "text/html",
      "application/json; charset=utf-16",
      "multipart/form-data; boundary=x",
      "application/jsonx",
    ])
      expect(await check("/v1/score", good, { "content-type": type })).toBe(415);
    await fc.assert(
      fc.asyncProperty(fc.webPath(), fc.constantFrom("", "/v1/parts", "/rewards"), async (path, before) => {
        expect((await fetch(`${service.url}${before}${path}`)).status).toBeLessThan(500);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it("questions to the store: whatever is asked, it answers or refuses, changes nothing and reads nothing else", async () => {
    const word = fc.constantFrom(
      ..."select from where group by order limit union all join lateral values with as recursive not null ( ) , ; * . = || [ ] { } $1 ? :a".split(
        " ",
      ),
      ..."rollouts signals reward_per_step reward response id count(*) sum(reward) 1 -1 1e400 '' 'a' \"x\" x'00' {'a':1} [1,2]".split(
        " ",
      ),
      ..."insert update delete drop create attach copy install load set pragma call export import vacuum checkpoint explain describe show begin commit prepare execute".split(
        " ",
      ),
      "read_csv('/etc/passwd')",
      "read_text('/etc/hostname')",
      "glob('/*')",
      "duckdb_settings()",
      "getenv('PATH')",
      "error('boom')",
      "'/etc/passwd'",
      "/* ",
      "-- ",
      "\u0000",
      "\ud800",
      "é😀",
    );
    const sentence = fc.oneof(
      fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(" ")),
      fc.array(word, { maxLength: 8 }).map((words) => `select ${words.join(" ")}`),
      fc.array(word, { maxLength: 6 }).map((words) => `select * from rollouts where ${words.join(" ")}`),
      fc.string({ maxLength: 40 }),
      fc.constantFrom(...["(", "select (", "select not ", "[", "case when "].map((text) => text.repeat(3000))),
    );
    const ask = (sql: string, limit: unknown = 10) => check("/v1/query", JSON.stringify({ sql, limit }));
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(sentence, fc.constantFrom(1, 10, 0, -1, 1e9, "all", null), async (sql, limit) => {
        statuses.add(await ask(sql, limit));
      }),
      { numRuns: 300 },
    );
    expect([...statuses].sort()).toEqual(expect.arrayContaining([422]));
    for (const sql of [
      "select getenv('PATH')",
      "select * from read_csv('/etc/passwd')",
      "copy rollouts to '/tmp/x.csv'",
      "attach ':memory:' as other",
      "set memory_limit = '100GB'",
      "pragma database_list",
      "select * from duckdb_databases()",
      "select * from pragma_database_list()",
      "select * from query('select * from duckdb_' || 'databases()')",
      "select * from query('select * from duck' || 'db_databases()')",
      "select * from \"query\" /* /* */ */ ('select * from duck' || 'db_databases()')",
      "select current_setting('temp_directory')",
      "install httpfs",
      "drop view reward_per_step",
    ])
      expect([sql, await ask(sql)]).toEqual([sql, 422]);
    expect(await ask("select count(*) from rollouts")).toBe(200);
    expect(await ask("select * from reward_per_step")).toBe(200);
    expect(await ask("select * from rollouts where response like '%query%'")).toBe(200);
  }, 60_000);

  it("a connection that breaks off in the middle of its body costs nothing", async () => {
    const { hostname, port } = new URL(service.url);
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(
            `POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"fields"`,
            () => socket.destroy(),
          );
        });
        socket.on("close", () => resolve());
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const text = await (await fetch(`${service.url}/metrics`)).text();
    expect(text).toMatch(/^guerdon_bodies_bytes 0$/m);
    expect(await check("/v1/score", JSON.stringify({ fields: { responses: ["a"], references: ["a"] } }))).toBe(200);
  });
});
