/** Rule rewards of slide decks written as HTML: structure, rendering, content. Judges of looks are in signal/judge. */
import { z } from "zod";
import { ContractError } from "../../core/error.ts";
import { fields, shaped } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { words } from "../../core/text.ts";
import { readSlide, type SlideContent } from "./html.ts";

const brief = z.object({
  topic: z.string(),
  audience: z.string().optional(),
  slides: z.int().positive().default(10).describe("slides that were asked for"),
  wordsPerSlide: z.number().nonnegative().default(50),
  sectionsPerSlide: z.number().nonnegative().default(3),
  slideSections: z.record(z.string(), z.number().nonnegative()).optional().describe("sections by 0-based slide index"),
  confidence: z.number().default(0.5).describe("the author's own knowledge of the topic, in [0, 1]"),
});

const deck = z.object({
  slides: z.array(z.string()).describe("HTML of each slide; blank: not created"),
  brief,
  rendered: z.array(z.boolean()).optional().describe("per slide: rendering succeeded"),
  research: z.array(z.string()).optional().describe("texts that the author found"),
  outline: z.number().nonnegative().optional().describe("entries of the outline"),
});

const inputs = z.object({ decks: shaped(z.array(deck), "N", "slides with their brief") });
const outputs = z.object({ rewards: fields.rewards });

interface Slide extends SlideContent {
  readonly index: number;
}

/** The slides that were created: everything that is not blank. */
function created(slides: readonly string[]): Slide[] {
  return slides.flatMap((html, index) => (html.trim() === "" ? [] : [{ index, ...readSlide(html) }]));
}

/**
 * Structure of a deck (Learning to Present, arXiv 2603.16839, component 1), in [0, 1]: mean over created slides of
 * .25·1[title that is not blank] + .25·1[section count as asked] (.1 if merely some) + .25·min(w, w*)/max(w, w*) words
 * (nothing for w* = 0) + .25·share of sections with text.
 *
 * Titles and sections are elements of class `title` and `section`; the first title counts. A deck without created slides
 * is worth 0. HTML is read by an own linear tokenizer; nothing is executed.
 */
export const slideStructure = definePart({
  id: "signal/slide-structure",
  papers: ["slide-rl"],
  params: z.object({}),
  inputs,
  outputs,
  compute(_params, { decks }) {
    const rewards = decks.map(({ slides, brief: asked }) => {
      const made = created(slides);
      let total = 0;
      for (const slide of made) {
        const key = String(slide.index);
        const own = asked.slideSections;
        const sections = own && Object.hasOwn(own, key) ? own[key] : asked.sectionsPerSlide;
        const count = slide.sections.length;
        total += slide.titles[0] ? 0.25 : 0;
        total += count === sections ? 0.25 : count > 0 ? 0.1 : 0;
        const length = words(slide.text).length;
        if (asked.wordsPerSlide > 0) {
          total += (0.25 * Math.min(length, asked.wordsPerSlide)) / Math.max(length, asked.wordsPerSlide);
        }
        if (count > 0) total += (0.25 * slide.sections.filter(Boolean).length) / count;
      }
      return made.length === 0 ? 0 : total / made.length;
    });
    return { rewards: Float64Array.from(rewards) };
  },
});

/**
 * Rendering of a deck (Learning to Present, arXiv 2603.16839, component 2), in [0, 1]: .4·min(created/n, 1) +
 * .3·rendered/created + .3·share of created slides with a title and a section; 0 where none was created.
 *
 * `rendered` must be given (one flag per slide) wherever a slide was created: whether a browser could draw it is not
 * guessed. Surplus slides are not punished.
 */
export const slideRender = definePart({
  id: "signal/slide-render",
  papers: ["slide-rl"],
  params: z.object({}),
  inputs,
  outputs,
  compute(_params, { decks }) {
    const rewards = decks.map(({ slides, rendered, brief: asked }, i) => {
      const made = created(slides);
      if (made.length === 0) return 0;
      if (rendered === undefined || rendered.length !== slides.length) {
        throw new ContractError(`inputs.decks[${i}].rendered`, `expected one flag per slide (${slides.length})`);
      }
      const drawn = made.filter((slide) => rendered[slide.index]).length;
      const complete = made.filter((slide) => slide.titles.length > 0 && slide.sections.length > 0).length;
      const coverage = Math.min(made.length / asked.slides, 1);
      return 0.4 * coverage + (0.3 * drawn) / made.length + (0.3 * complete) / made.length;
    });
    return { rewards: Float64Array.from(rewards) };
  },
});

const functionWords = new Set("the a an is are and or of to in".split(" "));

/**
 * Content of a deck (Learning to Present, arXiv 2603.16839, component 3), at most 1: .35·share of slides with a word of the
 * topic + grounding + uniqueness + outline.
 *
 * Grounding: .25·share of slides that share more than three distinct words with the research texts (without the a an is
 * are and or of to in); without research .15 if the brief's confidence is at least .8. Uniqueness: .2·distinct texts /
 * slides. Outline: .2·min(entries/n, 1), or .1 without entries. Words are lower-case and blank-separated; stop words of
 * the topic count, as released. A deck without created slides is worth 0.
 */
export const slideContent = definePart({
  id: "signal/slide-content",
  papers: ["slide-rl"],
  params: z.object({}),
  inputs,
  outputs,
  compute(_params, { decks }) {
    const rewards = decks.map(({ slides, brief: asked, research, outline }) => {
      const texts = created(slides).map((slide) => slide.text.toLowerCase());
      if (texts.length === 0) return 0;
      const vocabularies = texts.map((text) => new Set(words(text)));
      const topic = words(asked.topic.toLowerCase());
      const relevant = vocabularies.filter((vocabulary) => topic.some((word) => vocabulary.has(word))).length;
      const known = new Set((research ?? []).flatMap((text) => words(text.toLowerCase())));
      for (const word of functionWords) known.delete(word);
      const grounded = vocabularies.filter((vocabulary) => sharedWords(vocabulary, known) > 3).length;
      const grounding =
        research && research.length > 0 ? (0.25 * grounded) / texts.length : asked.confidence >= 0.8 ? 0.15 : 0;
      const uniqueness = (0.2 * new Set(texts).size) / texts.length;
      const planned = outline ? 0.2 * Math.min(outline / asked.slides, 1) : 0.1;
      return Math.min(1, (0.35 * relevant) / texts.length + grounding + uniqueness + planned);
    });
    return { rewards: Float64Array.from(rewards) };
  },
});

function sharedWords(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let count = 0;
  for (const word of a) if (b.has(word)) count++;
  return count;
}
