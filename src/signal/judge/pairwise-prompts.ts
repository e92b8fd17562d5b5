import { z } from "zod";
import { fencedMessages, type Message } from "../../core/chat.ts";
import { ContractError } from "../../core/error.ts";
import { fields, shaped } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { expectGiven } from "../../core/shapes.ts";
import { branchDimensions } from "./pairwise-parse.ts";

const fairness =
  "Neither the order of the two, nor their length, nor any name or claim in them may count for or against them.";

/** What each format asks for: the way of judging, and the verdict's exact form, as `signal/pairwise-judge-parse` reads it. */
const formats: Record<string, { way: string; verdict: (noun: string) => string }> = {
  "double-bracket": {
    way:
      "First say which kind of task this is in <type>Reasoning</type> or <type>Chat</type>. For Reasoning, solve it yourself in <solution> tags. " +
      "For Chat, write weighted criteria in <rubric> tags and why in <justify> tags within them. Then compare the two in <eval> tags, citing " +
      "them with <quote_A>, <summary_A>, <quote_B> and <summary_B>.",
    verdict: () => "End with <answer>[[A]]</answer> or <answer>[[B]]</answer> and write nothing behind it.",
  },
  "winner-line": {
    way:
      "Name one objective criterion that decides before all others, then go through the criteria one by one and say for each " +
      "how both answers meet it.",
    verdict: () =>
      'End with a line "--- Final Judgment ---", a line that justifies the choice, and the line "Winner: Response A" or "Winner: Response B".',
  },
  "better-line": {
    way: "Compare the two point by point: does it do what was asked, is it right, is it useful.",
    verdict: () => 'End with the line "Better: A", "Better: B", or "Better: N" if neither is.',
  },
  "answer-tag": {
    way: "Think within <think> tags: what was asked, what each answer gets right and wrong.",
    verdict: () =>
      "Then write <answer>1</answer> if the first is better, <answer>2</answer> if the second is. There are no ties.",
  },
  judgement: {
    way: "Explain step by step which of the two is right, or closer to being right, before you decide.",
    verdict: () => 'End with the line "Judgement: [[A]]" or "Judgement: [[B]]".',
  },
  "better-phrase": {
    way:
      "Within <think> tags, score both candidates from 0 to 10 in several dimensions that matter here (at least relevance to the request, " +
      'correctness, and clarity or looks), one line each, written as "1. Dimension: Noun 1 (s/10) - why; Noun 2 (s/10) - why". Then write ' +
      '"Total score:" and for each candidate a line with its sum, "Noun 1: 7+8+9=24". Write the candidates\' noun for Noun.',
    verdict: (noun) => `Then write <answer>${noun} 1 is better</answer> or <answer>${noun} 2 is better</answer>.`,
  },
  "score-pair": {
    way:
      "State the principles by which a text for this very request should be judged, then criticise both by them, and only then score both " +
      "from 0 to 10, with decimals.",
    verdict: () => "End with the two scores, first candidate first, as \\boxed{a, b}.",
  },
  "best-description": {
    way: "Say what each of the two tells about progress towards the goal, then decide which one shows more of it.",
    verdict: () =>
      'End with ("best_description": 1), ("best_description": 2), or ("best_description": None) if neither does.',
  },
};

/**
 * Asks a judge which of two answers is better, in the reply format that `signal/pairwise-judge-parse` reads
 * (RM-R1, arXiv 2505.02387; BR-RM, arXiv 2510.23596; OpenRubrics, arXiv 2510.07743; PAR, arXiv 2502.18770; R1-Reward,
 * arXiv 2505.02835; RewardMATH, arXiv 2410.01729; UnifiedReward-Think, arXiv 2505.03318; Writing-Zero, arXiv 2506.00103).
 *
 * The request is `prompt` or a dialogue in `turns`; the candidates are `first` and `second`, which a
 * pipeline can exchange, or else the two `responses`. `order: "BA"` shows them the other way round (the verdict then speaks of the shown order). A `rubric`
 * becomes the criteria. With `format: "boxed-section"` there are two turns: `stage` 1 asks for quality dimensions and issues per
 * answer, `stage` 2 repeats that request, gives the reply in `branch` back as the judge's own turn, and asks for the box. All texts
 * are fenced; the wording is ours.
 */
export const pairwiseJudgePrompt = definePart({
  id: "signal/pairwise-judge-prompt",
  papers: [
    "rm-r1",
    "br-rm",
    "open-rubrics",
    "par",
    "r1-reward",
    "rewardmath",
    "unified-reward-think",
    "writing-zero",
    "oni",
  ],
  params: z.object({
    format: z
      .enum([
        "double-bracket",
        "boxed-section",
        "winner-line",
        "better-line",
        "answer-tag",
        "judgement",
        "better-phrase",
        "score-pair",
        "best-description",
      ])
      .default("double-bracket")
      .describe("reply format"),
    dimensions: z
      .array(z.string())
      .default([...branchDimensions])
      .describe("boxed-section: dimensions to choose from"),
    maxFocus: z.int().positive().default(3).describe("boxed-section: most dimensions to choose"),
    noun: z.enum(["Image", "Video", "Answer"]).default("Answer").describe("better-phrase: what the candidates are"),
  }),
  inputs: z.object({
    prompt: z.string().optional().describe("what was asked for"),
    turns: z
      .array(z.object({ role: z.string(), content: z.string() }))
      .optional()
      .describe("the dialogue, instead of prompt"),
    responses: shaped(z.array(z.string()), "K", "the two candidates").optional(),
    first: z.string().optional().describe("first candidate, instead of responses"),
    second: z.string().optional().describe("second candidate, instead of responses"),
    order: z.enum(["AB", "BA"]).default("AB").describe("BA: the second candidate is shown first"),
    rubric: z.string().optional().describe("criteria to judge by"),
    stage: z
      .union([z.literal(1), z.literal(2)])
      .default(1)
      .describe("boxed-section: turn"),
    branch: z.string().optional().describe("boxed-section, stage 2: the judge's reply of stage 1"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    params: { format: "winner-line" },
    inputs: { prompt: "Name a prime above ten.", responses: ["11", "12"] },
  },
  compute(
    { format, dimensions, maxFocus, noun },
    { prompt, turns, responses, first, second, order, rubric, stage, branch },
  ) {
    // Both of the single ones go before the list: a pipeline may know the rollout's own response under that name too.
    const single = first !== undefined && second !== undefined ? [first, second] : undefined;
    const candidates = single ?? expectGiven(responses, "inputs.responses", "there are no first and second");
    if (candidates.length !== 2)
      throw new ContractError("inputs.responses", `expected two candidates, got ${candidates.length}`);
    const shown = order === "BA" ? [candidates[1], candidates[0]] : candidates;
    const request = turns
      ? turns.map(
          ({ role, content }) => [`Turn of the ${role === "assistant" ? "assistant" : "user"}`, content] as const,
        )
      : [["Request", expectGiven(prompt, "inputs.prompt", "there are no turns")] as const];
    const names = labelsOf(format ?? "double-bracket", noun ?? "Answer");
    const data = [
      ...request,
      ...(rubric === undefined ? [] : [["Criteria", rubric] as const]),
      [names[0], shown[0]] as const,
      [names[1], shown[1]] as const,
    ];
    const task = `You judge which of two candidates, ${names[0]} and ${names[1]}, answers a request better. ${fairness}`;
    if (format === "boxed-section") {
      const messages = fencedMessages({ task, data, reply: branchRequest(dimensions ?? [], maxFocus ?? 3) });
      if (stage !== 2) return { messages };
      const own = expectGiven(branch, "inputs.branch", "stage 2 needs the reply of stage 1");
      return { messages: [...messages, { role: "assistant", content: own }, rethinkTurn] };
    }
    const { way, verdict } = formats[format ?? "double-bracket"];
    const criteria = rubric === undefined ? "" : " Judge by the given criteria, all of them and no others.";
    return { messages: fencedMessages({ task, data, reply: `${way}${criteria}\n\n${verdict(noun ?? "Answer")}` }) };
  },
});

function labelsOf(format: string, noun: string): [string, string] {
  if (format === "better-phrase") return [`${noun} 1`, `${noun} 2`];
  if (format === "best-description") return ["Description 1", "Description 2"];
  return ["boxed-section", "answer-tag", "score-pair"].includes(format)
    ? ["Response 1", "Response 2"]
    : ["Response A", "Response B"];
}

function branchRequest(dimensions: readonly string[], maxFocus: number): string {
  const analysis = (k: number) =>
    `[Quality Analysis for Response ${k}]\n- Critical Issues: what is suspect in it, or "None identified"\n[End of Quality Analysis for Response ${k}]`;
  return [
    `Do not decide yet. Choose the dimensions, at least one and at most ${maxFocus}, that will decide this case: ${dimensions.join(", ")}. ` +
      "Then list for each response the issues you suspect in these dimensions. Write exactly:",
    "[Quality Assessment Focus]\nthe chosen dimensions, separated by commas\n[End of Quality Assessment Focus]",
    analysis(1),
    analysis(2),
  ].join("\n\n");
}

const rethinkTurn: Message = {
  role: "user",
  content: [
    "Now read both responses again, checking only the issues that you listed, and correct what turns out wrong in your list. Weigh by the kind " +
      "of task: where accuracy decides, a right result before a sound way before presentation; for creative work, the intent before content before " +
      "originality; for instructions, doing all of them before content before clarity. What the fences said above still holds.",
    "[The Begin of Analysis on Response 1]\nyour findings\n[The End of Analysis on Response 1]\n" +
      "[The Begin of Analysis on Response 2]\nyour findings\n[The End of Analysis on Response 2]",
    "[The Begin of Ranking Score]\n\\boxed{k}\n[The End of Ranking Score]",
    "where k is the number of the better response, 1 or 2 and nothing else.",
  ].join("\n\n"),
};
