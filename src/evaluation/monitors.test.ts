import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  collapseMonitor,
  processHackMonitor,
  repetitionExploit,
  rewardMisalignment,
  tamperMonitor,
} from "./monitors.ts";

describe("collapse-monitor", () => {
  it("is strict at both limits and silent without updates", () => {
    expect(collapseMonitor()({ lengths: [100, 25], rewards: [0, 1], accuracies: [0, 0] }).collapsed).toBe(false);
    expect(collapseMonitor({ gap: 1 })({ lengths: [100, 1], rewards: [0, 1], accuracies: [0, 0] }).collapsed).toBe(
      false,
    );
    expect(collapseMonitor()({ lengths: [100, 24], rewards: [0, 1], accuracies: [0, 0] })).toEqual({
      collapsed: true,
      at: 1,
    });
    expect(collapseMonitor()({ lengths: [], rewards: [], accuracies: [] }).at).toBeNull();
  });
});

describe("process-hack-monitor", () => {
  it("leaves out shares it has no input for, and asks for tokens only where lengths are known", () => {
    const base = { stepCounts: [1, 2], correct: [true, false] };
    const plain = processHackMonitor()(base);
    expect(plain).toMatchObject({ meanSteps: 1.5, oneStepShare: 0.5 });
    expect([plain.meanLength, plain.trailingShare, plain.hackedShare]).toEqual([undefined, undefined, undefined]);
    expect(processHackMonitor()({ ...base, lengths: [9, 10] })).toMatchObject({
      oneStepShare: 0,
      zeroStepShare: 0.5,
      thinkingOnlyShare: 0.5,
    });
    expect(processHackMonitor()({ stepCounts: [], correct: [], rewarded: [] })).toMatchObject({
      meanSteps: null,
      oneStepShare: null,
      hackedShare: null,
    });
  });
});

describe("reward-misalignment", () => {
  it("looks at the window only, and needs two points", () => {
    const series = { total: [5, 0, 1, 2], outcome: [0, 2, 1, 0] };
    expect(rewardMisalignment({ window: 3 })(series)).toEqual({ totalSlope: 1, outcomeSlope: -1, misaligned: true });
    expect(rewardMisalignment()(series).totalSlope).toBeCloseTo(-0.8, 12);
    expect(rewardMisalignment({ window: 3, tolerance: 1 })(series).misaligned).toBe(false);
    expect(rewardMisalignment()({ total: [1], outcome: [1] })).toEqual({
      totalSlope: null,
      outcomeSlope: null,
      misaligned: false,
    });
  });
});

describe("tamper-monitor", () => {
  const guard = tamperMonitor({ protected: { "/rl/reward.py": "reward", "/rl/test.py": "test" } });
  const touch = (op: "write" | "move" | "copy" | "delete" | "chmod" | "append", path: string, to?: string) =>
    guard({ operations: [{ op, path, to }], cwd: "/rl/work" }).roles;
  it("sees through relative paths and is not fooled by prefixes", () => {
    expect(touch("write", "./a/.././../reward.py")).toEqual(["reward"]);
    expect(touch("append", "/rl//reward.py/")).toEqual(["reward"]);
    expect(touch("write", "../reward.py.bak")).toEqual([]);
    expect(touch("write", "/../../rl/test.py")).toEqual(["test"]);
    expect(touch("chmod", "/rl")).toEqual([]);
  });
  it("move touches both ends, copy the target only, deleting the root everything", () => {
    expect(touch("move", "/tmp/x", "../reward.py")).toEqual(["reward"]);
    expect(touch("move", "../test.py", "/tmp/x")).toEqual(["test"]);
    expect(touch("copy", "../reward.py", "/tmp/x")).toEqual([]);
    expect(touch("copy", "/tmp/x", "../test.py")).toEqual(["test"]);
    expect(touch("delete", "/")).toEqual(["reward"]);
  });
  it("covering needs the reward too, in any order", () => {
    const run = (paths: string[]) =>
      guard({ operations: paths.map((path) => ({ op: "write" as const, path })), cwd: "/rl" });
    expect(run(["test.py"])).toMatchObject({ tampered: false, covered: false });
    expect(run(["test.py", "reward.py"])).toMatchObject({ tampered: true, covered: true });
  });
  it("never throws on any path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (path, to) => {
        expect(Array.isArray(touch("move", path, to))).toBe(true);
      }),
    );
  });
});

describe("repetition-exploit", () => {
  const rewards = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 });
  const total = (shaping: "none" | "clip" | "delta" | "clip-delta", row: number[], eta: number) => {
    const clipped = shaping.startsWith("clip") ? row.map((r) => Math.min(r - eta, 0)) : row;
    if (!shaping.endsWith("delta")) return clipped.reduce((a, b) => a + b, 0);
    const last = clipped.length - 1;
    let sum = last > 0 ? clipped[last - 1] : 0;
    for (let k = 0; k < last - 1; k++) sum += clipped[k] - clipped[k + 1];
    return sum;
  };
  it("agrees with shaping the longer list, for every shaping; clipping never pays for repeats", () => {
    fc.assert(
      fc.property(
        rewards,
        fc.nat(7),
        fc.nat(3),
        fc.constantFrom("none" as const, "clip" as const, "delta" as const, "clip-delta" as const),
        (row, at, copies, shaping) => {
          const index = at % row.length;
          const longer = [...row.slice(0, index + 1), ...Array(copies).fill(row[index]), ...row.slice(index + 1)];
          const result = repetitionExploit({ shaping, threshold: 0.5, processWeight: 2 })({
            stepRewards: [row],
            index: [index],
            copies: [copies],
          });
          expect(result.before[0]).toBeCloseTo(2 * total(shaping, row, 0.5), 9);
          expect(result.after[0]).toBeCloseTo(2 * total(shaping, longer, 0.5), 9);
          if (shaping === "clip") expect(result.gain[0]).toBeLessThanOrEqual(0);
        },
      ),
    );
  });
  it("names what is wrong", () => {
    const inputs = { stepRewards: [[1]], index: [1], copies: [1] };
    expect(() => repetitionExploit()(inputs)).toThrow(/inputs\.index\[0\]/);
    expect(() => repetitionExploit({ shaping: "clip" })(inputs)).toThrow(/params\.threshold/);
    expect(() => repetitionExploit()({ ...inputs, index: [0], copies: [-1] })).toThrow(/inputs\.copies\[0\]/);
  });
});
