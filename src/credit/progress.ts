import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { nullableVector, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

/** Moves a share of the way to 1 (hop ≥ 0) or back to 0 (hop < 0); stays in [0, 1]. */
function advance(progress: number, hop: number): number {
  return hop >= 0 ? progress + (1 - progress) * hop : progress + progress * hop;
}

const hopInputs = {
  incrementalHops: vector("S", "hop from the state before, −1 to 1"),
  forwardHops: vector("S", "hop from the first state"),
  backwardHops: vector("S", "hop from the goal, 0 at the goal and negative before it"),
};

/**
 * Progress along a trajectory from one chain of predicted hops (Robo-Dopamine, arXiv 2512.23703, §3.2).
 *
 * A hop h moves progress Φ to Φ + (1 − Φ)h, or Φ + Φh if negative. `incremental`: hops from state to state, starting at
 * 0. `forward`: hops from the first state, Φ = h. `backward`: hops from the goal, Φ = 1 + h. S each.
 */
export const progressReconstruction = definePart({
  id: "credit/progress-reconstruction",
  papers: ["robo-dopamine"],
  params: z.object({
    mode: z.enum(["incremental", "forward", "backward"]).default("incremental").describe("what hops start from"),
  }),
  inputs: z.object({ hops: vector("S", "predicted hop to each state, −1 to 1") }),
  outputs: z.object({ progress: vector("S", "Φ") }),
  compute({ mode }, { hops }) {
    let before = 0;
    const progress = Float64Array.from(hops, (hop) => {
      if (mode === "forward") return hop;
      if (mode === "backward") return 1 + hop;
      before = advance(before, hop);
      return before;
    });
    return { progress };
  },
});

/**
 * Progress as the mean of three chains of hops (Robo-Dopamine, arXiv 2512.23703, §3.2).
 *
 * Φ* = (Φ_I + Φ_F + Φ_B)/3 (see progress-reconstruction). `anchor: "fused"`, as printed, lets Φ_I advance from the fused
 * value before; `own` from its own. Both start at 0. All S.
 */
export const progressFusion = definePart({
  id: "credit/progress-fusion",
  papers: ["robo-dopamine"],
  params: z.object({ anchor: z.enum(["fused", "own"]).default("fused").describe("where the next increment starts") }),
  inputs: z.object(hopInputs),
  outputs: z.object({
    incremental: vector("S", "Φ_I"),
    forward: vector("S", "Φ_F"),
    backward: vector("S", "Φ_B"),
    progress: vector("S", "Φ*"),
  }),
  compute({ anchor }, { incrementalHops, forwardHops, backwardHops }) {
    const steps = stepsOf(incrementalHops, forwardHops, backwardHops);
    const incremental = new Float64Array(steps);
    const progress = new Float64Array(steps);
    const backward = Float64Array.from(backwardHops, (hop) => 1 + hop);
    let before = 0;
    for (let t = 0; t < steps; t++) {
      incremental[t] = advance(before, incrementalHops[t]);
      progress[t] = (incremental[t] + forwardHops[t] + backward[t]) / 3;
      before = anchor === "fused" ? progress[t] : incremental[t];
    }
    return { incremental, forward: Float64Array.from(forwardHops), backward, progress };
  },
});

/**
 * Progress that holds still where the global estimates contradict each other (Robo-Dopamine, arXiv 2512.23703, §3.2).
 *
 * m = (Φ_F + Φ_B)/2, Δ = |Φ_B − Φ_F|/(m + ε), w = e^(−αΔ²);
 * Φ*_t = Φ*_{t−1} + (w/2)(m − Φ*_{t−1} + increment), the increment being that of the incremental hop from Φ*_{t−1}.
 * Starts at 0. Where m + ε is 0 and the estimates differ, Δ is null and w is 0. All S.
 */
export const consistencyGatedProgress = definePart({
  id: "credit/consistency-gated-progress",
  papers: ["robo-dopamine"],
  params: z.object({
    alpha: z.number().nonnegative().default(1).describe("α, how fast contradiction closes the gate"),
    epsilon: z.number().nonnegative().default(1e-6).describe("ε, added to m"),
  }),
  inputs: z.object(hopInputs),
  outputs: z.object({
    discrepancy: nullableVector("S", "Δ"),
    weights: vector("S", "w"),
    progress: vector("S", "Φ*"),
  }),
  compute({ alpha, epsilon }, { incrementalHops, forwardHops, backwardHops }) {
    const steps = stepsOf(incrementalHops, forwardHops, backwardHops);
    const discrepancy: (number | null)[] = [];
    const weights = new Float64Array(steps);
    const progress = new Float64Array(steps);
    let before = 0;
    for (let t = 0; t < steps; t++) {
      const backward = 1 + backwardHops[t];
      const middle = (forwardHops[t] + backward) / 2;
      const apart = Math.abs(backward - forwardHops[t]);
      const ratio = apart === 0 ? 0 : apart / (middle + epsilon);
      discrepancy.push(Number.isFinite(ratio) ? ratio : null);
      weights[t] = Math.exp(-alpha * ratio * ratio) || 0;
      const increment = advance(before, incrementalHops[t]) - before;
      before += (weights[t] / 2) * (middle - before + increment);
      progress[t] = before;
    }
    return { discrepancy, weights, progress };
  },
});

function stepsOf(incremental: Vector, forward: Vector, backward: Vector): number {
  for (const [field, hops] of Object.entries({ forwardHops: forward, backwardHops: backward }))
    if (hops.length !== incremental.length)
      throw new ContractError(`inputs.${field}`, `expected ${incremental.length} entries, got ${hops.length}`);
  return incremental.length;
}
