import { z } from "zod";
import { fencedImageMessages, fillTemplate, imageMessage, partsMessages, templateParam } from "../core/chat.ts";
import { ContractError } from "../core/error.ts";
import { integers, shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Mistakes of a judge prompt as text for its critique (arXiv 2601.03468): the first `count` items in the given order whose prediction
 * (class 1 iff score ≥ ½) differs from the label, as lines "## Example k:\tLabel: …\tPrediction: …". An item that does not exist:
 * `ContractError`.
 */
export const errorExamples = definePart({
  id: "search/error-examples",
  papers: ["artifact-reward"],
  params: z.object({
    count: z.int().nonnegative().default(4).describe("most mistakes shown"),
    labelNames: z
      .array(z.string())
      .length(2)
      .default(["no artifacts", "artifacts"])
      .describe("names of classes 0 and 1"),
  }),
  inputs: z.object({
    scores: vector("N", "probability of class 1"),
    labels: integers("N", "true class, 0 or 1"),
    order: integers("M", "items in the (random) order in which they are looked at"),
  }),
  outputs: z.object({
    indices: shaped(z.array(z.int()), "R", "mistakes shown"),
    text: z.string().describe("one line each"),
  }),
  compute({ count, labelNames }, { scores, labels, order }) {
    const predicted = (i: number) => (scores[i] >= 0.5 ? 1 : 0);
    for (let k = 0; k < order.length; k++)
      if (!(order[k] >= 0 && order[k] < scores.length))
        throw new ContractError(`inputs.order[${k}]`, `expected an item below ${scores.length}, got ${order[k]}`);
    const indices = Array.from(order)
      .filter((i) => predicted(i) !== labels[i])
      .slice(0, count);
    const lines = indices.map(
      (i, k) => `## Example ${k + 1}:\tLabel: ${labelNames[labels[i]]}\tPrediction: ${labelNames[predicted(i)]}`,
    );
    return { indices, text: lines.join("\n") };
  },
});

const images = strings("K", "images of the mistakes, URLs or data URLs");

/**
 * Asks why a judge prompt makes its mistakes, the "textual gradient" (arXiv 2601.03468). The images follow the text. A `template` gets
 * {prompt} and {errors} (from `search/error-examples`); otherwise both are fenced.
 */
export const textualGradientPrompt = definePart({
  id: "search/textual-gradient-prompt",
  papers: ["artifact-reward"],
  params: z.object({ template: templateParam("prompt", "errors") }),
  inputs: z.object({
    prompt: z.string().describe("the current prompt"),
    errors: z.string().describe("its mistakes"),
    images,
  }),
  outputs: z.object({ messages: partsMessages }),
  compute({ template }, { prompt, errors, images: shown }) {
    if (template !== undefined) return { messages: [imageMessage(fillTemplate(template, { prompt, errors }), shown)] };
    return {
      messages: fencedImageMessages(
        {
          task: "You find out why a prompt for a visual judge leads it to wrong verdicts on the images that follow, which are in the order of the mistakes.",
          data: [
            ["Current prompt", prompt],
            ["Mistakes", errors],
          ],
          reply:
            "Name the one weakness of the prompt that best explains these mistakes, in two or three sentences. Do not rewrite it.",
        },
        shown,
      ),
    };
  },
});

/**
 * Asks for the prompt that mends a weakness found by `search/textual-gradient-prompt` (arXiv 2601.03468). The images follow the text. A
 * `template` gets {prompt}, {errors} and {feedback}; otherwise all are fenced.
 */
export const applyGradientPrompt = definePart({
  id: "search/apply-gradient-prompt",
  papers: ["artifact-reward"],
  params: z.object({ template: templateParam("prompt", "errors", "feedback") }),
  inputs: z.object({
    prompt: z.string().describe("the current prompt"),
    errors: z.string().describe("its mistakes"),
    feedback: z.string().describe("the weakness that was found"),
    images,
  }),
  outputs: z.object({ messages: partsMessages }),
  compute({ template }, { prompt, errors, feedback, images: shown }) {
    if (template !== undefined)
      return { messages: [imageMessage(fillTemplate(template, { prompt, errors, feedback }), shown)] };
    return {
      messages: fencedImageMessages(
        {
          task: "You improve a prompt for a visual judge so that one weakness of it is gone and everything else stays, the form of its verdict above all.",
          data: [
            ["Current prompt", prompt],
            ["Mistakes", errors],
            ["Weakness", feedback],
          ],
          reply: "Write only the improved prompt.",
        },
        shown,
      ),
    };
  },
});
