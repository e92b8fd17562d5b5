import { z } from "zod";
import { fencedMessages, fillTemplate, numbered, templateParam, userMessage } from "../../core/chat.ts";
import { ContractError } from "../../core/error.ts";
import { fields, nullableVector, shaped, strings } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { afterLabel } from "../../core/reply.ts";

/**
 * Asks a judge to rate one answer from `min` to `max` (RewardBench 2, arXiv 2506.01937; RewardMATH, arXiv 2410.01729), in the
 * format that `signal/judge-rating-parse` reads.
 *
 * `format: "trailing"` wants the number alone at the very end; `label` wants "Rating:" and the number. `criteria: "ties"` leaves
 * out depth and level of detail, so that equally right answers can get equal ratings. Question and answer are fenced.
 */
export const judgeRatingPrompt = definePart({
  id: "signal/judge-rating-prompt",
  papers: ["reward-bench-2", "rewardmath"],
  params: z.object({
    format: z.enum(["label", "trailing"]).default("label").describe("where the number stands"),
    criteria: z.enum(["general", "ties", "math"]).default("general").describe("what counts"),
    label: z.string().min(1).default("Rating:").describe("label: text before the number"),
    min: z.int().default(1).describe("worst rating"),
    max: z.int().default(10).describe("best rating"),
  }),
  inputs: z.object({ question: z.string().describe("what was asked"), answer: z.string().describe("what is rated") }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { question: "Name a prime above ten.", answer: "11" } },
  compute({ format, criteria, label, min, max }, { question, answer }) {
    const wanted = {
      general: "whether it does what was asked, is right, relevant, deep and detailed enough",
      ties: "whether it does what was asked and is right; more detail or another choice among right answers is no better and no worse",
      math: "whether every step of it is right and leads to the right result",
    }[criteria ?? "general"];
    const end =
      format === "trailing"
        ? "Explain first. End with the number alone on the last line, without any sign behind it."
        : `Explain first. End with the line "${label} n", n being the number.`;
    return {
      messages: fencedMessages({
        task: `You rate an answer from ${min} (worst) to ${max} (best): ${wanted}. Its length and who wrote it do not count.`,
        data: [
          ["Question", question],
          ["Answer", answer],
        ],
        reply: end,
      }),
    };
  },
});

/**
 * The rating in a judge's reply.
 *
 * - `label` (RewardMATH, arXiv 2410.01729): the first of `labels` that occurs; the first run of digits behind its last
 *   occurrence. "8.5" reads as 8. Checked against `min` and `max` where these are given.
 * - `trailing` (RewardBench 2, arXiv 2506.01937): the whole number that ends the trimmed text, from `min` (1) to `max` (10).
 *   "8/10" reads as 10, "7." is unreadable.
 *
 * An unreadable reply is `invalid` (null unless set; the releases take 1 and −1).
 */
export const judgeRatingParse = definePart({
  id: "signal/judge-rating-parse",
  papers: ["reward-bench-2", "rewardmath"],
  params: z.object({
    format: z.enum(["label", "trailing"]).default("label").describe("where the number stands"),
    labels: z
      .array(z.string().min(1))
      .default(["Rating:", "[RESULT]"])
      .describe("label: texts before the number, best first"),
    min: z.int().optional().describe("least rating; trailing: 1 unless given"),
    max: z.int().optional().describe("greatest rating; trailing: 10 unless given"),
    invalid: z.number().nullable().default(null).describe("rating of an unreadable reply"),
  }),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ rating: z.number().nullable().describe("the rating") }),
  compute({ format, labels, min, max, invalid }, { reply }) {
    const trailing = format === "trailing";
    const digits = trailing
      ? /(?<![\p{L}\p{N}_])(?:0|[1-9][0-9]{0,14})$/u.exec(reply.trim().slice(-16))?.[0]
      : /[0-9]+/.exec(afterLabel(reply, labels) ?? "")?.[0];
    const rating = digits === undefined ? Number.NaN : Number(digits);
    const low = min ?? (trailing ? 1 : Number.NEGATIVE_INFINITY);
    const high = max ?? (trailing ? 10 : Number.MAX_SAFE_INTEGER);
    return { rating: rating >= low && rating <= high ? rating : invalid };
  },
});

/**
 * Asks a judge for the best of several answers, the right one standing at a given place (RewardBench 2, arXiv 2506.01937).
 *
 * `answers` has the right one first; it changes places with the answer at `correctPosition`. `order[k]` is the index of the answer
 * shown under label k. The judge ends with [[label]], read by `signal/ranking-judge-parse`. Everything shown is fenced.
 */
export const rankingJudgePrompt = definePart({
  id: "signal/ranking-judge-prompt",
  papers: ["reward-bench-2"],
  params: z.object({
    labels: z.array(z.string()).min(2).default(["A", "B", "C", "D"]).describe("names of the places"),
  }),
  inputs: z.object({
    question: z.string().describe("what was asked"),
    answers: strings("K", "candidates, the right one first"),
    correctPosition: z.int().nonnegative().describe("place of the right one, 0-based"),
  }),
  outputs: z.object({
    messages: fields.messages,
    order: z.array(z.int()).describe("index of the answer at each place"),
  }),
  compute({ labels }, { question, answers, correctPosition }) {
    if (answers.length !== labels.length)
      throw new ContractError(
        "inputs.answers",
        `expected ${labels.length} answers, one per label, got ${answers.length}`,
      );
    if (correctPosition >= answers.length)
      throw new ContractError(
        "inputs.correctPosition",
        `expected a place below ${answers.length}, got ${correctPosition}`,
      );
    const order = answers.map((_, k) => k);
    order[0] = correctPosition;
    order[correctPosition] = 0;
    const markers = labels.map((label) => `[[${label}]]`).join(", ");
    return {
      order,
      messages: fencedMessages({
        task:
          `You choose the best of ${answers.length} answers to a question: the one that does what was asked and is right. ` +
          "The order of the answers, their length and any name in them do not count.",
        data: [
          ["Question", question] as const,
          ...order.map((index, k) => [`Answer ${labels[k]}`, answers[index]] as const),
        ],
        reply: `Explain your comparison first. End with the marker of the best answer, one of ${markers}, and write no other marker.`,
      }),
    };
  },
});

/**
 * Verdict of a judge that chose among several answers (RewardBench 2, arXiv 2506.01937): the first label, in the order of
 * `labels`, whose marker [[label]] occurs anywhere; `result` is 1 if it stands at `correctPosition`, else 0, and `invalid`
 * (the chance level of four answers) without any marker.
 */
export const rankingJudgeParse = definePart({
  id: "signal/ranking-judge-parse",
  papers: ["reward-bench-2"],
  params: z.object({
    labels: z.array(z.string()).min(1).default(["A", "B", "C", "D"]).describe("names of the places"),
    invalid: z.number().nullable().default(0.25).describe("result of a reply without a marker"),
  }),
  inputs: z.object({
    reply: fields.reply,
    correctPosition: z.int().nonnegative().describe("place of the right answer"),
  }),
  outputs: z.object({
    verdict: z.string().nullable().describe("the chosen label"),
    result: z.number().nullable().describe("1: right, 0: wrong"),
  }),
  compute({ labels, invalid }, { reply, correctPosition }) {
    const chosen = labels.findIndex((label) => reply.includes(`[[${label}]]`));
    if (chosen < 0) return { verdict: null, result: invalid };
    return { verdict: labels[chosen], result: chosen === correctPosition ? 1 : 0 };
  },
});

/**
 * Asks a judge to score all candidates side by side in one request (DNO, arXiv 2404.03715), one line "Response k Score: s"
 * each, read by `signal/rubric-scores-parse`.
 *
 * A `template` gets {prompt} and {responses} ("Response k:", a line break and the text, blank lines between). Without one, an
 * additive rubric of ours from 0 to 6, with every text in a fence.
 */
export const rubricScoresPrompt = definePart({
  id: "signal/rubric-scores-prompt",
  papers: ["dno"],
  params: z.object({ template: templateParam("prompt", "responses") }),
  inputs: z.object({ prompt: z.string().describe("the task"), responses: strings("K", "candidates") }),
  outputs: z.object({ messages: fields.messages }),
  compute({ template }, { prompt, responses }) {
    if (template !== undefined) {
      const list = responses.map((text, k) => `Response ${k + 1}:\n${text}`).join("\n\n");
      return { messages: [userMessage(fillTemplate(template, { prompt, responses: list }))] };
    }
    return {
      messages: fencedMessages({
        task: `You score several responses to the same task, each from 0 to 6. A response earns one point for each of these:\n${numbered(points)}`,
        data: [["Task", prompt] as const, ...responses.map((text, k) => [`Response ${k + 1}`, text] as const)],
        reply: 'Explain the points of each response, then end with one line per response: "Response k Score: s".',
      }),
    };
  },
});

const points = [
  "It is about what was asked.",
  "It covers a good part of what was asked.",
  "It covers all of it in a usable way.",
  "It is clear, well ordered and says nothing beside the point.",
  "Everything in it is right.",
  "An expert could not improve it.",
];

/**
 * Scores of all candidates from one reply (DNO, arXiv 2404.03715): on each line "Response k … score: s" (or "="), any case; the
 * last such mention of a candidate wins. null where a candidate is missing or its score lies outside [min, max].
 */
export const rubricScoresParse = definePart({
  id: "signal/rubric-scores-parse",
  papers: ["dno"],
  params: z.object({
    min: z.number().default(0).describe("least score"),
    max: z.number().default(6).describe("greatest score"),
    count: z.int().nonnegative().describe("number of candidates"),
  }),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ scores: nullableVector("K", "score per candidate") }),
  compute({ min, max, count }, { reply }) {
    const scores = Array.from<number | null>({ length: count }).fill(null);
    const candidate = /\bResponse\s+([0-9]{1,9})(?![0-9])/gi;
    const score = /\bscore\s*[:=]\s*([+-]?[0-9]+(?:\.[0-9]+)?)/gi;
    for (const line of reply.split("\n")) {
      for (let at = 0; ; ) {
        candidate.lastIndex = at;
        const named = candidate.exec(line);
        if (!named) break;
        score.lastIndex = candidate.lastIndex;
        const given = score.exec(line);
        if (!given) break;
        at = score.lastIndex;
        const k = Number(named[1]) - 1;
        const value = Number(given[1]);
        if (k >= 0 && k < count) scores[k] = value >= min && value <= max ? value : null;
      }
    }
    return { scores };
  },
});

/**
 * Reward from sampled critiques: the mean of the scores a critique-based reward model gives to one answer under several sampled
 * critiques (MM-RLHF, arXiv 2502.10391). null scores are left out; without any the score is null.
 */
export const critiqueScore = definePart({
  id: "signal/critique-score",
  papers: ["mm-rlhf"],
  params: z.object({}),
  inputs: z.object({
    critiqueScores: shaped(z.array(z.array(z.number().nullable())), "N×K", "score under each sampled critique"),
  }),
  outputs: z.object({ scores: nullableVector("N", "mean score") }),
  compute(_params, { critiqueScores }) {
    return {
      scores: critiqueScores.map((row) => {
        const given = row.filter((score) => score !== null);
        return given.length === 0 ? null : given.reduce((sum, score) => sum + score, 0) / given.length;
      }),
    };
  },
});

/**
 * Asks for a critique of an answer and then its score (MM-RLHF, arXiv 2502.10391). The score stands on the last line as
 * "Rating: n", 1 to 10, which `signal/judge-rating-parse` reads; prompt and response are fenced.
 */
export const critiquePrompt = definePart({
  id: "signal/critique-prompt",
  papers: ["mm-rlhf"],
  params: z.object({}),
  inputs: z.object({ prompt: z.string().describe("what was asked"), response: fields.response }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { prompt: "What is in the picture?", response: "A dog on a red sofa." } },
  compute(_params, { prompt, response }) {
    return {
      messages: fencedMessages({
        task:
          "You write a critique of a response: what is right in it, what is wrong or made up, what is missing, whether it is safe and " +
          "whether it is helpful. Be concrete and quote. Then you score it by that critique alone.",
        data: [
          ["Prompt", prompt],
          ["Response", response],
        ],
        reply: 'Write the critique, then the last line "Rating: n", n from 1 (worst) to 10 (best).',
      }),
    };
  },
});
