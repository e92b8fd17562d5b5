import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/** Sequences enumerated at most. */
const limit = 1_000_000;

/**
 * All sequence log-probabilities of a policy on a token tree (bed of direct-alignment overoptimisation, arXiv 2406.02900).
 *
 * Deterministic tree of `depth` tokens over A `actions`; softmax of the logits at every node. A node is named by the action digits so far, the
 * root "". `sequences` in lexicographic order, `logprobs` the sums of log-softmax along each (nats). Errors: a node without logits or with
 * another number than A; more than 10⁶ sequences.
 */
export const treeMdp = definePart({
  id: "environment/tree-mdp",
  papers: ["daa-overoptimization"],
  params: z.object({
    depth: z.int().positive().default(3).describe("tokens per sequence"),
    actions: z.int().positive().max(10).default(3).describe("A, tokens to choose from (one digit each)"),
  }),
  inputs: z.object({ logits: z.record(z.string(), z.array(z.number())).describe("node → A logits") }),
  outputs: z.object({
    sequences: shaped(z.array(z.array(z.int())), "M×Depth", "actions of every sequence"),
    logprobs: vector("M", "log-probability of every sequence (nats)"),
  }),
  compute({ depth, actions }, { logits }) {
    if (actions ** depth > limit) {
      throw new ContractError("params.depth", `expected at most ${limit} sequences, got ${actions ** depth}`);
    }
    let prefixes: { node: string; sequence: number[]; logprob: number }[] = [{ node: "", sequence: [], logprob: 0 }];
    for (let level = 0; level < depth; level++) {
      prefixes = prefixes.flatMap(({ node, sequence, logprob }) => {
        const own = Object.hasOwn(logits, node) ? logits[node] : undefined;
        if (own?.length !== actions) {
          throw new ContractError(
            `inputs.logits.${JSON.stringify(node)}`,
            `expected ${actions} logits, got ${own?.length ?? "none"}`,
          );
        }
        const highest = Math.max(...own);
        const logTotal = highest + Math.log(own.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
        return own.map((logit, action) => ({
          node: `${node}${action}`,
          sequence: [...sequence, action],
          logprob: logprob + logit - logTotal,
        }));
      });
    }
    return { sequences: prefixes.map(({ sequence }) => sequence), logprobs: prefixes.map(({ logprob }) => logprob) };
  },
});
