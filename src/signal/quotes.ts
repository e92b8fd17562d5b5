/** How much of a text is quoted verbatim from a corpus. */
import { z } from "zod";
import { fields, integers, nullableVector, shaped, strings } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const params = z.object({ n: z.int().positive().default(25).describe("code points per n-gram") });
const inputs = z.object({ responses: fields.responses, corpus: strings("documents", "trusted texts") });

/** A text as its n-grams see it: white space normalised, starts of code points. */
interface Indexed {
  readonly text: string;
  readonly starts: Int32Array;
}

/**
 * Runs of line breaks → one newline, runs of other white space → one blank, a blank after a newline dropped, ends
 * stripped. Case and punctuation stay.
 */
function normalise(text: string): string {
  return text
    .replace(/[\r\n]+/g, "\n")
    .replace(/[^\S\r\n]+/g, " ")
    .replace(/\n /g, "\n")
    .trim();
}

function indexed(original: string): Indexed {
  const text = normalise(original);
  const starts: number[] = [];
  let at = 0;
  for (const point of text) {
    starts.push(at);
    at += point.length;
  }
  starts.push(at);
  return { text, starts: Int32Array.from(starts) };
}

function ngram({ text, starts }: Indexed, i: number, n: number): string {
  return text.slice(starts[i], starts[i + n]);
}

/** For each response, which of its n-grams occur in the corpus; one pass over the corpus, memory of the responses only. */
function quotedPositions(responses: readonly string[], corpus: readonly string[], n: number): [Indexed, boolean[]][] {
  const texts = responses.map(indexed);
  const wanted = new Set<string>();
  for (const text of texts) for (let i = 0; i + n < text.starts.length; i++) wanted.add(ngram(text, i, n));
  const found = new Set<string>();
  for (const document of corpus) {
    const text = indexed(document);
    for (let i = 0; i + n < text.starts.length; i++) {
      const gram = ngram(text, i, n);
      if (wanted.has(gram)) found.add(gram);
    }
  }
  return texts.map((text) => {
    const positions = Math.max(0, text.starts.length - n);
    return [text, Array.from({ length: positions }, (_, i) => found.has(ngram(text, i, n)))];
  });
}

/**
 * QUIP score: share of a response's character n-grams that occur in a trusted corpus (Quote-Tuning, arXiv 2404.03862,
 * eq. 1).
 *
 * Code points, stride 1, counted with multiplicity; white space is normalised on both sides. A response shorter than n
 * has no score (null, 0 of 0). n-grams do not span documents. For a large corpus prepare an index instead.
 */
export const quip = definePart({
  id: "signal/quip",
  papers: ["quote-tuning"],
  params,
  inputs,
  outputs: z.object({
    scores: nullableVector("N", "share quoted; null: too short"),
    numerators: integers("N", "n-grams found in the corpus"),
    denominators: integers("N", "n-grams of the response"),
  }),
  compute({ n }, { responses, corpus }) {
    const quoted = quotedPositions(responses, corpus, n);
    const numerators = quoted.map(([, members]) => members.filter(Boolean).length);
    const denominators = quoted.map(([, members]) => members.length);
    const scores = denominators.map((total, i) => (total === 0 ? null : numerators[i] / total));
    return { scores, numerators, denominators };
  },
});

/**
 * Maximal stretches of a response that are quoted from the corpus (Quote-Tuning, arXiv 2404.03862): evidence beside
 * signal/quip.
 *
 * A stretch is a maximal run of member n-grams; its text runs from the first n-gram to the end of the last. `longest` is
 * in code points, 0 where nothing is quoted. Neighbouring quotes of different documents merge where n-grams overlap.
 */
export const quotedSpans = definePart({
  id: "signal/quoted-spans",
  papers: ["quote-tuning"],
  params,
  inputs,
  outputs: z.object({
    segments: shaped(z.array(z.array(z.string())), "N", "quoted stretches, in order"),
    longest: integers("N", "code points of the longest one"),
  }),
  compute({ n }, { responses, corpus }) {
    const longest = new Int32Array(responses.length);
    const segments = quotedPositions(responses, corpus, n).map(([text, members], r) => {
      const stretches: string[] = [];
      for (let i = 0; i < members.length; i++) {
        if (!members[i]) continue;
        const start = i;
        while (i + 1 < members.length && members[i + 1]) i++;
        stretches.push(ngram(text, start, i - start + n));
        longest[r] = Math.max(longest[r], i - start + n);
      }
      return stretches;
    });
    return { segments, longest };
  },
});
