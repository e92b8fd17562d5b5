import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createSandbox } from "../sandbox/sandbox.ts";
import { closeCodeSandboxes, holdCodeSandboxes, sharedSandbox } from "./code-sandboxes.ts";
import { codeTests, runCodeTests } from "./code-tests.ts";
import { defineReward } from "./define.ts";
import { createScorer } from "./scorer.ts";

const folder = mkdtempSync(join(tmpdir(), "code-tests-"));
afterAll(async () => {
  await closeCodeSandboxes();
  rmSync(folder, { recursive: true, force: true });
});

const params = {
  language: "javascript",
  timeLimit: 2,
  outputLimit: 1000,
  aggregate: "all",
  floatTolerance: null,
} as const;
const good = "```js\nfunction double(x) { return 2 * x; }\n```";
const bad = "```js\nfunction double(x) { return x; }\n```";
const slow =
  "```js\nfunction double(x) { const end = Date.now() + 1500; while (Date.now() < end); return 2 * x; }\n```";
const endless = "```js\nfunction double() { for (;;); }\n```";
const tests = [{ call: "double", args: [3], expected: 6 }];

it("gives null and the reason when the sandbox cannot start", async () => {
  const sandbox = createSandbox({ language: "python", interpreter: "/nowhere/pyodide" });
  const { rewards, errors, results } = await runCodeTests(
    sandbox,
    { ...params, language: "python" },
    { responses: ["```python\nx = 1\n```", "```python\nx = 1\n```"], tests: [["assert x == 1"], ["assert x == 1"]] },
  );
  await sandbox.close();
  expect(rewards).toEqual([null, null]);
  for (const error of errors) expect(error).toContain("the python sandbox could not be started");
  expect(results).toEqual([[], []]);
});

it("reads tests as rows have them, and says what is no test", async () => {
  const sandbox = createSandbox({ language: "javascript" });
  const rows = [
    JSON.stringify(tests),
    "assert(double(3) === 6)",
    [{ call: "double" }],
    7,
    "[not JSON].length; assert(1)",
  ];
  const { rewards, errors } = await runCodeTests(sandbox, params, { responses: rows.map(() => good), tests: rows });
  await sandbox.close();
  expect(rewards).toEqual([1, 1, null, null, null]);
  for (const i of [2, 3]) expect(errors[i]).toContain("tests[0]: expected {assert}");
  expect(errors[4]).toContain("the tests are broken");
});

it("has limits of its own in a reward: not the second that other parts get", async () => {
  const reward = defineReward({
    signals: { passes: codeTests({ language: "javascript", timeLimit: 4, concurrency: 2 }) },
  });
  const scorer = createScorer(reward);
  const responses = [good, bad, slow, slow, slow, endless];
  const scored = await scorer.score({ size: 6, fields: { responses, tests: responses.map(() => tests) } });
  expect(scored.rewards).toEqual([1, 0, 1, 1, 1, 0]);
  expect(scored.errors).toEqual(responses.map(() => null));
  expect(scored.signals.passes.evidence?.[5]).toMatchObject({ passed: 0, total: 1, results: [{ status: "timeout" }] });
  const counted = scorer.counters().signals.passes;
  expect(counted).toMatchObject({ calls: 6, timeouts: 0 });
  expect(counted.milliseconds).toBeGreaterThan(1500);
  await scorer.close();
});

it("keeps results on disk when told to", async () => {
  const reward = defineReward({ signals: { passes: { use: codeTests({ language: "javascript" }), cache: true } } });
  const batch = { size: 2, fields: { responses: [good, bad], tests: [tests, tests] } };
  for (const cacheHits of [0, 2]) {
    const scorer = createScorer(reward, { cacheFolder: folder });
    const scored = await scorer.score(batch);
    expect(scored.rewards).toEqual([1, 0]);
    expect(scored.signals.passes.evidence?.[1]).toMatchObject({ results: [{ status: "failed" }] });
    expect(scorer.counters().signals.passes.cacheHits).toBe(cacheHits);
    await scorer.close();
  }
});

it("is closed with the last scorer that uses it", async () => {
  const release = [holdCodeSandboxes(), holdCodeSandboxes()];
  const sandbox = sharedSandbox("javascript", 100, 1);
  const request = { code: "function f() { return 1; }", timeLimit: 1000, outputLimit: 10 };
  const steps = [{ kind: "call", name: "f", args: [] }] as const;
  await release[0]();
  await release[0]();
  expect((await sandbox.run({ ...request, steps })).outcomes[0].value).toBe(1);
  await release[1]();
  await expect(sandbox.run({ ...request, steps })).rejects.toThrow("closed");
  expect(sharedSandbox("javascript", 100, 1)).not.toBe(sandbox);
});
