/** Fields that several losses share, and checks across fields that a schema cannot state. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, shaped } from "../core/fields.ts";
import type { RaggedLike, Vector } from "../core/ragged.ts";

/** Advantages: one a rollout, or one a token. */
export const rolloutOrTokenAdvantages = shaped(
  z.union([z.array(z.number()), z.array(z.array(z.number()))]),
  "N×T",
  "advantage per rollout (N) or per token (N×T)",
) as unknown as z.ZodType<Vector | RaggedLike, Vector | RaggedLike>;

/** Token log-probabilities of the two sides of a pair, under policy and reference. The sides differ in length. */
export const pairLogprobs = {
  chosenLogprobs: ragged("N×C", "token log-probabilities (nats) of the chosen responses under the policy"),
  rejectedLogprobs: ragged("N×R", "token log-probabilities (nats) of the rejected responses under the policy"),
  refChosenLogprobs: ragged("N×C", "token log-probabilities (nats) of the chosen responses under the reference"),
  refRejectedLogprobs: ragged("N×R", "token log-probabilities (nats) of the rejected responses under the reference"),
};

/** The value of an input that these params need. Throws `ContractError` naming it when it is absent. */
export function required<T>(value: T | undefined, field: string, why: string): T {
  if (value === undefined) throw new ContractError(`inputs.${field}`, `expected a value (${why}), got nothing`);
  return value;
}
