/** What can be put on the bench: a reward file, a part, a reward model's endpoint, a judge. All run through the pipeline. */
import { loadPart } from "../../catalogue/index.ts";
import { defineReward, judge, type Reward, type SignalOptions } from "../../pipeline/index.ts";
import {
  judgeRatingParse,
  judgeRatingPrompt,
  pairwiseJudgeParse,
  pairwiseJudgePrompt,
  rankingJudgeParse,
  rankingJudgePrompt,
  stepVerificationParse,
  stepVerificationPrompt,
} from "../../signal/index.ts";
import { type EndpointOptions, endpointSignal } from "./endpoint.ts";

/** How a call is made; all optional. */
export interface CallOptions {
  readonly concurrency?: number;
  readonly timeLimit?: number;
  readonly retries?: number;
}

export type JudgeKind = "rating" | "pairwise" | "ranking" | "process";

export interface JudgeScorer extends CallOptions {
  readonly kind: JudgeKind;
  readonly model: string;
  readonly baseURL?: string;
  readonly votes?: number;
  /** Pairwise: both orders, the second turned round, or one, drawn per item. */
  readonly orders: "both" | "single";
}

/** Who scores, and of what: a response, a step after those before it, a pair, or a choice of four. */
export interface BenchScorer {
  readonly about: "response" | "step" | "pair" | "choice";
  readonly reward: Reward;
  /** In place of `reward` for items whose right answers are all equally good (RewardBench 2's Ties). */
  readonly forTies?: Reward;
}

const one = (use: SignalOptions["use"], calls: CallOptions): Reward =>
  defineReward({
    signals: { score: { use, ...calls } },
    // Unscored items are reported, not a reason to stop.
    maxUnscored: 1,
  });

export function rewardScorer(reward: Reward): BenchScorer {
  return { about: "response", reward };
}

export async function partScorer(
  id: string,
  { params = {}, output }: { readonly params?: unknown; readonly output?: string },
): Promise<BenchScorer> {
  const part = await loadPart(id);
  const bound = (part as unknown as (params: unknown) => SignalOptions["use"])(params);
  return { about: "response", reward: defineReward({ signals: { score: { use: bound, output } }, maxUnscored: 1 }) };
}

export function endpointScorer(options: EndpointOptions & CallOptions): BenchScorer {
  const { concurrency, timeLimit, retries, ...endpoint } = options;
  return { about: "response", reward: one(endpointSignal(endpoint), { concurrency, timeLimit, retries }) };
}

export function judgeScorer({ kind, model, baseURL, votes, orders, ...calls }: JudgeScorer): BenchScorer {
  const server = { model, baseURL, votes };
  const rating = (criteria: "general" | "ties") =>
    one(
      judge({
        ...server,
        prompt: judgeRatingPrompt({ criteria }),
        parse: judgeRatingParse({ min: 1, max: 10 }),
        bind: { question: "prompt", answer: "response" },
      }),
      calls,
    );
  switch (kind) {
    case "rating":
      return { about: "response", reward: rating("general"), forTies: rating("ties") };
    case "pairwise":
      return {
        about: "pair",
        reward: one(
          judge({
            ...server,
            prompt: pairwiseJudgePrompt({ format: "judgement" }),
            parse: pairwiseJudgeParse({ format: "judgement" }),
            ...(orders === "both" ? { orderSwap: { inputs: ["first", "second"] as const } } : {}),
          }),
          calls,
        ),
      };
    case "ranking":
      return {
        about: "choice",
        reward: one(
          judge({
            ...server,
            prompt: rankingJudgePrompt(),
            parse: rankingJudgeParse({ invalid: null }),
            bind: { question: "prompt" },
            output: "result",
          }),
          calls,
        ),
        forTies: rating("ties"),
      };
    case "process":
      return {
        about: "step",
        reward: one(
          judge({
            ...server,
            prompt: stepVerificationPrompt({ format: "json" }),
            parse: stepVerificationParse({ format: "json" }),
            inputs: { toolAnswer: "No tool was asked; judge by the logic alone." },
            output: "verdict",
          }),
          calls,
        ),
      };
  }
}
