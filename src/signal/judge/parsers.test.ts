import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnyPart, callPart } from "../../core/part.ts";
import * as agents from "./agents.ts";
import * as decisions from "./decisions.ts";
import * as dialogue from "./dialogue.ts";
import * as extraction from "./extraction.ts";
import * as hints from "./hints.ts";
import * as images from "./images.ts";
import * as pairwise from "./pairwise-parse.ts";
import * as rating from "./rating.ts";
import * as reference from "./reference.ts";
import * as rewriting from "./rewriting.ts";
import * as rubric from "./rubric.ts";
import * as slides from "./slides.ts";
import * as steps from "./steps.ts";
import * as thinking from "./thinking.ts";

interface Parser {
  readonly part: AnyPart;
  readonly params?: Record<string, unknown>;
  readonly inputs: (text: string) => Record<string, unknown>;
}

const replies = (text: string) => ({ replies: [text] });
const reply = (text: string) => ({ reply: text });
const responses = (text: string) => ({ responses: [text] });
const pairwiseFormats = [
  "double-bracket",
  "boxed-section",
  "winner-line",
  "better-line",
  "answer-tag",
  "judgement",
  "better-phrase",
  "score-pair",
  "best-description",
];

const parsers: Parser[] = [
  ...pairwiseFormats.map((format) => ({ part: pairwise.pairwiseJudgeParse, params: { format }, inputs: replies })),
  { part: pairwise.pairwiseJudgeParse, params: { format: "answer-tag", fallback: "last-digit" }, inputs: replies },
  { part: pairwise.pairwiseJudgeParse, params: { format: "boxed-section", strict: true }, inputs: replies },
  { part: pairwise.branchParse, inputs: reply },
  { part: pairwise.dimensionScoresParse, inputs: reply },
  { part: rating.judgeRatingParse, inputs: reply },
  { part: rating.judgeRatingParse, params: { format: "trailing" }, inputs: reply },
  { part: rating.rankingJudgeParse, inputs: (text) => ({ reply: text, correctPosition: 0 }) },
  { part: rating.rubricScoresParse, params: { count: 3 }, inputs: reply },
  { part: reference.referenceJudgeParse, inputs: replies },
  { part: reference.referenceJudgeParse, params: { strict: false }, inputs: replies },
  { part: reference.referenceJudgeParse, params: { format: "match-mismatch" }, inputs: replies },
  { part: reference.consistencyPrompt, inputs: (text) => ({ response: text }) },
  { part: reference.consistencyParse, inputs: replies },
  { part: reference.rewardHackJudgeParse, inputs: reply },
  { part: rubric.rubricParse, inputs: reply },
  { part: rubric.rubricChecklistParse, inputs: (text) => ({ reply: text, count: 3 }) },
  { part: rubric.checklistParse, inputs: replies },
  { part: steps.stepVerificationParse, inputs: (text) => ({ reply: text, stepCount: 3 }) },
  { part: steps.stepVerificationParse, params: { format: "json" }, inputs: reply },
  { part: steps.generativePrmParse, inputs: reply },
  { part: images.keypointParse, inputs: (text) => ({ replies: [text], keypoints: ["a", "__proto__"] }) },
  { part: images.layoutScoreParse, inputs: replies },
  { part: images.regionScoresParse, inputs: replies },
  { part: images.weightedMetricsParse, inputs: replies },
  { part: images.progressJudgeParse, inputs: reply },
  { part: thinking.thinkingScoreParse, inputs: replies },
  { part: thinking.thinkingScoreParse, params: { mode: "official" }, inputs: replies },
  { part: agents.subgoalSuggestParse, inputs: replies },
  { part: agents.subgoalVerifyParse, inputs: (text) => ({ replies: [text], subgoals: ["a"] }) },
  { part: agents.messageLabelParse, inputs: replies },
  { part: agents.toolCallParse, inputs: responses },
  { part: agents.toolCallParse, params: { format: "json" }, inputs: responses },
  { part: slides.slideScoresParse, inputs: (text) => ({ replies: [text], counts: [2] }) },
  { part: slides.inverseSpecificationParse, inputs: replies },
  { part: decisions.decisionParse, inputs: responses },
  { part: decisions.gambleChoiceParse, inputs: reply },
  { part: decisions.gambleChoiceParse, params: { mode: "first-letter" }, inputs: reply },
  { part: decisions.choiceShareParse, inputs: reply },
  { part: dialogue.answerAttributesParse, inputs: (text) => ({ replies: [text], schema: { a: ["1", "x"] } }) },
  {
    part: extraction.boxParse,
    inputs: (text) => ({ responses: [text], inputSizes: [[2, 3]], imageSizes: [[4, 5]] }),
  },
  { part: extraction.editParametersParse, params: { allowed: { a: [0, 1] } }, inputs: responses },
  { part: extraction.dependencyGraphParse, inputs: (text) => ({ text }) },
  { part: rewriting.rewriteParse, inputs: (text) => ({ responses: [text], prompts: ["p"] }) },
  { part: hints.answerLeakage, inputs: (text) => ({ text, answer: text.slice(0, 3) }) },
];

/** Pieces of which replies in any of the formats are made. */
const pieces = [
  ..."{}[]()<>:;,.=+-*/\"'\\` \n01289%",
  "[[A]]",
  "[[B]]",
  "<answer>",
  "</answer>",
  "<think>",
  "</think>",
  "<score>",
  "</score>",
  "<tool_call>",
  "</tool_call>",
  "\\boxed{",
  "\\box{",
  "Score: ",
  "Rating: ",
  "Response 1 ",
  "Step 1: correct",
  "Region ID: 1",
  "Identified Object: ",
  "Image 1 (9/10)",
  "Image 2 (8/10)",
  "Total score:",
  "Image 1: 9+8=17",
  "(50%): ",
  "Define x as a; ",
  "so a = 1.",
  "Answer: ",
  "--- Final Judgment ---",
  "Winner: Response A",
  "[The Begin of Ranking Score]",
  "[The End of Ranking Score]",
  "best_description",
  "Judgement:",
  "Decision: SELECTED",
  "Verification: Is the answer correct (Yes/No)? ",
  '{"answer": true}',
  '{"scores": [1, 2]}',
  '{"results": [{"index": 2, "met": 1}]}',
  '{"a": "x"}',
  '{"Machine A": "1/3", "Machine B": 2}',
  '{"tool": "t", "parameters": {}}',
  '{"topic": "t", "num_slides": "3"}',
  "9".repeat(400),
  "1. The response is good. [Hard Rule]",
  "```json\n",
  "```",
];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 25 }).map((list) => list.join("")),
);

describe("parsers", () => {
  for (const { part, params, inputs } of parsers) {
    const name = `${part.id} ${JSON.stringify(params ?? {})}`;

    it(`${name}: any text gives a JSON value that keeps the contract`, async () => {
      await fc.assert(
        fc.asyncProperty(text, async (hostile) => {
          const outputs = await callPart(part, { params, inputs: inputs(hostile) });
          expect(part.outputs.safeParse(JSON.parse(JSON.stringify(outputs))).error).toBeUndefined();
        }),
        { numRuns: 150 },
      );
    });
  }

  it("are linear: long repetitions of any two pieces are read at once", () => {
    const slow: string[] = [];
    const long = [
      ...pieces.filter((piece) => piece.length < 100).map((piece) => piece.repeat(Math.ceil(60_000 / piece.length))),
      ...[" ", "a", '"', "\\", "\n "].flatMap((filler) =>
        ["{", '{"', "(", "[", "<answer>", "score", "Step", "Define x as a", "decision", "\\boxed{", "**", "-"].map(
          (start) => (start + filler.repeat(50)).repeat(1000),
        ),
      ),
      `Score${" ".repeat(60_000)}`,
      `decision${'"'.repeat(60_000)}`,
      `- ${" ".repeat(60_000)}(50%)`,
      `Define ${" ".repeat(60_000)} as`,
      `Winner:${" ".repeat(60_000)}`,
    ];
    for (const { part, params, inputs } of parsers) {
      const bound = part(params);
      for (const one of long) {
        const start = performance.now();
        bound(inputs(one));
        const time = performance.now() - start;
        if (time > 1500) slow.push(`${part.id} ${JSON.stringify(params)} ${JSON.stringify(one.slice(0, 20))} ${time}`);
      }
    }
    expect(slow).toEqual([]);
  }, 120_000);
});
