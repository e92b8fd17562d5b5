/** Small parts for the pipeline's tests: what they compute can be checked by hand. */
import { z } from "zod";
import { fields, flags, nullableStrings, nullableVector, vector } from "../core/fields.ts";
import { definePart as part } from "../core/part.ts";

/** 1 where response and reference are equal; null, with its reason, for a response "?"; throws for "boom". */
export const equal = part({
  id: "signal/equal-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({
    correct: flags("N", "equal"),
    answers: nullableStrings("N", "read"),
    errors: nullableStrings("N", "why null"),
  }),
  compute(_, { responses, references }) {
    if (responses.includes("boom")) throw new Error("boom was read");
    return {
      correct: responses.map((text, i) => (text === "?" ? null : text === references[i])) as boolean[],
      answers: [...responses],
      errors: responses.map((text) => (text === "?" ? "a question mark says nothing" : null)),
    };
  },
});

/** Length of one response. */
export const lengthOfOne = part({
  id: "signal/length-of-one-fixture",
  papers: [],
  params: z.object({ scale: z.number().default(1) }),
  inputs: z.object({ response: fields.response }),
  outputs: z.object({ score: z.number(), doubled: z.number() }),
  compute: ({ scale }, { response }) => ({ score: response.length * scale, doubled: response.length * 2 }),
});

/** x as it comes, from a numeric field. */
export const echo = part({
  id: "signal/echo-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ x: nullableVector("N", "anything") }),
  outputs: z.object({ rewards: nullableVector("N", "the same") }),
  compute: (_, { x }) => ({ rewards: x }),
});

/** Rewards minus the running mean of all rewards before this batch. */
export const runningMean = part({
  id: "shaping/running-mean-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({
    rewards: fields.rewards,
    state: z.object({ n: z.number().default(0), sum: z.number().default(0) }),
  }),
  outputs: z.object({ rewards: fields.rewards, state: z.object({ n: z.number(), sum: z.number() }) }),
  compute(_, { rewards, state }) {
    const mean = state.n === 0 ? 0 : state.sum / state.n;
    let sum = state.sum;
    for (let i = 0; i < rewards.length; i++) sum += rewards[i];
    return { rewards: Array.from(rewards, (reward) => reward - mean), state: { n: state.n + rewards.length, sum } };
  },
});

/** How many rollouts came before; a signal with state. */
export const counting = part({
  id: "signal/counting-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ responses: fields.responses, state: z.object({ n: z.number().default(0) }) }),
  outputs: z.object({ rewards: fields.rewards, state: z.object({ n: z.number() }) }),
  compute: (_, { responses, state }) => ({
    rewards: responses.map((__, i) => state.n + i),
    state: { n: state.n + responses.length },
  }),
});

/** 1 / rewards: infinite at 0. */
export const reciprocal = part({
  id: "shaping/reciprocal-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards }),
  outputs: z.object({ rewards: fields.rewards }),
  compute: (_, { rewards }) => ({ rewards: Float64Array.from(rewards, (reward) => 1 / reward) }),
});

/** Rewards minus the mean of their group. */
export const centred = part({
  id: "credit/centred-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({ advantages: fields.advantages, groups: z.array(z.unknown()) }),
  compute(_, { rewards, groups }) {
    const sums = new Map<unknown, { sum: number; n: number }>();
    for (let i = 0; i < rewards.length; i++) {
      const entry = sums.get(groups[i]) ?? { sum: 0, n: 0 };
      sums.set(groups[i], { sum: entry.sum + rewards[i], n: entry.n + 1 });
    }
    const advantages = Array.from(rewards, (reward, i) => {
      const { sum, n } = sums.get(groups[i]) ?? { sum: 0, n: 1 };
      return reward - sum / n;
    });
    return { advantages, groups: [...sums.keys()] };
  },
});

/** Adds a uniform draw. */
export const noisy = part({
  id: "shaping/noisy-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, uniforms: vector("N", "U[0, 1)") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute: (_, { rewards, uniforms }) => ({ rewards: Array.from(rewards, (reward, i) => reward + uniforms[i]) }),
});

/** Doubles what another signal read; asynchronous. */
export const later = part({
  id: "signal/later-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ answers: fields.responses }),
  outputs: z.object({ rewards: fields.rewards }),
  async compute(_, { answers }) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { rewards: answers.map((answer) => answer.length * 2) };
  },
});

export const askFor = part({
  id: "signal/ask-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ question: z.string(), response: fields.response }),
  outputs: z.object({ messages: fields.messages }),
  compute: (_, { question, response }) => ({
    messages: [{ role: "user", content: `Q: ${question}\nA: ${response}\nScore 0 to 10.` }],
  }),
});

/** The number after "Score:", else null. */
export const readScore = part({
  id: "signal/read-score-fixture",
  papers: [],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ rating: z.number().nullable() }),
  compute(_, { reply }) {
    const found = /^Score: (\d+)$/.exec(reply);
    return { rating: found ? Number(found[1]) : null };
  },
});
