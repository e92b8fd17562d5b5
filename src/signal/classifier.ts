/** Rewards from the outputs of classifiers and learnt scorers. */
import { z } from "zod";
import { softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/** 1/(1 + e^−x) without overflow. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/**
 * Reward of a reference-based verifier with one logit: σ(z) (Cooper's VerifyRM, arXiv 2508.05613, sec. 3.1).
 *
 * With `threshold`, 1 where σ(z) is strictly above it and 0 elsewhere.
 */
export const referenceReward = definePart({
  id: "signal/reference-reward",
  papers: ["cooper"],
  params: z.object({
    threshold: z.number().min(0).max(1).nullable().default(null).describe("probability above which the reward is 1"),
  }),
  inputs: z.object({ logits: vector("N", "verifier logit per rollout") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ threshold }, { logits }) {
    const rewards = Float64Array.from({ length: logits.length }, (_, i) => {
      const probability = sigmoid(logits[i]);
      return threshold === null ? probability : probability > threshold ? 1 : 0;
    });
    return { rewards };
  },
});

/**
 * Step rewards of a two-class process reward model: p(+) − p(−) = tanh((l₊ − l₋)/2), in [−1, 1] (PURE,
 * arXiv 2504.15275, sec. 3). N × S × 2 logits, ordered [negative, positive].
 */
export const prmScore = definePart({
  id: "signal/prm-score",
  papers: ["pure"],
  params: z.object({}),
  inputs: z.object({
    logits: shaped(z.array(z.array(z.tuple([z.number(), z.number()]))), "N×S", "[negative, positive] at each step"),
  }),
  outputs: z.object({ stepRewards: fields.stepRewards }),
  compute(_params, { logits }) {
    const stepRewards = logits.map((steps) =>
      Float64Array.from(steps, ([negative, positive]) => Math.tanh((positive - negative) / 2)),
    );
    return { stepRewards };
  },
});

/**
 * Class probability as reward: softmax(logits)_index (Pisces, arXiv 2602.01624, eq. 4; ONI's classifier,
 * arXiv 2410.23022).
 *
 * N × K logits. With `threshold` the reward is 1 where the probability is strictly above it and 0 elsewhere; without,
 * the probability itself. Throws for a row without the class.
 */
export const classProbability = definePart({
  id: "signal/class-probability",
  papers: ["oni", "pisces"],
  params: z.object({
    index: z.int().nonnegative().default(1).describe("class of each row"),
    threshold: z.number().min(0).max(1).nullable().default(null).describe("probability above which the reward is 1"),
  }),
  inputs: z.object({ logits: ragged("N×K", "class logits") }),
  outputs: z.object({ probabilities: vector("N", "probability of the class"), rewards: fields.rewards }),
  compute({ index, threshold }, { logits }) {
    const rows = toRagged(logits);
    const probabilities = Float64Array.from({ length: rowCount(rows) }, (_, i) => {
      const row = rowOf(rows, i);
      if (index >= row.length) {
        throw new ContractError(`inputs.logits[${i}]`, `expected more than ${index} classes, got ${row.length}`);
      }
      return softmax(row)[index];
    });
    const rewards = threshold === null ? probabilities : probabilities.map((p) => (p > threshold ? 1 : 0));
    return { probabilities, rewards };
  },
});

/**
 * Scaled probability of one class, or scaled confidence (arXiv 2407.09499, sec. 4.2): γ·q_class(x) or γ·max_c q_c(x).
 *
 * The confidence reward prefers no class, yet shifts the shares of classes. N × C probabilities; null for an empty row.
 */
export const classifierReward = definePart({
  id: "signal/classifier-reward",
  papers: ["curated-self-consuming"],
  params: z.object({
    mode: z.enum(["class", "confidence"]).default("class"),
    class: z.int().nonnegative().nullable().default(0).describe("index of the class (mode class)"),
    scale: z.number().default(1).describe("γ"),
  }),
  inputs: z.object({ probabilities: ragged("N×C", "class probabilities") }),
  outputs: z.object({ rewards: nullableVector("N", "scaled probability; null where undefined") }),
  compute({ mode, class: index, scale }, { probabilities }) {
    const rows = toRagged(probabilities);
    const rewards: (number | null)[] = [];
    for (let i = 0; i < rowCount(rows); i++) {
      const row = rowOf(rows, i);
      if (mode === "confidence") {
        rewards.push(row.length === 0 ? null : scale * row.reduce((most, p) => Math.max(most, p)));
        continue;
      }
      if (index === null) throw new ContractError("params.class", "expected an index: mode is class");
      if (index >= row.length) {
        throw new ContractError(`inputs.probabilities[${i}]`, `expected more than ${index} classes, got ${row.length}`);
      }
      rewards.push(scale * row[index]);
    }
    return { rewards };
  },
});

/**
 * Piecewise probability gap of a prompt on labelled examples (RLPrompt, arXiv 2205.12548, sec. 3.2).
 *
 * Gap = P(c) − max over c′ ≠ c of P(c′); correct where the gap is above 0; reward λ₂·gap where correct, λ₁·gap where
 * not; `reward` is the mean over examples, `accuracy` the share correct (null without examples). The label is excluded
 * by its index, so an exact tie has gap 0 and is not correct. N × C probabilities, C ≥ 2.
 */
export const piecewiseGap = definePart({
  id: "signal/piecewise-gap",
  papers: ["rl-prompt"],
  params: z.object({
    correctCoefficient: z.number().default(200).describe("λ₂"),
    incorrectCoefficient: z.number().default(180).describe("λ₁"),
  }),
  inputs: z.object({
    probabilities: ragged("N×C", "class probabilities under the prompt"),
    labels: integers("N", "index of the right class"),
  }),
  outputs: z.object({
    gaps: vector("N", "P(label) − largest other probability"),
    correct: flags("N", "the label is strictly most probable"),
    rewards: fields.rewards,
    reward: z.number().nullable().describe("mean over examples"),
    accuracy: z.number().nullable().describe("share correct"),
  }),
  compute({ correctCoefficient, incorrectCoefficient }, { probabilities, labels }) {
    const rows = toRagged(probabilities);
    const n = rowCount(rows);
    expectLength(labels, n, "labels");
    const gaps = new Float64Array(n);
    const rewards = new Float64Array(n);
    const correct: boolean[] = [];
    let total = 0;
    let right = 0;
    for (let i = 0; i < n; i++) {
      const row = rowOf(rows, i);
      const label = labels[i];
      if (row.length < 2) throw new ContractError(`inputs.probabilities[${i}]`, "expected at least two classes");
      if (!(label >= 0 && label < row.length)) {
        throw new ContractError(`inputs.labels[${i}]`, `expected an index below ${row.length}, got ${label}`);
      }
      let rival = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < row.length; c++) if (c !== label && row[c] > rival) rival = row[c];
      gaps[i] = row[label] - rival;
      correct.push(gaps[i] > 0);
      rewards[i] = (correct[i] ? correctCoefficient : incorrectCoefficient) * gaps[i];
      total += rewards[i];
      if (correct[i]) right++;
    }
    return { gaps, correct, rewards, reward: n === 0 ? null : total / n, accuracy: n === 0 ? null : right / n };
  },
});

/**
 * Style-transfer reward of one output: scale·(w_c·max(content, 0) + w_s·style) (RLPrompt, arXiv 2205.12548, sec. 4.2).
 *
 * `content` N in [−1, 1] (similarity to the source), `style` N in [0, 1] (probability of the target style).
 */
export const styleTransfer = definePart({
  id: "signal/style-transfer",
  papers: ["rl-prompt"],
  params: z.object({
    contentWeight: z.number().default(0.5).describe("w_c"),
    styleWeight: z.number().default(0.5).describe("w_s"),
    scale: z.number().default(100),
  }),
  inputs: z.object({
    content: vector("N", "content preservation, in [−1, 1]"),
    style: vector("N", "probability of the target style"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ contentWeight, styleWeight, scale }, { content, style }) {
    expectLength(style, content.length, "style");
    const rewards = Float64Array.from(
      { length: content.length },
      (_, i) => scale * (contentWeight * Math.max(content[i], 0) + styleWeight * style[i]),
    );
    return { rewards };
  },
});

/**
 * Mean over k consecutive segments of the best sample in each (RLPrompt, arXiv 2205.12548, sec. 3.2): the expected
 * reward of the best of n outputs.
 *
 * `samples` P × (k·n); segments are consecutive blocks of n, not resamples. Throws when a row is empty or does not
 * divide into `bootstraps` blocks.
 */
export const bootstrapMax = definePart({
  id: "signal/bootstrap-max",
  papers: ["rl-prompt"],
  params: z.object({ bootstraps: z.int().positive().default(4).describe("k, segments per row") }),
  inputs: z.object({ samples: ragged("P×M", "rewards of the outputs sampled for each input") }),
  outputs: z.object({
    maxima: ragged("P×K", "best of each segment"),
    rewards: vector("P", "mean of the maxima"),
  }),
  compute({ bootstraps }, { samples }) {
    const rows = toRagged(samples);
    const maxima: Float64Array[] = [];
    const rewards = new Float64Array(rowCount(rows));
    for (let p = 0; p < rewards.length; p++) {
      const row = rowOf(rows, p);
      if (row.length === 0 || row.length % bootstraps !== 0) {
        throw new ContractError(
          `inputs.samples[${p}]`,
          `expected a positive multiple of ${bootstraps} samples, got ${row.length}`,
        );
      }
      const size = row.length / bootstraps;
      const best = new Float64Array(bootstraps);
      for (let k = 0; k < bootstraps; k++) {
        best[k] = row[k * size];
        for (let i = k * size; i < (k + 1) * size; i++) if (row[i] > best[k]) best[k] = row[i];
        rewards[p] += best[k] / bootstraps;
      }
      maxima.push(best);
    }
    return { maxima, rewards };
  },
});
