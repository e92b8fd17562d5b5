import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, nullableStrings, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";

/**
 * Flips outcome rewards at random, to see how much noise a learner stands (arXiv 2505.22653, §3).
 *
 * Where the draw u < `probability` (strictly) r becomes 1 − r; at `level: "group"` one draw per group (in order of first
 * appearance) flips all its rollouts, at `rollout` each has its own. An invalid answer gets 0 and is never flipped.
 * `attenuation` = 1 − 2p scales any centred signal. `rewards`, `flipped` N.
 */
export const rewardFlip = definePart({
  id: "shaping/reward-flip",
  papers: ["noisy-rewards"],
  params: z.object({
    probability: z.number().min(0).max(1).describe("p, share that is flipped"),
    level: z.enum(["group", "rollout"]).default("group").describe("what one draw decides"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    groups: fields.groups,
    uniforms: vector("P or N", "draws from U[0, 1): one per group, or one per rollout"),
    valid: fields.valid.optional(),
  }),
  outputs: z.object({
    rewards: fields.rewards,
    flipped: flags("N", "the reward was flipped"),
    attenuation: z.number().describe("1 − 2p"),
  }),
  compute({ probability, level }, { rewards, groups, uniforms, valid }) {
    const { of, ids } = indexGroups(groups);
    const draws = level === "group" ? ids.length : rewards.length;
    if (uniforms.length !== draws)
      throw new ContractError(
        "inputs.uniforms",
        `expected ${draws} entries (one per ${level}), got ${uniforms.length}`,
      );
    const flipped = Array.from(of, (g, i) => (valid?.[i] ?? true) && uniforms[level === "group" ? g : i] < probability);
    return {
      rewards: Float64Array.from(rewards, (reward, i) => {
        if (valid && !valid[i]) return 0;
        return flipped[i] ? 1 - reward : reward;
      }),
      flipped,
      attenuation: 1 - 2 * probability,
    };
  },
});

/**
 * Lifts low reward-model scores by how much the text reasons, against false negatives (RPR calibration, arXiv
 * 2505.22653, §5).
 *
 * r = score, 0 where the format is invalid; where r < `threshold` (strictly), r ← min(cap, r + weight · pattern score).
 * N each.
 */
export const patternCalibration = definePart({
  id: "shaping/pattern-calibration",
  papers: ["noisy-rewards"],
  params: z.object({
    threshold: z.number().default(0.5).describe("scores from here on stay"),
    weight: z.number().default(0.1).describe("weight of the pattern score"),
    cap: z.number().default(1).describe("largest lifted reward"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    patternScores: vector("N", "reasoning-pattern score, 0 to 1"),
    formatValid: flags("N", "the format was followed (default: all)").optional(),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ threshold, weight, cap }, { rewards, patternScores, formatValid }) {
    return {
      rewards: Float64Array.from(rewards, (reward, i) => {
        const score = formatValid && !formatValid[i] ? 0 : reward;
        return score < threshold ? Math.min(cap, score + weight * patternScores[i]) : score;
      }),
    };
  },
});

/**
 * Rewards that should teach nothing, as controls for contaminated benchmarks (arXiv 2507.10532, §4).
 *
 * `correct` 1 or 0; `random` 1 where u < `probability`, whatever the answer; `inverted` 1 − correct;
 * `majority-incorrect`: the group's majority answer (null and blank ones do not vote, ties go to the first seen) is the
 * label, used only where it is wrong: 1 for matching it. Groups whose label is right or missing get reward 0 and `keep`
 * false. `majority-incorrect` needs `answers` (absent groups: one group), `random` needs `uniforms`. N each.
 */
export const spuriousReward = definePart({
  id: "shaping/spurious-reward",
  papers: ["random-calculation"],
  params: z.object({
    kind: z.enum(["correct", "random", "inverted", "majority-incorrect"]).default("correct").describe("which reward"),
    probability: z.number().min(0).max(1).default(0.5).describe("share of ones (random)"),
  }),
  inputs: z.object({
    correct: fields.correct,
    answers: nullableStrings("N", "extracted answer; null: none").optional(),
    groups: fields.groups.optional(),
    uniforms: vector("N", "draws from U[0, 1)").optional(),
  }),
  outputs: z.object({ rewards: fields.rewards, keep: flags("N", "the rollout may be trained on") }),
  compute({ kind, probability }, { correct, answers, groups, uniforms }) {
    const n = correct.length;
    if (kind === "majority-incorrect") {
      if (!answers) throw new ContractError("inputs.answers", "required by kind majority-incorrect");
      return majorityIncorrect(correct, answers, groups ?? new Array<number>(n).fill(0));
    }
    if (kind === "random" && !uniforms) throw new ContractError("inputs.uniforms", "required by kind random");
    const rewards = Float64Array.from({ length: n }, (_, i) => {
      const pays = uniforms && kind === "random" ? uniforms[i] < probability : correct[i] !== (kind === "inverted");
      return pays ? 1 : 0;
    });
    return { rewards, keep: new Array<boolean>(n).fill(true) };
  },
});

function majorityIncorrect(
  correct: ArrayLike<boolean>,
  answers: readonly (string | null)[],
  groups: ArrayLike<string | number>,
): { rewards: Float64Array; keep: boolean[] } {
  const { of, ids } = indexGroups(groups);
  const votes = ids.map(() => new Map<string, { count: number; correct: boolean }>());
  answers.forEach((answer, i) => {
    if (answer === null || answer.trim() === "") return;
    const vote = votes[of[i]].get(answer);
    if (vote) {
      vote.count++;
      vote.correct ||= correct[i];
    } else votes[of[i]].set(answer, { count: 1, correct: correct[i] });
  });
  // Maps keep the order of insertion, so the first seen of equals is met first.
  const labels = votes.map((counted) => {
    let label: string | null = null;
    let most = 0;
    let right = false;
    for (const [answer, vote] of counted) {
      if (vote.count <= most) continue;
      label = answer;
      most = vote.count;
      right = vote.correct;
    }
    return right ? null : label;
  });
  return {
    rewards: Float64Array.from(of, (g, i) => (labels[g] !== null && answers[i] === labels[g] ? 1 : 0)),
    keep: Array.from(of, (g) => labels[g] !== null),
  };
}
