import { z } from "zod";
import { fields, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Bonus for correct off-policy rollouts that fades over training (ICPO with reward shaping, arXiv 2510.26519, §4.3).
 *
 * r′ = r + α·decay where `correct` and `offPolicy`. decay at step t of T: `linear` max(0, 1 − t/T), `exponential`
 * e^(−t/timeConstant), `cosine` ½(1 + cos(πt/T)), which is not held at 0 beyond T (as released). N each; `decay` is one
 * number.
 */
export const annealedBonus = definePart({
  id: "shaping/annealed-bonus",
  papers: ["icpo"],
  params: z.object({
    alpha: z.number().default(1).describe("α, bonus at the start"),
    totalSteps: z.number().positive().default(400).describe("T, steps (linear, cosine)"),
    schedule: z.enum(["linear", "exponential", "cosine"]).default("linear").describe("how it fades"),
    timeConstant: z.number().positive().default(12).describe("steps (exponential)"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    correct: fields.correct,
    offPolicy: fields.offPolicy,
    step: z.number().nonnegative().describe("training step"),
  }),
  outputs: z.object({ rewards: fields.rewards, decay: z.number().describe("share of the bonus that is left") }),
  compute({ alpha, totalSteps, schedule, timeConstant }, { rewards, correct, offPolicy, step }) {
    let decay = Math.max(0, 1 - step / totalSteps);
    if (schedule === "exponential") decay = Math.exp(-step / timeConstant);
    if (schedule === "cosine") decay = 0.5 * (1 + Math.cos((Math.PI * step) / totalSteps));
    return {
      rewards: Float64Array.from(rewards, (reward, i) =>
        correct[i] && offPolicy[i] ? reward + alpha * decay : reward,
      ),
      decay,
    };
  },
});

/**
 * Scale of format and correctness rewards over training (ToolRL, arXiv 2504.13958, §5 and release).
 *
 * `none`: the four end values throughout. `two-stage`: before `switchStep` the correctness values are divided by 3,
 * from it on the format values are halved. `smooth`, with x = min(1, step/horizon): maxima go from 2 to their end value,
 * 2 + (max − 2)x, minima from −2, −2 + (2 + min)x; the format maximum never falls below 1 and its minimum never rises
 * above −1. `steps` M gives the four outputs, M each.
 */
export const rewardScaleSchedule = definePart({
  id: "shaping/reward-scale-schedule",
  papers: ["toolrl"],
  params: z.object({
    kind: z.enum(["none", "two-stage", "smooth"]).default("none").describe("how scales change"),
    formatMax: z.number().default(1).describe("reward of a right format"),
    formatMin: z.number().default(0).describe("reward of a wrong one"),
    correctnessMax: z.number().default(3).describe("reward of a right call"),
    correctnessMin: z.number().default(-3).describe("reward of a wrong one"),
    switchStep: z.number().default(30).describe("first step of the second stage (two-stage)"),
    horizon: z.number().positive().default(150).describe("steps of the ramp (smooth)"),
  }),
  inputs: z.object({ steps: vector("M", "training steps") }),
  outputs: z.object({
    formatMax: vector("M", "at each step"),
    formatMin: vector("M", "at each step"),
    correctnessMax: vector("M", "at each step"),
    correctnessMin: vector("M", "at each step"),
  }),
  compute(params, { steps }) {
    const { kind, switchStep, horizon } = params;
    const each = (f: (step: number) => number) => Float64Array.from(steps, f);
    if (kind === "smooth") {
      const rise = (step: number, end: number) => 2 + (end - 2) * Math.min(1, step / horizon);
      const fall = (step: number, end: number) => -2 + (2 + end) * Math.min(1, step / horizon);
      return {
        formatMax: each((step) => Math.max(1, rise(step, params.formatMax))),
        formatMin: each((step) => Math.min(-1, fall(step, params.formatMin))),
        correctnessMax: each((step) => rise(step, params.correctnessMax)),
        correctnessMin: each((step) => fall(step, params.correctnessMin)),
      };
    }
    const format = (step: number) => (kind === "two-stage" && step >= switchStep ? 2 : 1);
    const correctness = (step: number) => (kind === "two-stage" && step < switchStep ? 3 : 1);
    return {
      formatMax: each((step) => params.formatMax / format(step)),
      formatMin: each((step) => params.formatMin / format(step)),
      correctnessMax: each((step) => params.correctnessMax / correctness(step)),
      correctnessMin: each((step) => params.correctnessMin / correctness(step)),
    };
  },
});

/**
 * DPO strength that grows, within bounds, with a reward model's margin (dynamic reward scaling, MM-RLHF, arXiv
 * 2502.10391, eq. 5).
 *
 * β(δ) = β(1 + w(1 − e^(−kδ))), clamped to [β, (1 + w)β]. `margins` M: r(chosen) − r(rejected); `betas` M.
 */
export const dynamicBeta = definePart({
  id: "shaping/dynamic-beta",
  papers: ["mm-rlhf"],
  params: z.object({
    beta: z.number().positive().default(0.1).describe("β at margin 0"),
    w: z.number().nonnegative().default(0.5).describe("w, largest relative growth"),
    k: z.number().nonnegative().default(0.5).describe("k, growth per unit of margin"),
  }),
  inputs: z.object({ margins: vector("M", "reward margin of each pair") }),
  outputs: z.object({ betas: vector("M", "β of each pair") }),
  compute({ beta, w, k }, { margins }) {
    const betas = Float64Array.from(margins, (margin) =>
      Math.min((1 + w) * beta, Math.max(beta, beta * (1 - w * Math.expm1(-k * margin)))),
    );
    return { betas };
  },
});
