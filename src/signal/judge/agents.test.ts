import { describe, expect, it } from "vitest";
import {
  messageLabelParse,
  patchOutcome,
  subgoalSuggestParse,
  subgoalVerifyParse,
  toolCallParse,
  toolStepReward,
} from "./agents.ts";
import { inverseSpecification, inverseSpecificationParse, slideScoresParse } from "./slides.ts";

describe("judges of agents", () => {
  it("subgoal-suggest-parse: indented items, none without the space", () => {
    const { subgoals } = subgoalSuggestParse({ max: 2 })({ replies: ["  12. a\n-b\n*  c\n- \n- d"] });
    expect(subgoals).toEqual([["a", "c"]]);
    expect(subgoalSuggestParse()({ replies: ["1. a\r\n2. b\r\n"] }).subgoals).toEqual([["a", "b"]]);
  });

  it("subgoal-verify-parse: an unreadable reply is not valid; what is missing is what was named", () => {
    const verify = subgoalVerifyParse({ missing: null });
    expect(verify({ replies: ['{"A": "Yes", "b": 2}', "x"], subgoals: ["a", "b"] })).toEqual({
      achieved: [
        [true, null],
        [null, null],
      ],
      valid: [false, false],
    });
    expect(verify({ replies: ["{}", "x"], subgoals: [] }).valid).toEqual([true, false]);
  });

  it("message-label-parse takes its words", () => {
    expect(messageLabelParse({ positive: "good", negative: "bad" })({ replies: ["bad", "good", "FOO"] })).toEqual({
      labels: [0, 1, 0],
      valid: [true, true, false],
    });
  });

  it("tool-call-parse: blank lines, other values and unclosed tags are unreadable", () => {
    const lines = (text: string) => toolCallParse()({ responses: [text] }).calls[0];
    expect(lines('<tool_call>{"a": 1}\n\n{"b": 1}</tool_call>')).toBeNull();
    expect(lines("<tool_call>[1]</tool_call>")).toBeNull();
    expect(lines("<tool_call></tool_call>")).toBeNull();
    expect(lines('<tool_call>{"a": 1}')).toBeNull();
    const json = (text: string) => toolCallParse({ format: "json" })({ responses: [text] }).calls[0];
    expect(json('{"x": {"tool": 1}} {"tool": "t"}')).toEqual([{ tool: "t" }]);
    expect(json('```\nnot json\n``` {"tool": "t"}')).toEqual([{ tool: "t" }]);
    expect(json('{"name": "t"}')).toBeNull();
    expect(json('{"action": {"tool": "t", "n": {"x": 1}}}')).toEqual([{ tool: "t", n: { x: 1 } }]);
    // "tool" has to be a key, with a name as its value.
    expect(json('{"kind": "tool"} {"tool": 5} {"tool": ""}')).toBeNull();
  });

  it("tool-step-reward and patch-outcome: the first reason counts", () => {
    const inputs = { valid: [false, true, true], success: [true, false, true], qualities: [9, 9, 0.3] };
    expect(Array.from(toolStepReward()(inputs).rewards)).toEqual([-2, -1, 0.3]);
    const { outcomes, rewards } = patchOutcome()({
      submitted: [false, true],
      emptyPatch: [false, true],
      passed: [true, true],
    });
    expect(outcomes).toEqual(["noSubmission", "emptyPatch"]);
    expect(Array.from(rewards)).toEqual([-1, -0.5]);
  });
});

describe("judges of slides", () => {
  it("slide-scores-parse: a deck without slides has no mean, entries that are no numbers are missing", () => {
    const parsed = slideScoresParse({ missing: 0.5 })({
      replies: ['{"scores": []}', '{"scores": ["1", null, 2]}', '{"score": [1]}'],
      counts: [0, 3, 1],
    });
    expect(parsed).toEqual({
      scores: [[], [1, 0.5, 1], null],
      rewards: [null, 2.5 / 3, null],
      valid: [true, true, false],
    });
  });

  it("inverse-specification-parse: defaults, and what is no count", () => {
    const { predictions } = inverseSpecificationParse()({
      replies: ["{}", '{"num_slides": "many"}', '{"num_slides": 4.7, "key_themes": ["a", 1], "topic": 3}', "[]"],
    });
    expect(predictions).toEqual([
      { topic: "", audience: "", slides: 0, themes: [] },
      null,
      { topic: "", audience: "", slides: 4, themes: ["a"] },
      null,
    ]);
  });

  it("inverse-specification: exact recovery is 1, a missing guess null, an empty audience is released behaviour", () => {
    const order = { topic: "solar power", audience: "farmers", slides: 4 };
    const exact = { topic: "Solar power", audience: " FARMERS ", slides: 4, themes: ["solar", "power"] };
    const reward = (guess: Partial<typeof exact> | null) =>
      inverseSpecification()({ predictions: [guess], specifications: [order] }).rewards[0];
    expect(reward(exact)).toBeCloseTo(1, 12);
    expect(reward(null)).toBeNull();
    expect(reward({})).toBeCloseTo(0.25 * 0.7, 12);
    expect(reward({ audience: "x", slides: -3 })).toBe(0);
    expect(reward({ audience: "x", slides: 2.5 })).toBeCloseTo((0.15 * 2.5) / 4, 12);
    const noTopic = inverseSpecification()({ predictions: [exact], specifications: [{ ...order, topic: "the - of" }] });
    expect(noTopic.rewards[0]).toBeCloseTo(0.25 + 0.15, 12);
  });
});
