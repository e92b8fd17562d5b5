import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createFolder, plainReward } from "./rewards.fixture.ts";
import { serve } from "./serve.ts";
import { openStore, type StoredBatch } from "./store.ts";
import { queryFile, queryService, writeAnswer } from "./store-reader.ts";

const folder = createFolder();
const place = mkdtempSync(join(tmpdir(), "guerdon-store-"));
afterAll(() => {
  folder.remove();
  rmSync(place, { recursive: true, force: true });
});

let files = 0;
const fresh = () => join(place, `${files++}.duckdb`);

const batch = (size: number, more: Partial<StoredBatch> = {}): StoredBatch => ({
  at: 1_700_000_000_000,
  request: "r",
  rewardName: "plain",
  rewardHash: "h",
  policyStep: 3,
  size,
  groups: Array.from({ length: size }, (_, i) => String(i % 2)),
  prompts: null,
  responses: Array.from({ length: size }, (_, i) => `response ${i}`),
  rewards: Array.from({ length: size }, (_, i) => (i === 0 ? null : i)),
  combined: Array.from({ length: size }, (_, i) => (i === 0 ? null : i)),
  advantages: null,
  errorCodes: Array.from({ length: size }, (_, i) => (i === 0 ? "timeout" : null)),
  errorMessages: Array.from({ length: size }, (_, i) => (i === 0 ? "took too long" : null)),
  milliseconds: 2,
  signals: [
    {
      name: "a",
      values: Array.from({ length: size }, (_, i) => i),
      errorCodes: Array.from({ length: size }, () => null),
      errorMessages: Array.from({ length: size }, () => null),
      evidence: Array.from({ length: size }, () => '{"k":1}'),
      cached: Array.from({ length: size }, () => false),
      milliseconds: 1,
    },
    {
      name: "b",
      values: Array.from({ length: size }, (_, i) => (i === size - 1 ? -5 : i)),
      errorCodes: Array.from({ length: size }, () => null),
      errorMessages: Array.from({ length: size }, () => null),
      evidence: Array.from({ length: size }, () => null),
      cached: Array.from({ length: size }, () => true),
      milliseconds: 1,
    },
  ],
  ...more,
});

it("keeps rollouts and signals, answers views, and goes on numbering when it is opened again", async () => {
  const path = fresh();
  const store = await openStore(path);
  store.add(batch(4));
  store.add(batch(2, { policyStep: null, responses: ["\u001b[31mred", "'); DROP TABLE rollouts; --"] }));
  await store.close();
  expect(store.counters).toEqual({ written: 6, lost: 0, waiting: 0 });
  const again = await openStore(path);
  again.add(batch(1));
  await again.close();
  const ids = await queryFile(path, "select id, time, group_id, response from rollouts order by id", 100);
  expect(ids.rows.map(([id]) => id)).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  expect(ids.rows[1]).toEqual(["1", "2023-11-14 22:13:20", "1", "response 1"]);
  const steps = await queryFile(
    path,
    "select policy_step, rollouts, unscored, mean from reward_per_step where policy_step is not null",
    10,
  );
  expect(steps.rows).toEqual([["3", "5", "2", 2]]);
  const worst = await queryFile(path, "select id, signals from disagreements", 1);
  expect(worst.rows[0][0]).toBe("3");
  expect(worst.more).toBe(true);
  expect((await queryFile(path, "select error_code, rollouts from unscored_by_cause", 10)).rows).toEqual([
    ["timeout", "3"],
  ]);
  expect((await queryFile(path, "select signal, cached, mean_ms from slowest_signals", 10)).rows).toEqual([
    ["a", 0, 1],
    ["b", 1, 0],
  ]);
});

it("a question reads, and nothing but the store", async () => {
  const store = await openStore(fresh());
  store.add(batch(3));
  const refused: readonly (readonly [string, string | RegExp])[] = [
    ["delete from rollouts", "only statements that read"],
    ["select 1; select 2", "expected one statement"],
    ["copy rollouts to '/tmp/x.csv'", "disabled by configuration"],
    ["attach '/tmp/other.duckdb'", /only statements that read|disabled/],
    ["set enable_external_access = true", "only statements that read"],
    ["select * from read_text('/etc/hostname')", "disabled"],
    ["select * from read_csv('/etc/passwd')", "disabled"],
    ["select * from nowhere", "nowhere"],
    ["selec", "syntax error"],
    ["", "expected one statement"],
    ["-- nothing", /./],
  ];
  for (const [sql, why] of refused) await expect(store.query(sql), sql).rejects.toThrow(why);
  await expect(
    store.query("select count(*) from range(100000000) a, range(100000000) b", { timeLimit: 200 }),
  ).rejects.toThrow(/took longer/);
  expect((await store.query("select 1 as one")).rows).toEqual([[1]]);
  await store.close();
  await expect(store.query("select 1")).rejects.toThrow("closed");
});

it("answers questions that come at once, whatever becomes of the others", { timeout: 30_000 }, async () => {
  const store = await openStore(fresh());
  const sums = Array.from({ length: 8 }, (_, i) =>
    store.query(`select range + ${i} as n from range(5000)`, { limit: 5000 }).then(({ rows }) => rows.length),
  );
  const endless = "with recursive t as (select 1 i union all select i + 1 from t) select count(*) from t";
  const late = expect(store.query(endless, { timeLimit: 100 })).rejects.toThrow("took longer than 0.1 seconds");
  const long = expect(store.query("select repeat('x', 3000000) from range(20)")).rejects.toThrow(
    "longer than 33,554,432 characters",
  );
  expect(await Promise.all(sums)).toEqual(sums.map(() => 5000));
  await Promise.all([late, long]);
  const open = expect(store.query(endless)).rejects.toThrow();
  await store.close();
  await open;
});

it("long texts fill it sooner than many: who comes then waits until some are written", async () => {
  const store = await openStore(fresh());
  const { signal } = new AbortController();
  const long = "x".repeat(9 * 2 ** 20);
  for (let i = 0; i < 8; i++) store.add(batch(1, { responses: [long] }));
  let room = false;
  const waited = store.room(signal).then(() => {
    room = true;
  });
  await Promise.resolve();
  expect([room, store.counters.waiting]).toEqual([false, 8]);
  await waited;
  expect(store.counters.written).toBeGreaterThan(0);
  await expect(store.room(signal)).resolves.toBeUndefined();
  await store.close();
  expect(store.counters).toEqual({ written: 8, lost: 0, waiting: 0 });
});

it("one writer: a second one gets a message, a reader is sent to the service", async () => {
  const path = fresh();
  const owner = spawn(process.execPath, [
    "--input-type=module",
    "-e",
    `import { DuckDBInstance } from "@duckdb/node-api";
     const i = await DuckDBInstance.create(${JSON.stringify(path)}); await (await i.connect()).run("create table t (a int)");
     console.log("open"); setTimeout(() => {}, 60000);`,
  ]);
  await once(owner.stdout, "data");
  try {
    await expect(openStore(path)).rejects.toThrow("open in another process");
    await expect(queryFile(path, "select 1", 1)).rejects.toThrow("ask that one with --url");
  } finally {
    owner.kill("SIGKILL");
  }
  await expect(queryFile(join(place, "absent.duckdb"), "select 1", 1)).rejects.toThrow("no such store");
  await expect(openStore(join(place, "no/such/folder.duckdb"))).rejects.toThrow("cannot be opened");
});

it("survives kill -9: what was written before is there", { timeout: 60_000 }, async () => {
  const path = fresh();
  const module = new URL("../../dist/service/store.js", import.meta.url).href;
  const writer = spawn(process.execPath, [
    "--input-type=module",
    "-e",
    `import { openStore } from ${JSON.stringify(module)};
     const store = await openStore(${JSON.stringify(path)});
     const batch = ${JSON.stringify(batch(50))};
     setInterval(() => { store.add(batch); if (store.counters.written >= 500) console.log(store.counters.written); }, 10);`,
  ]);
  const [seen] = (await Promise.race([
    once(writer.stdout, "data"),
    once(writer, "exit").then(() => Promise.reject(new Error("the writer ended by itself"))),
  ])) as [Buffer];
  writer.kill("SIGKILL");
  await once(writer, "exit");
  const written = Number(String(seen).split("\n")[0]);
  const { rows } = await queryFile(path, "select count(*), (select count(*) from signals) from rollouts", 1);
  expect(Number(rows[0][0])).toBeGreaterThanOrEqual(written);
  // Whole transactions only: two signals to every rollout.
  expect(Number(rows[0][1])).toBe(2 * Number(rows[0][0]));
});

it("a service keeps what it scored, by policy step, and answers questions about it", { timeout: 60_000 }, async () => {
  const path = fresh();
  const service = await serve({
    rewards: [{ name: "plain", file: folder.file("plain.ts", plainReward) }],
    port: 0,
    workers: 0,
    watchEvery: 0,
    store: path,
  });
  const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(service.url + url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  try {
    const fields = { responses: ["a", "boom"], references: ["a", "a"], groups: ["g", "g"] };
    expect((await post("/v1/score", { fields }, { "x-policy-step": "7", "x-request-id": "mine" })).status).toBe(200);
    expect((await post("/v1/score", { fields }, { "x-policy-step": "-1" })).status).toBe(400);
    const sql = "select request, policy_step, response, reward, error_code from rollouts order by position";
    await expect
      .poll(async () => (await queryService(service.url, undefined, sql, 10)).rows, { timeout: 10_000 })
      .toEqual([
        ["mine", "7", "a", 1.5, null],
        ["mine", "7", "boom", null, "threw"],
      ]);
    const refused = await post("/v1/query", { sql: "drop table rollouts" });
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ error: { field: "sql" } });
    expect((await post("/v1/query", { sql: 3 })).status).toBe(422);
    expect(await (await fetch(`${service.url}/readyz`)).json()).toMatchObject({
      store: { written: 2, lost: 0, problem: null },
    });
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain(
      'guerdon_store_rollouts_total{outcome="written"} 2',
    );
    await post("/v1/score", { fields });
  } finally {
    await service.stop();
  }
  // What waited was written before the end; messages carry no paths.
  const { rows } = await queryFile(path, "select count(*), count(distinct request) from rollouts", 1);
  expect(rows).toEqual([["4", "2"]]);
  const messages = await queryFile(
    path,
    "select distinct error_message from signals where error_message is not null",
    5,
  );
  expect(JSON.stringify(messages.rows)).not.toMatch(/someone|abcdefghij/);
});

it("advises on whether to stop, from the steps that it keeps", { timeout: 60_000 }, async () => {
  const service = await serve({
    rewards: [{ name: "plain", file: folder.file("advice.ts", plainReward) }],
    port: 0,
    workers: 0,
    watchEvery: 0,
    store: fresh(),
  });
  const get = async (path: string) => {
    const answer = await fetch(service.url + path);
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  };
  try {
    for (let step = 0; step < 3; step++) {
      const fields = { responses: ["a", "b"], references: ["a", "a"] };
      await fetch(`${service.url}/v1/score`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-policy-step": String(step) },
        body: JSON.stringify({ fields }),
      });
    }
    await expect.poll(async () => (await get("/v1/advice?gold=right")).json.steps, { timeout: 10_000 }).toBe(3);
    const { json } = await get("/v1/advice?gold=right");
    expect(json).toMatchObject({ reward: "plain", gold: "right", stop: false, score: expect.any(Number) });
    expect((await get("/v1/advice?reward=none")).status).toBe(404);
    expect((await get("/v1/advice?gold=a'b")).status).toBe(422);
  } finally {
    await service.stop();
  }
});

it("answers become Parquet, CSV or lines", { timeout: 30_000 }, async () => {
  const answer = {
    columns: ["n", "text", "x"],
    rows: [
      ["12", "a", 0.5],
      ["13", null, null],
    ],
    more: false,
  };
  for (const ending of ["parquet", "csv", "jsonl"]) {
    await writeAnswer(join(place, `out.${ending}`), answer);
    expect(existsSync(join(place, `out.${ending}`))).toBe(true);
  }
  const path = fresh();
  await (await openStore(path)).close();
  const back = await queryFile(path, `select *, typeof(n) from '${join(place, "out.parquet")}'`, 10);
  expect(back.rows).toEqual([
    ["12", "a", 0.5, "BIGINT"],
    ["13", null, null, "BIGINT"],
  ]);
  await expect(writeAnswer(join(place, "out.xlsx"), answer)).rejects.toThrow("expected a file that ends in");
});
