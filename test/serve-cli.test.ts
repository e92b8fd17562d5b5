import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-serve-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const slow = file(
  "slow.ts",
  `import { defineReward } from "guerdon";
export default defineReward({ signals: { late: async ({ response }) => { await new Promise((r) => setTimeout(r, 300)); return response.length; } } });\n`,
);

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<number | null>;
  said(): string;
}

function start(args: readonly string[]): Promise<Running> {
  const child = spawn(process.execPath, [bin, "serve", ...args, "--port", "0", "--no-cache"], { cwd: folder });
  let out = "";
  let errors = "";
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      errors += chunk;
      const url = /at (http:\S+) /.exec(errors)?.[1];
      if (url !== undefined) resolve({ child, url, ended, said: () => out });
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${errors}`)));
  });
}

async function score(url: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/v1/score`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ fields: { responses: ["a", "bb"] } }),
  });
  return { status: answer.status, json: (await answer.json()) as { rewards?: unknown } };
}

describe("guerdon serve", () => {
  it("SIGTERM under load: every accepted request is answered, then exit code 0", async () => {
    const { child, url, ended, said } = await start([slow, "--running", "4"]);
    const answers = Array.from({ length: 16 }, () => score(url));
    await new Promise((resolve) => setTimeout(resolve, 400));
    child.kill("SIGTERM");
    expect((await Promise.all(answers)).map(({ json }) => json.rewards)).toEqual(answers.map(() => [1, 2]));
    expect(await ended).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    const lines = said()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string; requestId?: string });
    expect(lines.filter(({ msg }) => msg === "request")).toHaveLength(16);
    expect(lines.every(({ msg, requestId }) => msg !== "request" || typeof requestId === "string")).toBe(true);
  });

  it("names, tokens, and a reload on SIGHUP", async () => {
    const text = (value: number) =>
      `import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: () => ${value} } });\n`;
    const one = file("one.ts", text(1));
    const token = "0123456789abcdef-token";
    const tokens = file("tokens.txt", `# for the trainer\n${token}\n`);
    const running = await start([one, `late=${slow}`, "--name", "first", "--token-file", tokens, "--no-watch"]);
    const headers = { authorization: `Bearer ${token}` };
    expect((await score(running.url)).status).toBe(401);
    expect((await score(running.url, headers)).json.rewards).toEqual([1, 1]);
    const ready = (await (await fetch(`${running.url}/readyz`)).json()) as { rewards: { name: string }[] };
    expect(ready.rewards.map(({ name }) => name)).toEqual(["first", "late"]);
    file("one.ts", text(5));
    running.child.kill("SIGHUP");
    let rewards: unknown;
    for (let i = 0; i < 100 && JSON.stringify(rewards) !== "[5,5]"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      rewards = (await score(running.url, headers)).json.rewards;
    }
    expect(rewards).toEqual([5, 5]);
    expect(running.said()).not.toContain(token);
    running.child.kill("SIGTERM");
    expect(await running.ended).toBe(0);
  });

  it("wrong usage: exit code 2 and a message that says what", async () => {
    await expect(start([slow, "--host", "0.0.0.0"])).rejects.toThrow(/ended with 2: error: host: .*--token-file/s);
    await expect(start([join(folder, "none.ts")])).rejects.toThrow(/ended with 2: error: .*no such file/s);
    await expect(start([slow, slow])).rejects.toThrow(/two rewards are named slow/);
    await expect(start([slow, "--token-file", file("short.txt", "short\n")])).rejects.toThrow(/at least 16/);
  });
});
