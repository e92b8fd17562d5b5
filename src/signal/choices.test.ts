import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choiceExtract, yesNoMatch } from "./choices.ts";

/** Any UTF-16 units, lone surrogates among them. */
const anyText = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));

const choice = (text: string) => choiceExtract()({ responses: [text] }).choices[0];

describe("signal/choice-extract", () => {
  it("weighs keywords, place and punctuation", () => {
    expect(choice("b")).toBe("B");
    expect(choice("the answer is b ")).toBeNull();
    // Both stand before a full stop; only Z has a keyword near and stands late.
    expect(choice("A. is one of four, and there are some more. I select Z.")).toBe("Z");
    expect(choice("答案是 B，因为 A.")).toBe("A");
    expect(choice("")).toBeNull();
  });

  it("adds a letter's score up over the times that it is a candidate", () => {
    // A point each for the comma behind it.
    expect(choice("Z, and the rest is 1111111111111111111111111 Y, 22222222222222222222222222222222222222")).toBe("Z");
    expect(choice("Z, and the rest is 1111111111111111111111111 Y, Y, 2222222222222222222222222222222222222")).toBe(
      "Y",
    );
  });

  it("counts code points, so that emoji do not move the window", () => {
    const far = "😀".repeat(21);
    expect(choice(`answer ${far}B. ${far}C.`)).toBe(choice(`answer ${"1".repeat(21)}B. ${"1".repeat(21)}C.`));
  });

  it("gives a capital letter or null on any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(choice(text) ?? "A").toMatch(/^[A-Z]$/);
      }),
    );
  });
});

it("yes/no: first answer block, any case, symmetric", () => {
  const match = (a: string, b: string) => yesNoMatch()({ responses: [a], targets: [b] }).rewards[0];
  expect(match("no, no <ANSWER>\nYES\n</ANSWER>", "yes")).toBe(1);
  expect(match("<answer>yes", "yes")).toBe(1);
  expect(match("", "perhaps")).toBe(1);
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => match(a, b) === match(b, a)));
  expect(() => yesNoMatch()({ responses: ["yes"], targets: [] })).toThrow("inputs.targets");
});
