import { z } from "zod";
import { fillTemplate, userMessage } from "../../core/chat.ts";
import { fields, flags, nullableVector, shaped } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { entry, lastMatch, parseObject, plainNumber } from "../../core/reply.ts";

const decision = z.enum(["SELECTED", "REJECTED"]);

/**
 * Decision and score of a screening reply (arXiv 2511.16073; the grammar is ours).
 *
 * Decision: the last decision, verdict or status followed by ":" or "=" and SELECTED or REJECTED (any case; quotes and asterisks allowed); without
 * such a label the word that occurs as a whole word, if only one of the two does. Score: the last "score: x" or "score = x/y", divided by y
 * (100 where absent); null outside [0, 1]. `valid`: both found.
 */
export const decisionParse = definePart({
  id: "signal/decision-parse",
  papers: ["resume-grpo"],
  params: z.object({}),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({
    decisions: shaped(z.array(decision.nullable()), "N", "the decision; null: none"),
    scores: nullableVector("N", "score as a share"),
    valid: fields.valid,
  }),
  compute(_params, { responses }) {
    const decisions = responses.map(decisionOf);
    const scores = responses.map(scoreOf);
    return { decisions, scores, valid: decisions.map((one, i) => one !== null && scores[i] !== null) };
  },
});

function decisionOf(text: string): z.infer<typeof decision> | null {
  const label = /(?<![A-Za-z])(?:decision|verdict|status)["'*\s]*[:=]["'*\s]*(SELECTED|REJECTED)(?![\p{L}\p{N}_])/giu;
  const labelled = lastMatch(text, label)?.[1].toUpperCase();
  if (labelled !== undefined) return labelled as z.infer<typeof decision>;
  const selected = /(?<![\p{L}\p{N}_])selected(?![\p{L}\p{N}_])/iu.test(text);
  const rejected = /(?<![\p{L}\p{N}_])rejected(?![\p{L}\p{N}_])/iu.test(text);
  return selected === rejected ? null : selected ? "SELECTED" : "REJECTED";
}

function scoreOf(text: string): number | null {
  const match = lastMatch(
    text,
    /(?<![A-Za-z])score["'*\s]*[:=]["'*\s]*([+-]?[0-9]+(?:\.[0-9]+)?)(?:\s*\/\s*([0-9]+(?:\.[0-9]+)?))?/gi,
  );
  if (!match) return null;
  const share = Number(match[1]) / Number(match[2] ?? 100);
  return share >= 0 && share <= 1 ? share : null;
}

/**
 * Payoff table of a two-way decision (arXiv 2511.16073): true positive (SELECTED and qualified), true negative, false positive, false
 * negative; `invalid` where there is no decision. With belief p, selecting beats rejecting iff
 * p > (d − b)/((a − c) + (d − b)) for payoffs a, d, b, c in that order: `evaluation/decision-threshold` says what a table teaches.
 */
export const decisionPayoff = definePart({
  id: "signal/decision-payoff",
  papers: ["resume-grpo"],
  params: z.object({
    truePositive: z.number().default(1).describe("selected, rightly"),
    trueNegative: z.number().default(1).describe("rejected, rightly"),
    falsePositive: z.number().default(-0.5).describe("selected, wrongly"),
    falseNegative: z.number().default(-0.5).describe("rejected, wrongly"),
    invalid: z.number().default(-1).describe("no decision"),
  }),
  inputs: z.object({
    decisions: shaped(z.array(decision.nullable()), "N", "the decision; null: none"),
    labels: shaped(z.array(decision), "N", "the right decision"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ truePositive, trueNegative, falsePositive, falseNegative, invalid }, { decisions, labels }) {
    return {
      rewards: Float64Array.from(decisions, (made, i) => {
        if (made === null) return invalid;
        if (made === "SELECTED") return labels[i] === "SELECTED" ? truePositive : falsePositive;
        return labels[i] === "REJECTED" ? trueNegative : falseNegative;
      }),
    };
  },
});

const gamble = (description: string) =>
  shaped(z.array(z.tuple([z.number().min(0).max(1), z.number()])), "M", description);

/**
 * Asks for a choice between two gambles (arXiv 2406.17055). `template` gets {machineA}, {machineB} ("$x with p% chance, ….", p rounded to
 * two decimals) and {people}; the reply is {"choice": "A"} or {"choice": "B"}, read by `signal/gamble-choice-parse`. Outcomes are
 * shown in the given order: shuffle them before. Numbers only, so nothing has to be fenced.
 */
export const gamblePrompt = definePart({
  id: "signal/gamble-prompt",
  papers: ["llm-rationality"],
  params: z.object({
    template: z
      .string()
      .default(
        "A person plays one of two machines once and receives what it pays.\nMachine A: {machineA}\nMachine B: {machineB}\n" +
          'Which machine does the person choose? Think step by step, then end with {"choice": "A"} or {"choice": "B"}.',
      )
      .describe("wording with {machineA}, {machineB} and {people}, each replaced once"),
  }),
  inputs: z.object({
    gambleA: gamble("[probability, outcome] of machine A"),
    gambleB: shaped(z.array(z.tuple([z.number().min(0).max(1), z.number()])), "L", "the same of machine B"),
    people: z.int().positive().optional().describe("number of people, where shares are asked for"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      gambleA: [[1, 3]],
      gambleB: [
        [0.8, 4],
        [0.2, 0],
      ],
    },
  },
  compute({ template }, { gambleA, gambleB, people }) {
    const text = (outcomes: readonly (readonly [number, number])[]) =>
      `${outcomes.map(([p, x]) => `$${x} with ${Math.round(p * 10_000) / 100}% chance`).join(", ")}.`;
    const values = {
      machineA: text(gambleA),
      machineB: text(gambleB),
      ...(people === undefined ? {} : { people: String(people) }),
    };
    return { messages: [userMessage(fillTemplate(template, values))] };
  },
});

/**
 * The chosen gamble (arXiv 2406.17055). `json`: A iff the reply holds "choice": "A" (or "Choice") and not the same with B, and vice
 * versa; else null. `first-letter` (zero-shot, as released): a reply with a capital A anywhere is A, else one with a B is B.
 */
export const gambleChoiceParse = definePart({
  id: "signal/gamble-choice-parse",
  papers: ["llm-rationality"],
  params: z.object({ mode: z.enum(["json", "first-letter"]).default("json").describe("reply format") }),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ choice: z.enum(["A", "B"]).nullable().describe("the choice") }),
  compute({ mode }, { reply }) {
    const has = (letter: string) =>
      mode === "json" ? new RegExp(`"[Cc]hoice"\\s*:\\s*"${letter}"`).test(reply) : reply.includes(letter);
    const [a, b] = [has("A"), has("B")];
    const ambiguous = mode === "json" && a && b;
    return { choice: ambiguous || !(a || b) ? null : a ? ("A" as const) : ("B" as const) };
  },
});

/**
 * Share of people who choose machine B (arXiv 2406.17055): the first {…} of the reply with numbers, "30%" or fractions under
 * "Machine A" and "Machine B", normalised to b/(a + b); null where they cannot be read, are negative, or add to 0.
 */
export const choiceShareParse = definePart({
  id: "signal/choice-share-parse",
  papers: ["llm-rationality"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ probabilityB: z.number().nullable().describe("share of B") }),
  compute(_params, { reply }) {
    const start = reply.indexOf("{");
    const object = start < 0 ? null : parseObject(reply.slice(start, reply.indexOf("}", start) + 1));
    const [a, b] = ["Machine A", "Machine B"].map((key) => shareOf(object && entry(object, key)));
    if (a === null || b === null || a < 0 || b < 0 || a + b === 0) return { probabilityB: null };
    // Halved before they are added: the sum of two large numbers must stay finite.
    return { probabilityB: b / 2 / (a / 2 + b / 2) };
  },
});

function shareOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  const [top, bottom, ...rest] = value.trim().replace(/%$/, "").split("/").map(plainNumber);
  if (rest.length > 0 || top === null || bottom === null || bottom === 0) return null;
  return bottom === undefined ? top : top / bottom;
}

/**
 * Reward of a verifiable answer in three tiers: `correct` for a right answer, `formatted` for a wrong one that can be read, `malformed`
 * otherwise, whatever its content (arXiv 2602.03979).
 */
export const tieredVerifier = definePart({
  id: "signal/tiered-verifier",
  papers: ["likelihood-rewards"],
  params: z.object({
    correct: z.number().default(100).describe("right and readable"),
    formatted: z.number().default(10).describe("wrong, readable"),
    malformed: z.number().default(0).describe("unreadable"),
  }),
  inputs: z.object({ correct: fields.correct, formatted: flags("N", "an answer could be read") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute(values, { correct, formatted }) {
    return {
      rewards: Float64Array.from(formatted, (readable, i) =>
        !readable ? values.malformed : correct[i] ? values.correct : values.formatted,
      ),
    };
  },
});
