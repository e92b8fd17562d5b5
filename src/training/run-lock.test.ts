import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lockFolder } from "./run-lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "guerdon-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (host: string, pid: number) => writeFileSync(join(folder, "lock.json"), JSON.stringify({ host, pid }));

it("lets one run in, and the next when the first is done", async () => {
  const unlock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toThrow(/lock\.json: another run \(process \d+\) is writing here/);
  await unlock();
  expect(existsSync(join(folder, "lock.json"))).toBe(false);
  await (await lockFolder(folder))();
});

it("takes over from a process that is no more", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  write(hostname(), pid);
  await (await lockFolder(folder))();
});

it("takes over from an earlier process with its own number", async () => {
  write(hostname(), process.pid);
  await (await lockFolder(folder))();
});

it("believes a lock that was renewed lately, of a process here or elsewhere, and no older one", async () => {
  for (const [host, pid] of [
    [hostname(), process.ppid],
    ["elsewhere", 1],
  ] as const) {
    write(host, pid);
    await expect(lockFolder(folder)).rejects.toThrow(/another run/);
    const old = new Date(Date.now() - 600_000);
    utimesSync(join(folder, "lock.json"), old, old);
    await (await lockFolder(folder))();
  }
});
