import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isRagged, type Ragged, toRows } from "../core/ragged.ts";
import { groupRelative } from "./group-relative.ts";

type Params = Parameters<typeof groupRelative>[0];
type Inputs = Parameters<ReturnType<typeof groupRelative>>[0];

function advantages(params: Params, inputs: Inputs): Float64Array {
  const out = groupRelative(params)(inputs).advantages;
  if (isRagged(out)) throw new Error("expected one advantage per rollout");
  return out;
}

function stepAdvantages(params: Params, inputs: Inputs): number[][] {
  return toRows(groupRelative(params)(inputs).advantages as Ragged);
}

const batch = fc
  .array(
    fc.record({ reward: fc.double({ min: -1e3, max: 1e3, noNaN: true }), group: fc.integer({ min: 0, max: 4 }) }),
    {
      minLength: 1,
      maxLength: 40,
    },
  )
  .map((rollouts) => ({ rewards: rollouts.map((r) => r.reward), groups: rollouts.map((r) => r.group) }));
const params = fc.record({
  baseline: fc.constantFrom("mean", "leave-one-out", "none"),
  scale: fc.constantFrom("group", "batch", "leave-one-out", "none"),
  ddof: fc.constantFrom(0, 1),
  epsilon: fc.constantFrom(0, 1e-6, 1e-4),
  singleton: fc.constantFrom("raw", "zero"),
  excludedDenominator: fc.constantFrom("exact", "included-minus-one"),
}) as fc.Arbitrary<NonNullable<Params>>;

interface Rollout {
  readonly reward: number;
  readonly group: number;
  readonly include: boolean;
}

/** Baseline and advantage of rollout i, one definition after the other. */
function transcription(rollouts: readonly Rollout[], i: number, chosen: NonNullable<Params>): [number, number] {
  const { baseline, scale, ddof = 1, epsilon = 0, singleton, excludedDenominator } = chosen;
  const own = rollouts[i];
  const rewardsOf = (some: readonly Rollout[]) => some.filter((r) => r.include).map((r) => r.reward);
  const total = (x: readonly number[]) => x.reduce((a, b) => a + b, 0);
  const squares = (x: readonly number[]) => total(x.map((v) => (v - total(x) / x.length) ** 2));
  const sd = (x: readonly number[]) => (x.length > 1 ? Math.sqrt(squares(x) / (x.length - ddof)) : 1);
  const members = rewardsOf(rollouts.filter((r) => r.group === own.group));
  const others = rewardsOf(rollouts.filter((r) => r.group === own.group && r !== own));
  const single = members.length <= 1;
  if (single && singleton === "zero") return [own.reward, 0];
  let base = 0;
  if (!single && baseline === "mean") base = total(members) / members.length;
  if (!single && baseline === "leave-one-out") {
    const fewer = !own.include && excludedDenominator === "included-minus-one";
    base = total(others) / (fewer ? others.length - 1 : others.length);
  }
  let divisor = 1;
  if (scale === "group") divisor = sd(members) + epsilon || 1;
  if (scale === "batch") divisor = sd(rewardsOf(rollouts)) + epsilon || 1;
  if (scale === "leave-one-out" && !single) {
    const variance = squares(others) / others.length;
    if (variance > 1e-12) divisor = Math.sqrt(variance);
  }
  return [base, (own.reward - base) / divisor];
}

describe("credit/group-relative", () => {
  it("gives exactly 0 to equal rewards, even without epsilon", () => {
    for (const scale of ["group", "batch", "leave-one-out", "none"] as const) {
      const out = advantages({ scale, epsilon: 0 }, { rewards: [0.1, 0.1, 0.1], groups: ["a", "a", "a"] });
      expect([...out]).toEqual([0, 0, 0]);
    }
  });

  it("gives the leave-one-out difference as G/(G-1) of the centred reward", () => {
    const out = advantages({ baseline: "leave-one-out", scale: "none" }, { rewards: [3, 0, 0], groups: [7, 7, 7] });
    expect([...out]).toEqual([3, -1.5, -1.5]);
  });

  it("keeps the reward unscaled where the others do not vary, however large the numbers", () => {
    const out = advantages(
      { baseline: "leave-one-out", scale: "leave-one-out" },
      { rewards: [0, -1e6, -1e6, -1e6], groups: [1, 1, 1, 1] },
    );
    expect(out[0]).toBe(1e6);
  });

  it("treats a group of one as the parameter says", () => {
    const inputs = { rewards: [2, 5, 7], groups: ["only", "two", "two"] };
    expect(advantages({ singleton: "raw", epsilon: 1 }, inputs)[0]).toBe(1);
    expect(advantages({ singleton: "raw", scale: "none" }, inputs)[0]).toBe(2);
    const zero = groupRelative({ singleton: "zero" })(inputs);
    expect([(zero.advantages as Float64Array)[0], (zero.baselines as Float64Array)[0]]).toEqual([0, 2]);
  });

  it("leaves excluded rollouts out of the statistics and still gives them an advantage", () => {
    const inputs = { rewards: [1, 3, 100], groups: ["g", "g", "g"], include: [true, true, false] };
    expect([...advantages({ scale: "none" }, inputs)]).toEqual([-1, 1, 98]);
    const loo = { baseline: "leave-one-out", scale: "none" } as const;
    expect([...advantages(loo, inputs)]).toEqual([-2, 2, 98]);
    expect(advantages({ ...loo, excludedDenominator: "included-minus-one" }, inputs)[2]).toBe(96);
  });

  it("compares each step with the same step of the group, and a step that only one rollout has with nothing", () => {
    const out = stepAdvantages({ scale: "none" }, { stepRewards: [[1, 2], [3], [5, 6, 9]], groups: ["a", "a", "a"] });
    expect(out).toEqual([[-2, -2], [0], [2, 2, 9]]);
  });

  it("scales steps by the deviation of their column over the batch", () => {
    const out = stepAdvantages(
      { scale: "batch", ddof: 0, epsilon: 0 },
      { stepRewards: [[1], [3], [1], [3]], groups: ["a", "a", "b", "b"] },
    );
    expect(out).toEqual([[-1], [1], [-1], [1]]);
  });

  it("agrees between one-step stepRewards and rewards", () => {
    fc.assert(
      fc.property(batch, params, ({ rewards, groups }, chosen) => {
        const whole = [...advantages(chosen, { rewards, groups })];
        const steps = stepAdvantages(chosen, { stepRewards: rewards.map((r) => [r]), groups }).map((row) => row[0]);
        expect(steps).toEqual(whole);
      }),
    );
  });

  it("sums to zero in every group of two or more", () => {
    fc.assert(
      fc.property(batch, fc.constantFrom("group", "batch", "none"), ({ rewards, groups }, scale) => {
        for (const baseline of ["mean", "leave-one-out"] as const) {
          const out = advantages({ baseline, scale: scale as "group" }, { rewards, groups });
          for (const group of new Set(groups)) {
            const members = groups.flatMap((g, i) => (g === group ? [i] : []));
            if (members.length < 2) continue;
            const size = Math.max(1, ...members.map((i) => Math.abs(out[i])));
            // The mean is rounded to the last bit of the rewards, and a divisor may be as small as ε = 1e-6.
            const rounding = (2 ** -50 * Math.max(...members.map((i) => Math.abs(rewards[i])))) / 1e-6;
            const bound = (1e-9 * size + rounding) * members.length;
            expect(Math.abs(members.reduce((sum, i) => sum + out[i], 0))).toBeLessThanOrEqual(bound);
          }
        }
      }),
    );
  });

  it("commutes with permutations of the rollouts", () => {
    fc.assert(
      fc.property(batch, params, fc.infiniteStream(fc.nat()), ({ rewards, groups }, chosen, keys) => {
        const order = rewards
          .map((_, i) => ({ i, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ i }) => i);
        const straight = advantages(chosen, { rewards, groups });
        const permuted = advantages(chosen, {
          rewards: order.map((i) => rewards[i]),
          groups: order.map((i) => groups[i]),
        });
        order.forEach((i, k) => {
          // A spread of rounding size divided by itself is noise: compare where the spread is real.
          if (Math.abs(straight[i]) > 1e6) return;
          expect(permuted[k]).toBeCloseTo(straight[i], 3);
        });
      }),
    );
  });

  it("turns finite rewards into finite advantages under every setting", () => {
    fc.assert(
      fc.property(
        batch,
        params,
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        (inputs, chosen, include) => {
          const out = advantages(chosen, { ...inputs, include: include.slice(0, inputs.rewards.length) });
          for (const value of out) expect(Number.isFinite(value)).toBe(true);
        },
      ),
    );
  });

  it("agrees with a direct transcription of the definition", () => {
    const rollout = fc.record({
      // Small integers: variances are then far from the thresholds, whatever the order of summation.
      reward: fc.integer({ min: -4, max: 4 }),
      group: fc.integer({ min: 0, max: 3 }),
      include: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(rollout, { minLength: 1, maxLength: 20 }), params, (rollouts, chosen) => {
        const inputs = {
          rewards: rollouts.map((r) => r.reward),
          groups: rollouts.map((r) => r.group),
          include: rollouts.map((r) => r.include),
        };
        const out = groupRelative(chosen)(inputs);
        rollouts.forEach((_, i) => {
          const [baseline, advantage] = transcription(rollouts, i, chosen);
          expect((out.baselines as Float64Array)[i]).toBeCloseTo(baseline, 9);
          expect((out.advantages as Float64Array)[i]).toBeCloseTo(advantage, 9);
        });
      }),
      { numRuns: 500 },
    );
  });

  it("names what is missing or too long", () => {
    expect(() => groupRelative()({ groups: [1] })).toThrow("exactly one of rewards and stepRewards");
    expect(() => groupRelative()({ rewards: [1, 2], groups: [1] })).toThrow("inputs.groups: expected 2 entries, got 1");
  });
});
