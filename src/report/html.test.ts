import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { block, html, visible } from "./html.ts";

const anyText = fc.string({ unit: "binary", maxLength: 60 });

describe("html", () => {
  it("lets no text become markup, in content or in attributes", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { markup } = html`<p title="${text}">${text}</p>`;
        const inside = markup.slice('<p title="'.length, -"</p>".length);
        expect(inside.replace('">', "")).not.toMatch(/[<>"'`]/);
        expect(inside.replace(/&(amp|lt|gt|quot|#39|#96);/g, "")).not.toContain("&");
        expect(block(text).markup).not.toMatch(/[<>"'`]/);
      }),
      { numRuns: 500 },
    );
  });

  it("escapes what is escaped already once more, and never its own markup", () => {
    expect(html`<b>${html`<i>${"&lt;script>"}</i>`}</b>`.markup).toBe("<b><i>&amp;lt;script&gt;</i></b>");
    expect(html`${["<", null, undefined, 3, [html`<br>`]]}`.markup).toBe("&lt;3<br>");
  });
});

describe("visible", () => {
  it("shows what would hide or deceive", () => {
    expect(visible("a\u0000b\u001b[31m\u007f")).toBe("a‹U+0000›b‹U+001B›[31m‹U+007F›");
    expect(visible("user\u202egnp.exe")).toBe("user‹U+202E›gnp.exe");
    expect(visible("zero\u200bwidth\ufeff\u{e0041}")).toBe("zero‹U+200B›width‹U+FEFF›‹U+E0041›");
    expect(visible("lone \ud800 and \udc00, pair 😀")).toBe("lone \ufffd and \ufffd, pair 😀");
    expect(visible("a\r\nb\tc\u2028d", true)).toBe("a\nb\tc‹U+2028›d");
    expect(visible("over\rwritten")).toBe("over‹U+000D›written");
    expect(visible("a\r\nb\tc")).toBe("a↵b⇥c");
  });

  it("leaves ordinary text of any language alone", () => {
    for (const text of ["naïve café", "数学 π≈3.14", "שלום عربى", "𝔘𝔫𝔦", "e\u0301"]) expect(visible(text)).toBe(text);
  });
});
