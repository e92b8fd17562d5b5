import { z } from "zod";
import { ragged, vector } from "../core/fields.ts";
import {
  actionValues,
  mdpFields,
  policyValues,
  readInitial,
  readMdp,
  readPolicy,
  tableRows,
} from "../core/finite-mdp.ts";
import { definePart } from "../core/part.ts";

/**
 * Exact values of a policy in a finite MDP: V = (I − γ P_π)⁻¹ r_π, by one linear solve (Puterman 1994, thm. 6.1.1).
 *
 * `values` (S); `qValues` (S×A) = R + γ P V; `return` = Σ_s initial(s) V(s). A transition row may sum to less
 * than 1: the rest ends the episode. With γ = 1 the policy must end from every state, otherwise
 * `ContractError`, as for tables that are no distributions.
 */
export const policyValue = definePart({
  id: "evaluation/policy-value",
  papers: ["potential-based-shaping"],
  params: z.object({ gamma: z.number().min(0).max(1).describe("discount") }),
  inputs: z.object(mdpFields),
  outputs: z.object({
    values: vector("S", "V of the policy"),
    qValues: ragged("S×A", "Q of the policy"),
    return: z.number().describe("expected discounted return from the initial distribution"),
  }),
  compute({ gamma }, { transitions, rewardTable, policy, initial }) {
    const mdp = readMdp(transitions, rewardTable);
    const start = readInitial(initial, mdp);
    const values = policyValues(mdp, readPolicy(policy, mdp), gamma);
    const qValues = tableRows(actionValues(mdp, values, gamma), mdp.actions);
    let total = 0;
    for (let s = 0; s < mdp.states; s++) total += start[s] * values[s];
    return { values, qValues, return: total };
  },
});
