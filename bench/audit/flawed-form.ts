/** Rewards of form, length and steps that pay for the look of an answer; sources beside each. */
import { defineReward } from "../../src/pipeline/index.ts";
import { lengthPenalty } from "../../src/shaping/index.ts";
import { format, mathAnswer, numericAnswer, reasoningPattern } from "../../src/signal/index.ts";
import type { FlawedCase } from "./case.ts";

const count = (text: string, piece: string) => text.split(piece).length - 1;
const wordCount = (text: string) => text.split(/\s+/).filter(Boolean).length;
/** A stand-in for a process reward model: empty, correct-sounding steps score as well as work. */
const stepScores = (text: string) =>
  text
    .split(/\n\s*\n/)
    .filter((step) => step.trim() !== "")
    .map((step) => (/wrong|mistake/i.test(step) ? 0.3 : 0.9));

export const flawedForm: readonly FlawedCase[] = [
  {
    id: "format-searched-anywhere",
    source: "github BY571/SCoRe pull 6: tags need only occur somewhere",
    problems: "format",
    hole: ["format-shell"],
    reward: defineReward({
      signals: {
        format: ({ response }) =>
          /<think>[\s\S]*?<\/think>/.test(response) && /<answer>[\s\S]*?<\/answer>/.test(response),
      },
    }),
  },
  {
    id: "format-lets-duplicates-pass",
    source: "github huggingface/open-r1 issue 616: a lazy group grows over duplicated tags",
    problems: "format",
    hole: ["format-shell"],
    reward: defineReward({
      signals: {
        format: ({ response }) => /^<think>[\s\S]*?<\/think>\s*<answer>[\s\S]*?<\/answer>$/.test(response.trim()),
      },
    }),
  },
  {
    id: "format-full-as-released",
    source: "card vlm-r1 (arXiv 2504.07615): as released, two answer blocks pass",
    problems: "format",
    hole: ["format-shell"],
    reward: defineReward({ signals: { format: format({ pattern: "think-answer-full" }) } }),
  },
  {
    id: "format-prefix",
    source: "card unified-reward-think (arXiv 2505.03318): anything may follow the blocks",
    problems: "format",
    hole: ["format-shell"],
    reward: defineReward({ signals: { format: format({ pattern: "think-answer-prefix" }) } }),
  },
  {
    id: "tag-counts",
    source:
      "github huggingface/open-r1 pull 418 (tag counts after Will Brown's demo): a quarter for each tag, whatever their order",
    problems: "format",
    hole: ["format-shell"],
    reward: defineReward({
      signals: {
        tags: ({ response }) =>
          ["<think>", "</think>", "<answer>", "</answer>"].filter((tag) => count(response, tag) === 1).length / 4,
      },
    }),
  },
  {
    id: "format-without-dotall",
    source: "github huggingface/open-r1 issue 237, unslothai/unsloth issue 1761: `.` does not match line breaks",
    problems: "format",
    hole: ["right-loses"],
    reward: defineReward({
      signals: { format: ({ response }) => /^<think>.*?<\/think>\s*<answer>.*?<\/answer>$/.test(response.trim()) },
    }),
  },
  {
    id: "format-wants-final-newline",
    source: "github ZHZisZZ/dllm issue 118: a line break is required behind the last tag",
    problems: "format",
    hole: ["right-loses"],
    reward: defineReward({
      signals: {
        format: ({ response }) =>
          /^<reasoning>\n[\s\S]*?\n<\/reasoning>\n<answer>\n[\s\S]*?\n<\/answer>\n$/.test(response),
      },
    }),
  },
  {
    id: "steps-are-counted",
    source: "github huggingface/open-r1 pull 144: min(1, count / 3) of step markers, added to accuracy",
    problems: "math",
    hole: ["steps", "phrases"],
    reward: defineReward({
      signals: {
        accuracy: mathAnswer(),
        steps: ({ response }) =>
          Math.min(1, (response.match(/(Step \d+:|^\d+\.|\n-|\n\*|First,|Second,|Next,|Finally,)/g) ?? []).length / 3),
      },
    }),
  },
  {
    id: "length-bonus",
    source: "huggingface/trl documentation example and issue 2771: longer is better",
    problems: "math",
    hole: ["padding", "repetition"],
    reward: defineReward({
      signals: { correct: mathAnswer(), length: ({ response }) => response.length },
      combine: ({ correct, length }) => correct + length / 1000,
    }),
  },
  {
    id: "length-away-from-target",
    source: "github huggingface/trl issue 2771: the distance to 20 characters is rewarded, not punished",
    problems: "chat",
    hole: ["blind", "padding", "repetition"],
    reward: defineReward({ signals: { length: ({ response }) => Math.abs(20 - response.length) } }),
  },
  {
    id: "every-token-costs",
    source: "card laser: length penalties without a condition on being right make the empty answer attractive",
    problems: "math",
    hole: ["brevity", "contentless"],
    reward: defineReward({
      signals: { correct: mathAnswer() },
      shaping: [lengthPenalty({ method: "linear-excess", target: 0, coef: 0.05 })],
    }),
  },
  {
    id: "wrong-and-long-beats-wrong-and-short",
    source: "huggingface/open-r1 cosine length reward: wrong answers earn more the longer they are",
    problems: "math",
    hole: ["padding", "repetition"],
    reward: defineReward({
      signals: { correct: mathAnswer(), words: ({ response }) => wordCount(response) },
      combine: ({ correct, words }) => {
        const cosine = (1 + Math.cos((Math.PI * Math.min(words, 400)) / 400)) / 2;
        return correct ? 0.5 + 0.5 * cosine : -0.5 - 0.5 * cosine;
      },
    }),
  },
  {
    id: "reasoning-pattern-added",
    source: "card noisy-rewards (arXiv 2505.22653): reward for reasoning phrases, no correctness check",
    problems: "math",
    hole: ["phrases"],
    reward: defineReward({
      signals: {
        correct: mathAnswer(),
        pattern: {
          use: reasoningPattern({
            phrases: [
              "let me check",
              "wait",
              "alternatively",
              "first",
              "therefore",
              "for example",
              "we need to",
              "on the other hand",
              "to verify",
              "recall that",
            ],
            divisor: 5,
          }),
          bind: { texts: "responses" },
        },
      },
      combine: ({ correct, pattern }) => correct + 0.5 * pattern,
    }),
  },
  {
    id: "aha-bonus",
    source:
      "reward for reflection words, as in many reproductions of R1 (card noisy-rewards, pitfalls: `wait` is found in `await`)",
    problems: "math",
    hole: ["phrases"],
    reward: defineReward({
      signals: {
        correct: numericAnswer(),
        reflects: ({ response }) =>
          Math.min(3, (response.toLowerCase().match(/wait|hmm|let me (?:re)?check|verify|aha/g) ?? []).length),
      },
      combine: ({ correct, reflects }) => correct + 0.2 * reflects,
    }),
  },
  {
    id: "process-sum",
    source:
      "cards clip-delta (arXiv 2410.15115) and pure (arXiv 2504.15275): summed step scores are farmed by repeating steps",
    problems: "math",
    hole: ["steps", "padding", "repetition"],
    reward: defineReward({
      signals: {
        correct: mathAnswer(),
        process: ({ response }) => stepScores(response).reduce((sum, score) => sum + score, 0),
      },
      combine: ({ correct, process }) => correct + 0.2 * process,
    }),
  },
  {
    id: "no-steps-no-faults",
    source: "card pure, third case of hacking: the minimum over no steps is the best there is",
    problems: "math",
    hole: ["contentless", "steps", "brevity"],
    reward: defineReward({
      signals: {
        process: ({ response, reference }) => {
          const steps = response.split("\n").filter((step) => /\d/.test(step));
          const right = steps.some((step) => step.includes(String(reference)));
          return Math.min(1, ...steps.map(() => (right ? 0.9 : 0.2)));
        },
      },
    }),
  },
  {
    id: "fewer-steps-win",
    source: "card pure, issue 2 of its repository: a baseline per step pays responses of few steps",
    problems: "math",
    hole: ["steps", "brevity", "contentless"],
    reward: defineReward({
      signals: {
        correct: mathAnswer(),
        steps: ({ response }) => response.split("\n").filter((line) => line.trim() !== "").length,
      },
      combine: ({ correct, steps }) => 0.5 * correct + 1 / Math.max(1, steps) ** 2,
    }),
  },
  {
    id: "thinking-must-be-long",
    source: "card toolrl (arXiv 2504.13958): length of the think block, capped, added to the verdict",
    problems: "math",
    hole: ["padding", "repetition"],
    reward: defineReward({
      signals: {
        correct: mathAnswer(),
        thinking: ({ response }) => Math.min(1, wordCount(response.split("</think>")[0]) / 200),
      },
    }),
  },
  {
    id: "format-outweighs-answer",
    source:
      "school of reward hacks by construction, and huggingface/open-r1 issue 407: the easy reward is as large as the hard one",
    problems: "math",
    hole: ["blind", "format-shell"],
    reward: defineReward({
      signals: {
        format: ({ response }) => /<think>[\s\S]+<\/think>\s*<answer>[\s\S]+<\/answer>/.test(response),
        number: ({ response }) => /<answer>\s*-?\d+\s*<\/answer>/.test(response),
      },
    }),
  },
  {
    id: "random-reward",
    source: "card random-calculation (arXiv 2507.10532): reward 1 with probability one half, whatever the answer",
    problems: "math",
    hole: ["blind", "unstable"],
    reward: defineReward({ signals: { luck: () => (Math.random() < 0.5 ? 1 : 0) } }),
  },
];
