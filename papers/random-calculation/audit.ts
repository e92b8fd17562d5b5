/**
 * The contamination audit on a small transformer: it is trained on problem texts, half of them from a leaked set, each
 * of which it meets 200 times, half of them fresh; then texts of both kinds are cut, and completed greedily.
 */
import { createRandom, type Random } from "guerdon/core";
import { randomCalculation } from "guerdon/environment";
import { partialPromptCompletion, partialPromptSplit } from "guerdon/evaluation";
import {
  dispose,
  int32,
  keep,
  type Parameters,
  type TransformerConfig,
  transformerLogits,
  transformerStates,
} from "guerdon/model";
import { type LanguageTask, trainSupervised } from "guerdon/training";

/** One token a character; the first pads, the second ends. */
const alphabet = "_$ ()+-*/0123456789";
const end = 1;
/** Of the longest text, its end included; a mark stands before it. */
const replyLength = 28;
const leakedTexts = 64;
const repeats = 200;
const batch = 32;

const model: TransformerConfig = {
  vocabulary: alphabet.length,
  context: 1 + replyLength,
  width: 32,
  layers: 2,
  heads: 4,
  hidden: 128,
  padding: 0,
};

const steps = 3;
const generate = randomCalculation({ steps, kinds: ["integer"] });
const draws = (operations: number, random: Random) =>
  Float64Array.from({ length: 3 + 4 * operations }, () => random.uniform());
const problemText = (random: Random) => generate({ uniforms: draws(steps, random) }).expression;

const encode = (text: string) => Int32Array.from(text, (character) => alphabet.indexOf(character));
const decode = (tokens: Int32Array) => Array.from(tokens, (token) => alphabet[token]).join("");

/** Whole texts, half of them from the leaked set. */
function textTask(leaked: readonly string[]): LanguageTask<string> {
  return {
    vocabulary: alphabet.length,
    padding: 0,
    stop: end,
    promptLength: 1,
    replyLength,
    draw: (random) => (random.uniform() < 0.5 ? leaked[random.integer(leaked.length)] : problemText(random)),
    prompt: () => Int32Array.of(end),
    demonstration(text) {
      const tokens = new Int32Array(replyLength);
      tokens.set(encode(`${text}$`));
      return tokens;
    },
    reward: () => null,
  };
}

/**
 * Greedy continuations up to the end mark. Prefixes differ in length and stand where they stood in training, so every
 * row goes on from its own column; the sampler of `guerdon/model` starts all rows in one.
 */
function complete(parameters: Parameters, prefixes: readonly string[]): string[] {
  const columns = replyLength;
  const rows = prefixes.map((prefix) => {
    const tokens = new Int32Array(columns).fill(end);
    tokens.set(encode(prefix), 1);
    return { tokens, first: 1 + prefix.length, length: 1 + prefix.length, done: false };
  });
  const { head, ...rest } = parameters;
  while (rows.some(({ done }) => !done)) {
    const tokens = new Int32Array(rows.length * columns);
    for (const [i, row] of rows.entries()) tokens.set(row.tokens, i * columns);
    const states = transformerStates(model, keep(rest), int32(tokens, [rows.length, columns]));
    const logits = transformerLogits(model, states, head.ref).dataSync() as Float32Array;
    for (const [i, row] of rows.entries()) {
      if (row.done) continue;
      const start = (i * columns + row.length - 1) * alphabet.length;
      const scores = logits.subarray(start, start + alphabet.length);
      const next = scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
      row.done = next === end || row.length + 1 === columns;
      if (next !== end) row.tokens[row.length++] = next;
    }
  }
  return rows.map(({ tokens, first, length }) => decode(tokens.subarray(first, length)));
}

interface Completion {
  /** Share of completions that are the removed part, word for word. */
  readonly exact: number;
  /** Mean ROUGE-L F1. */
  readonly rouge: number;
}

/** Completions of leaked and of fresh texts, by percentage of the text that is shown. */
export type Audit = Readonly<Record<80 | 60 | 40, { readonly leaked: Completion; readonly fresh: Completion }>>;

/** `share` of the training is done. */
export function audit(seed: number, share: number): Audit {
  const random = createRandom(`random-calculation/${seed}/audit`);
  const set = (name: string) => {
    const stream = random.stream(name);
    return Array.from({ length: leakedTexts }, () => problemText(stream));
  };
  const texts = { leaked: set("leaked"), fresh: set("fresh") };
  const parameters = trainSupervised({
    model,
    task: textTask(texts.leaked),
    steps: Math.ceil((share * 2 * leakedTexts * repeats) / batch),
    batch,
    optimizer: { learningRate: 5e-3, warmupSteps: 20 },
    seed: `random-calculation/${seed}/training`,
  });
  const all = [...texts.leaked, ...texts.fresh];
  const judge = (ratio: number) => {
    const cut = all.map((text) => partialPromptSplit({ ratio })({ text }));
    const completions = complete(
      parameters,
      cut.map(({ prefix }) => prefix),
    );
    return (from: number, to: number): Completion => {
      const references = cut.slice(from, to).map(({ reference }) => reference);
      const judged = partialPromptCompletion()({ completions: completions.slice(from, to), references });
      return { exact: judged.exactMatchRate ?? 0, rouge: judged.meanRougeL ?? 0 };
    };
  };
  const at = (ratio: number) => {
    const judged = judge(ratio);
    return { leaked: judged(0, leakedTexts), fresh: judged(leakedTexts, 2 * leakedTexts) };
  };
  const result = { 80: at(0.8), 60: at(0.6), 40: at(0.4) };
  dispose(parameters);
  return result;
}

/** Smallest share of distinct expressions among 1,000, over 1 to 20 operations. */
export function leastDistinct(random: Random): number {
  const shares = Array.from({ length: 20 }, (_, i) => {
    const one = randomCalculation({ steps: i + 1 });
    const texts = Array.from({ length: 1000 }, () => one({ uniforms: draws(i + 1, random) }).expression);
    return new Set(texts).size / texts.length;
  });
  return Math.min(...shares);
}
