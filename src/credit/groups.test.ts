import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toRows } from "../core/ragged.ts";
import { conditionalGroup, interIntraSchedule } from "./conditional-group.ts";
import { entropyModulated } from "./entropy-modulated.ts";
import { episodeStepAdvantage, mergedProcessOutcome } from "./episode-step.ts";
import { bootstrappedRelative, jensenLeaveOneOut, perPromptNormalization } from "./references.ts";
import { globalStepAdvantage, selectiveAdvantage, thoughtLevelAdvantage, thoughtMerge } from "./step-labels.ts";
import { noveltySharpened, uncertaintyShaped } from "./uncertainty.ts";

const value = fc.double({ min: -5, max: 5, noNaN: true });
const sum = (row: ArrayLike<number>) => Array.from(row).reduce((total, x) => total + x, 0);
const batch = fc.array(fc.record({ reward: value, group: fc.integer({ min: 0, max: 2 }), metric: value }), {
  maxLength: 24,
});
const columns = (rollouts: { reward: number; group: number; metric: number }[]) => ({
  rewards: rollouts.map((r) => r.reward),
  groups: rollouts.map((r) => r.group),
  metric: rollouts.map((r) => r.metric),
});

describe("credit/conditional-group", () => {
  it("is Dr. GRPO for even groups at μ = ½, and intra sums to zero in every half", () => {
    fc.assert(
      fc.property(batch, (rollouts) => {
        const inputs = columns(rollouts);
        const out = conditionalGroup({ mu: 0.5 })(inputs);
        for (const group of new Set(inputs.groups)) {
          const members = inputs.groups.flatMap((g, i) => (g === group ? [i] : []));
          expect(members.filter((i) => out.upper[i]).length).toBe(Math.ceil(members.length / 2));
          if (members.length > 1) expect(sum(members.map((i) => out.intraAdvantages[i]))).toBeCloseTo(0, 9);
          if (members.length % 2 === 1) continue;
          const mean = sum(members.map((i) => inputs.rewards[i])) / members.length;
          for (const i of members) expect(out.advantages[i]).toBeCloseTo(inputs.rewards[i] - mean, 9);
        }
      }),
    );
  });
  it("splits ties by order, also in large groups", () => {
    const n = 101;
    const inputs = { rewards: new Array(n).fill(1), groups: new Array(n).fill("g"), metric: new Array(n).fill(7) };
    const { upper } = conditionalGroup()(inputs);
    expect(upper.slice(0, 50).some(Boolean)).toBe(false);
    expect(upper.slice(50).every(Boolean)).toBe(true);
  });
  it("treats a group of one as the card says", () => {
    const one = { rewards: [3], groups: [1], metric: [0] };
    expect(conditionalGroup({ mu: 0.4, alpha: 0.5, lossScale: 2 })(one).advantages[0]).toBe(1.5);
    const upper = conditionalGroup({ mu: 0.4, alpha: 0.5, discountSide: "upper" })(one);
    expect(upper.advantages[0]).toBeCloseTo(0.4 * 0.5 * 3 + 0.6 * 3, 12);
  });
  it("schedules: by accuracy, and restarting", () => {
    expect(interIntraSchedule({ kind: "accuracy-reversed" })({ rewards: [1, 0, 0, 0] }).mu).toBe(0.75);
    const part = interIntraSchedule({ kind: "cosine-restart-reversed" });
    expect(part({ step: 30 }).mu).toBe(1);
    expect(part({ step: 70 }).mu).toBe(1);
    expect(part({ step: 69 }).mu).toBeLessThan(0.41);
    expect(interIntraSchedule({ kind: "cosine-restart", totalSteps: 5, warmupSteps: 5 })({ step: 9 }).mu).toBe(0.4);
    expect(() => part({})).toThrow("inputs.step");
    expect(() => interIntraSchedule()({ rewards: [] })).toThrow("inputs.rewards");
  });
});

describe("credit/entropy-modulated", () => {
  it("scale has mean 1, centred advantages mean 0, and a surer step of a rollout is scaled up", () => {
    const steps = fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(value, steps), { maxLength: 6 }), (rollouts) => {
        const entropies = rollouts.map(([, h]) => h);
        const out = entropyModulated()({ advantages: rollouts.map(([a]) => a), entropies });
        const count = entropies.flat().length;
        if (count === 0) return;
        expect(sum(out.scale.values) / count).toBeCloseTo(1, 6);
        expect(sum(out.advantages.values) / count).toBeCloseTo(0, 9);
        toRows(out.scale).forEach((row, i) => {
          for (let s = 1; s < row.length; s++)
            if (entropies[i][s] > entropies[i][s - 1]) expect(row[s]).toBeLessThanOrEqual(row[s - 1]);
        });
      }),
    );
  });
  it("scales nothing where all entropies agree", () => {
    const out = entropyModulated({ zeta: 0, center: false, epsilon: 0 })({ advantages: [2], entropies: [[1, 1]] });
    expect(toRows(out.advantages)).toEqual([[2, 2]]);
    expect(() => entropyModulated()({ advantages: [1], entropies: [] })).toThrow("inputs.entropies");
  });
});

describe("credit/uncertainty-shaped and credit/novelty-sharpened", () => {
  const rollout = fc.record({
    reward: fc.integer({ min: 0, max: 1 }),
    group: fc.integer({ min: 0, max: 1 }),
    tokens: fc.array(fc.tuple(value, value, fc.boolean()), { maxLength: 5 }),
  });
  const inputsOf = (rollouts: (typeof rollout extends fc.Arbitrary<infer T> ? T : never)[]) => ({
    rewards: rollouts.map((r) => r.reward),
    groups: rollouts.map((r) => r.group),
    certainties: rollouts.map((r) => r.tokens.map(([c]) => c)),
    tokenLogits: rollouts.map((r) => r.tokens.map(([, z]) => z)),
    mask: rollouts.map((r) => r.tokens.map(([, , keep]) => (keep ? 1 : 0))),
  });
  it("keeps the sign of a good response and stays finite", () => {
    fc.assert(
      fc.property(
        fc.array(rollout, { maxLength: 10 }),
        fc.constantFrom("group", "none"),
        fc.constantFrom("sum", "mean"),
        fc.constantFrom(0, 1e-6),
        (rollouts, scale, aggregate, epsilon) => {
          const inputs = inputsOf(rollouts);
          const out = uncertaintyShaped({ scale, aggregate, epsilon, ddof: 0 })(inputs);
          toRows(out.advantages).forEach((row, i) => {
            row.forEach((advantage, t) => {
              expect(Number.isFinite(advantage)).toBe(true);
              if (out.responseAdvantages[i] > 0) expect(advantage).toBeGreaterThanOrEqual(0);
              if (inputs.mask[i][t] === 0) expect(advantage).toBe(0);
            });
          });
        },
      ),
    );
  });
  it("handles a group of one as told and equal logits as ½", () => {
    const one = { rewards: [1], groups: ["a"], certainties: [[2]], tokenLogits: [[3]] };
    expect(uncertaintyShaped({ singleton: "zero" })(one).responseAdvantages[0]).toBe(0);
    expect(uncertaintyShaped({ penalty: 0 })(one).advantages.values[0]).toBeCloseTo(Math.exp(-0.25 * 2), 5);
    expect(uncertaintyShaped()(one).normalizedLogits.values[0]).toBe(0.5);
    expect(() => uncertaintyShaped()({ ...one, rewards: [1, 2] })).toThrow("inputs.certainties");
  });
  it("boosts correct rollouts only, within the cap; a rollout without tokens has no score", () => {
    const part = noveltySharpened({ kappaClip: 0.5 });
    const out = part({
      advantages: [1, 1, 1, -1],
      logprobs: [[-9], [-1], [], [-9]],
      groups: ["a", "a", "a", "b"],
      correct: [true, false, true, true],
    });
    expect([...out.bonus]).toEqual([0.5, 0, 0, 0]);
    expect(out.scores[2]).toBeNull();
    expect(out.novelty[2]).toBeNull();
    expect(out.scores[0]).toBe(-9);
  });
});

describe("credit/bootstrapped-relative", () => {
  const groups = ["a", "b", "a", "b"];
  const wins = [[true], [true], [false], [false]];
  it("takes batch indices, or positions where those cannot be meant", () => {
    const byIndex = bootstrappedRelative()({ groups, references: [2, 1], wins });
    const byPosition = bootstrappedRelative()({ groups, references: [1, 0], wins });
    expect([...byIndex.advantages]).toEqual([1, 0, 0, -1]);
    expect([...byPosition.advantages]).toEqual([...byIndex.advantages]);
    expect(() => bootstrappedRelative()({ groups, references: [9, 0], wins })).toThrow("inputs.references[0]");
    expect(() => bootstrappedRelative()({ groups, references: [0], wins })).toThrow("one per group");
  });
  it("majority needs more than half; half is inconsistent; no votes say nothing", () => {
    const part = bootstrappedRelative({ voteRule: "majority", inconsistent: 0.5, skewThreshold: 2 });
    const out = part({
      groups: ["g", "g", "g", "g", "g"],
      references: [0],
      wins: [[], [true, true, false], [true, false], [false, false, true], []],
    });
    expect([...out.advantages]).toEqual([0, 1, 0.5, -1, 0]);
  });
});

describe("credit/jensen-leave-one-out and credit/per-prompt-normalization", () => {
  it("weights sum to one, the advantage has the sign of the surprise, and nothing underflows", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -2000, max: 0, noNaN: true }), { minLength: 2, maxLength: 9 }), (logs) => {
        const out = jensenLeaveOneOut()({ logLikelihoods: logs, groups: logs.map(() => "q") });
        expect(sum(out.answerWeights)).toBeCloseTo(1, 9);
        logs.forEach((log, i) => {
          const others = logs.filter((_, j) => j !== i);
          const top = Math.max(...others);
          const rest = top + Math.log(sum(others.map((x) => Math.exp(x - top))) / others.length);
          expect(out.advantages[i]).toBeCloseTo(out.groupRewards[0] - rest, 6);
          if (log > rest + 1e-6) expect(out.advantages[i]).toBeGreaterThan(0);
        });
      }),
    );
    expect(jensenLeaveOneOut()({ logLikelihoods: [-3], groups: ["q"] }).advantages).toEqual([null]);
  });
  it("remembers the last rewards of a prompt, and gives equal rewards exactly 0", () => {
    const part = perPromptNormalization({ bufferSize: 3, minCount: 3, epsilon: 0 });
    const state = { buffers: { __proto: [9], x: [0.1, 0.1] } };
    const out = part({ rewards: [0.1, 0.1], groups: ["x", "x"], state });
    expect([...out.advantages]).toEqual([0, 0]);
    expect(out.state.buffers).toEqual({ __proto: [9], x: [0.1, 0.1, 0.1] });
    expect(state.buffers.x).toEqual([0.1, 0.1]);
    expect(part({ rewards: [1], groups: [7], state: {} }).state.buffers).toEqual({ 7: [1] });
    expect(part({ rewards: [1], groups: [7] }).state.buffers).toEqual({ 7: [1] });
  });
});

describe("step labels and thoughts", () => {
  const labelled = fc.array(
    fc.record({
      correct: fc.boolean(),
      group: fc.integer({ min: 0, max: 1 }),
      labels: fc.array(fc.constantFrom(-1, 1), { maxLength: 6 }),
    }),
    { maxLength: 10 },
  );
  const inputsOf = (rollouts: { correct: boolean; group: number; labels: number[] }[]) => ({
    rewards: rollouts.map((r) => (r.correct ? 1 : -1)),
    correct: rollouts.map((r) => r.correct),
    groups: rollouts.map((r) => r.group),
    stepLabels: rollouts.map((r) => r.labels),
  });
  it("agrees with the closed form of propositions 1 and 2 once thoughts are merged", () => {
    fc.assert(
      fc.property(labelled, (rollouts) => {
        const inputs = inputsOf(rollouts);
        const out = thoughtLevelAdvantage({ alpha: 0.7 })(inputs);
        toRows(out.advantages).forEach((row, i) => {
          const outcome = out.outcomeAdvantages[i];
          expect(row[row.length - 1]).toBe(outcome);
          inputs.stepLabels[i].forEach((label, s) => {
            let expected = label > 0 ? outcome : outcome - 0.7 * out.groupAccuracy[i];
            if (!inputs.correct[i]) expected = label < 0 ? outcome : 0;
            expect(row[s]).toBeCloseTo(expected, 9);
          });
        });
      }),
    );
  });
  it("merging is run-length coding", () => {
    fc.assert(
      fc.property(labelled, (rollouts) => {
        const { stepLabels } = inputsOf(rollouts);
        const out = thoughtMerge()({ stepLabels });
        const [labels, places] = [toRows(out.thoughtLabels), toRows(out.thoughtOfStep)];
        stepLabels.forEach((row, i) => {
          expect(places[i].map((k) => labels[i][k])).toEqual(row);
          for (let k = 1; k < labels[i].length; k++) expect(labels[i][k]).not.toBe(labels[i][k - 1]);
        });
      }),
    );
  });
  it("selective keeps the group advantage or nothing; unknown steps get nothing", () => {
    const inputs = {
      rewards: [1, 0],
      groups: ["a", "a"],
      stepLabels: [
        [1, 0, -1],
        [1, 0, -1],
      ],
    };
    const { advantages, groupAdvantages } = selectiveAdvantage()(inputs);
    expect(toRows(advantages)).toEqual([
      [groupAdvantages[0], 0, 0],
      [0, 0, groupAdvantages[1]],
    ]);
    expect(() => selectiveAdvantage()({ ...inputs, stepLabels: [] })).toThrow("inputs.stepLabels");
  });
  it("global: the step term sums to zero over the group, and is absent where labels agree", () => {
    fc.assert(
      fc.property(labelled, (rollouts) => {
        const inputs = inputsOf(rollouts);
        const out = globalStepAdvantage({ processWeight: 0 })(inputs);
        for (const value of out.advantages.values) expect(Number.isFinite(value)).toBe(true);
        for (const group of new Set(inputs.groups)) {
          const members = inputs.groups.flatMap((g, i) => (g === group ? [i] : []));
          const rows = toRows(out.advantages);
          expect(sum(members.flatMap((i) => rows[i]))).toBeCloseTo(0, 8);
        }
      }),
    );
    const same = globalStepAdvantage({ epsilon: 0 })({ rewards: [1], groups: [0], stepLabels: [[1, 1]] });
    expect(toRows(same.advantages)).toEqual([[0, 0]]);
  });
});

describe("credit/episode-step-advantage and credit/merged-process-outcome", () => {
  const turns = {
    episodeRewards: [1, 1, 0, 5],
    stepRewards: [0.5, 0.1, 0.3, 2],
    groups: ["x", "x", "x", "y"],
    trajectories: ["t", "t", "u", "t"],
  };
  it("counts a trajectory once, tells trajectories apart by group, and passes single values", () => {
    const out = episodeStepAdvantage({ estimator: "rloo" })(turns);
    expect([...out.episodeAdvantages]).toEqual([1, 1, -1, 5]);
    expect(out.stepAdvantages[3]).toBe(2);
    expect(sum(out.stepAdvantages.subarray(0, 3))).toBeCloseTo(0, 12);
    expect(mergedProcessOutcome({ stepWeight: 0 })(turns).advantages).toEqual(out.episodeAdvantages);
  });
  it("with the release's baseline equals the merged variant", () => {
    const turn = fc.record({
      reward: value,
      step: value,
      group: fc.integer({ min: 0, max: 1 }),
      trajectory: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 12 }), (rows) => {
        const outcome = new Map(rows.map((row) => [`${row.group}/${row.trajectory}`, row.reward]));
        const inputs = {
          episodeRewards: rows.map((row) => outcome.get(`${row.group}/${row.trajectory}`) ?? 0),
          stepRewards: rows.map((row) => row.step),
          groups: rows.map((row) => row.group),
          trajectories: rows.map((row) => row.trajectory),
        };
        const split = episodeStepAdvantage({ stepBaseline: "first-step", stepWeight: 0.7 })(inputs).advantages;
        const merged = mergedProcessOutcome({ stepWeight: 0.7 })(inputs).advantages;
        split.forEach((advantage, i) => {
          expect(merged[i]).toBeCloseTo(advantage, 9);
        });
      }),
    );
  });
  it("is finite for every estimator, also for one row", () => {
    const one = { episodeRewards: [1], stepRewards: [1], groups: [1], trajectories: [1] };
    for (const estimator of ["rloo", "grpo", "grpo-std", "reinforce++"] as const)
      for (const inputs of [one, turns])
        for (const advantage of episodeStepAdvantage({ estimator, epsilon: 0 })(inputs).advantages)
          expect(Number.isFinite(advantage)).toBe(true);
    expect(() => mergedProcessOutcome()({ ...one, trajectories: [] })).toThrow("inputs.trajectories");
  });
});
