import { z } from "zod";
import { fencedMessages, fillTemplate, templateParam, userMessage } from "../core/chat.ts";
import { fields, integers, shaped, strings } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const sentences = strings("S", "sentences of a human text");
const indices = integers("M", "sentences to rewrite, 0-based");

/**
 * Asks a model to reword some sentences of a human text, for mixed texts that stand between human and machine (ReMoDetect,
 * arXiv 2405.17382). Sentences are listed as "kth sentence: …" from 0; the reply in the same form is read by
 * `model/partial-rephrase-parse`. A `template` gets {indices} ("[1, 3]") and {sentences}; otherwise the text is fenced.
 */
export const partialRephrasePrompt = definePart({
  id: "model/partial-rephrase-prompt",
  papers: ["remodetect"],
  params: z.object({ template: templateParam("indices", "sentences") }),
  inputs: z.object({ sentences, indices }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { sentences: text, indices: chosen }) {
    const lines = text.map((sentence, k) => `${k}th sentence: ${sentence}`).join("\n");
    const list = `[${Array.from(chosen).join(", ")}]`;
    if (template !== undefined)
      return { messages: [userMessage(fillTemplate(template, { indices: list, sentences: lines }))] };
    return {
      messages: fencedMessages({
        task: "You reword single sentences of a text so that they keep their meaning and fit in where they stand.",
        data: [["Numbered sentences", lines]],
        reply: `Reword the sentences ${list} and no others. Write one line for each, as "kth sentence: new wording", k being its number.`,
      }),
    };
  },
});

/**
 * The mixed text from a rewording reply (ReMoDetect, arXiv 2405.17382): lines "kth sentence: …" (st, nd, rd, th or nothing behind the
 * number, any case), 0-based; only sentences of `indices` are replaced, a later line wins, a blank wording is ignored. `mixed` joins
 * all sentences by one space; `fraction` is the share replaced (null for a text without sentences).
 */
export const partialRephraseParse = definePart({
  id: "model/partial-rephrase-parse",
  papers: ["remodetect"],
  params: z.object({}),
  inputs: z.object({ sentences, indices, reply: fields.reply }),
  outputs: z.object({
    replacements: shaped(z.array(z.tuple([z.int(), z.string()])), "R", "[index, new wording] in the order of indices"),
    mixed: z.string().describe("the mixed text"),
    fraction: z.number().nullable().describe("share of sentences replaced"),
  }),
  compute(_params, { sentences: text, indices: chosen, reply }) {
    const wording = new Map<number, string>();
    for (const line of reply.split("\n")) {
      const match = /^\s*([0-9]{1,9})(?:st|nd|rd|th)?\s+sentence:(.*)$/is.exec(line);
      const sentence = match?.[2].trim();
      if (match && sentence) wording.set(Number(match[1]), sentence);
    }
    const replacements = Array.from(new Set(Array.from(chosen))).flatMap((index): [number, string][] => {
      const sentence = index >= 0 && index < text.length ? wording.get(index) : undefined;
      return sentence === undefined ? [] : [[index, sentence]];
    });
    const replaced = new Map(replacements);
    return {
      replacements,
      mixed: text.map((sentence, k) => replaced.get(k) ?? sentence).join(" "),
      fraction: text.length === 0 ? null : replacements.length / text.length,
    };
  },
});
