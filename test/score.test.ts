import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../src/core/random.ts";
import { generateRollouts } from "../src/dataset/generate.ts";

const guerdon = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const at = mkdtempSync(join(tmpdir(), "guerdon-score-"));
const path = (name: string) => join(at, name);

/** Format and length only: quick, and with credit. */
const reward = `
import { defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { tagFormat } from "guerdon/signal";
export default defineReward({
  signals: { format: tagFormat({ tags: ["answer"], outside: "allow" }), short: ({ response }) => 1 / (1 + response.length) },
  credit: groupRelative(),
});`;

const slowReward = `
import { defineReward } from "guerdon";
export default defineReward({
  signals: { slow: { use: async ({ response }) => { await new Promise((done) => setTimeout(done, 16)); return response.length; }, concurrency: 4 } },
});`;

function run(args: readonly string[], input?: string) {
  const child = spawnSync(process.execPath, [guerdon, "score", ...args], {
    cwd: at,
    input,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 1 << 28,
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<number | null>; said: () => string } {
  const child = spawn(process.execPath, [guerdon, "score", ...args], { cwd: at, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  return { child, said: () => said, ended: new Promise((resolve) => child.on("close", (code) => resolve(code))) };
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function readRows(name: string): Record<string, unknown>[] {
  return readFileSync(path(name), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

beforeAll(() => {
  writeFileSync(path("reward.ts"), reward);
  writeFileSync(path("slow.ts"), slowReward);
  const rows = [...generateRollouts({ seed: 1, prompts: 150, samples: 8 })];
  writeFileSync(path("rollouts.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rmSync(at, { recursive: true, force: true }));

describe("guerdon score", () => {
  it("scores a file, prints a summary, and leaves only the output and the report", () => {
    const { code, out, err } = run(["reward.ts", "rollouts.jsonl", "-o", "scored.jsonl", "--report", "report.html"]);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/rollouts +1,200: 1,200 scored, 0 unscored/);
    expect(out).toMatch(/groups +150 of 8/);
    expect(
      readdirSync(at)
        .filter((name) => /^(scored|report)/.test(name))
        .sort(),
    ).toEqual(["report.html", "scored.jsonl"]);
    const input = readRows("rollouts.jsonl");
    const output = readRows("scored.jsonl");
    expect(output.length).toBe(input.length);
    for (const [i, row] of output.entries()) expect(row).toMatchObject(input[i]);
    for (let g = 0; g < 1200; g += 8) {
      const sum = output.slice(g, g + 8).reduce((total, row) => total + Number(row.advantage), 0);
      expect(sum).toBeCloseTo(0, 8);
    }
    expect(readFileSync(path("report.html"), "utf8")).toContain("</html>");
  });

  it("gives the same rows for JSONL, gzip, a pipe, CSV and Parquet", { timeout: 120_000 }, () => {
    expect(run(["reward.ts", "rollouts.jsonl", "-o", "plain.jsonl"]).code).toBe(0);
    const plain = readFileSync(path("plain.jsonl"), "utf8");
    writeFileSync(path("in.jsonl.gz"), gzipSync(readFileSync(path("rollouts.jsonl"))));
    expect(gunzipSync(readFileSync(path("in.jsonl.gz"))).length).toBeGreaterThan(100_000);
    expect(run(["reward.ts", "in.jsonl.gz", "-o", "gzip.jsonl"]).code).toBe(0);
    expect(readFileSync(path("gzip.jsonl"), "utf8")).toBe(plain);
    const piped = run(["reward.ts", "-", "-o", "-"], readFileSync(path("rollouts.jsonl"), "utf8"));
    expect(piped.out).toBe(plain);
    expect(piped.err).toMatch(/1,200 scored/);
    for (const format of ["csv", "parquet"]) {
      expect(run(["reward.ts", "rollouts.jsonl", "-o", `once.${format}`]).code).toBe(0);
      expect(run(["reward.ts", `once.${format}`, "-o", `twice-${format}.jsonl`]).code).toBe(0);
      const twice = readRows(`twice-${format}.jsonl`);
      const rewards = readRows("plain.jsonl").map((row) => [row.id, row.completion, row.reward, row.advantage]);
      expect(twice.map((row) => [row.id, row.completion ?? "", row.reward, row.advantage])).toEqual(rewards);
    }
  });

  it("survives kill -9 at random moments and ends with the same bytes", { timeout: 240_000 }, async () => {
    const args = ["slow.ts", "rollouts.jsonl", "--batch-size", "16"];
    expect(run([...args, "-o", "whole.jsonl"]).code).toBe(0);
    const whole = readFileSync(path("whole.jsonl"), "utf8");
    const random = createRandom("kill");
    let resumed = 0;
    for (let round = 0; round < 3; round++) {
      const output = `killed${round}.jsonl`;
      for (let life = 0; ; life++) {
        const { child, ended, said } = start([...args, "-o", output, "--json"]);
        const done = ended.then(() => true);
        if (life < 3 && !(await Promise.race([done, wait(900 + 3000 * random.uniform()).then(() => false)]))) {
          child.kill("SIGKILL");
          await ended;
          expect(existsSync(path(output))).toBe(false);
          continue;
        }
        expect(await ended).toBe(0);
        if ((JSON.parse(said()) as { resumedAt: number | null }).resumedAt !== null) resumed++;
        break;
      }
      expect(readFileSync(path(output), "utf8")).toBe(whole);
      expect(readdirSync(at).filter((name) => name.startsWith(`${output}.`))).toEqual([]);
    }
    expect(resumed).toBeGreaterThan(0);
  });

  it("stops on SIGINT with 130, says how to go on, and goes on", { timeout: 60_000 }, async () => {
    const args = ["slow.ts", "rollouts.jsonl", "-o", "stopped.jsonl", "--batch-size", "16"];
    const { child, ended, said } = start(args);
    await wait(2200);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(said()).toMatch(/run the same command again to go on/);
    expect(existsSync(path("stopped.jsonl"))).toBe(false);
    const other = run(["reward.ts", "rollouts.jsonl", "-o", "stopped.jsonl", "--batch-size", "16"]);
    expect(other.code).toBe(2);
    expect(other.err).toMatch(/another reward/);
    const again = run([...args, "--json"]);
    expect(again.code).toBe(0);
    expect((JSON.parse(again.out) as { resumedAt: number }).resumedAt).toBeGreaterThan(0);
    expect(readRows("stopped.jsonl").length).toBe(1200);
  });

  it("fails with 1 when too many rollouts have no reward", () => {
    const half = readRows("rollouts.jsonl").map((row, i) => (i % 2 ? row : { ...row, completion: null }));
    writeFileSync(path("half.jsonl"), half.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const { code, out, err } = run(["reward.ts", "half.jsonl", "-o", "half-scored.jsonl", "--json"]);
    expect(code).toBe(1);
    expect(err).toMatch(/600 of 1200 rollouts \(50 %\) have no reward/);
    expect(JSON.parse(out)).toMatchObject({ scored: 600, unscored: 600 });
    expect(readRows("half-scored.jsonl")[0]).toMatchObject({ reward: null, error: { code: "bad-input" } });
  });

  it.each([
    [["reward.ts", "missing.jsonl"], /missing\.jsonl/],
    [["missing.ts", "rollouts.jsonl"], /missing\.ts/],
    [
      ["reward.ts", "rollouts.jsonl", "--map", "responses=nothing"],
      /no column "nothing" for responses; there are "id"/,
    ],
    [["reward.ts", "rollouts.jsonl", "-o", "out.xml"], /out\.xml: expected a name ending in/],
    [["reward.ts", "prompts.jsonl"], /responses: signal .* wants this field, .*"prompt"/],
    [["reward.ts", "bad.jsonl", "-o", "bad-out.jsonl"], /bad\.jsonl:2: expected a JSON object, got a number/],
    [["reward.ts", "empty.jsonl"], /empty\.jsonl: there are no rows/],
    [["reward.ts", "broken.parquet"], /broken\.parquet: cannot be read as parquet/],
    [["reward.ts", "rollouts.jsonl", "--window", "0"], /integer of at least 1/],
  ])("refuses %j with 2 and names the place", (args, message) => {
    writeFileSync(path("prompts.jsonl"), '{"prompt":"p"}\n');
    writeFileSync(path("bad.jsonl"), '{"response":"r","group":1}\n7\n');
    writeFileSync(path("empty.jsonl"), "\n\n");
    writeFileSync(path("broken.parquet"), "PAR1 no");
    const { code, err } = run(args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  it.skipIf(!existsSync("/dev/full"))("fails with 1 and the file's name when the disk is full", () => {
    symlinkSync("/dev/full", path("full.jsonl.partial"));
    const { code, err } = run(["reward.ts", "rollouts.jsonl", "-o", "full.jsonl"]);
    expect(code).toBe(1);
    expect(err).toMatch(/full\.jsonl\.partial: cannot be written \(no space left on the disk\)/);
    expect(err).toMatch(/make room and run the same command again/);
    expect(existsSync(path("full.jsonl"))).toBe(false);
  });
});

describe("guerdon quickstart --score", () => {
  it("generates, scores and reports", { timeout: 60_000 }, () => {
    const child = spawnSync(process.execPath, [guerdon, "quickstart", "--score", "first"], {
      cwd: at,
      encoding: "utf8",
    });
    expect(child.status).toBe(0);
    expect(child.stdout).toMatch(/rollouts +2,000: /);
    expect(child.stdout).toMatch(/pass@k/);
    expect(readRows("first/scored.jsonl").length).toBe(2000);
    expect(existsSync(path("first/report.html"))).toBe(true);
  });
});
