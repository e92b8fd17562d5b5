import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { annotationQueue, decayedHistory, deferredRewards, prioritizedReplay } from "./replay.ts";

describe("sampling/prioritized-replay", () => {
  it("is a distribution; rarer draws weigh more, the rarest 1", () => {
    const priorities = fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(priorities, (given) => {
        const indices = given.map((_, i) => i);
        const { probabilities, weights } = prioritizedReplay()({ priorities: given, indices });
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
        expect(Math.max(...weights)).toBe(1);
        for (const i of indices)
          for (const j of indices) if (given[i] < given[j]) expect(weights[i]).toBeGreaterThanOrEqual(weights[j]);
      }),
    );
  });
  it("refuses what cannot have been drawn", () => {
    expect(() => prioritizedReplay()({ priorities: [1, 0], indices: [1] })).toThrow("inputs.indices[0]");
    expect(() => prioritizedReplay()({ priorities: [1], indices: [1] })).toThrow("inputs.indices[0]");
    expect(() => prioritizedReplay()({ priorities: [0, 0], indices: [] })).toThrow("a priority above 0");
    expect(() => prioritizedReplay()({ priorities: [-1], indices: [] })).toThrow("inputs.priorities[0]");
    expect(prioritizedReplay()({ priorities: [], indices: [] }).weights).toHaveLength(0);
  });
});

describe("sampling/decayed-history", () => {
  it("three tenths of ten are three", () => {
    expect(decayedHistory()({ pairCounts: [10, 1] }).quota).toEqual([3, 1]);
    expect(decayedHistory()({ pairCounts: [] }).quota).toEqual([]);
  });
});

describe("sampling/deferred-rewards", () => {
  it("the last reward lies right before the write position, wherever that is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(8), fc.nat(9), (size, at, written) => {
        const position = at % size;
        const rewards = Array.from({ length: Math.min(size, written) }, (_, i) => i + 1);
        const { buffer } = deferredRewards()({ buffer: new Array(size).fill(0), position, rewards });
        rewards.forEach((reward, i) => {
          expect(buffer[(position - rewards.length + i + size) % size]).toBe(reward);
        });
        expect(buffer.filter((value) => value === 0)).toHaveLength(size - rewards.length);
      }),
    );
    expect(() => deferredRewards()({ buffer: [0], position: 0, rewards: [1, 2] })).toThrow("at most 1 rewards");
    expect(() => deferredRewards()({ buffer: [0], position: 2, rewards: [1] })).toThrow("inputs.position");
  });
});

describe("sampling/annotation-queue", () => {
  it("loses nothing without a limit, in either order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.array(fc.string()),
        fc.nat(5),
        fc.constantFrom("lifo" as const, "fifo" as const),
        (queue, items, batchSize, order) => {
          const out = annotationQueue({ batchSize, order })({ state: { queue }, items });
          const whole = [...queue, ...items];
          expect(order === "lifo" ? [...out.state.queue, ...out.batch] : [...out.batch, ...out.state.queue]).toEqual(
            whole,
          );
          expect(out.batch).toHaveLength(Math.min(batchSize, whole.length));
        },
      ),
    );
    const limited = annotationQueue({ batchSize: 1, order: "fifo", maxQueue: 0 });
    expect(limited({ state: { queue: ["a", "b"] }, items: [] })).toEqual({ batch: ["a"], state: { queue: [] } });
  });
});
