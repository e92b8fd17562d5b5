import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dispose, toHost } from "../model/networks/parameters.ts";
import { type WarmUpOptions, warmArithmeticPolicy } from "./warm-up.ts";

const small = { vocabulary: 32, context: 20, width: 16, layers: 1, heads: 2, hidden: 32, padding: 0 };

function run(options: Partial<WarmUpOptions>): {
  steps: number;
  parameters: ReturnType<typeof toHost>;
  losses: number[];
} {
  const losses: number[] = [];
  const parameters = warmArithmeticPolicy({
    model: small,
    seed: 1,
    maxSteps: 20,
    batch: 16,
    onStep: ({ loss }) => {
      losses.push(loss);
    },
    ...options,
  });
  const host = toHost(parameters);
  dispose(parameters);
  return { steps: losses.length, parameters: host, losses };
}

describe("warm-up", () => {
  it("learns, the same for the same seed, and comes from the cache the second time", () => {
    const cache = mkdtempSync(join(tmpdir(), "warm-up-"));
    try {
      const first = run({ cache });
      expect(first.steps).toBe(20);
      expect(first.losses[19]).toBeLessThan(0.75 * first.losses[0]);
      const second = run({ cache });
      expect(second.steps).toBe(0);
      expect(second.parameters).toEqual(first.parameters);
      expect(run({}).parameters).toEqual(first.parameters);
      expect(run({ cache, seed: 2 }).parameters).not.toEqual(first.parameters);
      expect(readdirSync(cache).length).toBe(2);
      // A damaged file is made anew.
      for (const file of readdirSync(cache))
        writeFileSync(join(cache, file), readFileSync(join(cache, file)).subarray(0, 100));
      expect(run({ cache })).toEqual(first);
    } finally {
      rmSync(cache, { recursive: true });
    }
  });

  it("ends at its target", () => {
    expect(run({ target: 0 }).steps).toBe(10);
  });
});
