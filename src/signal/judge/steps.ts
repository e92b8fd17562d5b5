import { z } from "zod";
import { fencedMessages, numbered } from "../../core/chat.ts";
import { fields, nullableVector, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { rowCount, toRagged } from "../../core/ragged.ts";
import { entry, escapePattern, firstObject, lastMatch } from "../../core/reply.ts";
import { expectGiven, expectLength } from "../../core/shapes.ts";

const finalQuestion = "Verification: Is the answer correct (Yes/No)?";

function stepLines(count: number, positive: string, negative: string, examples = ""): string {
  return `For each of the ${count} steps in turn, give your reasons and then a line "Step i: ${positive}" or "Step i: ${negative}", i being the step's number${examples}.`;
}

/**
 * Asks a verifier about a solution's steps (SPARK, arXiv 2512.03244) or about one step beside a tool's answer (GroundedPRM,
 * arXiv 2510.14942), to be read by `signal/step-verification-parse`.
 *
 * `format: "lines"`: `problem` and `steps`; reply "Step i: correct|incorrect" per step and a closing verification line.
 * `format: "json"`: `objective`, `conditions`, `toolAnswer` and `step`; checks of logic, of the tool query's relevance and of the
 * numbers within `tolerance` (absolute); reply {"reason", "result": "True" or "False"}. The default follows from which inputs are
 * there. Texts are fenced.
 */
export const stepVerificationPrompt = definePart({
  id: "signal/step-verification-prompt",
  papers: ["spark", "grounded-prm"],
  params: z.object({
    format: z
      .enum(["lines", "json"])
      .optional()
      .describe("reply format; absent: json where a step is given, else lines"),
    tolerance: z.number().nonnegative().default(0.1).describe("json: largest difference of equal numbers"),
    final: z.boolean().default(true).describe("lines: ask for the closing verdict"),
  }),
  inputs: z.object({
    problem: z.string().optional().describe("lines: the problem"),
    steps: strings("S", "lines: the solution's steps").optional(),
    objective: z.string().optional().describe("json: what the step is for"),
    conditions: strings("C", "json: what is given").optional(),
    toolAnswer: z.string().optional().describe("json: what the tool returned"),
    step: z.string().optional().describe("json: the step to check"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { problem: "What is 7 · 8 + 2?", steps: ["7 · 8 = 54", "54 + 2 = 56"] } },
  compute({ format, tolerance, final }, { problem, steps, objective, conditions, toolAnswer, step }) {
    if ((format ?? (step === undefined ? "lines" : "json")) === "json") {
      return {
        messages: fencedMessages({
          task:
            "You check one step of a solution with the help of a tool's answer, in this order: does the step follow from the conditions; is the tool's " +
            `answer about the same quantity; do the numbers agree within ${tolerance}. Where the tool's answer is about something else, judge by logic alone.`,
          data: [
            ["Objective", expectGiven(objective, "inputs.objective", "the format is json")],
            ["Conditions", numbered(conditions ?? [])],
            ["Tool's answer", expectGiven(toolAnswer, "inputs.toolAnswer", "the format is json")],
            ["Step", expectGiven(step, "inputs.step", "the format is json")],
          ],
          reply:
            'Reply with JSON only: {"reason": "the three checks", "result": "True"} if the step is right, the same with "False" if it is not.',
        }),
      };
    }
    const list = expectGiven(steps, "inputs.steps", "the format is lines");
    return {
      messages: fencedMessages({
        task: "You verify a solution step by step without knowing the right answer. A step is incorrect if it holds an error or builds on one.",
        data: [
          ["Problem", expectGiven(problem, "inputs.problem", "the format is lines")],
          ["Steps", numbered(list, "Step")],
        ],
        reply:
          stepLines(list.length, "correct", "incorrect") +
          (final ? `\n\nEnd with the line "${finalQuestion} Yes" or "${finalQuestion} No".` : ""),
      }),
    };
  },
});

/**
 * Asks which steps a correct solution takes back by its own reflections (TP-GRPO, arXiv 2507.23317): find the reflections, trace which
 * earlier steps each blames, check these in turn. Reply: "Step i: correct|incorrect" lines for `signal/step-verification-parse`
 * with `missing` 1 and `final` false. Nothing has to be solved again. Texts are fenced.
 */
export const reflectionErrorPrompt = definePart({
  id: "signal/reflection-error-prompt",
  papers: ["tp-grpo-thought"],
  params: z.object({}),
  inputs: z.object({
    problem: z.string().describe("the problem"),
    steps: strings("S", "thinking steps"),
    answer: z.string().describe("the final answer, known to be right"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { problem: "What is 7 · 8?", steps: ["7 · 8 = 54", "Wait, that is wrong: 56"], answer: "56" } },
  compute(_params, { problem, steps, answer }) {
    return {
      messages: fencedMessages({
        task:
          "The final answer below is right. You find out which steps of the thinking were wrong on the way, from what the thinking itself takes back:\n" +
          numbered([
            "Find the reflections: places where it says that something before was wrong, or replaces it.",
            "For each, trace back to the first step that it blames.",
            "Go through the steps from there to the reflection. A step that builds on a wrong one is wrong too.",
          ]),
        data: [
          ["Problem", problem],
          ["Steps", numbered(steps, "Step")],
          ["Final answer", answer],
        ],
        reply: stepLines(steps.length, "correct", "incorrect", "; a step that no reflection blames is correct"),
      }),
    };
  },
});

/**
 * Asks which thinking steps a wrong final answer adopted (TP-GRPO, arXiv 2507.23317): only matching, no judgement of right and wrong.
 * Reply: "Step i: adopted|not adopted" lines for `signal/step-verification-parse` with labels ["not adopted", "adopted"], `missing` 1
 * and `final` false. Texts are fenced.
 */
export const answerAdoptionPrompt = definePart({
  id: "signal/answer-adoption-prompt",
  papers: ["tp-grpo-thought"],
  params: z.object({}),
  inputs: z.object({
    problem: z.string().describe("the problem"),
    steps: strings("S", "thinking steps"),
    answer: z.string().describe("the answer block"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { problem: "What is 7 · 8?", steps: ["7 · 8 = 54", "or is it 56?"], answer: "7 · 8 = 54" } },
  compute(_params, { problem, steps, answer }) {
    return {
      messages: fencedMessages({
        task:
          "You compare the steps of a thinking with the answer written after it. A step is adopted if the answer uses what it says, in whatever " +
          "words. Do not judge whether anything is right.",
        data: [
          ["Problem", problem],
          ["Answer", answer],
          ["Steps", numbered(steps, "Step")],
        ],
        reply: stepLines(steps.length, "adopted", "not adopted"),
      }),
    };
  },
});

const verification = {
  problem: z.string().describe("the problem"),
  steps: strings("S", "the solution's steps"),
  verification: z.string().describe("the verification of the solution"),
};

/**
 * Asks for a critique of a verification: errors it missed, steps it accused wrongly, reasoning that does not hold (SPARK,
 * arXiv 2512.03244). Its reply goes into `signal/critique-merge-prompt`. Texts are fenced.
 */
export const metaCritiquePrompt = definePart({
  id: "signal/meta-critique-prompt",
  papers: ["spark"],
  params: z.object({}),
  inputs: z.object(verification),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: { problem: "What is 7 · 8?", steps: ["7 · 8 = 54"], verification: `Step 1: correct\n${finalQuestion} Yes` },
  },
  compute(_params, { problem, steps, verification: text }) {
    return {
      messages: fencedMessages({
        task:
          "You criticise a verification of a solution, not the solution: which errors did it miss, which right steps did it call wrong, where does its " +
          "reasoning not hold? Check every step yourself before you say so.",
        data: [
          ["Problem", problem],
          ["Steps", numbered(steps, "Step")],
          ["Verification", text],
        ],
        reply: "List your objections by step, with reasons. If there is nothing to object, say so.",
      }),
    };
  },
});

/**
 * Asks for a new verification made of a verification and its critique (SPARK, arXiv 2512.03244); the reply has the form that
 * `signal/step-verification-parse` reads. Texts are fenced.
 */
export const critiqueMergePrompt = definePart({
  id: "signal/critique-merge-prompt",
  papers: ["spark"],
  params: z.object({}),
  inputs: z.object({ ...verification, critique: z.string().describe("the critique of the verification") }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      problem: "What is 7 · 8?",
      steps: ["7 · 8 = 54"],
      verification: `Step 1: correct\n${finalQuestion} Yes`,
      critique: "Step 1 is wrong: 7 · 8 is 56.",
    },
  },
  compute(_params, { problem, steps, verification: text, critique }) {
    return {
      messages: fencedMessages({
        task:
          "You write the final verification of a solution from an earlier verification and a critique of it. Accept an objection only where it holds when " +
          "you check it yourself.",
        data: [
          ["Problem", problem],
          ["Steps", numbered(steps, "Step")],
          ["Earlier verification", text],
          ["Critique", critique],
        ],
        reply: `${stepLines(steps.length, "correct", "incorrect")}\n\nEnd with the line "${finalQuestion} Yes" or "${finalQuestion} No".`,
      }),
    };
  },
});

/**
 * Labels per step, or one verdict, from a verifier's reply (SPARK, arXiv 2512.03244; GroundedPRM, arXiv 2510.14942; TP-GRPO,
 * arXiv 2507.23317).
 *
 * `lines`: "Step i: word" (":" or "-", any case) with the two words of `labels`, the first worth 1, the second −1; the last
 * mention of a step wins, numbers beyond `stepCount` are ignored, an unmentioned step gets `missing`. `verdict` is 1 or −1 by the last
 * "Verification: Is the answer correct (Yes/No)? Yes|No", 0 without one. `valid`: at least one step labelled. `complete`: every
 * step, and the verdict if `final`.
 * `json`: the first JSON object; "true" anywhere in its `result` is 1, else "false" −1, else 0 (then not `valid`); `reason` is its text.
 */
export const stepVerificationParse = definePart({
  id: "signal/step-verification-parse",
  papers: ["spark", "grounded-prm", "tp-grpo-thought"],
  params: z.object({
    format: z.enum(["lines", "json"]).default("lines").describe("reply format"),
    labels: z
      .array(z.string().min(1))
      .length(2)
      .default(["correct", "incorrect"])
      .describe("lines: the words worth 1 and −1"),
    missing: z.number().default(0).describe("lines: label of an unmentioned step"),
    final: z.boolean().default(true).describe("lines: the closing verdict belongs to the format"),
  }),
  inputs: z.object({
    reply: fields.reply,
    stepCount: z.int().nonnegative().optional().describe("lines: number of steps"),
  }),
  outputs: z.object({
    verdict: z.number().describe("1: right, −1: wrong, 0: none"),
    reason: z.string().nullable().optional().describe("json: why"),
    stepLabels: shaped(z.array(z.number()), "S", "lines: label per step").optional(),
    complete: z.boolean().optional().describe("lines: nothing is missing"),
    valid: z.boolean().describe("something could be read"),
  }),
  compute({ format, labels, missing, final }, { reply, stepCount }) {
    if (format === "json") {
      const object = firstObject(reply);
      const result = JSON.stringify((object && entry(object, "result")) ?? "").toLowerCase();
      const verdict = result.includes("true") ? 1 : result.includes("false") ? -1 : 0;
      const reason = object && entry(object, "reason");
      return { verdict, reason: typeof reason === "string" ? reason : null, valid: verdict !== 0 };
    }
    const count = expectGiven(stepCount, "inputs.stepCount", "the format is lines");
    const found = new Map<number, number>();
    const words = labels.map((label) => label.trim().split(/\s+/).map(escapePattern).join("\\s+"));
    const line = new RegExp(
      `\\bstep\\s+([0-9]{1,9})\\s*[:-]\\s*(?:(${words[0]})|(${words[1]}))(?![\\p{L}\\p{N}_])`,
      "giu",
    );
    for (const match of reply.matchAll(line)) {
      const index = Number(match[1]) - 1;
      if (index >= 0 && index < count) found.set(index, match[2] === undefined ? -1 : 1);
    }
    const closing =
      /verification:\s*is\s+the\s+answer\s+correct\s*\(\s*yes\s*\/\s*no\s*\)\s*\?\s*(yes|no)(?![\p{L}\p{N}_])/giu;
    const word = lastMatch(reply, closing)?.[1].toLowerCase();
    const verdict = word === undefined ? 0 : word === "yes" ? 1 : -1;
    return {
      stepLabels: Array.from({ length: count }, (_, i) => found.get(i) ?? missing),
      verdict,
      valid: found.size > 0,
      complete: found.size === count && (!final || verdict !== 0),
    };
  },
});

/**
 * The verdict of a generative process reward model on one step (GroundedPRM, arXiv 2510.14942): "[Wrong]" → −1, else "[Right]" → 1,
 * else the last \boxed{+} or \boxed{-} → ±1, else −2 (unreadable, as released: it counts as an error at any threshold).
 */
export const generativePrmParse = definePart({
  id: "signal/generative-prm-parse",
  papers: ["grounded-prm"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ score: z.number().describe("1, −1, or −2 for unreadable") }),
  compute(_params, { reply }) {
    if (reply.includes("[Wrong]")) return { score: -1 };
    if (reply.includes("[Right]")) return { score: 1 };
    const sign = lastMatch(reply, /\\boxed\{\s*([+\-−])\s*\}/g)?.[1];
    return { score: sign === undefined ? -2 : sign === "+" ? 1 : -1 };
  },
});

/**
 * Several verifications of one solution, merged by majority per step and for the verdict (SPARK, arXiv 2512.03244, step-level
 * consistency).
 *
 * Labels and verdicts are +1 or −1; 0 and steps that a verification does not reach cast no vote. `stepAgreement` and
 * `verdictAgreement` are the share of +1 among the votes cast (null without any, then the label is 0). An even split gives `ties`.
 */
export const stepMajorityVote = definePart({
  id: "signal/step-majority-vote",
  papers: ["spark"],
  params: z.object({ ties: z.number().default(-1).describe("label of an even split") }),
  inputs: z.object({
    verifications: shaped(
      z.array(z.object({ stepLabels: z.array(z.number().nullable()), verdict: z.number().nullable() })),
      "K",
      "parsed verifications",
    ),
  }),
  outputs: z.object({
    stepLabels: shaped(z.array(z.number()), "S", "majority label per step"),
    stepAgreement: nullableVector("S", "share of +1"),
    verdict: z.number().describe("majority verdict"),
    verdictAgreement: z.number().nullable().describe("share of +1"),
  }),
  compute({ ties }, { verifications }) {
    const majority = (votes: readonly number[]) => {
      const cast = votes.filter((vote) => vote !== 0);
      if (cast.length === 0) return { label: 0, agreement: null };
      const right = cast.filter((vote) => vote > 0).length;
      return {
        label: 2 * right > cast.length ? 1 : 2 * right < cast.length ? -1 : ties,
        agreement: right / cast.length,
      };
    };
    const count = verifications.reduce((most, { stepLabels }) => Math.max(most, stepLabels.length), 0);
    const steps = Array.from({ length: count }, (_, s) =>
      majority(verifications.map(({ stepLabels }) => stepLabels[s] ?? 0)),
    );
    const verdict = majority(verifications.map((one) => one.verdict ?? 0));
    return {
      stepLabels: steps.map(({ label }) => label),
      stepAgreement: steps.map(({ agreement }) => agreement),
      verdict: verdict.label,
      verdictAgreement: verdict.agreement,
    };
  },
});

/**
 * Reward of step labels and verdict together, gated by the format: 1[valid] · (w_s · k/n + w_v · y), k of n steps labelled +1,
 * y = 1 iff the verdict is positive (SPARK, arXiv 2512.03244, step-augmented reward). No steps: the first term is 0.
 */
export const stepAugmentedReward = definePart({
  id: "signal/step-augmented-reward",
  papers: ["spark"],
  params: z.object({
    stepWeight: z.number().default(0.4).describe("weight of the share of right steps"),
    verdictWeight: z.number().default(0.6).describe("weight of the verdict"),
  }),
  inputs: z.object({
    stepLabels: fields.stepLabels,
    verdicts: shaped(z.array(z.number()), "N", "1: right; 0 or −1: wrong"),
    valid: fields.valid,
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ stepWeight, verdictWeight }, { stepLabels, verdicts, valid }) {
    const labels = toRagged(stepLabels);
    expectLength(verdicts, rowCount(labels), "verdicts");
    const rewards = new Float64Array(verdicts.length);
    for (let i = 0; i < rewards.length; i++) {
      if (!valid[i]) continue;
      const start = labels.offsets[i];
      const end = labels.offsets[i + 1];
      let right = 0;
      for (let s = start; s < end; s++) if (labels.values[s] > 0) right++;
      rewards[i] = (end > start ? (stepWeight * right) / (end - start) : 0) + (verdicts[i] > 0 ? verdictWeight : 0);
    }
    return { rewards };
  },
});
