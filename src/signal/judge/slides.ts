import { z } from "zod";
import { fencedMessages, fillTemplate, templateParam, userMessage } from "../../core/chat.ts";
import { fields, integers, nullableVector, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { blockObject, entry, type JsonObject, plainNumber } from "../../core/reply.ts";
import { codePointLength, words } from "../../core/text.ts";

/** Slides that are not empty, each under its place. */
function deckText(slides: readonly string[]): { text: string; count: number } {
  const shown = slides.filter((slide) => slide.trim() !== "");
  return { text: shown.map((slide, k) => `--- Slide ${k + 1} ---\n${slide}`).join("\n"), count: shown.length };
}

const slides = strings("S", "HTML of each slide; empty ones are left out");

/**
 * Asks for the looks of each slide, 0 to 1, as {"scores": [...]} (slide generation, arXiv 2603.16839), read by
 * `signal/slide-scores-parse`. A `template` gets {slides} ("--- Slide k ---" and the HTML) and {count}; otherwise the deck is fenced.
 */
export const slideScoresPrompt = definePart({
  id: "signal/slide-scores-prompt",
  papers: ["slide-rl"],
  params: z.object({ template: templateParam("slides", "count") }),
  inputs: z.object({ slides }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { slides: deck }) {
    const { text, count } = deckText(deck);
    if (template !== undefined)
      return { messages: [userMessage(fillTemplate(template, { slides: text, count: String(count) }))] };
    return {
      messages: fencedMessages({
        task: `You score the looks of ${count} slides, given as HTML, each from 0 to 1: order, contrast, use of space, consistency. What a slide says does not count.`,
        data: [["Slides", text]],
        reply: `Reply with JSON only: {"scores": [...]}, ${count} numbers in the order of the slides.`,
      }),
    };
  },
});

/**
 * Scores of a deck's slides (slide generation, arXiv 2603.16839): `scores` of the JSON object in the first code block, or of the whole
 * reply; clamped to [min, max], entries that are no numbers and absent ones `missing`, cut to the number of slides. `rewards` is their
 * mean. An unreadable reply gives null, not 0, and `valid` false.
 */
export const slideScoresParse = definePart({
  id: "signal/slide-scores-parse",
  papers: ["slide-rl"],
  params: z.object({
    min: z.number().default(0).describe("least score"),
    max: z.number().default(1).describe("greatest score"),
    missing: z.number().default(0).describe("score of a slide that was skipped"),
  }),
  inputs: z.object({ replies: fields.replies, counts: integers("N", "slides per deck") }),
  outputs: z.object({
    scores: shaped(z.array(z.array(z.number()).nullable()), "N", "score per slide"),
    rewards: nullableVector("N", "mean score"),
    valid: fields.valid,
  }),
  compute({ min, max, missing }, { replies, counts }) {
    const scores = replies.map((reply, i) => {
      const object = blockObject(reply);
      const list = object && entry(object, "scores");
      if (!Array.isArray(list)) return null;
      return Array.from({ length: counts[i] }, (_, k) => {
        const score: unknown = list[k];
        const value = typeof score === "string" ? plainNumber(score) : score;
        return typeof value === "number" ? Math.min(max, Math.max(min, value)) : missing;
      });
    });
    return {
      scores,
      rewards: scores.map((row) => (row?.length ? row.reduce((sum, score) => sum + score, 0) / row.length : null)),
      valid: scores.map((row) => row !== null),
    };
  },
});

/**
 * Asks a reader who sees only the slides what was ordered (inverse specification, arXiv 2603.16839): JSON with topic, audience,
 * num_slides and key_themes, read by `signal/inverse-specification-parse`. A `template` gets {slides}; otherwise the deck is fenced.
 */
export const inverseSpecificationPrompt = definePart({
  id: "signal/inverse-specification-prompt",
  papers: ["slide-rl"],
  params: z.object({ template: templateParam("slides") }),
  inputs: z.object({ slides }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { slides: deck }) {
    const { text } = deckText(deck);
    if (template !== undefined) return { messages: [userMessage(fillTemplate(template, { slides: text }))] };
    return {
      messages: fencedMessages({
        task: "You see a deck of slides, given as HTML, and guess the order that it was made for: its topic, its audience, how many slides, and its main themes.",
        data: [["Slides", text]],
        reply:
          'Reply with JSON only: {"topic": "...", "audience": "...", "num_slides": n, "key_themes": ["...", "..."]}.',
      }),
    };
  },
});

const prediction = z.object({
  topic: z.string(),
  audience: z.string(),
  slides: z.number(),
  themes: z.array(z.string()),
});

/**
 * The order that a reader guessed from a deck (inverse specification, arXiv 2603.16839): the JSON object in the first code block, or the
 * whole reply (prose around it makes it unreadable). `num_slides` may be digits in a string. Absent fields are "", 0 and []; a slide
 * count that is no whole number makes the reply unreadable.
 */
export const inverseSpecificationParse = definePart({
  id: "signal/inverse-specification-parse",
  papers: ["slide-rl"],
  params: z.object({}),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({
    predictions: shaped(z.array(prediction.nullable()), "N", "the guess; null: unreadable"),
    valid: fields.valid,
  }),
  compute(_params, { replies }) {
    const predictions = replies.map((reply) => {
      const object = blockObject(reply);
      return object && predictionOf(object);
    });
    return { predictions, valid: predictions.map((one) => one !== null) };
  },
});

function predictionOf(object: JsonObject): z.infer<typeof prediction> | null {
  const text = (key: string) => {
    const value = entry(object, key);
    return typeof value === "string" ? value : "";
  };
  const slideCount = wholeNumber(entry(object, "num_slides") ?? 0);
  const themes = entry(object, "key_themes");
  if (slideCount === null) return null;
  return {
    topic: text("topic"),
    audience: text("audience"),
    slides: slideCount,
    themes: Array.isArray(themes) ? themes.filter((theme): theme is string => typeof theme === "string") : [],
  };
}

function wholeNumber(value: unknown): number | null {
  if (typeof value === "number") return Math.trunc(value);
  return typeof value === "string" && /^\s*[+-]?[0-9]{1,15}\s*$/.test(value) ? Number(value) : null;
}

/**
 * Inverse specification reward: how much of the order a reader recovered from the deck alone (arXiv 2603.16839).
 *
 * reward = Σ weights of: topic = |W ∩ Ŵ|/|W|; audience = 1 if equal (trimmed, lower case), `partialAudience` if one contains the
 * other, else `overlapAudience` · min(|W_a ∩ Ŵ_a|/max(|W_a|, 1), 1); slides = min/max of the counts; themes = min(`themeBoost` ·
 * |W ∩ words of all themes|/|W|, 1). W(x): lower-case words of more than one character without a fixed list of function words. Without
 * topic words, topic and themes are 0. An empty predicted audience is contained in every one and earns `partialAudience`, as
 * released. A null prediction has no reward.
 */
export const inverseSpecification = definePart({
  id: "signal/inverse-specification",
  papers: ["slide-rl"],
  params: z.object({
    weights: z
      .object({ topic: z.number(), audience: z.number(), slides: z.number(), themes: z.number() })
      .default({ topic: 0.4, audience: 0.25, slides: 0.15, themes: 0.2 })
      .describe("weight of each term"),
    themeBoost: z.number().default(1.5).describe("factor of the themes' overlap"),
    partialAudience: z.number().default(0.7).describe("one audience contains the other"),
    overlapAudience: z.number().default(0.4).describe("factor where only words are shared"),
  }),
  inputs: z.object({
    predictions: shaped(
      z.array(
        z
          .object({
            topic: z.string().optional(),
            audience: z.string().optional(),
            slides: z.union([z.number(), z.string()]).optional(),
            themes: z.array(z.string()).optional(),
          })
          .nullable(),
      ),
      "N",
      "the reader's guess; null: unreadable",
    ),
    specifications: shaped(
      z.array(z.object({ topic: z.string(), audience: z.string(), slides: z.number() })),
      "N",
      "the order",
    ),
  }),
  outputs: z.object({ rewards: nullableVector("N", "0 … 1 with the default weights") }),
  compute({ weights, themeBoost, partialAudience, overlapAudience }, { predictions, specifications }) {
    const rewards = predictions.map((guess, i) => {
      if (guess === null) return null;
      const order = specifications[i];
      const topic = contentWords([order.topic]);
      const share = (found: Set<string>) => (topic.size === 0 ? 0 : shared(topic, found) / topic.size);
      const [own, guessed] = [order.audience, guess.audience ?? ""].map((text) => text.trim().toLowerCase());
      const audienceWords = contentWords([own]);
      const audience =
        own === guessed
          ? 1
          : own.includes(guessed) || guessed.includes(own)
            ? partialAudience
            : overlapAudience *
              Math.min(1, shared(audienceWords, contentWords([guessed])) / Math.max(1, audienceWords.size));
      const count = typeof guess.slides === "number" ? guess.slides : (wholeNumber(guess.slides ?? 0) ?? 0);
      const most = Math.max(count, order.slides);
      const least = Math.min(count, order.slides);
      return (
        weights.topic * share(contentWords([guess.topic ?? ""])) +
        weights.audience * audience +
        weights.slides * (most > 0 && least > 0 ? least / most : 0) +
        weights.themes * Math.min(1, themeBoost * share(contentWords(guess.themes ?? [])))
      );
    });
    return { rewards };
  },
});

const functionWords = new Set("a an the is are and or of to in for on with - &".split(" "));

function contentWords(texts: readonly string[]): Set<string> {
  return new Set(
    texts
      .flatMap((text) => words(text.toLowerCase()))
      .filter((word) => codePointLength(word) > 1 && !functionWords.has(word)),
  );
}

function shared(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let count = 0;
  for (const word of a) if (b.has(word)) count++;
  return count;
}
