import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const potentials = shaped(z.array(z.array(z.number())), "S×A", "Φ(s,a), start with zeros");

/**
 * Learns a potential from arbitrary advice and shapes with it (Harutyunyan et al. 2015, algorithm 1).
 *
 * Φ(s,a) is the on-policy value of the reward −advice. Per transition, in order:
 * δ = −advice + γΦ(s′,a′) − Φ(s,a); Φ(s,a) ← Φ(s,a) + learningRate · δ;
 * F = γΦ_new(s′,a′) − Φ_old(s,a). Φ(s′,a′) counts as 0 where the transition `terminated`. At convergence
 * F ≈ advice. As with look-ahead advice, act on Q + Φ.
 *
 * `state.potentials` is S×A and comes back updated (the input is left alone); `shaping` is F per
 * transition. Indices outside the table are a `ContractError`.
 */
export const advicePotential = definePart({
  id: "shaping/advice-potential",
  papers: ["potential-based-shaping"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    learningRate: z.number().positive().max(1).describe("step size of the potential's update"),
  }),
  inputs: z.object({
    state: z.object({ potentials }),
    transitions: z
      .array(
        z.object({
          state: z.int().min(0),
          action: z.int().min(0),
          nextState: z.int().min(0),
          nextAction: z.int().min(0),
          advice: z.number(),
          terminated: z.boolean().default(false),
        }),
      )
      .describe("in the order they were made"),
  }),
  outputs: z.object({ shaping: vector("M", "F per transition"), state: z.object({ potentials }) }),
  compute({ gamma, learningRate }, { state, transitions }) {
    const table = state.potentials.map((row) => [...row]);
    const read = (s: number, a: number, path: string): number => {
      const value = table[s]?.[a];
      if (value === undefined)
        throw new ContractError(path, `state ${s}, action ${a} is not in inputs.state.potentials`);
      return value;
    };
    const shaping = new Float64Array(transitions.length);
    for (let i = 0; i < transitions.length; i++) {
      const { state: s, action: a, nextState, nextAction, advice, terminated } = transitions[i];
      const path = `inputs.transitions[${i}]`;
      const old = read(s, a, path);
      const next = terminated ? 0 : read(nextState, nextAction, path);
      table[s][a] = old + learningRate * (gamma * next - advice - old);
      // The next pair may be the one just updated.
      shaping[i] = (terminated ? 0 : gamma * table[nextState][nextAction]) - old;
    }
    return { shaping, state: { potentials: table } };
  },
});
