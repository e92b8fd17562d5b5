import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messageLabelParse, messageLabelPrompt } from "../signal/judge/agents.ts";
import { pairwiseJudgeParse } from "../signal/judge/pairwise-parse.ts";
import { pairwiseJudgePrompt } from "../signal/judge/pairwise-prompts.ts";
import { defineReward } from "./define.ts";
import { type JudgeOptions, judge } from "./judge.ts";
import { createScorer } from "./scorer.ts";

/** A model that prefers the longer of two fenced candidates, and calls a message with "gold" helpful. */
function model(user: string): string {
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
