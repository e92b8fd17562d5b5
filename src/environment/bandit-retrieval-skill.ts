/**
 * Bed `bandit`, layout `retrieval-skill`: questions of which a half leaked into pre-training. Logits are e^β · b + w · [gold]:
 * b is what the base model remembers (the leaked half: the answer; the clean half: mostly a distractor), β how sharply
 * it recalls, w how well it calculates. Both are shared by all questions, so that learning on any of them moves the rest.
 */
import type { Random } from "../core/random.ts";
import { mean } from "../core/statistics.ts";
import { type AdditiveLogits, additiveLogits, expectedValues } from "./bandit.ts";

export interface RetrievalSkillParams {
  /** The first half leaked. */
  readonly prompts: number;
  readonly answers: number;
  /** Prior logit of the right answer to a leaked question, and to a clean one that the model happens to know. */
  readonly known: number;
  /** Prior logit of the right answer to the other clean questions, and of the distractor to any clean one. */
  readonly unknown: number;
  readonly distractor: number;
  /** Share of clean questions that the model happens to know. */
  readonly knownShare: number;
  readonly noise: number;
}

export const retrievalSkillDefaults: RetrievalSkillParams = {
  prompts: 200,
  answers: 10,
  known: 2.6,
  unknown: 1,
  distractor: 2.2,
  knownShare: 0.2,
  noise: 0.3,
};

export interface RetrievalSkillWorld extends RetrievalSkillParams {
  readonly correct: (prompt: number, answer: number) => boolean;
  /** Parameters [β], [w], both from 0 and kept in [−3, 4]; prompts × answers. */
  readonly policy: () => AdditiveLogits;
}

export interface RetrievalSkillTruth {
  /** Accuracy on either half; probabilities, prompts × answers. */
  readonly accuracy: (policy: Float64Array) => { readonly leaked: number; readonly clean: number };
}

/** Streams: `gold` (answers and distractors), `prior` (noise). */
export function retrievalSkill(
  params: Partial<RetrievalSkillParams>,
  random: Random,
): { readonly world: RetrievalSkillWorld; readonly truth: RetrievalSkillTruth } {
  const settings = { ...retrievalSkillDefaults, ...params };
  const { prompts, answers, known, unknown, distractor, knownShare, noise } = settings;
  const half = prompts / 2;
  const draw = random.stream("gold");
  const gold = Int32Array.from({ length: prompts }, () => draw.integer(answers));
  const wrong = gold.map((answer) => (answer + 1 + draw.integer(answers - 1)) % answers);
  const jitter = random.stream("prior");
  const prior = Float64Array.from({ length: prompts * answers }, (_, i) => {
    const prompt = Math.floor(i / answers);
    const answer = i % answers;
    const leaked = prompt < half;
    const knows = leaked || prompt < half + knownShare * half;
    const memory = answer === gold[prompt] ? (knows ? known : unknown) : 0;
    return noise * jitter.normal() + memory + (!leaked && answer === wrong[prompt] ? distractor : 0);
  });
  const isGold = (prompt: number, answer: number) => gold[prompt] === answer;
  const rightness = Float64Array.from(prior, (_, i) => (isGold(Math.floor(i / answers), i % answers) ? 1 : 0));
  return {
    world: {
      ...settings,
      correct: isGold,
      policy: () =>
        additiveLogits(prompts, answers, [
          {
            start: [0],
            index: () => 0,
            feature: (prompt, answer) => prior[prompt * answers + answer],
            link: "exp",
            bounds: [-3, 4],
          },
          { start: [0], index: (prompt, answer) => (isGold(prompt, answer) ? 0 : -1), bounds: [-3, 4] },
        ]),
    },
    truth: {
      accuracy(policy) {
        const right = expectedValues(policy, rightness, answers);
        return { leaked: mean(right.subarray(0, half)), clean: mean(right.subarray(half)) };
      },
    },
  };
}
