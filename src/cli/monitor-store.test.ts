import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { MonitorRecord } from "../audit/monitor/index.ts";
import { openStore } from "../service/store.ts";
import { isStore, storeRecords } from "./monitor-store.ts";

const folder = mkdtempSync(join(tmpdir(), "guerdon-monitor-store-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("knows a store by its ending or its address", () => {
  expect(["a/guerdon.duckdb", "http://127.0.0.1:8420", "run.jsonl", "-"].map(isStore)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

it("makes one record of each policy step, of the reward with most rollouts", async () => {
  const path = join(folder, "guerdon.duckdb");
  const store = await openStore(path);
  const column = (name: string, values: (number | null)[]) => ({
    name,
    values,
    errorCodes: values.map(() => null),
    errorMessages: values.map(() => null),
    evidence: values.map(() => null),
    cached: values.map(() => false),
    milliseconds: 1,
  });
  const add = (policyStep: number | null, rewards: (number | null)[], rewardName = "math") =>
    store.add({
      at: 1_700_000_000_000,
      request: "r",
      rewardName,
      rewardHash: "h",
      policyStep,
      size: rewards.length,
      groups: rewards.map((_, i) => (i < 2 ? "a" : "b")),
      prompts: null,
      responses: rewards.map((_, i) => "x".repeat(10 + i)),
      rewards,
      combined: rewards,
      advantages: null,
      errorCodes: rewards.map(() => null),
      errorMessages: rewards.map(() => null),
      milliseconds: 1,
      signals: [
        column("strict", rewards),
        column(
          "format",
          rewards.map(() => 0.5),
        ),
      ],
    });
  await add(1, [1, 0, 1, 1]);
  await add(2, [1, 1, null, 0]);
  await add(null, [1, 1]);
  await add(2, [0, 0], "other");
  await store.close();

  const records: MonitorRecord[] = [];
  const options = { map: { gold: "signals.strict" }, signal: new AbortController().signal };
  for await (const record of storeRecords(path, options)) records.push(record);
  expect(records).toHaveLength(2);
  expect(records[0]).toEqual({
    step: 1,
    reward: 0.75,
    rewardStd: 0.5,
    signals: { strict: 0.75, format: 0.5 },
    gold: 0.75,
    length: 11.5,
    groupSpread: 0.5,
    unscored: 0,
  });
  // Group a is flat; of group b one rollout is scored.
  expect(records[1]).toMatchObject({ step: 2, unscored: 0.25, groupSpread: 0, gold: 2 / 3 });
});

it("follows a service, and takes a step for complete when the next has begun or it no longer grows", async () => {
  // What the service answers in turn: [step, rollouts, reward] of each row behind the last complete step.
  const answers = [
    [[1, 64, 0.25]],
    [
      [1, 64, 0.25],
      [2, 32, 0.5],
    ].map((row) => row.map(String)),
    [[2, 64, 0.625]],
    [[2, 64, 0.625]],
    [],
  ];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      const after = Number(/policy_step > (-?\d+)/.exec(JSON.parse(text).sql)?.[1]);
      asked.push(`${request.method} ${request.url} ${after}`);
      const rows = answers[Math.min(asked.length, answers.length) - 1];
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ columns: ["step", "rollouts", "reward"], rows, more: false }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const records: MonitorRecord[] = [];
  const options = { map: {}, follow: true, idle: 60, interval: 1, signal: new AbortController().signal };
  for await (const record of storeRecords(url, options)) records.push(record);
  server.close();
  server.closeAllConnections();
  expect(records).toEqual([
    { step: 1, reward: 0.25 },
    { step: 2, reward: 0.625 },
  ]);
  expect(asked.slice(0, 5)).toEqual([-1, -1, 1, 1, 2].map((after) => `POST /v1/query ${after}`));
});
