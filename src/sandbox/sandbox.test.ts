import { expect, it } from "vitest";
import { createClock } from "./clock.ts";
import { createSandbox } from "./sandbox.ts";

const request = { timeLimit: 2000, outputLimit: 100, steps: [{ kind: "call", name: "f", args: [] }] } as const;

it("runs requests side by side, ends on abort, and closes", async () => {
  const sandbox = createSandbox({ language: "javascript", memoryLimit: 64, workers: 2 });
  const codes = Array.from({ length: 6 }, (_, i) => `function f() { return ${i}; }`);
  const results = await Promise.all(codes.map((code) => sandbox.run({ ...request, code })));
  expect(results.map(({ outcomes }) => outcomes[0].value)).toEqual([0, 1, 2, 3, 4, 5]);

  const controller = new AbortController();
  const endless = sandbox.run({ ...request, code: "function f() { for (;;); }" }, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 100);
  await expect(endless).rejects.toThrow("enough");
  expect((await sandbox.run({ ...request, code: codes[3] })).outcomes[0].value).toBe(3);

  const open = sandbox.run({ ...request, code: "function f() { for (;;); }" });
  const refused = expect(open).rejects.toThrow("the sandbox is closed");
  await sandbox.close();
  await refused;
  await expect(sandbox.run({ ...request, code: "" })).rejects.toThrow("the sandbox is closed");
});

it("has a clock that fires at its deadline, and again for what goes on", () => {
  let now = 0;
  const clock = createClock(() => now);
  clock.start(100);
  expect([clock.due(), clock.fired]).toEqual([false, null]);
  now = 100;
  expect([clock.due(), clock.fired]).toEqual([true, "timeout"]);
  expect(clock.due()).toBe(false);
  now = 121;
  expect(clock.due()).toBe(true);
  clock.start(100);
  clock.fire("output");
  expect([clock.due(), clock.fired]).toEqual([true, "output"]);
  clock.stop();
  expect(clock.due()).toBe(false);
});
