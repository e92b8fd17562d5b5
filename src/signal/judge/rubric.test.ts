import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checklistParse,
  checklistPrompt,
  checklistSteps,
  rubricAggregation,
  rubricChecklistParse,
  rubricParse,
} from "./rubric.ts";

describe("rubric-parse", () => {
  it("needs a tag on every numbered line and the fixed beginning", () => {
    const read = (reply: string) => rubricParse()({ reply });
    expect(read("1. The response is short. [HARD RULE]  ")).toMatchObject({ hardRules: 1, principles: 0, valid: true });
    expect(read("1. It is short. [Principle]")).toMatchObject({ principles: 1, valid: false });
    expect(read("The response is short. [Principle]")).toMatchObject({ criteria: [], valid: false });
    expect(read("")).toMatchObject({ criteria: [], valid: false });
  });

  it("reads lines that end in a carriage return", () => {
    const { criteria, valid } = rubricParse()({
      reply: "1. The response is short. [Hard Rule]\r\n2) The response is kind. [Principle]\r\n",
    });
    expect(valid).toBe(true);
    expect(criteria).toEqual([
      { type: "hard", text: "The response is short." },
      { type: "principle", text: "The response is kind." },
    ]);
  });
});

describe("rubric-checklist-parse", () => {
  const read = (reply: string, count = 3) => rubricChecklistParse()({ reply, count }).satisfied;

  it("reads every notation that the card names", () => {
    expect(read('{"checks": ["Yes", "fail", "SATISFIED"]}')).toEqual([1, 0, 1]);
    expect(read("so [1, 2, 0.5]")).toEqual([1, 1, 0]);
    expect(read('{"rubrics": [{"id": "3", "pass": true}, {"rubric_index": 9, "met": 1}, {"met": 1}]}')).toEqual([
      0, 0, 1,
    ]);
    expect(read('{"results": [1]}')).toEqual([1, 0, 0]);
    expect(read('{"results": [1, 1, 1, 1]}')).toEqual([1, 1, 1]);
    expect(read('{"results": [null, {}, "maybe"]}')).toEqual([0, 0, 0]);
    expect(read('{"verdict": 1}')).toBeNull();
    expect(read("no", 0)).toEqual([]);
  });
});

describe("rubric-aggregation", () => {
  it("is undefined without weight, or the value named, which is scaled like a mean", () => {
    expect(rubricAggregation()({ scores: [[null], []] })).toMatchObject({ rewards: [null, null] });
    const { rewards } = rubricAggregation({ emptyValue: 0, offset: -0.5, minimum: -0.25 })({
      scores: [[1]],
      weights: [-1],
    });
    expect(rewards).toEqual([-0.25]);
    expect(() => rubricAggregation()({ scores: [[1, 1]], weights: [1] })).toThrow(/scores\[0\]/);
  });

  it("lies between the least and the greatest applicable score, in any order of items", () => {
    const item = fc.tuple(
      fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.double({ min: 0, max: 5, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 8 }), (items) => {
        const run = (list: typeof items) =>
          rubricAggregation()({ scores: [list.map(([score]) => score)], weights: list.map(([, weight]) => weight) });
        const { rewards, applicable } = run(items);
        const scores = items.flatMap(([score]) => (score === null ? [] : [score]));
        expect(applicable[0]).toBe(scores.length);
        const reward = rewards[0];
        if (reward === null) return;
        expect(reward).toBeGreaterThanOrEqual(Math.min(...scores) - 1e-9);
        expect(reward).toBeLessThanOrEqual(Math.max(...scores) + 1e-9);
        expect(run(items.toReversed()).rewards[0]).toBeCloseTo(reward, 9);
      }),
    );
  });
});

describe("checklist-parse", () => {
  it("accepts a boolean answer only, as the whole reply or in its code block", () => {
    const { satisfied, valid } = checklistParse()({
      replies: [
        '```json\n{"answer": true}\n```',
        'Sure: {"answer": true}',
        '{"answer": 1}',
        '{"answer": true, "answer": false}',
        '[{"answer": true}]',
      ],
    });
    expect(satisfied).toEqual([true, null, null, null, null]);
    expect(valid).toEqual([true, false, false, false, false]);
  });
});

describe("checklist-prompt", () => {
  it("names one or several parts of the turn to look at, and none where none is given", () => {
    const asked = (focus_on: string | string[] | undefined) =>
      checklistPrompt()({ before: [], turn: [], item: { question: "Q", focus_on } }).messages[1].content;
    expect(asked("tool.content")).toContain("Look only at: tool.content");
    expect(asked(["tool.content", "assistant.tool_calls"])).toContain("tool.content, assistant.tool_calls");
    expect(asked([])).toBe(asked(undefined));
  });
});

describe("checklist-steps", () => {
  it("without steps nothing is earned; gate none ignores dependencies; wrong indices are refused", () => {
    expect(checklistSteps()({ labels: [], dependencies: [[]] })).toMatchObject({ stepRewards: [], earned: [false] });
    const labels = [[false, true]];
    expect(checklistSteps({ gate: "none" })({ labels, dependencies: [[], [0]] }).stepRewards).toEqual([[0, 1]]);
    expect(() => checklistSteps()({ labels, dependencies: [[], [2]] })).toThrow(/dependencies\[1\]/);
    expect(() => checklistSteps()({ labels: [[true]], dependencies: [[], []] })).toThrow(/labels\[0\]/);
  });

  it("pays each item at most once, only while open, and backfills exactly the steps up to it", () => {
    const count = 3;
    const dependencies = [[], [0], [0, 1]];
    const labels = fc.array(fc.array(fc.boolean(), { minLength: count, maxLength: count }), { maxLength: 6 });
    fc.assert(
      fc.property(labels, fc.constantFrom("flip", "completion", "none"), (rows, gate) => {
        const { stepRewards, backfilled, eligible, earned } = checklistSteps({ gate })({ labels: rows, dependencies });
        for (let c = 0; c < count; c++) {
          const paid = stepRewards.filter((row) => row[c] === 1).length;
          expect(paid).toBe(earned[c] ? 1 : 0);
          for (const [s, row] of stepRewards.entries()) {
            expect(row[c]).toBeLessThanOrEqual(backfilled[s][c]);
            expect(backfilled[s][c]).toBeLessThanOrEqual(eligible[s][c]);
            const later = stepRewards.slice(s).some((one) => one[c] === 1);
            expect(backfilled[s][c]).toBe(later && eligible[s][c] ? 1 : 0);
          }
        }
      }),
    );
  });
});
