import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { raggedOf, toRagged } from "../core/ragged.ts";
import { evaluateWithGradient, type Tensor, tensor, vectorTensor } from "./engine.ts";
import { maskedBy } from "./numerics.ts";

const softQParams = z.object({
  variant: z
    .enum(["v1", "v2", "v3", "v2+v3"])
    .default("v2+v3")
    .describe("target: one step, one-step path, multi-step path"),
  coefficient: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("c: c·f(policy; target) + (1 − c)·f(target; policy), v2 and v3 only; null: f(policy; target)"),
});

export interface SoftQTensors {
  /** N×T×V, differentiated. */
  logits: Tensor;
  /** N×T×V. */
  targetLogits: Tensor;
  /** N×T. */
  actions: Tensor;
  /** N. */
  rewards: Tensor;
  /** N×T of 0 and 1: positions before the end. */
  mask: Tensor;
  /** N×T: 1 at the last position. */
  last: Tensor;
}

/** logsumexp over the last axis. */
function logSumExp(logits: Tensor): Tensor {
  const shift = lax.stopGradient(np.max(logits.ref, -1, { keepdims: true }));
  return np.log(np.sum(np.exp(logits.sub(shift.ref)), -1)).add(np.squeeze(shift, -1));
}

/** Σ_{l ≥ t} over the last axis. */
function reverseCumulativeSum(x: Tensor): Tensor {
  return np.flip(np.cumsum(np.flip(x, -1), -1), -1);
}

/** Differentiable `objective/soft-q`. `tokenLosses` N×T, 0 past the end. */
export function softQLoss(params: z.input<typeof softQParams> = {}) {
  const { variant, coefficient } = softQParams.parse(params);
  if (variant === "v1" && coefficient !== null) {
    throw new ContractError("params.coefficient", "expected null: v1 has no second direction");
  }

  /** Squared residuals N×T with Q and A of `own`, V̄ of `other`. Consumes all but `mask` and `last`. */
  const residuals = (
    which: "v1" | "v2" | "v3",
    own: Tensor,
    other: Tensor,
    rest: Omit<SoftQTensors, "logits" | "targetLogits">,
  ) => {
    const { actions, rewards, mask, last } = rest;
    const chosen = np.equal(np.expandDims(actions, -1), np.arange(own.shape[2]));
    const q = np.sum(np.where(chosen, own.ref, 0), -1);
    const advantages = q.ref.sub(logSumExp(own));
    const values = maskedBy(logSumExp(other), mask.ref);
    const width = values.shape[1];
    const next = np.concatenate([values.ref.slice([], [1, width]), np.zerosLike(values.ref.slice([], [0, 1]))], 1);
    const reward = np.expandDims(rewards, -1);
    const target = np.where(np.greater(last.ref, 0), reward.ref, next);
    let residual: Tensor;
    if (which === "v1") {
      for (const unused of [advantages, values, reward]) unused.dispose();
      residual = q.sub(target);
    } else if (which === "v2") {
      for (const unused of [q, reward]) unused.dispose();
      residual = advantages.sub(target.sub(values));
    } else {
      for (const unused of [q, target]) unused.dispose();
      residual = reverseCumulativeSum(maskedBy(advantages, mask.ref)).sub(reward.sub(values));
    }
    return maskedBy(np.square(residual), mask.ref);
  };

  return ({ logits, targetLogits, mask, last, actions, rewards }: SoftQTensors) => {
    const copy = () => ({ actions: actions.ref, rewards: rewards.ref, mask, last });
    const both = (which: "v1" | "v2" | "v3") => {
      const forward = residuals(which, logits.ref, lax.stopGradient(targetLogits.ref), copy());
      if (coefficient === null) return forward;
      const backward = residuals(which, lax.stopGradient(targetLogits.ref), logits.ref, copy());
      return forward.mul(coefficient).add(backward.mul(1 - coefficient));
    };
    const tokenLosses = variant === "v2+v3" ? both("v2").add(both("v3")).mul(0.5) : both(variant);
    for (const used of [logits, targetLogits, mask, last, actions, rewards]) used.dispose();
    const loss = np.mean(np.sum(tokenLosses.ref, -1));
    return { loss, tokenLosses: lax.stopGradient(tokenLosses) };
  };
}

/**
 * Soft Q-learning with path consistency for text (RLPrompt, arXiv 2205.12548; soft Q-learning for text, 2106.07704).
 *
 * Logits are Q-values; V = logsumexp Q, A = Q(a) − V, bars mark the target network; the reward r comes at the last token.
 * `v1` (Q_t − V̄_{t+1})², last: target r. `v2` (A_t − (V̄_{t+1} − V̄_t))², last: r − V̄_T. `v3` (Σ_{l≥t} A_l − (r − V̄_t))².
 * `v2+v3` their mean. With a coefficient c each of v2 and v3 becomes c·f(policy; target) + (1 − c)·f(target; policy).
 * loss = sum over positions, mean over sequences; null without any. Shapes N×T×V, N×T, N; positions from `lengths` on are ignored.
 * Errors: a length beyond T, an action outside [0, V).
 */
export const softQ = definePart({
  id: "objective/soft-q",
  papers: ["rl-prompt"],
  params: softQParams,
  inputs: z.object({
    logits: shaped(z.array(z.array(z.array(z.number()))), "N×T×V", "Q-values of the policy"),
    targetLogits: shaped(z.array(z.array(z.array(z.number()))), "N×T×V", "Q-values of the target network"),
    actions: ragged("N×T", "token ids"),
    rewards: fields.rewards,
    lengths: integers("N", "tokens per sequence"),
  }),
  outputs: z.object({
    tokenLosses: ragged("N×L", "loss per position, within the length"),
    loss: z.number().nullable().describe("sum over positions, mean over sequences"),
    gradLogits: shaped(z.array(z.array(z.array(z.number()))), "N×T×V", "∂loss/∂logits, zero past the length"),
  }),
  compute(params, { logits, targetLogits, actions, rewards, lengths }) {
    const n = logits.length;
    let width = 1;
    let vocabulary = 1;
    for (const sequence of logits) {
      width = Math.max(width, sequence.length);
      for (const position of sequence) vocabulary = Math.max(vocabulary, position.length);
    }
    logits.forEach((sequence, i) => {
      sequence.forEach((position, t) => {
        if (position.length === vocabulary && targetLogits[i]?.[t]?.length === vocabulary) return;
        throw new ContractError(`inputs.logits[${i}][${t}]`, `expected ${vocabulary} logits (V) in both networks`);
      });
    });
    const rows = Math.max(1, n);
    const mask = new Float64Array(rows * width);
    const last = new Float64Array(rows * width);
    const ids = new Float64Array(rows * width);
    const cube = (values: readonly (readonly (readonly number[])[])[]) => {
      const flat = new Float64Array(rows * width * vocabulary);
      values.forEach((sequence, i) => {
        sequence.forEach((position, t) => {
          if (t < lengths[i]) flat.set(position, (i * width + t) * vocabulary);
        });
      });
      return tensor(flat, [rows, width, vocabulary]);
    };
    const given = toRagged(actions);
    for (let i = 0; i < n; i++) {
      if (lengths[i] < 0 || lengths[i] > logits[i].length) {
        throw new ContractError(`inputs.lengths[${i}]`, `expected 0 to ${logits[i].length}, got ${lengths[i]}`);
      }
      for (let t = 0; t < lengths[i]; t++) {
        const id = given.values[given.offsets[i] + t];
        if (!Number.isInteger(id) || id < 0 || id >= logits[i][t].length) {
          throw new ContractError(
            `inputs.actions[${i}][${t}]`,
            `expected an integer from 0 to ${logits[i][t].length - 1}, got ${id}`,
          );
        }
        ids[i * width + t] = id;
        mask[i * width + t] = 1;
      }
      if (lengths[i] > 0) last[i * width + lengths[i] - 1] = 1;
    }
    const result = evaluateWithGradient(
      softQLoss(params),
      {
        logits: cube(logits),
        targetLogits: cube(targetLogits),
        actions: tensor(ids, [rows, width]),
        rewards: vectorTensor(rewards),
        mask: tensor(mask, [rows, width]),
        last: tensor(last, [rows, width]),
      },
      ["logits"],
    );
    const tokenLosses = raggedOf(lengths);
    for (let i = 0; i < n; i++) {
      for (let t = 0; t < lengths[i]; t++)
        tokenLosses.values[tokenLosses.offsets[i] + t] = result.tokenLosses[i * width + t];
    }
    const gradLogits = logits.map((sequence, i) =>
      sequence.map((position, t) => position.map((_, v) => result.gradients.logits[(i * width + t) * vocabulary + v])),
    );
    return { tokenLosses, loss: n === 0 ? null : result.loss, gradLogits };
  },
});
