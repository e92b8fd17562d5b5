import { z } from "zod";
import { fencedMessages, fillTemplate, type Message, templateParam, userMessage } from "../../core/chat.ts";
import { fields, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { entry, spanObject } from "../../core/reply.ts";

const schema = z.record(z.string(), z.array(z.string())).describe("attributes and their possible values");

/**
 * Asks which attribute values a user's answer allows (Nous, arXiv 2510.27410), as a JSON object read by
 * `signal/answer-attributes-parse`. A `template` gets {schema} ("name: value, value" lines), {question} and {answer}; otherwise all
 * are fenced.
 */
export const answerAttributesPrompt = definePart({
  id: "signal/answer-attributes-prompt",
  papers: ["nous"],
  params: z.object({ template: templateParam("schema", "question", "answer") }),
  inputs: z.object({
    schema,
    question: z.string().describe("what was asked"),
    answer: z.string().describe("what the user said"),
  }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { schema: attributes, question, answer }) {
    const list = Object.entries(attributes)
      .map(([name, values]) => `${name}: ${values.join(", ")}`)
      .join("\n");
    if (template !== undefined)
      return { messages: [userMessage(fillTemplate(template, { schema: list, question, answer }))] };
    return {
      messages: fencedMessages({
        task: "You note what a user's answer says about the attributes of a specification. Take nothing from it that it does not say.",
        data: [
          ["Attributes and their values", list],
          ["Question", question],
          ["Answer", answer],
        ],
        reply:
          "Reply with one JSON object from attribute to the list of values that the answer allows; leave out attributes it says nothing about.",
      }),
    };
  },
});

/**
 * Likelihoods per attribute from an extractor's reply (Nous, arXiv 2510.27410): the JSON object from the first "{" to the last "}",
 * each entry one value or a list of values. `evidence` lists, in the schema's order, the index of every attribute with at least one known
 * value, and 1 for its allowed values, 0 for the others. Unknown attributes and values are ignored. `valid`: there was an object.
 */
export const answerAttributesParse = definePart({
  id: "signal/answer-attributes-parse",
  papers: ["nous"],
  params: z.object({}),
  inputs: z.object({ replies: fields.replies, schema }),
  outputs: z.object({
    evidence: shaped(
      z.array(z.array(z.object({ attribute: z.int(), likelihood: z.array(z.number()) }))),
      "N",
      "what the answer allows",
    ),
    valid: fields.valid,
  }),
  compute(_params, { replies, schema: attributes }) {
    const objects = replies.map(spanObject);
    const names = Object.entries(attributes);
    return {
      evidence: objects.map((object) =>
        names.flatMap(([name, values], attribute) => {
          const given: unknown = object ? entry(object, name) : undefined;
          const allowed = new Set((Array.isArray(given) ? given : [given]).map(String));
          const likelihood = values.map((value) => (allowed.has(value) ? 1 : 0));
          return given !== undefined && likelihood.includes(1) ? [{ attribute, likelihood }] : [];
        }),
      ),
      valid: objects.map((object) => object !== null),
    };
  },
});

/**
 * One conversation per follow-up utterance, to be scored by its likelihood (FLR, arXiv 2409.13948).
 *
 * `conversation` alternates and ends with the response. `user-feedback`: the follow-up is the user's next turn. `role-swapped`:
 * `opening` comes first as a user turn and every role is exchanged, so that a model trained to give feedback voices it itself. Where
 * conversation and follow-up have an even number of turns, the first turn is dropped. These are texts to be continued, not judged, so
 * nothing is fenced.
 */
export const followUpPrompt = definePart({
  id: "signal/follow-up-prompt",
  papers: ["flr"],
  params: z.object({
    mode: z.enum(["user-feedback", "role-swapped"]).default("user-feedback").describe("who voices the follow-up"),
    opening: z
      .string()
      .default("Ask me a question, then tell me what you think of my answer.")
      .describe("role-swapped: the first user turn"),
  }),
  inputs: z.object({
    conversation: strings("L", "turns, the last one being the response"),
    followUps: strings("K", "utterances of a user"),
  }),
  outputs: z.object({ messages: shaped(z.array(fields.messages), "K", "chat messages per follow-up") }),
  compute({ mode, opening }, { conversation, followUps }) {
    const swapped = mode === "role-swapped";
    const turns = conversation.length % 2 === 1 ? conversation.slice(1) : conversation;
    const roles = swapped ? ["assistant", "user"] : ["user", "assistant"];
    return {
      messages: followUps.map((followUp): Message[] => [
        ...(swapped ? [userMessage(opening)] : []),
        ...[...turns, followUp].map((content, i) => ({ role: roles[i % 2], content })),
      ]),
    };
  },
});

/**
 * The question-free context of the self-aligned reward (SAR, arXiv 2509.05489): system messages are kept, everything else is replaced by one
 * empty user turn. The answer's perplexity in it is the "without the question" term.
 */
export const selfAlignedContext = definePart({
  id: "signal/self-aligned-context",
  papers: ["self-aligned-reward"],
  params: z.object({}),
  inputs: z.object({ messages: fields.messages }),
  outputs: z.object({ messages: fields.messages }),
  compute(_params, { messages }) {
    return { messages: [...messages.filter(({ role }) => role === "system"), userMessage("")] };
  },
});
