import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterLabel,
  between,
  blockObject,
  codeBlocks,
  entry,
  firstObject,
  jsonObjects,
  lastBetween,
  parseJson,
  plainNumber,
  spanObject,
  tagged,
  taggedAnyCase,
} from "./reply.ts";

const values = (text: string) => Array.from(jsonObjects(text), ({ value }) => value);

describe("reading a reply", () => {
  it("finds outermost objects between prose, strings with braces and broken ones", () => {
    expect(values('a {"x": {"y": "}"}} b {nope} c {"z": [1]} {')).toEqual([{ x: { y: "}" } }, { z: [1] }]);
    expect(values('{ {"inner": true} }')).toEqual([{ inner: true }]);
    expect(firstObject('set {x} then {"a": 1}')).toEqual({ a: 1 });
    expect(firstObject("none")).toBeNull();
    expect(spanObject('x {"a": 1} y')).toEqual({ a: 1 });
    expect(spanObject('{"a": 1} {"b": 2}')).toBeNull();
    expect(spanObject("} {")).toBeNull();
  });

  it("finds the same objects however prose without braces surrounds them", () => {
    const prose = fc.string({ maxLength: 20 }).map((text) => text.replace(/[{}]/g, ""));
    const objects = fc.array(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(objects, prose, (list, between_) => {
        const text = list.map((one) => between_ + JSON.stringify(one)).join("");
        expect(values(text)).toEqual(list.map((one) => JSON.parse(JSON.stringify(one))));
      }),
    );
  });

  it("refuses deep nesting and duplicate keys, and never inherits", () => {
    expect(parseJson(`${"[".repeat(1000)}${"]".repeat(1000)}`)).toBeUndefined();
    expect(parseJson('{"a": 1, "a": 2}')).toBeUndefined();
    expect(entry({}, "constructor")).toBeUndefined();
  });

  it("stays linear on texts of false starts", () => {
    for (const piece of ["{", '{"', '{"\\"', '{"a":', "{{}", "```{", '{"}', "<hint>"]) {
      const text = piece.repeat(60_000);
      const start = performance.now();
      firstObject(text);
      spanObject(text);
      codeBlocks(text);
      taggedAnyCase(text, "hint");
      expect(performance.now() - start).toBeLessThan(3000);
    }
  });

  it("cuts between markers", () => {
    expect(between("a[b]c]", "[", "]")).toBe("b");
    expect(between("a]b[", "[", "]")).toBeNull();
    expect(lastBetween("<s>1</s> <s>2</s> <s>3", "<s>", "</s>")).toBe("2");
    expect(lastBetween("</s>", "<s>", "</s>")).toBeNull();
    expect(lastBetween("<s>", "<s>", "</s>")).toBeNull();
    expect(tagged("<a>x</a>", "a")).toBe("x");
    expect(taggedAnyCase("<HINT>x</hint>", "hint")).toBe("x");
    expect(taggedAnyCase("<hint>x", "hint")).toBeNull();
    expect(afterLabel("R: 1 R: 2 S: 3", ["Q:", "R:", "S:"])).toBe(" 2 S: 3");
    expect(afterLabel("none", ["Q:"])).toBeNull();
  });

  it("reads code blocks with and without a language, closed ones only", () => {
    expect(codeBlocks("```json\n{}\n``` x ```\ny\n``` ```open")).toEqual([
      { language: "json", code: "{}" },
      { language: "", code: "y" },
    ]);
    expect(blockObject(' {"a": 1} ')).toEqual({ a: 1 });
    expect(blockObject('so {"a": 1}')).toBeNull();
    expect(blockObject("[1]")).toBeNull();
  });

  it("reads plain decimals only", () => {
    expect(["+0.5", " -3 ", ".5", "5.", "1e3", "", "0x1", "Infinity", "9".repeat(400)].map(plainNumber)).toEqual([
      0.5,
      -3,
      0.5,
      5,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        values(text);
        spanObject(text);
        blockObject(text);
        plainNumber(text);
      }),
    );
  });
});
