/** Rule rewards for tool calling: format, parseability, agreement with reference calls, length of the thinking. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";
import { words } from "../core/text.ts";

/**
 * Format reward of ToolRL (arXiv 2504.13958, eq. 3): `max` where the response has the fields that its reference has, in
 * their exact layout, `min` elsewhere.
 *
 * The reference text decides: `<think>…</think>`, then, where the reference has a tool call, a line break and
 * `<tool_call>`, a line break, content, a line break, `</tool_call>`, then, where it has a response, a line break and
 * `<response>…</response>`. The whole text must match, each block once, single line breaks as given.
 */
export const toolFormat = definePart({
  id: "signal/tool-format",
  papers: ["toolrl"],
  params: z.object({
    max: z.number().default(1).describe("reward of a valid response"),
    min: z.number().default(0).describe("reward of an invalid one"),
  }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ max, min }, { responses, references }) {
    expectLength(references, responses.length, "references");
    const rewards = responses.map((response, i) => (hasLayout(response, references[i]) ? max : min));
    return { rewards: Float64Array.from(rewards) };
  },
});

function hasLayout(text: string, reference: string): boolean {
  const layout: [open: string, close: string][] = [["<think>", "</think>"]];
  if (reference.includes("<tool_call>")) layout.push(["<tool_call>\n", "\n</tool_call>"]);
  if (reference.includes("<response>")) layout.push(["<response>", "</response>"]);
  let at = 0;
  for (const [open, close] of layout) {
    if (at > 0 && text[at++] !== "\n") return false;
    if (!text.startsWith(open, at)) return false;
    const end = text.indexOf(close, at + open.length);
    if (end < 0 || !occursOnce(text, open.trim()) || !occursOnce(text, close.trim())) return false;
    at = end + close.length;
  }
  return at === text.length;
}

function occursOnce(text: string, needle: string): boolean {
  return text.indexOf(needle) === text.lastIndexOf(needle);
}

/**
 * Length term of ToolRL (arXiv 2504.13958, sec. 4.1): words in the last think block over a target, capped at 1, mapped to
 * [`min`, `max`].
 *
 * The ratio is rounded to `digits` decimals (exact halves to even) before the cap. With `schedule` the target is
 * start + (end − start)·step/steps, not clamped after the last step. A response without a think block gets `min`.
 */
export const thinkingLength = definePart({
  id: "signal/thinking-length",
  papers: ["toolrl"],
  params: z.object({
    target: z.number().positive().default(512).describe("words for the full reward, without a schedule"),
    schedule: z
      .object({ start: z.number().positive(), end: z.number().positive(), steps: z.number().positive() })
      .nullable()
      .default(null)
      .describe("target that moves with the training step; null: fixed"),
    max: z.number().default(1),
    min: z.number().default(0),
    digits: z.int().min(0).max(100).default(2).describe("decimals of the ratio"),
  }),
  inputs: z.object({
    responses: fields.responses,
    step: z.number().nonnegative().optional().describe("training step (needed by a schedule)"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ target, schedule, max, min, digits }, { responses, step }) {
    let wanted = target;
    if (schedule !== null) {
      const at = expectGiven(step, "inputs.step", "the target has a schedule");
      wanted = schedule.start + ((schedule.end - schedule.start) * at) / schedule.steps;
      if (!(wanted > 0)) throw new ContractError("inputs.step", `expected a step with a positive target, got ${at}`);
    }
    const rewards = responses.map((response) => {
      if (!response.includes("<think>") || !response.includes("</think>")) return min;
      const inside = response.slice(response.lastIndexOf("<think>") + "<think>".length);
      const close = inside.indexOf("</think>");
      const count = words(close < 0 ? inside : inside.slice(0, close)).length;
      return min + (max - min) * Math.min(1, roundHalfEven(count / wanted, digits));
    });
    return { rewards: Float64Array.from(rewards) };
  },
});

/**
 * How well the tool calls of one response are formed (PRS, arXiv 2512.07478; the grammar is a reconstruction).
 *
 * A call is what stands between `<tool_call>` and the next `</tool_call>`; it parses if it is JSON with a non-empty string
 * `name` and an object `arguments`. `parseRate` = parsed / calls; without any call 0 where `requireCall`, else 1.
 * `wellFormed`: tags think, tool_call and answer each balanced, exactly one non-empty answer, at the end of the text.
 * `answer` is the content of the last answer block, trimmed ("" without one).
 */
export const toolCallFormat = definePart({
  id: "signal/tool-call-format",
  papers: ["prs-vspo"],
  params: z.object({ requireCall: z.boolean().default(true).describe("a response without a call has rate 0") }),
  inputs: z.object({ response: fields.response }),
  outputs: z.object({
    callCount: z.int(),
    parsedCount: z.int(),
    parseRate: z.number().describe("in [0, 1]"),
    wellFormed: z.boolean(),
    answer: z.string(),
  }),
  compute({ requireCall }, { response }) {
    const calls = blocks(response, "tool_call");
    const answers = blocks(response, "answer");
    const answer = answers[answers.length - 1]?.trim() ?? "";
    const parsedCount = calls.filter(isCall).length;
    return {
      callCount: calls.length,
      parsedCount,
      parseRate: calls.length === 0 ? (requireCall ? 0 : 1) : parsedCount / calls.length,
      wellFormed:
        ["think", "tool_call", "answer"].every((tag) => isBalanced(response, tag)) &&
        answers.length === 1 &&
        answer !== "" &&
        response.trimEnd().endsWith("</answer>"),
      answer,
    };
  },
});

/** Contents of the blocks of a tag, from an opening tag to the next closing one. */
function blocks(text: string, tag: string): string[] {
  const found: string[] = [];
  const close = `</${tag}>`;
  for (let at = text.indexOf(`<${tag}>`); at >= 0; at = text.indexOf(`<${tag}>`, at)) {
    const start = at + tag.length + 2;
    at = text.indexOf(close, start);
    if (at < 0) break;
    found.push(text.slice(start, at));
  }
  return found;
}

function isBalanced(text: string, tag: string): boolean {
  let depth = 0;
  for (const [match] of text.matchAll(new RegExp(`</?${tag}>`, "g"))) {
    depth += match[1] === "/" ? -1 : 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

function isCall(text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  return isRecord(value) && typeof value.name === "string" && value.name !== "" && isRecord(value.arguments);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const callList = z.array(z.unknown());

/**
 * Agreement of tool calls with reference calls on names, parameter names and values (ToolRL, arXiv 2504.13958, sec. 3.2).
 *
 * Score s = J(names) + Σ over reference calls, in order, of the best unused call of the same name: J(keys) + number of keys
 * with an equal value (taken only above 0; first among equals). J is the multiset Jaccard index: 1 for two empty lists, 0
 * for one. Maximum S = 1 + Σ (1 + number of parameters). Reward (max − min)·s/S + min. `strict`: J is 1 for equal lists,
 * else 0. `intermediate`: a call counts 1 only if equal as a whole, S = 1 + number of reference calls. `coarse`: the lists
 * are equal or the reward is `min`.
 *
 * Calls are {name, parameters}. Equal lists get `max` at once; null, or a call without a name, or a compared one without
 * parameters, gets `min`: both with null scores. A reference without calls is worth 0 whatever was called. Values compare
 * deeply, key order aside; true is not 1.
 */
export const toolCallMatch = definePart({
  id: "signal/tool-call-match",
  papers: ["toolrl"],
  params: z.object({
    granularity: z.enum(["fine", "strict", "intermediate", "coarse"]).default("fine"),
    max: z.number().default(3).describe("reward of full agreement"),
    min: z.number().default(-3).describe("reward of no agreement"),
  }),
  inputs: z.object({
    referenceCalls: shaped(z.array(callList), "N", "right calls, {name, parameters} each"),
    calls: shaped(z.array(callList.nullable()), "N", "calls of the response; null: unparsable"),
  }),
  outputs: z.object({
    rewards: fields.rewards,
    scores: nullableVector("N", "s; null where exact or unparsable"),
    maxScores: nullableVector("N", "S; null where exact or unparsable"),
  }),
  compute({ granularity, max, min }, { referenceCalls, calls }) {
    expectLength(calls, referenceCalls.length, "calls");
    const rewards = new Float64Array(calls.length);
    const scores: (number | null)[] = [];
    const maxScores: (number | null)[] = [];
    referenceCalls.forEach((reference, i) => {
      const wanted = reference.map((call, k) => readReference(call, `inputs.referenceCalls[${i}][${k}]`));
      const predicted = calls[i];
      let match: CallMatch | null = null;
      if (wanted.length === 0) rewards[i] = 0;
      else if (predicted !== null && deepEqual(reference, predicted)) rewards[i] = max;
      else {
        match = predicted === null || granularity === "coarse" ? null : scoreCalls(wanted, predicted, granularity);
        rewards[i] = match === null ? min : ((max - min) * match.score) / match.most + min;
      }
      scores.push(match?.score ?? null);
      maxScores.push(match?.most ?? null);
    });
    return { rewards, scores, maxScores };
  },
});

interface Call {
  readonly whole: unknown;
  readonly name: string;
  readonly parameters: Record<string, unknown>;
}

interface CallMatch {
  readonly score: number;
  readonly most: number;
}

function readReference(call: unknown, path: string): Call {
  if (isRecord(call) && typeof call.name === "string" && isRecord(call.parameters)) {
    return { whole: call, name: call.name, parameters: call.parameters };
  }
  throw new ContractError(path, "expected {name, parameters}");
}

/** Null where a predicted call cannot be read. */
function scoreCalls(
  wanted: readonly Call[],
  predicted: readonly unknown[],
  granularity: "fine" | "strict" | "intermediate",
): CallMatch | null {
  const names: string[] = [];
  for (const call of predicted) {
    if (!isRecord(call) || typeof call.name !== "string") return null;
    names.push(call.name);
  }
  const strict = granularity === "strict";
  const wantedNames = wanted.map((call) => call.name);
  let score = jaccard(wantedNames, names, strict);
  let most = 1;
  const used = new Set<number>();
  for (const call of wanted) {
    const keys = Object.keys(call.parameters);
    most += granularity === "intermediate" ? 1 : 1 + keys.length;
    let best = 0;
    let bestIndex = -1;
    for (let p = 0; p < predicted.length; p++) {
      if (used.has(p) || names[p] !== call.name) continue;
      const candidate = predicted[p] as Record<string, unknown>;
      let agreement: number;
      if (granularity === "intermediate") agreement = deepEqual(call.whole, candidate) ? 1 : 0;
      else {
        const { parameters } = candidate;
        if (!isRecord(parameters)) return null;
        const equal = keys.filter(
          (key) => Object.hasOwn(parameters, key) && deepEqual(call.parameters[key], parameters[key]),
        );
        agreement = jaccard(keys, Object.keys(parameters), strict) + equal.length;
      }
      if (agreement > best) {
        best = agreement;
        bestIndex = p;
      }
    }
    if (bestIndex >= 0) used.add(bestIndex);
    score += best;
  }
  return { score, most };
}

function jaccard(a: readonly string[], b: readonly string[], strict: boolean): number {
  if (a.length === b.length && a.every((entry, i) => entry === b[i])) return 1;
  if (strict) return 0;
  const left = new Map<string, number>();
  for (const entry of a) left.set(entry, (left.get(entry) ?? 0) + 1);
  let shared = 0;
  for (const entry of b) {
    const count = left.get(entry) ?? 0;
    if (count === 0) continue;
    left.set(entry, count - 1);
    shared++;
  }
  return shared / (a.length + b.length - shared);
}

/** Equality of JSON values, key order aside; without recursion, since the nesting is the model's. */
function deepEqual(first: unknown, second: unknown): boolean {
  const pending: [unknown, unknown][] = [[first, second]];
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [a, b] = pair;
    if (a === b) continue;
    if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
      for (let i = 0; i < a.length; i++) pending.push([a[i], b[i]]);
    } else if (isRecord(a) && isRecord(b)) {
      const keys = Object.keys(a);
      if (keys.length !== Object.keys(b).length) return false;
      for (const key of keys) {
        if (!Object.hasOwn(b, key)) return false;
        pending.push([a[key], b[key]]);
      }
    } else return false;
  }
  return true;
}
