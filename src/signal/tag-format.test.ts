import fc from "fast-check";
import { expect, it } from "vitest";
import { tagFormat } from "./tag-format.ts";

const strict = tagFormat({ tags: ["think", "answer"] });
const loose = tagFormat({ tags: ["think", "answer"], outside: "allow" });
const good = "<think>t</think>\n<answer>a</answer>";

it("accepts exactly one pair of each tag, in order", () => {
  const responses = [
    good,
    ` \n${good}\t`,
    "<think></think><answer></answer>",
    "<answer>a</answer><think>t</think>",
    "<think>t<answer>a</answer></think>",
    "<think>t</think><answer>a",
    `${good}<answer>b</answer>`,
    "<think>a <think> b</think><answer>a</answer>",
    "<think>t</think><answer>a</answer></answer>",
    "<think x=1>t</think><answer>a</answer>",
    "<THINK>t</THINK><answer>a</answer>",
    "",
  ];
  const valid = [true, true, true, false, false, false, false, false, false, false, false, false];
  const result = strict({ responses });
  expect(result.valid).toEqual(valid);
  expect([...result.rewards]).toEqual(valid.map(Number));
});

it("minds text outside of the tags only when told to", () => {
  const responses = [`so: ${good}`, `${good} done`, "<think>t</think> and <answer>a</answer>"];
  expect(strict({ responses }).valid).toEqual([false, false, false]);
  expect(loose({ responses }).valid).toEqual([true, true, true]);
});

it("never pays for a text that holds a tag twice", () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom("<think>", "</answer>"), (noise, tag) => {
      expect(loose({ responses: [`${noise}${good}${noise}${tag}`] }).valid).toEqual([false]);
    }),
  );
});

it("is linear", () => {
  const start = performance.now();
  strict({ responses: ["<think>".repeat(500_000), "<".repeat(5_000_000)] });
  expect(performance.now() - start).toBeLessThan(1000);
});
