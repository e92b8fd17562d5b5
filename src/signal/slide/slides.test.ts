import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSlide } from "./html.ts";
import { slideContent, slideRender, slideStructure } from "./slides.ts";

describe("readSlide", () => {
  it("sees text, titles and sections; not style, script, template or comments", () => {
    const slide = readSlide(
      `<!DOCTYPE html><style>.x{content:"<b>no</b>"}</style><script>if (a<b) "</p>"</script><!-- <p>no</p> -->
       <template><div class="section">no</div></template><h1 CLASS='big title'> A &amp; B&nbsp;</h1>
       <div class=section><p></p><br/> </div><section class="section"><img alt=">"> 3 &lt; 4 &#x1F600; &bogus; </section>`,
    );
    expect(slide).toEqual({ text: "A & B 3 < 4 😀 &bogus;", titles: [true], sections: [false, true] });
  });

  it("closes what is left open, ignores stray closing tags, and nests", () => {
    expect(readSlide("</b><div class='section'><i>x</b></div> a < b <")).toEqual({
      text: "x a < b <",
      titles: [],
      sections: [true],
    });
    const nested = readSlide("<div class='section'><div class='section title'>x</div></div><p class='section'/>");
    expect(nested).toEqual({ text: "x", titles: [true], sections: [true, true, false] });
    expect(readSlide("<div class='section'>x<p class=\"title").text).toBe("x");
  });

  it("never throws, and reads hostile markup in linear time", () => {
    const piece = fc.constantFrom(
      "<",
      ">",
      "</",
      "<div",
      ' class="',
      "section",
      '"',
      "'",
      "=",
      "/",
      " ",
      "<!--",
      "-->",
      "<style>",
      "&#",
      ";",
      "x",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const { sections, text } = readSlide(pieces.join(""));
        expect(sections.every((flag) => typeof flag === "boolean")).toBe(true);
        expect(text).toBe(text.trim());
      }),
    );
    const start = performance.now();
    for (const part of ["<div>", "<", "<a b='", "</p>", "<!--", "<style>", "<i></b>", "<p class=x ", "&#1", "< "]) {
      readSlide(part.repeat(100_000));
    }
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

const brief = { topic: "Tea in Japan", slides: 2, wordsPerSlide: 4, sectionsPerSlide: 1, confidence: 0.5 };
const good = '<h1 class="title">Green tea</h1><div class="section">from Uji</div>';

describe("slide rewards", () => {
  it("structure is 1 for a slide as asked, and counts each part", () => {
    const run = (slide: string, more = {}) =>
      slideStructure()({ decks: [{ slides: [slide], brief: { ...brief, ...more } }] }).rewards[0];
    expect(run(good)).toBe(1);
    expect(run(good, { wordsPerSlide: 8 })).toBe(0.875);
    expect(run(good, { wordsPerSlide: 0 })).toBe(0.75);
    expect(run(good, { sectionsPerSlide: 2 })).toBe(0.85);
    expect(run(good, { sectionsPerSlide: 9, slideSections: { 0: 1 } })).toBe(1);
    expect(run('<h1 class="title"> </h1>', { sectionsPerSlide: 0 })).toBe(0.25);
    expect(run("  ")).toBe(0);
  });

  it("render needs to know what was drawn", () => {
    const run = (slides: string[], rendered?: boolean[]) =>
      slideRender()({ decks: [{ slides, brief, rendered }] }).rewards[0];
    expect(run([good, good], [true, true])).toBe(1);
    expect(run([good, ""], [true, true])).toBeCloseTo(0.2 + 0.3 + 0.3, 12);
    expect(run([good, good, "<p>x"], [true, false, false])).toBeCloseTo(0.4 + 0.1 + 0.2, 12);
    expect(run([""])).toBe(0);
    expect(() => run([good])).toThrow("inputs.decks[0].rendered");
  });

  it("content: topic words, grounding in research, distinct texts, outline", () => {
    const run = (slides: string[], more = {}) => slideContent()({ decks: [{ slides, brief, ...more }] }).rewards[0];
    expect(run([good])).toBeCloseTo(0.35 + 0.2 + 0.1, 12);
    expect(run([good, good])).toBeCloseTo(0.35 + 0.1 + 0.1, 12);
    // As in the release, letter case alone does not make a text distinct.
    expect(run(["<p>tea from uji</p>", "<p>Tea from UJI</p>"])).toBeCloseTo(0.35 + 0.1 + 0.1, 12);
    expect(run(["<p>coffee</p>"], { outline: 1 })).toBeCloseTo(0.2 + 0.1, 12);
    expect(run([good], { research: ["green tea comes from uji"] })).toBeCloseTo(0.35 + 0.25 + 0.2 + 0.1, 12);
    // Three shared words are not enough, and "in" does not count.
    expect(run(["<p>tea from uji in"], { research: ["tea from uji in"] })).toBeCloseTo(0.35 + 0.2 + 0.1, 12);
    expect(run([good], { brief: { ...brief, confidence: 0.8 } })).toBeCloseTo(0.35 + 0.15 + 0.2 + 0.1, 12);
    expect(run([])).toBe(0);
  });
});
