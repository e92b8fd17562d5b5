import fc from "fast-check";
import { expect, it } from "vitest";
import { quip, quotedSpans } from "./quotes.ts";

const unit = fc.constantFrom("a", "b", " ", "\n", "😀");
const text = fc.string({ unit, maxLength: 30 });

it("a text quotes itself completely, an empty corpus nothing", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 4 }), (response, n) => {
      const own = quip({ n })({ responses: [response], corpus: [response] });
      expect(own.scores[0]).toBe(own.denominators[0] === 0 ? null : 1);
      const none = quip({ n })({ responses: [response], corpus: [] });
      expect(none.scores[0]).toBe(none.denominators[0] === 0 ? null : 0);
      expect(quotedSpans({ n })({ responses: [response], corpus: [] })).toEqual({
        segments: [[]],
        longest: Int32Array.of(0),
      });
    }),
  );
});

it("quoted stretches occur in the corpus, or bridge documents, and are as long as they say", () => {
  fc.assert(
    fc.property(text, text, (response, document) => {
      const out = quotedSpans({ n: 2 })({ responses: [response], corpus: [document] });
      const longest = Math.max(0, ...out.segments[0].map((stretch) => [...stretch].length));
      expect(out.longest[0]).toBe(longest);
      const { numerators } = quip({ n: 2 })({ responses: [response], corpus: [document] });
      const positions = out.segments[0].reduce((sum, stretch) => sum + [...stretch].length - 1, 0);
      expect(positions).toBe(numerators[0]);
    }),
  );
});

it("normalises white space on both sides, counts code points, and keeps documents apart", () => {
  const run = quip({ n: 3 });
  expect(run({ responses: ["a \t b\r\n\n  c"], corpus: [" a b\nc "] }).scores).toEqual([1]);
  expect(run({ responses: ["😀😀😀"], corpus: ["😀😀😀"] }).denominators).toEqual([1]);
  expect(run({ responses: ["abc"], corpus: ["ab", "c"] }).scores).toEqual([0]);
  expect(run({ responses: ["ABC", "ab"], corpus: ["abc"] }).scores).toEqual([0, null]);
});
