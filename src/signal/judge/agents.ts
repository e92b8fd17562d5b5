import { z } from "zod";
import { fencedMessages, fillTemplate, templateParam, userMessage } from "../../core/chat.ts";
import { fields, flags, integers, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { codeBlocks, isObject, type JsonObject, jsonObjects, parseJson, tagged } from "../../core/reply.ts";

const screen = (description: string) => shaped(z.array(z.string()), "R", description);

/**
 * Asks for the subgoals of a task, given the first screen (CALM, arXiv 2409.12798), as a numbered list read by
 * `signal/subgoal-suggest-parse`. Screens are rows of text. A `template` gets {task} and {observation}; otherwise both are fenced.
 */
export const subgoalSuggestPrompt = definePart({
  id: "signal/subgoal-suggest-prompt",
  papers: ["calm"],
  params: z.object({ template: templateParam("task", "observation") }),
  inputs: z.object({ task: z.string().describe("the task"), observation: screen("rows of the screen") }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { task, observation }) {
    const rows = observation.join("\n");
    if (template !== undefined) return { messages: [userMessage(fillTemplate(template, { task, observation: rows }))] };
    return {
      messages: fencedMessages({
        task:
          "You split a task in a game into subgoals. Each must be an event that can be seen to happen between two screens (not an activity like exploring), " +
          "and each must be needed.",
        data: [
          ["Task", task],
          ["First screen", rows],
        ],
        reply: 'List the subgoals in the order in which they are reached, one per line, as "1. subgoal".',
      }),
    };
  },
});

/**
 * Subgoals from a list in a reply (CALM, arXiv 2409.12798): lines that start with "1.", "1)", "-" or "*" and a space; inner
 * white space collapsed, the first `max` kept.
 */
export const subgoalSuggestParse = definePart({
  id: "signal/subgoal-suggest-parse",
  papers: ["calm"],
  params: z.object({ max: z.int().positive().default(10).describe("most subgoals per reply") }),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({ subgoals: shaped(z.array(z.array(z.string())), "N", "subgoals in order") }),
  compute({ max }, { replies }) {
    return {
      subgoals: replies.map((reply) =>
        reply
          .split("\n")
          .flatMap((line) => {
            const item = /^\s*(?:[0-9]+[.)]|[-*])\s(.*)$/s.exec(line)?.[1].trim().split(/\s+/).join(" ");
            return item ? [item] : [];
          })
          .slice(0, max),
      ),
    };
  },
});

/**
 * Asks which subgoals were reached in one transition (CALM, arXiv 2409.12798): screens before and after, the action, and a JSON object
 * from subgoal to true or false as reply, read by `signal/subgoal-verify-parse`. It asks about the change, since a subgoal that was
 * true before must not count. A `template` gets {task}, {subgoals} ("- " lines), {before}, {action} and {after}; otherwise all are fenced.
 */
export const subgoalVerifyPrompt = definePart({
  id: "signal/subgoal-verify-prompt",
  papers: ["calm"],
  params: z.object({ template: templateParam("task", "subgoals", "before", "action", "after") }),
  inputs: z.object({
    task: z.string().describe("the task"),
    subgoals: strings("K", "subgoals"),
    before: shaped(z.array(z.string()), "R", "rows of the screen before the action"),
    action: z.string().describe("the action's name"),
    after: shaped(z.array(z.string()), "Q", "rows of the screen after it"),
  }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { task, subgoals, before, action, after }) {
    const values = {
      task,
      subgoals: subgoals.map((subgoal) => `- ${subgoal}`).join("\n"),
      before: before.join("\n"),
      action,
      after: after.join("\n"),
    };
    if (template !== undefined) return { messages: [userMessage(fillTemplate(template, values))] };
    return {
      messages: fencedMessages({
        task: "You tell which subgoals were reached by one action in a game: those that hold after it and did not hold before.",
        data: [
          ["Task", values.task],
          ["Subgoals", values.subgoals],
          ["Before", values.before],
          ["Action", values.action],
          ["After", values.after],
        ],
        reply:
          "Explain briefly, then end with one JSON object that gives true or false for each subgoal, its text being the key.",
      }),
    };
  },
});

/**
 * Subgoals reached, from the last JSON object in a reply (CALM, arXiv 2409.12798). Keys are compared in lower case; true, yes and 1,
 * false, no and 0 are read as JSON values or strings. A subgoal that the object skips gets `missing`; `valid`: there was an object and it judged
 * every subgoal.
 */
export const subgoalVerifyParse = definePart({
  id: "signal/subgoal-verify-parse",
  papers: ["calm"],
  params: z.object({ missing: z.boolean().nullable().default(false).describe("verdict on an unjudged subgoal") }),
  inputs: z.object({ replies: fields.replies, subgoals: strings("K", "subgoals") }),
  outputs: z.object({
    achieved: shaped(z.array(z.array(z.boolean().nullable())), "N×K", "reached in this transition"),
    valid: fields.valid,
  }),
  compute({ missing }, { replies, subgoals }) {
    const wanted = subgoals.map((subgoal) => subgoal.trim().toLowerCase());
    const verdicts = replies.map((reply) => {
      let last: JsonObject | null = null;
      for (const { value } of jsonObjects(reply)) last = value;
      if (!last) return null;
      const byKey = new Map(Object.entries(last).map(([key, value]) => [key.trim().toLowerCase(), yesOrNo(value)]));
      return wanted.map((subgoal) => byKey.get(subgoal) ?? null);
    });
    return {
      achieved: verdicts.map((row) => wanted.map((_, k) => row?.[k] ?? missing)),
      valid: verdicts.map((row) => row !== null && !row.includes(null)),
    };
  },
});

function yesOrNo(value: unknown): boolean | null {
  const word = String(typeof value === "object" ? "" : value)
    .trim()
    .toLowerCase();
  return ["true", "yes", "1"].includes(word) ? true : ["false", "no", "0"].includes(word) ? false : null;
}

/**
 * One request per game message: is it good news for the goal? (ONI, arXiv 2410.23022), read by `signal/message-label-parse`. A
 * `template` gets {goal} and {message}; otherwise both are fenced, since levels can write messages.
 */
export const messageLabelPrompt = definePart({
  id: "signal/message-label-prompt",
  papers: ["oni"],
  params: z.object({
    template: templateParam("goal", "message"),
    positive: z.string().min(1).default("FOO").describe("label of a helpful message"),
    negative: z.string().min(1).default("BAR").describe("label of any other"),
  }),
  inputs: z.object({
    goal: z.string().describe("what the player wants"),
    gameMessages: strings("N", "messages of the game"),
  }),
  outputs: z.object({ messages: shaped(z.array(fields.messages), "N", "chat messages per game message") }),
  compute({ template, positive, negative }, { goal, gameMessages }) {
    return {
      messages: gameMessages.map((message) =>
        template !== undefined
          ? [userMessage(fillTemplate(template, { goal, message }))]
          : fencedMessages({
              task: "You label messages of a game: does this one show that the player just came nearer to the goal, or found something that helps?",
              data: [
                ["Goal", goal],
                ["Message", message],
              ],
              reply: `Explain briefly, then end with <label>${positive}</label> if it does, else with <label>${negative}</label>.`,
            }),
      ),
    };
  },
});

/**
 * Labels of game messages (ONI, arXiv 2410.23022): 1 where the reply contains `positive` anywhere, else 0; `valid` false where it contains
 * neither word. As released: "FOOD" contains FOO.
 */
export const messageLabelParse = definePart({
  id: "signal/message-label-parse",
  papers: ["oni"],
  params: z.object({
    positive: z.string().min(1).default("FOO").describe("wins where both occur"),
    negative: z.string().min(1).default("BAR").describe("the other label"),
  }),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({ labels: integers("N", "1: helpful"), valid: fields.valid }),
  compute({ positive, negative }, { replies }) {
    return {
      labels: replies.map((reply) => (reply.includes(positive) ? 1 : 0)),
      valid: replies.map((reply) => reply.includes(positive) || reply.includes(negative)),
    };
  },
});

const calls = shaped(
  z.array(z.array(z.record(z.string(), z.unknown())).nullable()),
  "N",
  "calls in order; null: unreadable",
);

/**
 * The tool calls in a response (ToolRL, arXiv 2504.13958; slide generation, arXiv 2603.16839).
 *
 * `tagged-lines`: between the first `<tool_call>` and the next `</tool_call>`, one JSON object per line; any other line, blank ones
 * included, makes the response unreadable, and further blocks are ignored. `json`: one call, the object in the first code block, else the
 * first object in the text in which the key "tool" with a name comes before any inner brace.
 */
export const toolCallParse = definePart({
  id: "signal/tool-call-parse",
  papers: ["toolrl", "slide-rl"],
  params: z.object({
    format: z.enum(["tagged-lines", "json"]).default("tagged-lines").describe("how calls are written"),
  }),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({ calls, valid: fields.valid }),
  compute({ format }, { responses }) {
    const parsed = responses.map(format === "json" ? singleCall : lineCalls);
    return { calls: parsed, valid: parsed.map((list) => list !== null) };
  },
});

function lineCalls(response: string): JsonObject[] | null {
  const block = tagged(response, "tool_call");
  if (block === null) return null;
  const list = block.trim().split("\n").map(parseJson);
  return list.every(isObject) ? list : null;
}

function singleCall(response: string): JsonObject[] | null {
  for (const { code } of codeBlocks(response)) {
    const value = parseJson(code);
    if (isObject(value)) return [value];
  }
  const call = toolObject(response, 16);
  return call && [call];
}

/** The first object, of the outermost `depth` levels, whose key "tool" stands before any brace within it. */
function toolObject(text: string, depth: number): JsonObject | null {
  for (const { value, start, end } of jsonObjects(text)) {
    const inner = text.slice(start + 1, end).search(/[{}]/);
    if (/"tool"\s*:\s*"[^"]/.test(text.slice(start, start + 1 + inner))) return value;
    const within = depth > 1 ? toolObject(text.slice(start + 1, end - 1), depth - 1) : null;
    if (within) return within;
  }
  return null;
}

/**
 * Reward of one tool call per response: `unparsed` where no call could be read, `failed` where it failed, else the quality that the
 * environment measured after it (slide generation, arXiv 2603.16839).
 */
export const toolStepReward = definePart({
  id: "signal/tool-step-reward",
  papers: ["slide-rl"],
  params: z.object({
    unparsed: z.number().default(-2).describe("no readable call"),
    failed: z.number().default(-1).describe("the call failed"),
  }),
  inputs: z.object({
    valid: fields.valid,
    success: flags("N", "the call succeeded"),
    qualities: shaped(z.array(z.number()), "N", "quality after the call"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ unparsed, failed }, { valid, success, qualities }) {
    return {
      rewards: Float64Array.from(qualities, (quality, i) => (!valid[i] ? unparsed : !success[i] ? failed : quality)),
    };
  },
});

/**
 * Outcome of a software agent's patch on four ordered levels, and its reward (G-RA, arXiv 2508.10548): nothing submitted, an empty
 * patch, a patch that fails the tests, one that passes. The levels' values are ours.
 */
export const patchOutcome = definePart({
  id: "signal/patch-outcome",
  papers: ["gated-rewards"],
  params: z.object({
    noSubmission: z.number().default(-1).describe("nothing was submitted"),
    emptyPatch: z.number().default(-0.5).describe("nothing was changed"),
    failed: z.number().default(0).describe("the tests fail"),
    passed: z.number().default(1).describe("the tests pass"),
  }),
  inputs: z.object({
    submitted: flags("N", "the agent submitted"),
    emptyPatch: flags("N", "its patch is empty"),
    passed: flags("N", "the tests pass"),
  }),
  outputs: z.object({
    outcomes: shaped(z.array(z.enum(["noSubmission", "emptyPatch", "failed", "passed"])), "N", "level reached"),
    rewards: fields.rewards,
  }),
  compute(values, { submitted, emptyPatch, passed }) {
    const outcomes = Array.from(submitted, (given, i) =>
      !given ? "noSubmission" : emptyPatch[i] ? "emptyPatch" : passed[i] ? "passed" : "failed",
    );
    return { outcomes, rewards: Float64Array.from(outcomes, (outcome) => values[outcome]) };
  },
});
