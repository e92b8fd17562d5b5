import pc from "picocolors";
import { describe, expect, it } from "vitest";
import type { StepMetrics } from "../training/index.ts";
import { createLines, dashboardLines, dashboardState, figure, shown, sparkline, takeEvent } from "./train-dashboard.ts";

const plain = pc.createColors(false);
const facts = { name: "first", subtitle: "grpo · seed 1", folder: "out/first" };
const step = (number: number, changes: Partial<StepMetrics> = {}): StepMetrics => ({
  step: number,
  reward: number / 10,
  signals: { correct: number / 20, "evil\u001b[2J": null },
  success: 0.5,
  kl: 0.25,
  entropy: 1.5,
  length: 12,
  unscored: 0,
  groupSpread: 1,
  loss: 0,
  gradientNorm: 1,
  learningRate: 1e-3,
  tokens: 12_000 * number,
  rollouts: 1000 * number,
  seconds: number,
  ...changes,
});
const evaluation = { problems: 10, success: 0.25, greedy: 0.125, reward: 1, signals: {}, length: 3 };

function running() {
  const state = dashboardState(facts);
  takeEvent(state, { type: "start", from: 0, steps: 20, warmUp: null }, 1000);
  takeEvent(state, { type: "metrics", metrics: { step: 0, evaluation, seconds: 0 } }, 1000);
  for (let number = 1; number <= 10; number++)
    takeEvent(state, { type: "metrics", metrics: step(number) }, 1000 + 500 * number);
  return state;
}

describe("training dashboard", () => {
  it("shows where the run is, how fast, and each quantity with its history", () => {
    const lines = dashboardLines(running(), { width: 80, height: 30 }, 6000, plain);
    expect(lines[0]).toBe(" first · grpo · seed 1");
    expect(lines[1]).toMatch(/^ █+░+ {2}50 %$/);
    expect(lines[2]).toBe(" step 10 of 20 · 2.000 steps/s · 0:05 left");
    expect(lines[4]).toMatch(/sampled 0\.250 → 0\.250 {3}greedy 0\.125 → 0\.125/);
    expect(lines.find((line) => line.startsWith(" reward"))).toMatch(/ 1\.000 {2}▁▁▂▃▄▅▆▇▇█$|1\.000 {2}[▁-█]{10}$/);
    expect(lines.find((line) => line.includes("correct"))).toMatch(/0\.500/);
    expect(lines.join("\n")).toMatch(/10,000 rollouts · 120,000 tokens · 0:10/);
    expect(lines.join("\n")).not.toContain("unscored");
  });

  it("fits every terminal, and lets no name move the cursor", () => {
    const state = running();
    takeEvent(state, { type: "metrics", metrics: step(11, { unscored: 3, evaluation }) }, 7000);
    for (const width of [1, 20, 40, 79, 200])
      for (const height of [1, 5, 12, 50]) {
        const lines = dashboardLines(state, { width, height }, 7000, plain);
        expect(lines.length).toBeLessThanOrEqual(height);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(Math.max(21, width));
        expect(lines.join("")).not.toContain("\u001b");
      }
    expect(shown("a\u001b[2Jb\u202e")).toBe("a\ufffd[2Jb\ufffd");
  });

  it("shows the warm-up before, and forgets steps that are made again", () => {
    const state = dashboardState(facts, [step(1), step(2), step(3)]);
    takeEvent(state, { type: "warm-up", step: 30, steps: 60, loss: 0.5, success: 0.2 }, 0);
    takeEvent(state, { type: "warm-up", step: 31, steps: 60, loss: 0.4 }, 0);
    expect(dashboardLines(state, { width: 90, height: 20 }, 0, plain)[2]).toMatch(
      /step 31 of at most 60 · loss 0\.400 · success 0\.200/,
    );
    takeEvent(state, { type: "start", from: 2, steps: 20, warmUp: null }, 0);
    expect(state.history.map((one) => one.step)).toEqual([1, 2]);
  });

  it("draws sparklines between the smallest and the largest", () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 20)).toBe("▁▂▃▄▅▆▇█");
    expect(sparkline([0, 0, 8, 8], 2)).toBe("▁█");
    expect(sparkline([1, null, 1], 3)).toBe("▁ ▁");
    expect(sparkline([], 5)).toBe("");
    expect([figure(null), figure(0), figure(1234.5), figure(1e-9), figure(-12.345)]).toEqual([
      "–",
      "0.000",
      "1,235",
      "1.0e-9",
      "-12.35",
    ]);
  });

  it("prints lines where nobody watches", () => {
    const said: string[] = [];
    const display = createLines((line) => said.push(line), dashboardState(facts));
    display.event({ type: "start", from: 0, steps: 20, warmUp: { steps: 40, seconds: 2, cached: false } });
    display.event({ type: "metrics", metrics: { step: 0, evaluation, seconds: 0 } });
    for (let number = 1; number <= 10; number++) display.event({ type: "metrics", metrics: step(number) });
    expect(said.slice(0, 3)).toEqual([
      "first · grpo · seed 1",
      "warm-up ended after 40 steps, 2.0 s",
      "step 0/20  held out 0.250 sampled, 0.125 greedy",
    ]);
    expect(said.length).toBe(4);
    expect(said[3]).toMatch(/^step 10\/20 {2}reward 1\.000 {2}correct 0\.500 {2}evil\ufffd\[2J – {2}success 0\.500/);
  });
});
