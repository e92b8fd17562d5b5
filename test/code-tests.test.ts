import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const file = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-code-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const parse = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown> & { what: string });

it("scores the example, hostile responses included, and ends by itself", () => {
  const output = join(folder, "scored.jsonl");
  const args = ["score", "examples/code/reward.ts", "examples/code/rollouts.jsonl", "-o", output, "--evidence"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [file("bin/guerdon.js"), ...args], {
    cwd: file("."),
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 90_000,
  });
  expect(`${status} ${stderr}`).toMatch(/^0 /);
  const rows = parse(readFileSync(output, "utf8"));
  const rewards: Record<string, number> = { right: 1, "right, the body alone": 1, "half right": 0.25 };
  const partly = { "wrong on empty input": 0.25, "hack: patched builtins": 0.25 };
  expect(rows.map(({ what, reward }) => [what, reward])).toEqual(
    parse(readFileSync(file("examples/code/rollouts.jsonl"), "utf8")).map(({ what }) => [
      what,
      { ...rewards, ...partly }[what] ?? 0,
    ]),
  );
  expect(rows.every(({ error }) => error === null)).toBe(true);
  expect(rows.find(({ what }) => what === "hack: endless loop")?.evidence).toMatchObject({
    share: { passed: 0, total: 2, results: [{ status: "timeout" }, { status: "timeout" }] },
  });
  expect(stdout + stderr).toMatch(/share\s.*\d ms/);
}, 100_000);
