import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  hindsightPrompt,
  hinterParse,
  hinterPrompt,
  hintInject,
  selfHintParse,
  selfHintPrompt,
} from "./hint-prompts.ts";
import { problemProposalParse, problemProposalPrompt, rephraseParse, rephrasePrompt } from "./problem-prompts.ts";

const fenced = (messages: readonly { content: string }[], ...texts: string[]) => {
  const open = /<<<BEGIN [^>]*>>>/.exec(messages[0].content)?.[0] ?? "none";
  for (const text of texts) expect(messages[1].content).toContain(`${open}\n${text}\n${open.replace("BEGIN", "END")}`);
};

describe("hint prompts", () => {
  it("fence what they show", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
        fenced(selfHintPrompt()({ question: a, solution: b }).messages, a, b);
        fenced(hinterPrompt()({ question: a, attempt: b, solution: c }).messages, a, b, c);
        fenced(
          hindsightPrompt()({ instruction: a, draft: b, satisfied: [c], unmet: [], unclear: [] }).messages,
          a,
          b,
          `- ${c}`,
        );
        fenced(rephrasePrompt()({ question: a }).messages, a);
        fenced(problemProposalPrompt()({ topic: a }).messages, a);
      }),
      { numRuns: 50 },
    );
    expect(problemProposalPrompt()({}).messages).toHaveLength(2);
    expect(selfHintPrompt({ levels: 2 })({ question: "q", solution: "s" }).messages[1].content).toContain('"level_2"');
  });

  it("hint-inject: without a hint the question alone", () => {
    expect(hintInject()({ question: "q", hint: null }).messages).toEqual([{ role: "user", content: "q" }]);
    expect(hintInject()({ question: "q", hint: "h" }).messages[0].content).toMatch(/^q\n\nHint.*: h$/);
  });

  it("self-hint-parse: single quotes, trailing commas, prose with braces, broken blocks", () => {
    const read = (reply: string) => selfHintParse({ levels: 2 })({ reply });
    expect(read("{'level_1': 'don\\'t say \"x\"', \"level_2\": \"it's\",}")).toEqual({
      hints: ['don\'t say "x"', "it's"],
      valid: true,
    });
    expect(read('a set {1, 2} {"level_2": "b"}')).toEqual({ hints: [null, "b"], valid: true });
    expect(read('```json\n{broken\n``` {"level_1": "a"}')).toEqual({ hints: ["a", null], valid: true });
    expect(read("{}")).toEqual({ hints: [null, null], valid: true });
    expect(read('{"level_1": " a\\n", "level_2": "\\n"}').hints).toEqual([" a\n", null]);
  });

  it("parsers never throw, and take no time", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "'",
      '"',
      ",",
      ":",
      "\\",
      "level_1",
      "<hint>",
      "</HINT>",
      "REWRITE:",
      "### RESULT_START",
      "### RESULT_END",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(pieces).map((list) => list.join("")),
        ),
        (reply) => {
          selfHintParse()({ reply });
          hinterParse()({ reply });
          problemProposalParse()({ reply });
          rephraseParse()({ reply });
        },
      ),
    );
    for (const piece of ["{'", ", ", "{", "{'a':'", "<hint>", ",}"]) {
      const start = performance.now();
      const reply = piece.repeat(40_000);
      selfHintParse()({ reply });
      hinterParse()({ reply });
      expect(performance.now() - start).toBeLessThan(2000);
    }
  });

  it("hinter-, problem-proposal- and rephrase-parse", () => {
    expect(hinterParse()({ reply: "<HINT> a </Hint><hint>b</hint>" }).hint).toBe("a");
    expect(hinterParse()({ reply: "<hint>a" }).hint).toBeNull();
    expect(problemProposalParse()({ reply: "<question> </question><answer>1</answer>" })).toEqual({
      question: null,
      answer: null,
    });
    const rephrase = rephraseParse({ startMarker: "[", endMarker: "]" });
    expect(rephrase({ reply: "[aREWRITE: b REWRITE: c]" })).toEqual({
      valid: true,
      original: "a",
      rewritten: "b REWRITE: c",
    });
    expect(rephrase({ reply: "[a REWRITE: ]" }).valid).toBe(false);
    expect(rephrase({ reply: "] REWRITE: b [" }).valid).toBe(false);
  });
});
