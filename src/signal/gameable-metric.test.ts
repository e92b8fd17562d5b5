import fc from "fast-check";
import { expect, it } from "vitest";
import { gameableMetric } from "./gameable-metric.ts";

/** Any UTF-16 units, lone surrogates among them. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));

const metrics = [
  "keyword-count",
  "keyword-density",
  "phrase",
  "question-count",
  "word-count",
  "citation-count",
  "flesch-kincaid",
] as const;

it("gives a finite number or null for any text", () => {
  fc.assert(
    fc.property(fc.constantFrom(...metrics), anyText, (metric, text) => {
      const [value] = gameableMetric({ metric, keywords: ["a b"], phrase: "x" })({ responses: [text] }).rewards;
      if (value !== null) expect(Number.isFinite(value)).toBe(true);
    }),
  );
});

it("counts word sequences, overlapping ones too, not substrings", () => {
  const count = (text: string, ...keywords: string[]) =>
    gameableMetric({ metric: "keyword-count", keywords })({ responses: [text] }).rewards[0];
  expect(count("category cat, CAT!", "cat")).toBe(2);
  expect(count("ha ha ha", "ha ha", "ha")).toBe(5);
  expect(count("anything", "", "!")).toBe(0);
});

it("counts words, questions and citations", () => {
  const run = (metric: (typeof metrics)[number], text: string) =>
    gameableMetric({ metric })({ responses: [text] }).rewards[0];
  expect(run("word-count", "It's 3 words")).toBe(3);
  expect(run("question-count", "?? a ? b")).toBe(2);
  expect(run("citation-count", "[12] (Ångström et al., 2020) (Li 1999) (li, 1999) [x] (Li, 99)")).toBe(3);
  // 4 words, 2 sentences, the, red, ta-ble, who-le (the rule spares -le): 1 + 1 + 2 + 2 syllables.
  expect(run("flesch-kincaid", "The red. Table whole!")).toBeCloseTo(0.39 * 2 + (11.8 * 6) / 4 - 15.59, 12);
  expect(run("flesch-kincaid", "!?")).toBeNull();
});

it("wants its own params and gives the named value where undefined", () => {
  expect(() => gameableMetric({ metric: "phrase" })({ responses: [] })).toThrow("params.phrase");
  expect(() => gameableMetric({ metric: "keyword-density" })({ responses: [] })).toThrow("params.keywords");
  expect(gameableMetric({ metric: "flesch-kincaid", undefined: -1 })({ responses: [""] }).rewards).toEqual([-1]);
});

it("reads hostile text in linear time", () => {
  const start = performance.now();
  gameableMetric({ metric: "citation-count" })({
    responses: ["(Aa".repeat(300_000), `(A${"a".repeat(1e6)}`, "[1".repeat(300_000)],
  });
  expect(performance.now() - start).toBeLessThan(2000);
});
