import { z } from "zod";
import { fencedMessages, numbered } from "../../core/chat.ts";
import { ContractError } from "../../core/error.ts";
import { fields, integers, nullableVector, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { codeBlocks, entry, isObject, parseJson, parseObject } from "../../core/reply.ts";
import { expectLength } from "../../core/shapes.ts";

/**
 * Asks for a rubric of one request (OpenRubrics, arXiv 2510.07743): numbered criteria that start with "The response" and end
 * in [Hard Rule] (an explicit, checkable requirement) or [Principle] (a quality), read by `signal/rubric-parse`.
 *
 * With `contrast` the answers are shown, best first (`chosen` and `rejected`, or else `responses`), and what sets them apart is to be
 * turned into principles that do not mention this topic. Without it only the request is shown. Texts are fenced.
 */
export const rubricPrompt = definePart({
  id: "signal/rubric-prompt",
  papers: ["open-rubrics"],
  params: z.object({ contrast: z.boolean().default(true).describe("show the answers and derive criteria from them") }),
  inputs: z.object({
    prompt: z.string().describe("the request"),
    responses: strings("K", "answers, best first").optional(),
    chosen: z.string().optional().describe("the better answer"),
    rejected: z.string().optional().describe("the worse answer"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      prompt: "Explain tides in under 50 words.",
      responses: ["The moon's pull raises the sea twice a day.", "Tides are complicated."],
    },
  },
  compute({ contrast }, { prompt, responses, chosen, rejected }) {
    const pair = chosen !== undefined && rejected !== undefined ? [chosen, rejected] : undefined;
    const answers = pair ?? responses ?? [];
    if (contrast && answers.length < 2)
      throw new ContractError("inputs.responses", `expected at least two answers, best first, got ${answers.length}`);
    const steps = [
      "List every requirement that the request states itself and that can be checked. Each becomes a hard rule.",
      ...(contrast ? ["List concrete differences between the answers, and what makes the earlier one better."] : []),
      `Turn ${contrast ? "them" : "what makes a good answer to such requests"} into general principles that do not mention this topic.`,
    ];
    return {
      messages: fencedMessages({
        task: `You write the rubric by which answers to a request will be judged. Proceed in steps:\n${numbered(steps)}`,
        data: [
          ["Request", prompt] as const,
          ...(contrast
            ? answers.map((text, k) => [`Answer ${k + 1}${k === 0 ? ", the best" : ""}`, text] as const)
            : []),
        ],
        reply:
          'Write only the rubric: one numbered line per criterion, most important first, each starting with "The response" and ending in ' +
          "[Hard Rule] or [Principle].",
      }),
    };
  },
});

/**
 * A rubric's criteria (OpenRubrics, arXiv 2510.07743): lines numbered "k." or "k)" that end in [Hard Rule] or [Principle], any
 * case. `valid`: at least one criterion, no numbered line without a tag, and every text starts with "The response". What is tagged is
 * returned in any case.
 */
export const rubricParse = definePart({
  id: "signal/rubric-parse",
  papers: ["open-rubrics"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({
    criteria: z.array(z.object({ type: z.enum(["hard", "principle"]), text: z.string() })).describe("in order"),
    hardRules: z.int().describe("criteria of type hard"),
    principles: z.int().describe("criteria of type principle"),
    valid: z.boolean().describe("the rubric followed its format"),
  }),
  compute(_params, { reply }) {
    const criteria: { type: "hard" | "principle"; text: string }[] = [];
    let valid = true;
    for (const line of reply.split("\n")) {
      const item = /^\s*[0-9]+[.)]\s+(.*)$/s.exec(line)?.[1].trim();
      if (item === undefined) continue;
      const tag = criterionTags.find(({ suffix }) => item.toLowerCase().endsWith(suffix));
      const text = tag ? item.slice(0, -tag.suffix.length).trim() : item;
      if (tag) criteria.push({ type: tag.type, text });
      if (!tag || !text.startsWith("The response")) valid = false;
    }
    const hardRules = criteria.filter(({ type }) => type === "hard").length;
    return { criteria, hardRules, principles: criteria.length - hardRules, valid: valid && criteria.length > 0 };
  },
});

const criterionTags = [
  { suffix: "[hard rule]", type: "hard" },
  { suffix: "[principle]", type: "principle" },
] as const;

/**
 * Asks a judge which of several rubrics an answer meets (HeRL, arXiv 2603.20046): rubrics numbered, with their weights, reply
 * {"results": [0 or 1, …]} in the same order, read by `signal/rubric-checklist-parse`. Everything is fenced.
 */
export const rubricChecklistPrompt = definePart({
  id: "signal/rubric-checklist-prompt",
  papers: ["herl"],
  params: z.object({}),
  inputs: z.object({
    prompt: z.string().describe("the request"),
    response: fields.response,
    rubrics: shaped(
      z.array(z.union([z.string(), z.object({ text: z.string(), weight: z.number().nullable().optional() })])),
      "K",
      "criteria, with or without weight",
    ),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      prompt: "Which drug first?",
      response: "Start with paracetamol.",
      rubrics: [{ text: "Names a first-line drug", weight: 5 }, "Asks about allergies"],
    },
  },
  compute(_params, { prompt, response, rubrics }) {
    const lines = rubrics.map((rubric) =>
      typeof rubric === "string" ? rubric : `${rubric.text} (weight ${rubric.weight ?? 1})`,
    );
    return {
      messages: fencedMessages({
        task:
          "You check an answer against a list of rubrics, each on its own. A rubric is met only if the answer itself shows it; what the answer says " +
          "about being complete or right shows nothing.",
        data: [
          ["Request", prompt],
          ["Answer", response],
          ["Rubrics", numbered(lines)],
        ],
        reply: `Reply with JSON only: {"results": [...]}, a list of ${rubrics.length} entries in the order of the rubrics, 1 where met and 0 where not.`,
      }),
    };
  },
});

/**
 * Which rubrics a judge found met (HeRL, arXiv 2603.20046).
 *
 * JSON is taken from a code block, else from the first "{" to the last "}", else from the first "[" to the last "]". The list stands
 * under `results`, `rubrics` or `checks`, or is the whole value. Entries: 0/1, booleans, words (1, true, yes, y, pass, met, satisfied),
 * numbers from 1 on count as met, everything else as unmet; objects are placed by their 1-based `index`, `id` or `rubric_index` (else
 * where they stand) and judged by `satisfied`, `met` or `pass`. A short list is filled with 0, surplus is dropped, `count` 0 gives
 * []. null where no such JSON is found.
 */
export const rubricChecklistParse = definePart({
  id: "signal/rubric-checklist-parse",
  papers: ["herl"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply, count: z.int().nonnegative().describe("number of rubrics") }),
  outputs: z.object({ satisfied: shaped(z.array(z.number()).nullable(), "K", "1: met, 0: unmet; null: unreadable") }),
  compute(_params, { reply, count }) {
    if (count === 0) return { satisfied: [] };
    const results = checklistOf(reply);
    if (!results) return { satisfied: null };
    const satisfied = Array.from<number>({ length: count }).fill(0);
    for (const [k, item] of results.entries()) {
      const place = isObject(item) ? (placeOf(item) ?? k) : k;
      if (place < 0 || place >= count) continue;
      satisfied[place] = isMet(isObject(item) ? firstEntry(item, ["satisfied", "met", "pass"]) : item) ? 1 : 0;
    }
    return { satisfied };
  },
});

function checklistOf(reply: string): unknown[] | null {
  const span = (open: string, close: string) => {
    const start = reply.indexOf(open);
    const end = reply.lastIndexOf(close);
    return start < 0 || end < start ? [] : [reply.slice(start, end + 1)];
  };
  const candidates = [
    ...codeBlocks(reply)
      .slice(0, 1)
      .map(({ code }) => code),
    ...span("{", "}"),
    ...span("[", "]"),
  ];
  for (const candidate of candidates) {
    const value = parseJson(candidate);
    const list = isObject(value) ? firstEntry(value, ["results", "rubrics", "checks"]) : value;
    if (Array.isArray(list)) return list;
  }
  return null;
}

function firstEntry(object: Record<string, unknown>, keys: readonly string[]): unknown {
  const key = keys.find((name) => Object.hasOwn(object, name));
  return key === undefined ? undefined : object[key];
}

/** 0-based place that an entry names; null when it names none. */
function placeOf(item: Record<string, unknown>): number | null {
  const index = firstEntry(item, ["index", "id", "rubric_index"]);
  if (index === undefined) return null;
  const number =
    typeof index === "number"
      ? index
      : typeof index === "string" && /^\s*[0-9]{1,9}\s*$/.test(index)
        ? Number(index)
        : -1;
  return Number.isInteger(number) ? number - 1 : -1;
}

function isMet(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value >= 1;
  return (
    typeof value === "string" &&
    ["1", "true", "yes", "y", "pass", "met", "satisfied"].includes(value.trim().toLowerCase())
  );
}

/**
 * Reward of rubric scores: their weighted mean, Σ_k w_k s_k / Σ_k w_k over the applicable items, then scaled, shifted and clamped
 * (HeRL, arXiv 2603.20046; PromptEnhancer, arXiv 2509.04545).
 *
 * A null score is not applicable and left out; a null weight counts 1, a negative one 0, absent weights are all 1. Where the weights
 * of the applicable items add to 0 the mean is `emptyValue` (null unless set: no reward). reward = clamp(scale · mean + offset).
 */
export const rubricAggregation = definePart({
  id: "signal/rubric-aggregation",
  papers: ["herl", "prompt-enhancer"],
  params: z.object({
    scale: z.number().default(1).describe("factor of the mean"),
    offset: z.number().default(0).describe("added after scaling"),
    minimum: z.number().nullable().default(null).describe("least reward"),
    maximum: z.number().nullable().default(null).describe("greatest reward"),
    emptyValue: z.number().nullable().default(null).describe("mean where nothing has weight"),
  }),
  inputs: z.object({
    scores: shaped(z.array(z.array(z.number().nullable())), "N×K", "score per item; null: not applicable"),
    weights: nullableVector("K", "weight per item").optional(),
  }),
  outputs: z.object({
    rewards: nullableVector("N", "weighted mean, transformed"),
    applicable: integers("N", "items with a score"),
  }),
  compute({ scale, offset, minimum, maximum, emptyValue }, { scores, weights }) {
    const rewards: (number | null)[] = [];
    const applicable = new Int32Array(scores.length);
    for (const [i, row] of scores.entries()) {
      if (weights) expectLength(row, weights.length, `scores[${i}]`);
      let sum = 0;
      let total = 0;
      for (const [k, score] of row.entries()) {
        if (score === null) continue;
        const weight = Math.max(0, weights?.[k] ?? 1);
        sum += weight * score;
        total += weight;
        applicable[i]++;
      }
      const value = total > 0 ? sum / total : emptyValue;
      rewards.push(
        value === null
          ? null
          : Math.min(
              maximum ?? Number.POSITIVE_INFINITY,
              Math.max(minimum ?? Number.NEGATIVE_INFINITY, scale * value + offset),
            ),
      );
    }
    return { rewards, applicable };
  },
});

const item = z.object({
  question: z.string().describe("what is checked"),
  pass_condition: z.string().optional().describe("when it passes"),
  failure_examples: z.array(z.string()).optional().describe("how it fails"),
  focus_on: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe("which part of the turn counts"),
});

/**
 * Asks a judge whether one checklist item is satisfied by a turn of a tool-using dialogue (CM2): JSON reply with a boolean
 * `answer`, read by `signal/checklist-parse`. The dialogue so far and the turn are fenced, tool output included.
 */
export const checklistPrompt = definePart({
  id: "signal/checklist-prompt",
  papers: ["cm2"],
  params: z.object({}),
  inputs: z.object({
    before: z.array(z.object({ role: z.string(), content: z.string() })).describe("messages of earlier turns"),
    turn: z.array(z.object({ role: z.string(), content: z.string() })).describe("messages of this turn so far"),
    item,
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      before: [],
      turn: [
        { role: "user", content: "Book a table for two." },
        { role: "assistant", content: '{"name": "book", "arguments": {"guests": 2}}' },
      ],
      item: { question: "Did the assistant book for two guests?", pass_condition: "A booking call with guests = 2" },
    },
  },
  compute(_params, { before, turn, item: { question, pass_condition, failure_examples, focus_on } }) {
    const dialogue = (messages: readonly { role: string; content: string }[]) =>
      messages.map(({ role, content }) => `${role}: ${content}`).join("\n\n") || "(nothing)";
    const details = [
      `Question: ${question}`,
      ...(pass_condition === undefined ? [] : [`It passes if: ${pass_condition}`]),
      ...(failure_examples?.length ? [`It fails for example if: ${failure_examples.join("; ")}`] : []),
      ...(focus_on?.length ? [`Look only at: ${[focus_on].flat().join(", ")}`] : []),
    ];
    return {
      messages: fencedMessages({
        task:
          "You decide one checklist item about the current turn of a dialogue between a user and an assistant with tools. Judge what was done so far, not " +
          "what was announced.",
        data: [
          ["Earlier turns", dialogue(before)],
          ["Current turn", dialogue(turn)],
          ["Checklist item", details.join("\n")],
        ],
        reply:
          'Reply with JSON only: {"analysis": "why", "answer": true} if the item is satisfied, {"analysis": "why", "answer": false} if not.',
      }),
    };
  },
});

/**
 * A judge's answer to one checklist item (CM2): the reply is a JSON object (a code block around it is allowed) whose `answer` is a
 * boolean. Anything else is not valid and gives `invalid`: null unless set, so that a failed call leaves the group instead of scoring.
 */
export const checklistParse = definePart({
  id: "signal/checklist-parse",
  papers: ["cm2"],
  params: z.object({ invalid: z.boolean().nullable().default(null).describe("value of an unreadable reply") }),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({
    satisfied: shaped(z.array(z.boolean().nullable()), "N", "the item is satisfied"),
    valid: fields.valid,
  }),
  compute({ invalid }, { replies }) {
    const answers = replies.map((reply) => {
      const block = /^```(?:json)?\s/.test(reply.trim()) ? codeBlocks(reply)[0] : undefined;
      const object = parseObject((block?.code ?? reply).trim());
      const answer = object && entry(object, "answer");
      return typeof answer === "boolean" ? answer : null;
    });
    return {
      satisfied: answers.map((answer) => answer ?? invalid),
      valid: answers.map((answer) => answer !== null),
    };
  },
});

/**
 * One turn of checklist labels as rewards per step and item (CM2, eqs. 2 and 3).
 *
 * With Sat_c(s) = item c satisfied before step s (latched):
 * `stepRewards` r_{s,c} = 1 iff all dependencies hold before s, c does not, and c is satisfied at s;
 * `backfilled` = 1 iff all dependencies hold before s, c does not, and c gets satisfied at s or later;
 * `eligible` = 1 iff all dependencies hold before s and c does not; `earned` = c was ever paid.
 *
 * `gate`: "flip" latches the raw labels, so an item labelled before its prerequisite is never paid. "completion": an item is satisfied at
 * its first true label whose dependencies were satisfied in strictly earlier steps, and only that counts for others. "none" ignores
 * dependencies.
 */
export const checklistSteps = definePart({
  id: "signal/checklist-steps",
  papers: ["cm2"],
  params: z.object({ gate: z.enum(["flip", "completion", "none"]).default("flip").describe("what dependencies do") }),
  inputs: z.object({
    labels: shaped(z.array(z.array(z.boolean())), "S×C", "the judge's label per step and item"),
    dependencies: shaped(z.array(z.array(z.int())), "C", "items that each item presupposes"),
  }),
  outputs: z.object({
    stepRewards: shaped(z.array(z.array(z.number())), "S×C", "1 where an item is paid"),
    backfilled: shaped(z.array(z.array(z.number())), "S×C", "1 where an open item will be satisfied"),
    eligible: shaped(z.array(z.array(z.number())), "S×C", "1 where an item is open"),
    earned: shaped(z.array(z.boolean()), "C", "ever paid"),
  }),
  compute({ gate }, { labels, dependencies }) {
    const count = dependencies.length;
    for (const [c, needed] of dependencies.entries()) {
      const wrong = needed.find((index) => index < 0 || index >= count);
      if (wrong !== undefined)
        throw new ContractError(`inputs.dependencies[${c}]`, `expected items below ${count}, got ${wrong}`);
    }
    const satisfied = Array.from<boolean>({ length: count }).fill(false);
    const flippedAt = Array.from<number>({ length: count }).fill(Number.POSITIVE_INFINITY);
    const eligible: number[][] = [];
    const stepRewards: number[][] = [];
    for (const [s, row] of labels.entries()) {
      expectLength(row, count, `labels[${s}]`);
      const open = dependencies.map(
        (needed, c) => !satisfied[c] && (gate === "none" || needed.every((index) => satisfied[index])),
      );
      eligible.push(open.map(Number));
      stepRewards.push(open.map((isOpen, c) => (isOpen && row[c] ? 1 : 0)));
      for (let c = 0; c < count; c++) {
        if (satisfied[c] || !row[c] || (gate === "completion" && !open[c])) continue;
        satisfied[c] = true;
        flippedAt[c] = s;
      }
    }
    return {
      stepRewards,
      eligible,
      backfilled: eligible.map((row, s) =>
        row.map((open, c) => (open === 1 && Number.isFinite(flippedAt[c]) && flippedAt[c] >= s ? 1 : 0)),
      ),
      earned: dependencies.map((_, c) => stepRewards.some((row) => row[c] === 1)),
    };
  },
});
