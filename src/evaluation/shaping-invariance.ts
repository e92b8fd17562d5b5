import { z } from "zod";
import { shaped } from "../core/fields.ts";
import { greedyActions, mdpFields, readInitial, readMdp, readTable, solveMdp } from "../core/finite-mdp.ts";
import { definePart } from "../core/part.ts";

const actionSets = (description: string) => shaped(z.array(z.array(z.int())), "S×L", description);

/**
 * Whether a shaped reward table keeps the optimal action sets, and what it costs if not (Ng, Harada & Russell 1999).
 *
 * Both tables are solved exactly. `optimalActions` and `shapedOptimalActions` list, per state, the actions
 * within `tolerance` of the best Q (absolute below 1, relative above), ascending; `invariant` says that they
 * agree in every state, reachable or not. `regret` is the original return from `initial` lost by the worst
 * policy that only takes shaped-optimal actions: 0 when nothing is lost however ties are broken.
 */
export const shapingInvariance = definePart({
  id: "evaluation/shaping-invariance",
  papers: ["potential-based-shaping"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    tolerance: z.number().nonnegative().default(1e-9).describe("actions this close in value are tied"),
  }),
  inputs: z.object({
    transitions: mdpFields.transitions,
    rewardTable: mdpFields.rewardTable,
    shapedRewardTable: shaped(z.array(z.array(z.number())), "S×A", "R(s,a) after shaping"),
    initial: mdpFields.initial,
  }),
  outputs: z.object({
    invariant: z.boolean().describe("the optimal action sets agree in every state"),
    optimalActions: actionSets("under rewardTable"),
    shapedOptimalActions: actionSets("under shapedRewardTable"),
    regret: z.number().describe("original return lost by the worst shaped-optimal policy"),
  }),
  compute({ gamma, tolerance }, { transitions, rewardTable, shapedRewardTable, initial }) {
    const mdp = readMdp(transitions, rewardTable);
    const start = readInitial(initial, mdp);
    const { states, actions } = mdp;
    const shapedMdp = { ...mdp, rewards: readTable(shapedRewardTable, states, actions, "shapedRewardTable") };
    const best = solveMdp(mdp, gamma);
    const optimalActions = greedyActions(best.qValues, actions, tolerance);
    const shapedOptimalActions = greedyActions(solveMdp(shapedMdp, gamma).qValues, actions, tolerance);
    const invariant = optimalActions.every((set, s) => sameSet(set, shapedOptimalActions[s]));
    const worst = solveMdp(mdp, gamma, { allowed: shapedOptimalActions, worst: true });
    let regret = 0;
    for (let s = 0; s < states; s++) regret += start[s] * (best.values[s] - worst.values[s]);
    return { invariant, optimalActions, shapedOptimalActions, regret: Math.max(0, regret) };
  },
});

function sameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
