/** Rewards without a known hole: parts as they are meant to be used, and careful code of one's own. */
import { codeTests, defineReward } from "../../src/pipeline/index.ts";
import { lengthStep, overlongPenalty } from "../../src/shaping/index.ts";
import { choiceAnswer, exactMatch, format, mathAnswer, numericAnswer, tagFormat } from "../../src/signal/index.ts";
import { boxes, lastTag, type SoundCase } from "./case.ts";

const count = (text: string, piece: string) => text.split(piece).length - 1;
const sameNumber = (a: string, b: unknown) => /^[-+]?\d+(?:\.\d+)?$/.test(a) && Number(a) === Number(b);
/** What the only answer tag holds; null with none or several. */
const onlyAnswer = (text: string) =>
  count(text, "<answer>") === 1 && count(text, "</answer>") === 1 ? (lastTag(text, "answer")?.trim() ?? null) : null;

export const sound: readonly SoundCase[] = [
  { id: "math-answer", problems: "math", reward: defineReward({ signals: { correct: mathAnswer() } }) },
  {
    id: "math-and-format",
    problems: "math",
    reward: defineReward({
      signals: { correct: mathAnswer(), format: tagFormat({ tags: ["think", "answer"] }) },
      combine: ({ correct, format }) => correct + 0.1 * format,
    }),
  },
  {
    id: "math-gated-by-format",
    problems: "math",
    reward: defineReward({
      signals: { correct: mathAnswer(), format: format({ pattern: "think-answer" }) },
      combine: ({ correct, format }) => correct * format,
    }),
  },
  {
    id: "math-and-overlong",
    problems: "math",
    reward: defineReward({
      signals: { correct: mathAnswer() },
      shaping: [overlongPenalty({ maxLength: 4096, cache: 512 })],
    }),
  },
  {
    id: "short-and-right",
    problems: "math",
    reward: defineReward({
      signals: { correct: mathAnswer() },
      shaping: [lengthStep({ bonus: 0.2, target: 2048 })],
    }),
  },
  { id: "last-number", problems: "math", reward: defineReward({ signals: { correct: numericAnswer() } }) },
  {
    id: "one-answer-tag",
    problems: "math",
    reward: defineReward({
      signals: { correct: ({ response, reference }) => sameNumber(onlyAnswer(response) ?? "", reference) },
    }),
  },
  {
    id: "one-box",
    problems: "math",
    reward: defineReward({
      signals: {
        correct: ({ response, reference }) => {
          const found = new Set(boxes(response));
          return found.size === 1 && sameNumber([...found][0], reference);
        },
      },
    }),
  },
  {
    id: "tiers",
    problems: "math",
    reward: defineReward({
      signals: {
        verdict: mathAnswer(),
        readable: ({ response }) => onlyAnswer(response) !== null || boxes(response).length === 1,
      },
      combine: ({ verdict, readable }) => (verdict === 1 ? 1 : readable === 1 ? 0.1 : 0),
    }),
  },
  {
    id: "reasoning-bonus-when-right",
    problems: "math",
    reward: defineReward({
      signals: { correct: mathAnswer(), reasons: ({ response }) => response.split("\n").length >= 2 },
      combine: ({ correct, reasons }) => correct * (1 + 0.05 * reasons),
    }),
  },
  {
    id: "two-verifiers-agree",
    problems: "math",
    reward: defineReward({
      signals: { symbolic: mathAnswer(), numeric: numericAnswer() },
      combine: ({ symbolic, numeric }) => Math.min(symbolic, numeric),
    }),
  },
  {
    id: "choice-answer",
    problems: "choice",
    reward: defineReward({ signals: { correct: choiceAnswer({ choices: ["A", "B", "C", "D"] }) } }),
  },
  {
    id: "choice-and-format",
    problems: "choice",
    reward: defineReward({
      signals: {
        correct: choiceAnswer({ choices: ["A", "B", "C", "D"] }),
        format: tagFormat({ tags: ["think", "answer"] }),
      },
      combine: ({ correct, format }) => correct + 0.1 * format,
    }),
  },
  {
    id: "choice-in-one-tag",
    problems: "choice",
    reward: defineReward({
      signals: {
        correct: ({ response, reference }) =>
          (onlyAnswer(response) ?? "").replace(/[().\s*]/g, "") === String(reference),
      },
    }),
  },
  {
    id: "text-in-one-tag",
    problems: "text",
    reward: defineReward({
      signals: {
        correct: ({ response, reference }) => {
          const fold = (text: string) => text.trim().toLowerCase().replace(/\.$/, "");
          return fold(onlyAnswer(response) ?? "\n") === fold(String(reference));
        },
      },
    }),
  },
  {
    id: "exact-text",
    problems: "text",
    reward: defineReward({ signals: { correct: exactMatch({ normalize: "squad" }) } }),
  },
  {
    id: "strict-judge",
    problems: "text",
    reward: defineReward({
      signals: {
        judged: async ({ response, reference }) => {
          const said = (onlyAnswer(response) ?? response).trim();
          const reply = said.toLowerCase().replace(/\.$/, "") === String(reference).toLowerCase() ? "YES" : "NO";
          return reply === "YES" ? 1 : reply === "NO" ? 0 : null;
        },
      },
    }),
  },
  { id: "code-tests", problems: "code", reward: defineReward({ signals: { passes: codeTests({ timeLimit: 2 }) } }) },
  {
    id: "code-tests-share",
    problems: "code",
    reward: defineReward({
      signals: { share: codeTests({ aggregate: "fraction", timeLimit: 2 }) },
      combine: ({ share }) => 0.5 * share + 0.5 * (share === 1 ? 1 : 0),
    }),
  },
  {
    id: "tag-format",
    problems: "format",
    reward: defineReward({ signals: { format: tagFormat({ tags: ["think", "answer"] }) } }),
  },
  {
    id: "format-part",
    problems: "format",
    reward: defineReward({ signals: { format: format({ pattern: "think-answer" }) } }),
  },
  {
    id: "ensemble-of-verifiers",
    problems: "math",
    reward: defineReward({
      signals: {
        first: mathAnswer(),
        second: ({ response, reference }) =>
          sameNumber(onlyAnswer(response) ?? boxes(response).at(-1) ?? "", reference),
      },
      combine: ({ first, second }) => (first + second) / 2,
    }),
  },
];
