import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messageLabelParse, messageLabelPrompt } from "../signal/judge/agents.ts";
import { pairwiseJudgeParse } from "../signal/judge/pairwise-parse.ts";
import { pairwiseJudgePrompt } from "../signal/judge/pairwise-prompts.ts";
import { judgeRatingPrompt, rubricScoresParse } from "../signal/judge/rating.ts";
import { defineReward } from "./define.ts";
import { type JudgeOptions, judge } from "./judge.ts";
import { createScorer } from "./scorer.ts";

/** A model that prefers the longer of two fenced candidates, and calls a message with "gold" helpful. */
function model(user: string): string {
  if (user.includes("two candidates"))
    return user.includes("unclear") ? "Response 1 score: 4" : "Response 1 score: 4\nResponse 2 score: 1";
  const texts = [...user.matchAll(/<<<BEGIN [^>]*>>>\n([\s\S]*?)\n<<<END/g)].map((match) => match[1]);
  if (user.includes("<label>")) return texts.at(-1)?.includes("gold") ? "<label>FOO</label>" : "<label>BAR</label>";
  const [a, b] = texts.slice(-2);
  return `Longer is better.\nBetter: ${a.length === b.length ? "A" : a.length > b.length ? "A" : "B"}`;
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => {
    body += String(piece);
  });
  request.on("end", () => {
    const { messages } = JSON.parse(body) as { messages: { role: string; content: string }[] };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [{ message: { content: model(messages[1].content) } }] }));
  });
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function scoreWith(
  options: Omit<JudgeOptions, "model" | "baseURL">,
  columns: Record<string, string[]>,
  size: number,
) {
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const reward = defineReward({ signals: { quality: { use: judge({ model: "m", baseURL, ...options }) } } });
  const scorer = createScorer(reward, { workers: 0 });
  const { rewards, errors } = await scorer.score({ size, fields: columns });
  await scorer.close();
  expect(errors.filter((error) => error !== null)).toEqual([]);
  return rewards;
}

describe("judge parts in a pipeline", () => {
  it("compares with a reference in both orders, so that a position bias cancels out", async () => {
    const format = "better-line" as const;
    const rewards = await scoreWith(
      {
        prompt: pairwiseJudgePrompt({ format }),
        parse: pairwiseJudgeParse({ format }),
        bind: { first: "response", second: "reference" },
        orderSwap: { inputs: ["first", "second"] },
      },
      { prompts: ["p", "p", "p"], responses: ["a long one", "s", "same"], references: ["short", "longer", "equa"] },
      3,
    );
    expect(rewards).toEqual([1, 0, 0.5]);
  });

  it("makes one number of a parser's list, and none of an incomplete one unless that is allowed", async () => {
    const ask = {
      prompt: judgeRatingPrompt({ label: "two candidates" }),
      parse: rubricScoresParse({ count: 2 }),
      bind: { question: "prompt", answer: "response" },
      output: "scores",
    };
    const columns = { prompts: ["p"], responses: ["r"] };
    expect(await scoreWith({ ...ask, reduce: "mean" }, columns, 1)).toEqual([2.5]);
    expect(await scoreWith({ ...ask, reduce: "min" }, columns, 1)).toEqual([1]);
    const unclear = { prompts: ["p"], responses: ["unclear"] };
    expect(await scoreWith({ ...ask, reduce: "sum", skipMissing: true }, unclear, 1)).toEqual([4]);
    await expect(scoreWith({ ...ask, reduce: "sum" }, unclear, 1)).rejects.toThrow("unreadable");
    expect(() => judge({ model: "m", ...ask, output: "nothing", reduce: "sum" })).toThrow("lists, scores");
    expect(() => judge({ model: "m", ...ask, reduce: "median" as "mean" })).toThrow("judge.reduce");
  });

  it("sends the one request of a part that builds one per item", async () => {
    const rewards = await scoreWith(
      {
        prompt: messageLabelPrompt(),
        parse: messageLabelParse(),
        output: "labels",
        bind: { gameMessages: "message" },
        inputs: { goal: "collect gold" },
      },
      { message: ["You found gold.", "You hit a wall."] },
      2,
    );
    expect(rewards).toEqual([1, 0]);
  });
});
