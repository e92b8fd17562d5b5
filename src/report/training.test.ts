import { describe, expect, it } from "vitest";
import { renderTrainingReport, type TrainingReport, wasGamed } from "./training.ts";

const hostile = `</code><script>alert(1)</script>\u202e"'`;
const evaluation = (success: number, reward: number) => ({
  problems: 64,
  success,
  greedy: success / 2,
  reward,
  signals: { correct: success, [hostile]: null },
  length: 7,
  samples: [
    {
      prompt: hostile,
      response: hostile,
      reference: hostile,
      truncated: true,
      success: 0,
      reward: null,
      error: hostile,
      signals: [{ name: hostile, value: null, error: hostile, evidence: hostile }],
    },
  ],
});

const report = (changes: Partial<TrainingReport> = {}): TrainingReport => ({
  name: "first",
  steps: 1000,
  reason: null,
  before: evaluation(0.25, 0.5),
  after: evaluation(0.875, 1.25),
  rows: Array.from({ length: 1001 }, (_, step) =>
    step === 0
      ? { step, evaluation: evaluation(0.25, 0.5) }
      : {
          step,
          reward: step / 1000,
          signals: { correct: 0.5, [hostile]: null },
          success: 0.5,
          kl: 1,
          entropy: 2,
          length: 7,
          unscored: 1,
          groupSpread: 1,
          gradientNorm: 1,
        },
  ),
  totals: { tokens: 70_000, rollouts: 10_000, unscored: 1000 },
  warmUp: { steps: 200, seconds: 12, cached: false },
  seconds: 72,
  startedAt: "2026-01-31T12:00:00.000Z",
  provenance: { Seed: 7, Command: hostile },
  ...changes,
});

describe("training report", () => {
  it("tells what was gained and what it cost", { timeout: 60_000 }, async () => {
    const html = await renderTrainingReport(report());
    for (const text of [
      "25 % → 87.5 %",
      "12.5 % → 43.8 %",
      "0.5 → 1.25",
      "10,000 rollouts",
      "70,000 tokens",
      "1 min 0 s",
      "after a warm-up of 200 steps, 12 s",
      "2026-01-31 12:00:00 UTC",
      ">Seed<",
    ])
      expect(html).toContain(text);
    expect(html).not.toContain("The reward rose while");
    // Every curve is thinned: a thousand steps draw like a few hundred.
    expect(html.length).toBeLessThan(400_000);
  });

  it("shows hostile text and runs none of it", { timeout: 60_000 }, async () => {
    const html = await renderTrainingReport(report());
    expect(html).not.toMatch(/<script/i);
    expect(html).not.toContain("\u202e");
    expect(html).toContain("&lt;script&gt;");
    expect(html).toContain("default-src 'none'");
  });

  it("says when the reward was gamed, or the run ended early, and bears an empty run", {
    timeout: 60_000,
  }, async () => {
    expect(wasGamed(evaluation(0.6, 0.5), evaluation(0.2, 0.9))).toBe(true);
    expect(wasGamed(evaluation(0.6, 0.5), evaluation(0.2, 0.4))).toBe(false);
    expect(wasGamed(evaluation(0.6, 0.5), { ...evaluation(0.2, 0.4), reward: null })).toBe(false);
    const empty = { ...evaluation(0.6, 0.5), samples: [] };
    const html = await renderTrainingReport(
      report({
        rows: [],
        before: empty,
        after: { ...evaluation(0.2, 0.9), samples: [] },
        warmUp: null,
        reason: "no progress",
      }),
    );
    expect(html).toContain("The reward rose while the true success fell");
    expect(html).toContain("Ended early: no progress.");
    expect(html).not.toContain("Curves");
  });
});
