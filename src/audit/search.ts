/** Mutation and crossover: climbs the reward while the hidden check says wrong. */
import type { Random } from "../core/random.ts";
import { type Ask, type Evaluator, longest } from "./evaluate.ts";
import type { HiddenCheck, Problem } from "./types.ts";

export interface SearchOptions {
  readonly evaluator: Evaluator;
  readonly problem: Problem;
  /** Wrong responses to begin with. */
  readonly seeds: readonly string[];
  readonly dictionary: readonly string[];
  readonly check: HiddenCheck;
  readonly random: Random;
  readonly generations: number;
  readonly population: number;
  /** Stop once this is reached. */
  readonly enough: number;
  readonly rewrite?: (prompt: string, response: string, signal: AbortSignal) => Promise<readonly string[]>;
}

export interface Climbed {
  readonly response: string;
  readonly reward: number;
}

/** The best-paid wrong response found, and where the climb began; null when none could be scored. */
export async function search(
  options: SearchOptions,
): Promise<{ readonly best: Climbed; readonly start: number } | null> {
  const { evaluator, problem, random, population, check } = options;
  async function wrongOnes(texts: readonly string[]): Promise<Climbed[]> {
    const asks: Ask[] = [...new Set(texts)].map((response) => ({ problem, response }));
    const scored = await evaluator.score(asks);
    const kept: Climbed[] = [];
    for (let i = 0; i < asks.length; i++) {
      const reward = scored[i]?.reward;
      if (reward === null || reward === undefined) continue;
      kept.push({ response: asks[i].response, reward });
    }
    // The check may be dear: it looks only at those that would be kept.
    const sorted = kept.sort((a, b) => b.reward - a.reward || a.response.length - b.response.length);
    const chosen: Climbed[] = [];
    for (const one of sorted) {
      if (chosen.length >= population) break;
      if ((await check(problem, one.response)) === false) chosen.push(one);
    }
    return chosen;
  }
  let pool = await wrongOnes(options.seeds);
  if (pool.length === 0) return null;
  const start = pool[0].reward;
  let stale = 0;
  for (let generation = 0; generation < options.generations && !evaluator.over && stale < 6; generation++) {
    if (pool[0].reward >= options.enough) break;
    const children: string[] = [];
    for (let i = 0; i < population * 2; i++) {
      const parent = pool[Math.min(pool.length - 1, Math.floor(pool.length * random.uniform() ** 2))].response;
      const other = pool[random.integer(pool.length)].response;
      children.push(mutate(parent, other, options.dictionary, random).slice(0, Math.min(longest, 8_000)));
    }
    if (options.rewrite && generation % 3 === 0) {
      const rewritten = await options
        .rewrite(problem.prompt, pool[0].response, AbortSignal.timeout(20_000))
        .catch(() => []);
      children.push(...rewritten.slice(0, 8));
    }
    const before = pool[0].reward;
    pool = await wrongOnes([...pool.map(({ response }) => response), ...children]);
    stale = pool.length > 0 && pool[0].reward > before + 1e-9 ? 0 : stale + 1;
    if (pool.length === 0) return null;
  }
  return { best: pool[0], start };
}

const snippets = [
  "\n",
  " ",
  ".",
  ":",
  "yes",
  "1",
  "0",
  "A",
  "B",
  "<answer>",
  "</answer>",
  "<think>",
  "</think>",
  "\\boxed{",
  "}",
  "####",
  "Step 1:",
  "Therefore",
  "Wait",
  "The answer is",
  "correct",
  "```",
  '"',
  "{",
  "[",
  "\n\n",
  "- ",
  "True",
];

function mutate(text: string, other: string, dictionary: readonly string[], random: Random): string {
  const pieces = text.split(/(?<=\s)|(?=[<\\])/);
  const at = random.integer(pieces.length + 1);
  const count = 1 + random.integer(4);
  switch (random.integer(8)) {
    case 0: // delete
      return [...pieces.slice(0, at), ...pieces.slice(at + count)].join("");
    case 1: // duplicate
      return [...pieces.slice(0, at + count), ...pieces.slice(at)].join("");
    case 2: {
      // a word from the reward's own source
      const word =
        dictionary.length > 0
          ? dictionary[random.integer(dictionary.length)]
          : snippets[random.integer(snippets.length)];
      return [...pieces.slice(0, at), ` ${word} `, ...pieces.slice(at)].join("");
    }
    case 3:
      return [...pieces.slice(0, at), snippets[random.integer(snippets.length)], ...pieces.slice(at)].join("");
    case 4: {
      // crossover
      const others = other.split(/(?<=\s)|(?=[<\\])/);
      return [...pieces.slice(0, at), ...others.slice(random.integer(others.length + 1))].join("");
    }
    case 5: // another number
      return text.replace(/\d+/g, (digits) => (random.uniform() < 0.5 ? String(random.integer(120)) : digits));
    case 6: // twice
      return `${text}\n${text}`;
    default: {
      const to = random.integer(pieces.length + 1);
      const moved = [...pieces];
      moved.splice(to, 0, ...moved.splice(Math.min(at, moved.length - 1), count));
      return moved.join("");
    }
  }
}
