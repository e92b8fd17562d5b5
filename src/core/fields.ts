/**
 * Schemas of the fields that parts exchange. One name, one shape, one meaning: `fields.rewards` is
 * the same in every part that takes rewards. The shape is kept beside the schema (`meta.shape`), so
 * that documentation shows it and the edges can check that all N of a call agree.
 *
 * N rollouts, P prompts or groups, K models, votes or candidates, T tokens (ragged), S steps
 * (ragged), D dimensions, V vocabulary, M pairs or other derived items. A letter stands for one
 * number throughout a call; T and S differ from row to row.
 */
import { z } from "zod";
import type { RaggedLike, Vector } from "./ragged.ts";

type Schema<T> = z.ZodType<T, T>;

/** Numbers: `shape` like "N". JSON arrays at the edges; typed arrays welcome in TypeScript. */
export function vector(shape: string, description: string): Schema<Vector> {
  return z.array(z.number()).meta({ shape, description }) as unknown as Schema<Vector>;
}

/** Numbers or null (unscored, undefined): `shape` like "N". */
export function nullableVector(shape: string, description: string): Schema<ArrayLike<number | null>> {
  return z.array(z.number().nullable()).meta({ shape, description }) as unknown as Schema<ArrayLike<number | null>>;
}

/** Given randomness: draws from U[0, 1). */
export function uniforms(shape: string, description: string): Schema<Vector> {
  return z.array(z.number().min(0).max(1)).meta({ shape, description }) as unknown as Schema<Vector>;
}

/** Integers (indices, counts, lengths). */
export function integers(shape: string, description: string): Schema<Vector> {
  return z.array(z.int()).meta({ shape, description }) as unknown as Schema<Vector>;
}

/** Booleans. */
export function flags(shape: string, description: string): Schema<ArrayLike<boolean>> {
  return z.array(z.boolean()).meta({ shape, description }) as unknown as Schema<ArrayLike<boolean>>;
}

/** Strings. */
export function strings(shape: string, description: string): Schema<readonly string[]> {
  return z.array(z.string()).meta({ shape, description }) as unknown as Schema<readonly string[]>;
}

/** Strings or null. */
export function nullableStrings(shape: string, description: string): Schema<readonly (string | null)[]> {
  return z.array(z.string().nullable()).meta({ shape, description }) as unknown as Schema<readonly (string | null)[]>;
}

/** Rows of numbers, of equal or different lengths: `shape` like "N×T", "K×N", "N×D". */
export function ragged(shape: string, description: string): Schema<RaggedLike> {
  return z.array(z.array(z.number())).meta({ shape, description }) as unknown as Schema<RaggedLike>;
}

/** Anything else with a shape: pass the JSON schema of it. */
export function shaped<T>(schema: z.ZodType<T>, shape: string, description: string): z.ZodType<T> {
  return schema.meta({ shape, description });
}

const message = z.object({ role: z.string(), content: z.string() });

/** Standard fields. Add one here only when several cards share it; others are declared by their part. */
export const fields = {
  rewards: vector("N", "scalar outcome reward per rollout"),
  groups: shaped(z.array(z.union([z.string(), z.number()])), "N", "prompt or group id per rollout") as Schema<
    ArrayLike<string | number>
  >,
  correct: flags("N", "verified outcome"),
  valid: flags("N", "the text followed the required grammar"),
  include: flags("N", "false: takes no part in statistics or losses"),
  offPolicy: flags("N", "the rollout does not come from the sampling policy"),
  lengths: integers("N", "response length in tokens"),
  targetLengths: integers("N", "length budget in tokens"),
  lengthRewards: vector("N", "additive length term"),
  stepRewards: ragged("N×S", "process reward per step"),
  tokenRewards: ragged("N×T", "reward per token"),
  stepLabels: ragged("N×S", "+1 right, −1 wrong, 0 unknown"),
  stepEnds: ragged("N×S", "last token of each step, 0-based, inclusive"),
  stepSpans: shaped(z.array(z.array(z.tuple([z.int(), z.int()]))), "N×S", "[start, end) of each step in tokens"),
  stepTokens: ragged("N×S", "tokens per step"),
  stepCounts: integers("N", "steps per rollout"),
  logprobs: ragged("N×T", "token log-probabilities (nats) under the policy"),
  oldLogprobs: ragged("N×T", "token log-probabilities (nats) under the sampling policy"),
  refLogprobs: ragged("N×T", "token log-probabilities (nats) under the reference"),
  behaviorLogprobs: ragged("N×T", "token log-probabilities (nats) under whatever produced an off-policy rollout"),
  answerLogprobs: ragged("N×T", "token log-probabilities (nats) of the given reference answer"),
  gradLogprobs: ragged("N×T", "∂loss/∂logprobs"),
  entropies: ragged("N×T", "entropy (nats) per token"),
  mask: ragged("N×T", "1: the token counts, 0: it does not; absent = all count"),
  values: ragged("N×T", "critic values"),
  advantages: vector("N", "advantage per rollout"),
  tokenAdvantages: ragged("N×T", "advantage per token"),
  returns: ragged("N×T", "return per token"),
  baselines: vector("N", "what was subtracted from each reward"),
  responses: strings("N", "the policy's texts"),
  references: strings("N", "ground-truth texts"),
  response: z.string().describe("the policy's text") as Schema<string>,
  reference: z.string().describe("ground-truth text") as Schema<string>,
  replies: strings("N", "what a judge or assistant model answered, to be parsed"),
  reply: z.string().describe("what a judge or assistant model answered, to be parsed") as Schema<string>,
  prompts: strings("N", "the prompts"),
  messages: z.array(message).describe("chat messages, {role, content} each"),
  pairs: shaped(z.array(z.tuple([z.int(), z.int()])), "M", "indices [chosen, rejected] (or [first, second])"),
  verdicts: shaped(z.array(z.enum(["A", "B"]).nullable()), "N", "pairwise judgement; null with valid true is a tie"),
  components: z.record(z.string(), vector("N", "one value per rollout")).describe("named reward terms, N each"),
  weights: z.record(z.string(), z.number()).describe("weight per name"),
  trueRewards: vector("N", "ground-truth reward (evaluation only)"),
  proxyRewards: vector("N", "the reward that is optimised"),
} as const;
