/** What stochastic sampler steps share: drawing from N(mean, std²) or scoring a given next sample. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, vector } from "../core/fields.ts";
import { type Ragged, type RaggedLike, raggedLike, rowCount, toRagged } from "../core/ragged.ts";

export const stepInputs = {
  samples: ragged("N×D", "x before the step"),
  noises: ragged("N×D", "z, standard normal: the step is drawn").optional(),
  nextSamples: ragged("N×D", "x′ to be scored instead of drawn").optional(),
};

export const stepOutputs = {
  nextSamples: ragged("N×D", "x′"),
  means: ragged("N×D", "mean of the step"),
  std: z.number().describe("standard deviation per dimension"),
  logprobs: vector("N", "log-density of x′ (nats); absent where std is 0").optional(),
};

interface Draws {
  readonly noises?: RaggedLike;
  readonly nextSamples?: RaggedLike;
}

/**
 * The next samples, mean + std·z or those given, and their log-density over dimensions (`squared-error`: without constants).
 * Throws `ContractError` when the step is random and neither `noises` nor `nextSamples` are given.
 */
export function givenOrDrawn(
  means: Ragged,
  std: number,
  { noises, nextSamples }: Draws,
  reduction: "mean" | "sum",
  density: "log-density" | "squared-error",
): { std: number; nextSamples: Ragged; logprobs?: Float64Array } {
  if (std === 0) return { std: 0, nextSamples: nextSamples === undefined ? means : toRagged(nextSamples) };
  const next = nextSamples === undefined ? raggedLike(means) : toRagged(nextSamples);
  if (nextSamples === undefined) {
    if (noises === undefined)
      throw new ContractError("inputs.noises", "expected noises or nextSamples (the step is random), got neither");
    const { values } = toRagged(noises);
    for (let k = 0; k < values.length; k++) next.values[k] = means.values[k] + std * values[k];
  }
  const logprobs = new Float64Array(rowCount(means));
  const constant = density === "log-density" ? -Math.log(std) - 0.5 * Math.log(2 * Math.PI) : 0;
  const scale = density === "log-density" ? 1 / (2 * std * std) : 1;
  for (let i = 0; i < logprobs.length; i++) {
    const size = means.offsets[i + 1] - means.offsets[i];
    for (let k = means.offsets[i]; k < means.offsets[i + 1]; k++) {
      logprobs[i] += constant - scale * (next.values[k] - means.values[k]) ** 2;
    }
    if (reduction === "mean" && size > 0) logprobs[i] /= size;
  }
  return { std, nextSamples: next, logprobs };
}
