import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, ragged, shaped, uniforms, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/** Linear from `start` at step `from` to `end` at step `to`, constant outside; a jump where the two steps are the same. */
function linear(step: number, start: number, end: number, from: number, to: number): number {
  const share = to > from ? Math.min(1, Math.max(0, (step - from) / (to - from))) : step < from ? 0 : 1;
  return (1 - share) * start + share * end;
}

function checkOrder(from: number, to: number): void {
  if (to < from) throw new ContractError("params.to", `expected a step from ${from} on, got ${to}`);
}

/**
 * Clipped linear schedule: `start` up to step `from`, `end` from step `to` on, a straight line between (MoDem-V2, arXiv 2309.14236).
 *
 * One value per step of `steps`.
 */
export const linearSchedule = definePart({
  id: "sampling/linear-schedule",
  papers: ["modem-v2"],
  params: z.object({
    start: z.number().describe("value up to step `from`"),
    end: z.number().describe("value from step `to` on"),
    from: z.number().default(0).describe("step at which the line starts"),
    to: z.number().describe("step at which it ends"),
  }),
  inputs: z.object({ steps: vector("N", "step numbers") }),
  outputs: z.object({ values: vector("N", "value at each step") }),
  compute({ start, end, from, to }, { steps }) {
    checkOrder(from, to);
    return { values: Float64Array.from(steps, (step) => linear(step, start, end, from, to)) };
  },
});

/**
 * How many samples of each batch come from demonstrations (MoDem-V2, arXiv 2309.14236).
 *
 * The share goes linearly from `start` to `end` over the first `duration` steps; share × `batchSize`, truncated.
 */
export const demonstrationQuota = definePart({
  id: "sampling/demonstration-quota",
  papers: ["modem-v2"],
  params: z.object({
    start: z.number().min(0).max(1).default(0.75).describe("share at step 0"),
    end: z.number().min(0).max(1).default(0.25).describe("share in the end"),
    duration: z.number().nonnegative().default(50_000).describe("steps from one to the other"),
    batchSize: z.int().nonnegative().describe("samples per batch"),
  }),
  inputs: z.object({ steps: vector("N", "step numbers") }),
  outputs: z.object({ demonstrations: integers("N", "samples from demonstrations") }),
  compute({ start, end, duration, batchSize }, { steps }) {
    return {
      demonstrations: Int32Array.from(steps, (step) => Math.trunc(linear(step, start, end, 0, duration) * batchSize)),
    };
  },
});

const noCeiling = { maxProbability: 0, maxSuccess: 0 };

/**
 * Who acts while control passes from a cloned policy to a planner (agency hand-over; MoDem-V2, arXiv 2309.14236).
 *
 * The planner acts with probability p, the schedule of `sampling/linear-schedule`; `capped`: at most
 * `state.maxProbability`. `useModel` is uniform ≤ p. Under `successGated`, `evaluations` [step, success] are processed
 * after the steps: one that is at least as good as `state.maxSuccess` becomes the new best and, while the schedule at its
 * step is ahead of the ceiling, raises the ceiling by `increment`. Otherwise the state comes back as it was.
 */
export const agencyHandover = definePart({
  id: "sampling/agency-handover",
  papers: ["modem-v2"],
  params: z.object({
    start: z.number().min(0).max(1).default(0).describe("probability before the hand-over"),
    end: z.number().min(0).max(1).default(1).describe("probability after it"),
    from: z.number().default(5000).describe("step at which it starts"),
    to: z.number().default(105_000).describe("step at which it ends"),
    capped: z.boolean().default(false).describe("the ceiling in the state applies"),
    successGated: z.boolean().default(false).describe("evaluations raise the ceiling"),
    increment: z.number().nonnegative().default(0.05).describe("what one good evaluation adds to the ceiling"),
  }),
  inputs: z.object({
    steps: vector("N", "step numbers"),
    uniforms: uniforms("N", "one draw per step"),
    evaluations: shaped(z.array(z.tuple([z.number(), z.number()])), "M", "[step, success rate]").optional(),
    state: z.object({ maxProbability: z.number(), maxSuccess: z.number() }).default(noCeiling),
  }),
  outputs: z.object({
    probabilities: vector("N", "p"),
    useModel: flags("N", "the planner acts"),
    state: z.object({ maxProbability: z.number(), maxSuccess: z.number() }),
  }),
  compute(
    { start, end, from, to, capped, successGated, increment },
    { steps, uniforms: draws, evaluations, state = noCeiling },
  ) {
    checkOrder(from, to);
    expectLength(draws, steps.length, "uniforms");
    const scheduled = (step: number) => linear(step, start, end, from, to);
    const probabilities = Float64Array.from(steps, (step) =>
      capped ? Math.min(scheduled(step), state.maxProbability) : scheduled(step),
    );
    let { maxProbability, maxSuccess } = state;
    for (const [step, success] of successGated ? (evaluations ?? []) : []) {
      if (success < maxSuccess) continue;
      maxSuccess = success;
      if (maxProbability < scheduled(step)) maxProbability += increment;
    }
    return {
      probabilities,
      useModel: Array.from(draws, (draw, i) => draw <= probabilities[i]),
      state: { maxProbability, maxSuccess },
    };
  },
});

const evenWeight = { mu: 0.5 };

/**
 * Weight of imitation against reward, adapted by meta-gradient and entropy (AMFT, arXiv 2508.06944).
 *
 * μ ← clip(μ + η_μ·∂U/∂μ + η_H·(H* − H), `muMin`, `muMax`) in L = (1−μ)·L_RL + μ·L_SFT. Low entropy raises μ.
 * `metaGradient` is ∂U/∂μ of a validation utility U (higher is better), 0 on steps where it is not measured. It carries a
 * learning rate and is easily nothing next to the entropy term. The released code differentiates a validation loss and
 * keeps the sign, so that imitation is weighted down wherever it helps.
 */
export const adaptiveImitationWeight = definePart({
  id: "sampling/adaptive-imitation-weight",
  papers: ["amft"],
  params: z.object({
    metaLr: z.number().nonnegative().default(1e-4).describe("η_μ"),
    entropyLr: z.number().nonnegative().default(5e-4).describe("η_H"),
    muMin: z.number().min(0).max(1).default(0.05).describe("least weight"),
    muMax: z.number().min(0).max(1).default(0.95).describe("largest weight"),
  }),
  inputs: z.object({
    state: z.object({ mu: z.number() }).default(evenWeight),
    metaGradient: z.number().describe("∂U/∂μ"),
    entropy: z.number().describe("H, mean token entropy of the policy, nats"),
    targetEntropy: z.number().describe("H*, entropy after warm-up, nats"),
  }),
  outputs: z.object({ state: z.object({ mu: z.number() }) }),
  compute({ metaLr, entropyLr, muMin, muMax }, { state = evenWeight, metaGradient, entropy, targetEntropy }) {
    if (muMin > muMax) throw new ContractError("params.muMin", `expected at most muMax, ${muMax}, got ${muMin}`);
    const moved = state.mu + metaLr * metaGradient + entropyLr * (targetEntropy - entropy);
    return { state: { mu: Math.min(muMax, Math.max(muMin, moved)) } };
  },
});

/**
 * One round of calibrating exploration noise per denoising step (DenseGRPO, arXiv 2601.20218, algorithm 1).
 *
 * For each step count the trajectories with a gain above and below 0; where |positives − negatives| < `balanceTolerance`
 * (a count, strict) the noise level rises by `increment`, else it falls, not below `minimum` (the floor is ours).
 * Too many positives count as imbalance as well; zero gains count on neither side. Rows end early where a trajectory does.
 */
export const noiseCalibration = definePart({
  id: "sampling/noise-calibration",
  papers: ["dense-grpo"],
  params: z.object({
    balanceTolerance: z.number().nonnegative().default(2).describe("ε₁, trajectories"),
    increment: z.number().nonnegative().default(0.01).describe("ε₂, change of the noise level"),
    minimum: z.number().default(0).describe("least noise level"),
  }),
  inputs: z.object({
    stepRewards: ragged("N×S", "gain per trajectory and denoising step"),
    state: z.object({ noiseLevels: vector("L", "ψ per denoising step") }),
  }),
  outputs: z.object({
    positives: integers("L", "trajectories that gained"),
    negatives: integers("L", "trajectories that lost"),
    state: z.object({ noiseLevels: vector("L", "ψ per denoising step") }),
  }),
  compute({ balanceTolerance, increment, minimum }, { stepRewards, state }) {
    const rows = toRagged(stepRewards);
    const count = state.noiseLevels.length;
    const positives = new Int32Array(count);
    const negatives = new Int32Array(count);
    for (let i = 0; i < rowCount(rows); i++) {
      const row = rowOf(rows, i);
      if (row.length > count)
        throw new ContractError(`inputs.stepRewards[${i}]`, `expected at most ${count} steps, got ${row.length}`);
      for (let s = 0; s < row.length; s++) {
        if (row[s] > 0) positives[s]++;
        else if (row[s] < 0) negatives[s]++;
      }
    }
    const noiseLevels = Float64Array.from(state.noiseLevels, (level, s) =>
      Math.abs(positives[s] - negatives[s]) < balanceTolerance
        ? level + increment
        : Math.max(minimum, level - increment),
    );
    return { positives, negatives, state: { noiseLevels } };
  },
});
