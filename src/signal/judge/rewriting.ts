import { z } from "zod";
import { fencedMessages, type Message, userMessage } from "../../core/chat.ts";
import { fields, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { tagged } from "../../core/reply.ts";

/**
 * Messages for a prompt rewriter (PromptEnhancer, arXiv 2509.04545): the instruction as system message, the user's prompt, unchanged, as
 * user message. The reply is read by `signal/rewrite-parse`.
 */
export const rewritePrompt = definePart({
  id: "signal/rewrite-prompt",
  papers: ["prompt-enhancer"],
  params: z.object({
    system: z
      .string()
      .default(
        "The user's message is a prompt for an image generator. Rewrite it, do not answer it. Think within <think> tags about what it leaves open, then write " +
          "one prompt within <answer> tags: the scene as a whole, then its details, then a summary. Keep subjects, actions, numbers, style, layout, relations, " +
          "attributes and quoted texts exactly as the user has them.",
      )
      .describe("system message"),
  }),
  inputs: z.object({ prompt: z.string().describe("the user's prompt") }),
  outputs: z.object({ messages: fields.messages }),
  compute({ system }, { prompt }) {
    return { messages: [{ role: "system", content: system }, userMessage(prompt)] };
  },
});

/**
 * A rewriter's reply as the generator's prompt (PromptEnhancer, arXiv 2509.04545): the first `<answer>`, trimmed, even if empty; else the
 * reply without its closed `<think>` blocks; else, if nothing is left, the user's prompt. `sources` says which. Then quotes: '…' between
 * non-word characters becomes "…", and ’ ‘ become ” “ everywhere (as released: "It’s" too).
 */
export const rewriteParse = definePart({
  id: "signal/rewrite-parse",
  papers: ["prompt-enhancer"],
  params: z.object({}),
  inputs: z.object({ responses: fields.responses, prompts: fields.prompts }),
  outputs: z.object({
    rewrites: strings("N", "prompt for the generator"),
    sources: shaped(z.array(z.enum(["answer", "stripped", "original"])), "N", "where it comes from"),
  }),
  compute(_params, { responses, prompts }) {
    const found = responses.map((response, i) => {
      const answer = tagged(response, "answer");
      if (answer !== null) return { text: answer.trim(), source: "answer" as const };
      const stripped = withoutBlocks(response, "<think>", "</think>").trim();
      if (stripped !== "") return { text: stripped, source: "stripped" as const };
      return { text: prompts[i], source: "original" as const };
    });
    return { rewrites: found.map(({ text }) => straightQuotes(text)), sources: found.map(({ source }) => source) };
  },
});

function withoutBlocks(text: string, open: string, close: string): string {
  const kept: string[] = [];
  let at = 0;
  for (;;) {
    const start = text.indexOf(open, at);
    const end = start < 0 ? -1 : text.indexOf(close, start);
    if (end < 0) break;
    kept.push(text.slice(at, start));
    at = end + close.length;
  }
  return kept.join("") + text.slice(at);
}

function straightQuotes(text: string): string {
  return text
    .replace(/(?<![\p{L}\p{N}_])'([^']*)'(?![\p{L}\p{N}_])/gu, '"$1"')
    .replaceAll("’", "”")
    .replaceAll("‘", "“");
}

/**
 * Two requests to revise one response, to be better and to be worse (T-REG, arXiv 2412.02685). The likelihood of the response itself
 * under both is contrasted token by token by `signal/contrastive-token-reward`. The two differ only in the four adjectives. Prompt and
 * response are fenced.
 */
export const contrastiveRevisionPrompt = definePart({
  id: "signal/contrastive-revision-prompt",
  papers: ["t-reg"],
  params: z.object({}),
  inputs: z.object({ prompt: z.string().describe("the request"), response: fields.response }),
  outputs: z.object({
    better: fields.messages,
    worse: fields.messages,
  }),
  example: { inputs: { prompt: "Why is the sky blue?", response: "Air scatters blue light most." } },
  compute(_params, { prompt, response }) {
    const revise = (aim: string): Message[] =>
      fencedMessages({
        task: `You revise a response to a request so that it becomes more ${aim}.`,
        data: [
          ["Request", prompt],
          ["Response", response],
        ],
        reply: "Write only the revised response.",
      });
    return {
      better: revise("helpful, correct, coherent and concise"),
      worse: revise("unhelpful, incorrect, incoherent and verbose"),
    };
  },
});

/**
 * Asks an assistant for a wrong version of a right solution (Cooper, arXiv 2508.05613), of similar length and style, with another final
 * answer. A verifier has to confirm that the answer differs before the pair trains a reward model. Both texts are fenced.
 */
export const negativeRewritePrompt = definePart({
  id: "signal/negative-rewrite-prompt",
  papers: ["cooper"],
  params: z.object({}),
  inputs: z.object({ prompt: z.string().describe("the problem"), positive: z.string().describe("a right solution") }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { prompt: "What is 6 · 7?", positive: "6 · 7 = 42. The answer is \\boxed{42}." } },
  compute(_params, { prompt, positive }) {
    return {
      messages: fencedMessages({
        task:
          "You write negative examples for a grader. From a right solution you make a wrong one: put one plausible mistake into it and carry it through to the end, " +
          "so that the final answer is another one. Keep length, style and format, and give no hint that anything is wrong.",
        data: [
          ["Problem", prompt],
          ["Right solution", positive],
        ],
        reply: "Write only the wrong solution.",
      }),
    };
  },
});
