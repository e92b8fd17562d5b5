import { z } from "zod";
import { fencedMessages, fillTemplate, type Message, templateParam, userMessage } from "../core/chat.ts";
import { fields, nullableStrings, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { entry, spanObject } from "../core/reply.ts";

/**
 * Asks for code that maps (observation, action) to a few interpretable performance factors, the "latent reward" (LaRe,
 * arXiv 2412.11120). Reply: JSON with keys Understand, Analyze and Functions, read by `model/latent-reward-parse`. A `template` gets
 * {task}, {observation} and {action}; otherwise all are fenced.
 */
export const latentRewardPrompt = definePart({
  id: "model/latent-reward-prompt",
  papers: ["lare"],
  params: z.object({ template: templateParam("task", "observation", "action") }),
  inputs: z.object({
    task: z.string().describe("the task"),
    observation: z.string().describe("form of an observation"),
    action: z.string().describe("form of an action"),
  }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { task, observation, action }) {
    if (template !== undefined)
      return { messages: [userMessage(fillTemplate(template, { task, observation, action }))] };
    return {
      messages: fencedMessages({
        task:
          "You design the reward features of a reinforcement learning task of which only the return of whole episodes is known. Write one Python function " +
          "evaluation_func(observation, action) on batches of shape (batch, dimensions) that returns a list of performance factors, each an array of shape " +
          "(batch, 1): what matters for the task and nothing else, a handful of factors, no weights.",
        data: [
          ["Task", task],
          ["Observation", observation],
          ["Action", action],
        ],
        reply:
          'Reply with one JSON object: "Understand" (the task in your words), "Analyze" (which factors matter and why), "Functions" (the code as one string).',
      }),
    };
  },
});

/**
 * The dialogue in which several candidate functions are merged into one (LaRe, arXiv 2412.11120): the first request, all replies as one
 * assistant turn, separated by "---" lines, then the merge request. A single reply is not merged: the request is left out.
 */
export const latentRewardMergePrompt = definePart({
  id: "model/latent-reward-merge-prompt",
  papers: ["lare"],
  params: z.object({
    template: z
      .string()
      .default(
        "These are several functions of yours for the same task. Merge their factors into one function: each factor once, important ones that all of " +
          "them miss added, useless ones dropped. Reply as before, with one JSON object.",
      )
      .describe("the merge request"),
  }),
  inputs: z.object({
    messages: fields.messages,
    replies: shaped(z.array(z.string()), "K", "the candidates' replies"),
  }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { messages, replies }) {
    const merged: Message[] = [...messages, { role: "assistant", content: replies.join("\n---\n") }];
    return { messages: replies.length > 1 ? [...merged, userMessage(template)] : merged };
  },
});

/**
 * Code from replies to `model/latent-reward-prompt` (LaRe, arXiv 2412.11120): the text under "Functions" in the JSON object from the first
 * "{" to the last "}"; null where there is none. It is to be run in the sandbox only.
 */
export const latentRewardParse = definePart({
  id: "model/latent-reward-parse",
  papers: ["lare"],
  params: z.object({}),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({ codes: nullableStrings("N", "code; null: unreadable"), valid: fields.valid }),
  compute(_params, { replies }) {
    const codes = replies.map((reply) => {
      const object = spanObject(reply);
      const code = object && entry(object, "Functions");
      return typeof code === "string" ? code : null;
    });
    return { codes, valid: codes.map((code) => code !== null) };
  },
});

/**
 * Checks trial runs of latent-reward functions on a batch of copies of one real transition (LaRe, arXiv 2412.11120): a candidate
 * passes if it did not throw and every factor has shape (`batch`, 1), and if it has at most `maxFactors`.
 *
 * `errorIndex` and `error` are those of the last failing candidate (−1 and null if none fails); `factors` is the number of factors of the last
 * candidate that ran (null if none did). `passed`: there is a candidate and none fails. Shapes are all that is checked: constants
 * and swapped indices pass.
 */
export const latentRewardVerify = definePart({
  id: "model/latent-reward-verify",
  papers: ["lare"],
  params: z.object({
    batch: z.int().positive().default(2).describe("copies in the trial batch"),
    maxFactors: z
      .int()
      .positive()
      .nullable()
      .default(null)
      .describe("most factors; 1 where the code is the reward itself"),
  }),
  inputs: z.object({
    results: shaped(
      z.array(z.object({ shapes: z.array(z.array(z.int())).optional(), error: z.string().optional() })),
      "K",
      "shape of every factor, or the exception",
    ),
  }),
  outputs: z.object({
    passed: z.boolean().describe("no candidate fails"),
    errorIndex: z.int().describe("last failing candidate, −1: none"),
    error: z.enum(["exception", "shape", "too-many-factors"]).nullable().describe("why it fails"),
    factors: z.int().nullable().describe("factors of the last candidate that ran"),
  }),
  compute({ batch, maxFactors }, { results }) {
    let errorIndex = -1;
    let error: "exception" | "shape" | "too-many-factors" | null = null;
    let factors: number | null = null;
    for (const [k, { shapes, error: thrown }] of results.entries()) {
      const ran = thrown === undefined && shapes !== undefined;
      if (ran) factors = shapes.length;
      const failure = !ran
        ? "exception"
        : shapes.some((shape) => shape.length !== 2 || shape[0] !== batch || shape[1] !== 1)
          ? "shape"
          : maxFactors !== null && shapes.length > maxFactors
            ? "too-many-factors"
            : null;
      if (failure) [errorIndex, error] = [k, failure];
    }
    return { passed: error === null && results.length > 0, errorIndex, error, factors };
  },
});
