import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { mdpFields } from "../core/finite-mdp.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, toRagged } from "../core/ragged.ts";

const state = z.object({
  rewardTable: shaped(z.array(z.array(z.number())), "S×A", "φ(s,a), start with zeros"),
  values: vector("S", "V, a running estimate of the original return, start with zeros"),
});

/**
 * One update of a self-designed intrinsic reward (SelfRS in ExploRS, NeurIPS 2022; thesis arXiv 2503.21949, ch. 5).
 *
 * For every visited (s, a) of the given episodes, with Ḡ the discounted return of the original reward from there on and
 * w = π(a|s)(Ḡ − V(s)): φ(s,a) += η w and φ(s,·) −= η w π(·|s), summed over all steps (η the learning rate); then φ is
 * clamped to [−clip, clip], and V(s) += criticRate · mean over all steps of the (Ḡ − V(s)) of their states. All
 * differences use V from before the update.
 *
 * `states`, `actions`, `stepRewards` N×T, `policy` S×A. A deterministic policy gets a zero update. An index outside the
 * table is a `ContractError`; the given state is left alone.
 */
export const selfSupervisedUpdate = definePart({
  id: "shaping/self-supervised-update",
  papers: ["reward-design-thesis"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    learningRate: z.number().positive().default(0.01).describe("η, step size of φ"),
    criticRate: z.number().nonnegative().default(0.01).describe("step size of V"),
    clip: z.number().positive().nullable().default(null).describe("bound on |φ|; null: none"),
  }),
  inputs: z.object({
    state,
    policy: mdpFields.policy,
    states: ragged("N×T", "state of each step"),
    actions: ragged("N×T", "action of each step"),
    stepRewards: fields.tokenRewards.meta({ shape: "N×T", description: "original reward of each step" }),
  }),
  outputs: z.object({ state }),
  compute({ gamma, learningRate, criticRate, clip }, { state: before, policy, ...inputs }) {
    const visited = toRagged(inputs.states);
    const chosen = toRagged(inputs.actions);
    const rewards = toRagged(inputs.stepRewards);
    checkSameRows(chosen, visited, "actions");
    checkSameRows(rewards, visited, "stepRewards");
    const table = before.rewardTable.map((row) => [...row]);
    const values = Float64Array.from(before.values);
    const errors = new Float64Array(values.length);
    for (let i = 0; i < rowCount(visited); i++) {
      let tail = 0;
      for (let t = visited.offsets[i + 1] - 1; t >= visited.offsets[i]; t--) {
        const s = visited.values[t];
        const a = chosen.values[t];
        const row = table[s];
        const pi = policy[s];
        if (row?.[a] === undefined || pi?.length !== row.length || s >= values.length)
          throw new ContractError(`inputs.states[${i}]`, `state ${s}, action ${a} is not in the tables`);
        tail = rewards.values[t] + gamma * tail;
        const error = tail - values[s];
        const change = learningRate * pi[a] * error;
        errors[s] += error;
        row[a] += change;
        for (let b = 0; b < row.length; b++) row[b] -= change * pi[b];
      }
    }
    const steps = visited.values.length;
    if (steps > 0) for (let s = 0; s < values.length; s++) values[s] += (criticRate * errors[s]) / steps;
    const bounded = (value: number) => (clip === null ? value : Math.min(clip, Math.max(-clip, value)));
    return { state: { rewardTable: table.map((row) => row.map(bounded)), values } };
  },
});
