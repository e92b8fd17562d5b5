import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { porterStem } from "./porter-stemmer.ts";
import { lengthAwareBleu, rougeMean, wordErrorRate } from "./text-overlap.ts";

const words = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 8 });

describe("signal/rouge-mean", () => {
  it("is symmetric, in [0, 1], and 1 for the same words", () => {
    fc.assert(
      fc.property(words, words, (x, y) => {
        const [a, b] = [x.join(" "), y.join(" ")];
        const out = rougeMean()({ responses: [a, b, a], references: [b, a, a] });
        expect(out.rewards[0]).toBeCloseTo(out.rewards[1], 12);
        expect(out.rewards[0]).toBeLessThanOrEqual(1);
        if (x.length > 1) expect(out.rewards[2]).toBe(1);
        expect(out.rouge1[0]).toBeGreaterThanOrEqual(out.rougeL[0] - 1e-12);
      }),
    );
  });

  it("has no bigrams in one word, and nothing in punctuation", () => {
    const out = rougeMean()({ responses: ["Yes!", "…"], references: ["yes", "…"] });
    expect([out.rouge1[0], out.rouge2[0], out.rougeL[0]]).toEqual([1, 0, 1]);
    expect(out.rewards[1]).toBe(0);
  });

  it("stems tokens of more than three letters", () => {
    const pair = { responses: ["running dogs are happily running"], references: ["run dog are happily run"] };
    expect(rougeMean()(pair).rouge1[0]).toBeCloseTo(0.4, 12);
    expect(rougeMean({ stem: true })(pair).rewards[0]).toBe(1);
  });
});

it("stems as NLTK's default Porter stemmer does", () => {
  const expected =
    "caresses caress ponies poni ties tie cats cat feed feed agreed agre plastered plaster motoring motor sing sing " +
    "conflated conflat sized size hopping hop falling fall hissing hiss fizzed fizz filing file happy happi sky sky " +
    "enjoy enjoy relational relat rational ration valenci valenc digitizer digit radicalli radic operator oper " +
    "feudalism feudal decisiveness decis sensibiliti sensibl triplicate triplic formative form electriciti electr " +
    "goodness good revival reviv inference infer adjustment adjust adoption adopt homologou homolog effective effect " +
    "probate probat rate rate cease ceas controll control roll roll dying die news news proceed proceed hopefulli hope " +
    "theologi theolog syzygy syzygi died die by by";
  const list = expected.split(" ");
  for (let i = 0; i < list.length; i += 2) expect(porterStem(list[i]), list[i]).toBe(list[i + 1]);
  const long = "y".repeat(100_000);
  expect(porterStem(long)).toBe(long);
});

describe("signal/word-error-rate", () => {
  it("is 0 only for the same words, at most the longer text, and obeys the reference's length", () => {
    fc.assert(
      fc.property(words, words, (x, y) => {
        const [rate] = wordErrorRate()({ responses: [x.join(" ")], references: [y.join("\n")] }).wer;
        expect(rate === 0).toBe(x.join() === y.join());
        if (y.length > 0) {
          expect(rate * y.length).toBeLessThanOrEqual(Math.max(x.length, y.length));
          expect(rate * y.length).toBeGreaterThanOrEqual(Math.abs(x.length - y.length) - 1e-9);
        }
      }),
    );
  });

  it("rates against an empty reference 0 or 1", () => {
    const out = wordErrorRate({ transform: "negative" })({ responses: ["", "a b"], references: ["", " "] });
    expect(Array.from(out.wer)).toEqual([0, 1]);
    expect(Array.from(out.rewards)).toEqual([0, -1]);
  });
});

describe("signal/length-aware-bleu", () => {
  it("clips counts, wants every order, and punishes shortness if asked", () => {
    const run = (candidate: string, reference: string, params = {}) =>
      lengthAwareBleu(params)({ candidate: candidate.split(" "), reference: reference.split(" ") });
    expect(run("a a a", "a").precisions).toEqual([1 / 3]);
    expect(run("b a", "a b").score).toBe(0);
    expect(run("a", "a b", { brevityPenalty: false }).score).toBe(1);
    expect(run("a b c d e", "a b c d e", { maxOrder: 2 }).order).toBe(2);
  });

  it("scores an empty candidate 0 and an empty reference not at all", () => {
    expect(lengthAwareBleu()({ candidate: [], reference: ["a"] })).toEqual({ score: 0, order: 0, precisions: [] });
    expect(lengthAwareBleu()({ candidate: ["a"], reference: [] }).score).toBeNull();
  });
});
