/** A reward model that is a table's log-ratio to its start, its losses on outcomes, and a check of them. */
import { type Ragged, type Random, toRagged } from "guerdon/core";
import type { BadSymbolsWorld } from "guerdon/environment";
import { dpo, implicitCrossEntropy } from "guerdon/objective";
import { adam, addScoreGradient, softmaxRows } from "guerdon/training";

export const beta = 0.05;

/** Responses with what the verifier says of them; `rows` are their table rows. */
export interface Response {
  readonly sequence: Int32Array;
  readonly rows: Int32Array;
  readonly correct: boolean;
}

export function respond(world: BadSymbolsWorld, policy: Float64Array, random: Random): Response {
  const { table } = world;
  const sequence = new Int32Array(table.positions);
  const rows = new Int32Array(table.positions);
  table.sample(policy, random, sequence, rows);
  return { sequence, rows, correct: world.correct(sequence) };
}

/** A term of a loss on log-ratios: how far σ of the weighted sum of log-ratios of some prefixes is from a label. */
interface Term {
  readonly weight: number;
  readonly label: number;
  /** Sum over parts of sign · β · log-ratio of the first `length` tokens. */
  readonly parts: readonly { readonly response: Response; readonly length: number; readonly sign: number }[];
}

const whole = (response: Response, sign = 1) => ({ response, length: response.sequence.length, sign });

/** Cross-entropy on single responses. */
export const outcomeTerms = (responses: readonly Response[]): Term[] =>
  responses.map((response) => ({
    weight: 1 / responses.length,
    label: response.correct ? 1 : 0,
    parts: [whole(response)],
  }));

/** DPO: every wrong response against a right one, taken in turn. */
export function pairTerms(responses: readonly Response[]): Term[] {
  const right = responses.filter(({ correct }) => correct);
  const wrong = responses.filter(({ correct }) => !correct);
  return wrong.map((response, i) => ({
    weight: 1 / wrong.length,
    label: 1,
    parts: [whole(right[i % right.length]), whole(response, -1)],
  }));
}

/** Cross-entropy on every prefix, its label whether it still has no bad symbol. */
export const prefixTerms = (responses: readonly Response[], firstErrors: readonly number[]): Term[] =>
  responses.flatMap((response, i) =>
    Array.from(response.sequence, (_, t) => ({
      weight: 1 / (responses.length * response.sequence.length),
      label: firstErrors[i] < 0 || firstErrors[i] > t ? 1 : 0,
      parts: [{ response, length: t + 1, sign: 1 }],
    })),
  );

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Loss and its gradient by logits of the policy. */
function lossOf(terms: readonly Term[], logits: Float64Array, reference: Float64Array, symbols: number) {
  const policy = softmaxRows(logits, symbols);
  const ratios = policy.map((p, i) => Math.log(p / reference[i]));
  const gradient = new Float64Array(logits.length);
  let loss = 0;
  for (const { weight, label, parts } of terms) {
    let z = 0;
    for (const { response, length, sign } of parts)
      for (let t = 0; t < length; t++) z += sign * beta * ratios[response.rows[t] * symbols + response.sequence[t]];
    loss += weight * (softplus(z) - label * z);
    const slope = weight * (1 / (1 + Math.exp(-z)) - label) * beta;
    for (const { response, length, sign } of parts)
      for (let t = 0; t < length; t++)
        addScoreGradient(gradient, policy, symbols, response.rows[t], response.sequence[t], sign * slope);
  }
  return { loss, gradient };
}

/** Full-batch Adam from the reference; gives the trained policy. */
export function train(terms: readonly Term[], world: BadSymbolsWorld, steps: number): Float64Array {
  const { symbols } = world;
  const logits = world.referenceLogits();
  const reference = softmaxRows(logits, symbols);
  const optimizer = adam(logits.length, 0.2);
  for (let step = 0; step < steps; step++)
    optimizer.descend(logits, lossOf(terms, logits, reference, symbols).gradient);
  return softmaxRows(logits, symbols);
}

export const logsOf = (policy: Float64Array, responses: readonly Response[], symbols: number): Ragged =>
  toRagged(
    responses.map(({ sequence, rows }) =>
      Float64Array.from(sequence, (symbol, t) => Math.log(policy[rows[t] * symbols + symbol])),
    ),
  );

/** Own losses against the parts' at a random policy, and own gradient against differences. */
export function lossErrors(
  world: BadSymbolsWorld,
  reference: Float64Array,
  responses: readonly Response[],
  random: Random,
) {
  const { symbols } = world;
  const logits = world.referenceLogits().map((logit) => logit + 3 * random.normal());
  const policy = softmaxRows(logits, symbols);
  const of = (chosen: readonly Response[]) => ({
    logprobs: logsOf(policy, chosen, symbols),
    refLogprobs: logsOf(reference, chosen, symbols),
  });
  const labels = responses.map(({ correct }) => (correct ? 1 : 0));
  const ce = implicitCrossEntropy({ beta })({ ...of(responses), labels }).loss ?? Number.NaN;
  const pairs = pairTerms(responses).map(({ parts }) => parts.map(({ response }) => response));
  const [chosen, rejected] = [0, 1].map((side) => of(pairs.map((pair) => pair[side])));
  const pairLoss =
    dpo({ beta })({
      chosenLogprobs: chosen.logprobs,
      refChosenLogprobs: chosen.refLogprobs,
      rejectedLogprobs: rejected.logprobs,
      refRejectedLogprobs: rejected.refLogprobs,
    }).loss ?? Number.NaN;
  let partError = 0;
  let gradientError = 0;
  for (const [terms, expected] of [
    [outcomeTerms(responses), ce],
    [pairTerms(responses), pairLoss],
  ] as const) {
    const { loss, gradient } = lossOf(terms, logits, reference, symbols);
    partError = Math.max(partError, Math.abs(loss - expected));
    for (let i = 0; i < logits.length; i += 7) {
      const [up, down] = [1e-4, -1e-4].map((step) => {
        const moved = logits.slice();
        moved[i] += step;
        return lossOf(terms, moved, reference, symbols).loss;
      });
      gradientError = Math.max(gradientError, Math.abs((up - down) / 2e-4 - gradient[i]));
    }
  }
  return { partError, gradientError };
}
