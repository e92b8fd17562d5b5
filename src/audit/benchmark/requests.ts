/** From items to rollouts that a scorer is asked about, and back from its answers to outcomes. */
import { createRandom } from "../../core/random.ts";
import { isChat, messageText } from "../../core/rollout.ts";
import { stepAggregation } from "../../shaping/index.ts";
import type { BenchScorer } from "./scorers.ts";
import type { ChoiceItem, GivenScore, Item, Outcome, ProcessItem } from "./types.ts";

export type StepAggregate = "min" | "max" | "prod" | "geometric-mean" | "mean" | "mean-logit" | "mean-odd" | "last";

export interface AskOptions {
  /** Choice items: ask about every step and aggregate, as for a process reward model. */
  readonly steps: boolean;
  readonly aggregate: StepAggregate;
  /** A step that scores below this is wrong. */
  readonly threshold: number;
  readonly orders: "both" | "single";
  readonly seed: string;
}

/** One question: a rollout, and whether the answer has to be turned round. */
export interface Request {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Pairwise, single order: the right answer stood second. */
  readonly flipped?: boolean;
}

/** RewardBench 2's Ties: several answers are equally right, or one beside many wrong ones, under an id of its form. */
export function isTies(item: Item): item is ChoiceItem {
  return item.kind === "choice" && item.subset.toLowerCase() === "ties" && /^(ref|tied):/.test(item.id);
}

export function requestsOf(item: Item, { about }: BenchScorer, options: AskOptions): readonly Request[] {
  const shared = item.fields;
  const single = (prompt: unknown, response: string): Request => ({
    fields: { ...shared, prompts: prompt, responses: response },
  });
  switch (item.kind) {
    case "contrast":
      return item.prompts.flatMap((prompt) => item.responses.map((response) => single(prompt, response)));
    case "probe":
      return [single(item.prompt, item.response)];
    case "process":
      return stepRequests(item.prompt, item.steps, shared);
    case "choice": {
      const candidates = [...item.chosen, ...item.rejected];
      if (about === "pair") return pairRequests(item, options);
      if (about === "choice" && !isTies(item)) return [choiceRequest(item, options)];
      if (options.steps)
        return candidates.flatMap(({ text, steps }) => stepRequests(item.prompt, steps ?? [text], shared));
      return candidates.map(({ text }) => single(item.prompt, text));
    }
  }
}

function stepRequests(prompt: unknown, steps: readonly string[], shared: Readonly<Record<string, unknown>>): Request[] {
  return steps.map((step, i) => ({
    fields: {
      ...shared,
      prompts: prompt,
      responses: steps.slice(0, i + 1).join("\n\n"),
      step,
      objective: questionOf(prompt),
      conditions: steps.slice(0, i),
    },
  }));
}

function questionOf(prompt: unknown): string {
  if (isChat(prompt)) return prompt.map((message) => messageText(message)).join("\n\n");
  return typeof prompt === "string" ? prompt : JSON.stringify(prompt);
}

function pairRequests(item: ChoiceItem, { orders, seed }: AskOptions): Request[] {
  const random = createRandom(`${seed}/order/${item.id}`);
  return item.rejected.map(({ text }) => {
    const flipped = orders === "single" && random.uniform() < 0.5;
    const right = item.chosen[0].text;
    return {
      flipped,
      fields: {
        ...item.fields,
        prompts: questionOf(item.prompt),
        responses: right,
        first: flipped ? text : right,
        second: flipped ? right : text,
      },
    };
  });
}

function choiceRequest(item: ChoiceItem, { seed }: AskOptions): Request {
  const answers = [item.chosen[0], ...item.rejected].map(({ text }) => text);
  const correctPosition = createRandom(`${seed}/place/${item.id}`).integer(answers.length);
  const fields = { ...item.fields, prompts: questionOf(item.prompt), responses: answers[0], answers, correctPosition };
  return { fields };
}

/** What one question was answered with. */
export interface Answer {
  readonly value: number | null;
  readonly evidence: unknown;
}

/** Which comparisons the right answer won; a tie is not won. null where there is no verdict. */
export function winsOf(requests: readonly Request[], answers: readonly Answer[]): readonly (boolean | null)[] {
  return answers.map(({ value }, i) => (value === null ? null : requests[i].flipped ? value < 0.5 : value > 0.5));
}

/** The outcome of an item from the answers to its requests; null where an answer is missing. */
export function outcomeOf(
  item: Item,
  requests: readonly Request[],
  answers: readonly Answer[],
  { about }: BenchScorer,
  options: AskOptions,
): Outcome | null {
  if (item.kind === "probe") {
    const { evidence } = answers[0];
    return Array.isArray(evidence) ? { kind: "embedding", embedding: evidence as number[] } : null;
  }
  const values = answers.map(({ value }) => value);
  if (!values.every((value) => value !== null)) return null;
  if (item.kind === "process") return stepOutcome(item, values, about === "step" ? 0 : options.threshold);
  if (item.kind === "choice" && about === "pair")
    return { kind: "wins", wins: winsOf(requests, answers).map((won) => won === true) };
  if (item.kind === "choice" && about === "choice" && !isTies(item)) return { kind: "picked", result: values[0] };
  if (item.kind !== "choice" || !options.steps) return { kind: "scores", scores: values };
  const rows: (readonly number[])[] = [];
  let at = 0;
  for (const { steps } of [...item.chosen, ...item.rejected]) {
    const count = steps?.length ?? 1;
    rows.push(values.slice(at, at + count));
    at += count;
  }
  return aggregated(rows, options.aggregate);
}

function aggregated(rows: (readonly number[])[], aggregate: StepAggregate): Outcome | null {
  const { rewards } = stepAggregation({ aggregate, emptyValue: 0.5 })({ stepRewards: rows });
  const scores = Array.from(rewards as ArrayLike<number | null>);
  return scores.every((score) => score !== null) ? { kind: "scores", scores } : null;
}

/** The first step below the threshold (a judge's verdict is −1, 0 or 1) is the predicted error. */
function stepOutcome(item: ProcessItem, scores: readonly number[], threshold: number): Outcome {
  if (item.steps.length !== scores.length) throw new RangeError(`${item.place}: one score a step is needed`);
  return { kind: "prediction", prediction: scores.findIndex((score) => score < threshold) };
}

/** The outcome that came with the data; undefined where the data has none. */
export function givenOutcome(item: Item, options: AskOptions): Outcome | null | undefined {
  switch (item.kind) {
    case "probe":
      if (item.embedding === undefined) return undefined;
      return item.embedding === null ? null : { kind: "embedding", embedding: item.embedding };
    case "process": {
      if (item.prediction !== undefined)
        return item.prediction === null ? null : { kind: "prediction", prediction: item.prediction };
      if (!item.scores) return undefined;
      const scores = numbersOf(item.scores);
      return scores && stepOutcome(item, scores, options.threshold);
    }
    case "contrast": {
      if (!item.scores) return undefined;
      const scores = numbersOf(item.scores);
      return scores && { kind: "scores", scores };
    }
    case "choice": {
      if (item.wins)
        return item.wins.every((won) => won !== null) ? { kind: "wins", wins: item.wins as boolean[] } : null;
      if (!item.scores) return undefined;
      if (item.scores.some((score) => Array.isArray(score)))
        return item.scores.every((score) => Array.isArray(score))
          ? aggregated([...item.scores] as (readonly number[])[], options.aggregate)
          : null;
      const scores = numbersOf(item.scores);
      return scores && { kind: "scores", scores };
    }
  }
}

function numbersOf(scores: readonly GivenScore[]): readonly number[] | null {
  return scores.every((score) => typeof score === "number") ? (scores as number[]) : null;
}
