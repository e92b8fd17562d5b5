import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeSafetensors } from "../src/model/safetensors.ts";

const guerdon = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const at = mkdtempSync(join(tmpdir(), "guerdon-train-"));
const path = (...names: string[]) => join(at, ...names);

/** State in the reward (a running mean), a signal that fails on some rollouts, credit of its own. */
const reward = `
import { defineReward, definePart, fields } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { exactMatch } from "guerdon/signal";
import { z } from "zod";
const state = z.object({ count: z.number().default(0), sum: z.number().default(0) });
const minusMean = definePart({
  id: "shaping/minus-mean", papers: [], params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, state }), outputs: z.object({ rewards: fields.rewards, state }),
  compute: (_, { rewards, state: { count, sum } }) => {
    let total = sum;
    for (let i = 0; i < rewards.length; i++) total += rewards[i];
    return { rewards: Array.from(rewards, (reward) => reward - (count === 0 ? 0 : sum / count)), state: { count: count + rewards.length, sum: total } };
  },
});
export default defineReward({
  name: "last-digit",
  signals: {
    last: ({ response, reference }) => Number(response.at(-1) === reference),
    short: ({ response }) => response === "0,0" ? null : 1 / (1 + response.length),
  },
  shaping: [minusMean()],
  credit: groupRelative({ scale: "none" }),
});`;

const config = (changes = "") => `
import { arithmeticTask, defineTraining } from "guerdon/training";
export default defineTraining({
  task: arithmeticTask({ operands: 3, modulus: 4 }),
  reward: "reward.ts",
  model: { width: 16, layers: 1, heads: 2 },
  warmUp: { steps: 20, target: null, batch: 16 },
  steps: 24, prompts: 4, groupSize: 4,
  optimizer: { learningRate: 3e-3 },
  evaluation: { every: 6, problems: 16, samples: 3 },
  checkpoints: { every: 5 },
  seed: 3,
  ${changes}
});`;

function run(args: readonly string[]) {
  const child = spawnSync(process.execPath, [guerdon, "train", ...args], {
    cwd: at,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<number | null>; said: () => string } {
  const child = spawn(process.execPath, [guerdon, "train", ...args], { cwd: at, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => {
      said += chunk;
    });
  return { child, said: () => said, ended: new Promise((resolve) => child.on("close", (code) => resolve(code))) };
}

const lines = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0);

/** Waits until a run has written so many lines, or has ended. */
async function untilLines(file: string, count: number, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (let tries = 0; tries < 4000 && !over && lines(file) < count; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

function readRows(file: string): Record<string, unknown>[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const withoutTimes = (file: string) => readFileSync(file, "utf8").replaceAll(/,"seconds":[\d.]+}\n/g, "}\n");

beforeAll(() => {
  symlinkSync(fileURLToPath(new URL("../node_modules", import.meta.url)), path("node_modules"));
  writeFileSync(path("reward.ts"), reward);
  writeFileSync(path("train.ts"), config());
});
afterAll(() => rmSync(at, { recursive: true, force: true }));

describe("guerdon train", () => {
  it("trains, and leaves metrics, a checkpoint, the policy and a report", { timeout: 120_000 }, () => {
    const { code, out, err } = run(["train.ts", "-o", "whole"]);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^train · grpo, credit of last-digit · seed 3/);
    expect(out).toMatch(/finished after 24 steps/);
    expect(out).toMatch(/true success, sampled +\d/);
    expect(out).toMatch(/cost +384 rollouts/);
    expect(readdirSync(path("whole")).sort()).toEqual([
      "checkpoint-24.safetensors",
      "checkpoint.json",
      "metrics.jsonl",
      "policy.safetensors",
      "report.html",
      "start.safetensors",
    ]);
    const rows = readRows(path("whole", "metrics.jsonl"));
    expect(rows.map(({ step }) => step)).toEqual(Array.from({ length: 25 }, (_, i) => i));
    expect(Object.keys(rows[6])).toEqual([
      ..."step reward signals success kl entropy length unscored groupSpread loss gradientNorm learningRate tokens rollouts".split(
        " ",
      ),
      "evaluation",
      "seconds",
    ]);
    expect(rows.filter((row) => "evaluation" in row).map(({ step }) => step)).toEqual([0, 6, 12, 18, 24]);
    expect(rows[6].evaluation).toMatchObject({ problems: 16, success: expect.any(Number), greedy: expect.any(Number) });
    expect(rows[24]).toMatchObject({ rollouts: 384, signals: { last: expect.any(Number), short: expect.any(Number) } });
    expect(rows.some(({ unscored }) => Number(unscored) > 0)).toBe(true);
    const html = readFileSync(path("whole", "report.html"), "utf8");
    expect(html).toContain("Replies before and after");
    expect(html).not.toMatch(/<script/i);
    const { parameters } = decodeSafetensors(readFileSync(path("whole", "policy.safetensors")));
    expect(Object.keys(parameters)).toContain("embedding");

    const again = run(["train.ts", "-o", "whole"]);
    expect([again.code, again.err]).toEqual([0, ""]);
    expect(again.out).toMatch(/had ended already after 24 steps/);
    expect(again.out).not.toMatch(/warm-up 0/);
  });

  it("ends with the same bytes after kill -9, an interrupt, and more steps", { timeout: 240_000 }, async () => {
    const whole = withoutTimes(path("whole", "metrics.jsonl"));
    const policy = readFileSync(path("whole", "policy.safetensors"));
    const file = path("killed", "metrics.jsonl");
    let killed = 0;
    for (const count of [1, 4, 9, 17]) {
      const { child, ended } = start(["train.ts", "-o", "killed"]);
      await untilLines(file, count, ended);
      child.kill("SIGKILL");
      await ended;
      if (child.signalCode === "SIGKILL") killed++;
    }
    expect(killed).toBe(4);
    const { child, ended, said } = start(["train.ts", "-o", "killed"]);
    await untilLines(file, 19, ended);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(said()).toMatch(/going on after step \d+ of 24/);
    expect(said()).toMatch(/interrupted after step \d+ of 24; run the same command again to go on/);
    const made = (JSON.parse(readFileSync(path("killed", "checkpoint.json"), "utf8")) as { step: number }).step;
    expect(lines(file)).toBe(made + 1);
    expect(run(["train.ts", "-o", "killed"]).code).toBe(0);
    expect(withoutTimes(file)).toBe(whole);
    expect(readFileSync(path("killed", "policy.safetensors")).equals(policy)).toBe(true);
    expect(readdirSync(path("killed")).filter((name) => name.endsWith(".part"))).toEqual([]);

    expect(run(["train.ts", "-o", "longer", "--steps", "12"]).code).toBe(0);
    const longer = run(["train.ts", "-o", "longer", "--workers", "0"]);
    expect(longer.out).toMatch(/going on after step 12 of 24/);
    expect(withoutTimes(path("longer", "metrics.jsonl"))).toBe(whole);
  });

  it("goes on with the same run only", { timeout: 60_000 }, () => {
    const other = run(["train.ts", "-o", "whole", "--seed", "4"]);
    expect(other.code).toBe(2);
    expect(other.err).toMatch(/whole: holds a run with another seed; .*--restart/);
    writeFileSync(path("foreign.ts"), config(`output: "foreign",`));
    run(["train.ts", "-o", "foreign", "--steps", "1"]);
    rmSync(path("foreign", "checkpoint.json"));
    expect(run(["foreign.ts"]).err).toMatch(/metrics\.jsonl: is not of a run that can go on/);
    const anew = run(["foreign.ts", "--restart", "--steps", "2", "--json", "--no-report"]);
    expect(anew.code).toBe(0);
    expect(JSON.parse(anew.out)).toMatchObject({
      status: "finished",
      step: 2,
      seed: 3,
      report: null,
      warmUp: { cached: true },
    });
    expect(lines(path("foreign", "metrics.jsonl"))).toBe(3);
  });

  it("stops early, and names the step where the policy diverges", { timeout: 120_000 }, () => {
    writeFileSync(path("early.ts"), config("stop: { success: 0 },"));
    const early = run(["early.ts", "--json"]);
    expect(early.code).toBe(0);
    expect(JSON.parse(early.out)).toMatchObject({
      status: "stopped",
      step: 6,
      reason: expect.stringMatching(/true success .* reached 0/),
    });
    writeFileSync(path("patient.ts"), config("stop: { patience: 2, minImprovement: 1 },"));
    expect(run(["patient.ts"]).out).toMatch(/stopped after 12 steps: no progress in 2 evaluations/);
    writeFileSync(path("wild.ts"), config("optimizer: { learningRate: 1e38, warmupSteps: 0 },"));
    const wild = run(["wild.ts"]);
    expect(wild.code).toBe(1);
    expect(wild.err).toMatch(/error: step \d+: the policy diverged: \w+ is (NaN|-?Infinity)/);
    expect(wild.err).toMatch(/What came before is kept: metrics\.jsonl and a checkpoint of step \d+ in out\/wild/);
    expect(lines(path("out", "wild", "metrics.jsonl"))).toBe(Number(/step (\d+): the policy/.exec(wild.err)?.[1]));
  });

  it.skipIf(!existsSync("/dev/full"))("fails with 1 on a full disk and names the file", { timeout: 60_000 }, () => {
    writeFileSync(path("full.ts"), config(`output: "full",`));
    for (const file of ["metrics.jsonl", "start.safetensors.part"]) {
      mkdirSync(path("full"));
      symlinkSync("/dev/full", path(join("full", file)));
      const { code, err } = run(["full.ts", "--restart"]);
      expect([file, code]).toEqual([file, 1]);
      expect(err).toContain(`full/${file.replace(".part", "")}: cannot be written (no space left on the disk)`);
      expect(err).toMatch(/Make room and run the same command again/);
      rmSync(path("full"), { recursive: true });
    }
  });

  it.skipIf(!existsSync("/proc/self"))("refuses an output where no folder can be made", { timeout: 60_000 }, () => {
    const { code, err } = run(["train.ts", "-o", "/proc/x"]);
    expect(err).toMatch(/\/proc\/x: no folder can be made here/);
    expect(code).toBe(2);
  });

  it("fails when too much is unscored", { timeout: 60_000 }, () => {
    writeFileSync(
      path("silent.ts"),
      `
import { defineReward } from "guerdon";
export default defineReward({ signals: { broken: () => { throw new Error("no verdict"); } } });`,
    );
    writeFileSync(path("unscored.ts"), config(`reward: "silent.ts",`));
    const { code, err } = run(["unscored.ts"]);
    expect(code).toBe(1);
    expect(err).toMatch(/step 4: 64 of 64 rollouts \(100 %\) have no reward.*threw 64/);
    expect(readRows(path("out", "unscored", "metrics.jsonl"))[1]).toMatchObject({
      reward: null,
      unscored: 16,
      success: expect.any(Number),
    });
  });

  it.each([
    ["optimizer: { learningrate: 1 },", /error: bad\.ts: optimizer\.learningrate: no such field/],
    [
      "task: arithmeticTask({ operands: 12 }),",
      /error: bad\.ts:\d+:\d+: task\.operands: expected an integer from 2 to 8, got 12/,
    ],
    [`reward: "nothing.ts",`, /error: nothing\.ts: no such file/],
    [`algorithm: "ppo",`, /error: bad\.ts: algorithm: has the credit gae, .* the reward has a credit of its own/],
  ])("refuses %s and names the place", { timeout: 20_000 }, (changes, message) => {
    writeFileSync(path("bad.ts"), config(changes));
    const { code, err } = run(["bad.ts", "-o", "bad"]);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });
});
