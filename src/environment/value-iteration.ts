import { z } from "zod";
import { ragged, shaped, vector } from "../core/fields.ts";
import { greedyActions, mdpFields, readMdp, solveMdp, tableRows } from "../core/finite-mdp.ts";
import { definePart } from "../core/part.ts";

/**
 * The exact optimum of a finite MDP: V*, Q* and the optimal action sets (Bellman 1957; policy iteration, Howard 1960).
 *
 * Solves V(s) = max_a R(s,a) + γ Σ P(s′|s,a) V(s′) by policy iteration with a linear solve for each policy, so
 * that the values are exact to rounding and ties survive. `values` (S), `qValues` (S×A), `optimalActions`: per
 * state the actions within `tolerance` of the best Q (absolute below 1, relative above), ascending.
 * A transition row may sum to less than 1: the rest ends the episode. With γ = 1 every policy met on the
 * way must end from every state, otherwise `ContractError`.
 */
export const valueIteration = definePart({
  id: "environment/value-iteration",
  papers: ["potential-based-shaping"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    tolerance: z.number().nonnegative().default(1e-9).describe("actions this close in value are tied"),
  }),
  inputs: z.object({ transitions: mdpFields.transitions, rewardTable: mdpFields.rewardTable }),
  outputs: z.object({
    values: vector("S", "V*"),
    qValues: ragged("S×A", "Q*"),
    optimalActions: shaped(z.array(z.array(z.int())), "S×L", "optimal actions of each state, ascending"),
  }),
  compute({ gamma, tolerance }, { transitions, rewardTable }) {
    const mdp = readMdp(transitions, rewardTable);
    const { values, qValues } = solveMdp(mdp, gamma);
    return {
      values,
      qValues: tableRows(qValues, mdp.actions),
      optimalActions: greedyActions(qValues, mdp.actions, tolerance),
    };
  },
});
