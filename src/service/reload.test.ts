import { afterAll, describe, expect, it } from "vitest";
import { createFolder, postJson } from "./rewards.fixture.ts";
import { type RunningService, serve } from "./serve.ts";

const folder = createFolder();
afterAll(() => folder.remove());

const score = (at: RunningService, body: unknown) => postJson(`${at.url}/v1/score`, body);

describe("reload", () => {
  it("the new file takes over, a broken one does not, and requests under way keep theirs", async () => {
    const text = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: async ({ response }) => { await new Promise((r) => setTimeout(r, Number(response))); return ${value}; } } });\n`;
    const file = folder.file("reloaded.ts", text(1));
    const own = await serve({ rewards: [{ name: "r", file }], port: 0, watchEvery: 0 });
    const ask = async (ms: string) => (await score(own, { fields: { responses: [ms] } })).json.rewards[0] as number;
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
      reward = (await score(own, { fields: { responses: ["x"] } })).json.rewards[0];
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
        reward = (await score(own, { fields: { responses: ["x"] } })).json.rewards[0];
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

  describe("an import that never ends", () => {
    const good = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: () => ${value} } });\n`;
    const start = async (name: string, importLimit: number) => {
      const file = folder.file(`${name}.ts`, good(1));
      const own = await serve({ rewards: [{ name: "r", file, importLimit }], port: 0, workers: 0, watchEvery: 0 });
      return { own, write: (text: string) => folder.file(`${name}.ts`, text) };
    };
    const ask = async (at: RunningService) =>
      (await score(at, { fields: { responses: ["x"] } })).json.rewards[0] as number;

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
});
