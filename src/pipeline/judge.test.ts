import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { defineReward } from "./define.ts";
import { type JudgeOptions, judge } from "./judge.ts";
import { askFor, equal, readScore } from "./parts.fixture.ts";
import { createScorer } from "./scorer.ts";
import type { ScorerOptions, SignalOptions } from "./types.ts";
import { needsOf } from "./wiring.ts";

type Answer = (asked: string, response: ServerResponse, request: Record<string, unknown>) => void;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An endpoint on loopback; `asked` collects the text of every question. */
async function endpoint(answer: Answer): Promise<{ baseURL: string; asked: string[]; times: number[] }> {
  const asked: string[] = [];
  const times: number[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += String(piece);
    });
    request.on("end", () => {
      const parsed = JSON.parse(body) as { messages: { content: string }[] };
      asked.push(parsed.messages[0].content);
      times.push(performance.now());
      answer(parsed.messages[0].content, response, parsed as unknown as Record<string, unknown>);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked, times };
}

function reply(response: ServerResponse, content: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(
    JSON.stringify({
      id: "1",
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content } }],
    }),
  );
}

const fields = { responses: ["good", "bad"], prompts: ["p1", "p2"] };

async function scoreWith(
  options: Partial<JudgeOptions> & { baseURL: string },
  signal: Partial<SignalOptions> = {},
  scorerOptions: ScorerOptions = {},
  columns: Record<string, string[]> = fields,
) {
  const reward = defineReward({
    signals: {
      quality: {
        use: judge({ model: "m", prompt: askFor(), parse: readScore(), bind: { question: "prompt" }, ...options }),
        ...signal,
      },
    },
  });
  const scorer = createScorer(reward, { workers: 0, ...scorerOptions });
  const scored = await scorer.score({ size: columns.responses.length, fields: columns });
  const counters = scorer.counters().signals.quality;
  await scorer.close();
  return { scored, counters, reward };
}

describe("judge", () => {
  it("asks with the prompt part, reads with the parse part, keeps the votes", async () => {
    const { baseURL, asked } = await endpoint((question, response) =>
      reply(response, question.includes("good") ? "Score: 9" : "Score: 2"),
    );
    const { scored, reward } = await scoreWith({ baseURL });
    expect(scored.rewards).toEqual([9, 2]);
    expect(asked.sort()).toEqual(["Q: p1\nA: good\nScore 0 to 10.", "Q: p2\nA: bad\nScore 0 to 10."]);
    expect(scored.signals.quality.evidence[0]).toEqual({ votes: [9], agreement: 1, replies: ["Score: 9"] });
    expect(needsOf(reward).fields).toEqual({ prompts: "signal quality", responses: "signal quality" });
  });

  it("what the parser refuses is unreadable, whatever number stands in it", async () => {
    const { baseURL } = await endpoint((question, response) =>
      reply(response, question.includes("good") ? "I would say 10/10! Score: 10 indeed" : null),
    );
    const { scored, counters } = await scoreWith({ baseURL }, { retries: 1 });
    expect(scored.rewards).toEqual([null, null]);
    expect(scored.errors.map((error) => error?.code)).toEqual(["unreadable", "unreadable"]);
    expect(scored.errors[0]?.message).toContain("I would say");
    expect(counters.retries).toBe(1); // temperature 0: the same reply would come again; a broken answer is worth a try
  });

  it.each<[string, Answer, string, boolean]>([
    ["garbage", (_, response) => response.end("<html>busy</html>"), "unreadable", true],
    ["not even HTTP", (_, response) => response.destroy(), "unavailable", true],
    ["500", (_, response) => response.writeHead(500).end("{}"), "unavailable", true],
    ["a wrong key", (_, response) => response.writeHead(401).end("{}"), "unavailable", false],
    [
      "an empty object",
      (_, response) => response.setHeader("content-type", "application/json").end("{}"),
      "unreadable",
      true,
    ],
  ])("%s from the endpoint is no number", async (_, answer, code, retryable) => {
    const { baseURL, asked } = await endpoint(answer);
    const { scored } = await scoreWith({ baseURL }, { retries: 1 }, {}, { responses: ["a"], prompts: ["p"] });
    expect(scored.rewards).toEqual([null]);
    expect(scored.errors[0]).toMatchObject({ code, retryable });
    expect(asked).toHaveLength(retryable ? 2 : 1);
  });

  it("an endpoint that hangs is a timeout, and is let go", async () => {
    const { baseURL } = await endpoint(() => {});
    const { scored, counters } = await scoreWith({ baseURL }, { timeLimit: 80, retries: 0 });
    expect(scored.errors.map((error) => error?.code)).toEqual(["timeout", "timeout"]);
    expect(counters.timeouts).toBe(2);
  });

  it("an answer that never ends is given up at its size, long before its time", async () => {
    const piece = " ".repeat(1 << 20);
    let open = 0;
    const { baseURL } = await endpoint((_, response) => {
      open++;
      response.once("close", () => open--);
      response.setHeader("content-type", "application/json");
      const more = () => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    const { scored } = await scoreWith({ baseURL }, { timeLimit: 60_000, retries: 0 });
    expect(scored.rewards).toEqual([null, null]);
    expect(scored.errors.map((error) => error?.code)).toEqual(["unreadable", "unreadable"]);
    expect(scored.errors[0]?.message).toContain("longer than");
    for (let i = 0; i < 100 && open > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(open).toBe(0);
  });

  it("waits as long as a busy endpoint asks", async () => {
    let calls = 0;
    const { baseURL, times } = await endpoint((_, response) => {
      if (++calls === 1) response.writeHead(429, { "retry-after": "1" }).end("{}");
      else reply(response, "Score: 5");
    });
    const { scored, counters } = await scoreWith({ baseURL }, {}, {}, { responses: ["a"], prompts: ["p"] });
    expect(scored.rewards).toEqual([5]);
    expect(counters.retries).toBe(1);
    expect(times[1] - times[0]).toBeGreaterThanOrEqual(990);
  });

  it("several votes: aggregated, and refused below the agreement asked for", async () => {
    let calls = 0;
    const votes = [8, 8, 2, 1, 2, 3];
    const { baseURL } = await endpoint((_, response) => reply(response, `Score: ${votes[calls++]}`));
    const { scored } = await scoreWith(
      { baseURL, votes: 3, aggregate: "majority", minAgreement: 0.5 },
      { concurrency: 1 },
    );
    expect(scored.rewards).toEqual([8, null]);
    expect(scored.errors[1]?.message).toMatch(/votes agree by 0\.33, less than 0\.5/);
  });

  it("a retry asks only for the votes that are missing", async () => {
    let calls = 0;
    const { baseURL, asked } = await endpoint((_, response) => {
      if (++calls === 2) response.writeHead(503).end("{}");
      else reply(response, "Score: 4");
    });
    const { scored } = await scoreWith({ baseURL, votes: 3 }, {}, {}, { responses: ["a"], prompts: ["p"] });
    expect(scored.rewards).toEqual([4]);
    expect(asked).toHaveLength(4);
  });

  it("an order swap cancels a judge that likes what comes first", async () => {
    const { baseURL } = await endpoint((_, response) => reply(response, "Score: 1"));
    const { scored } = await scoreWith(
      { baseURL, orderSwap: { inputs: ["question", "response"] } },
      {},
      {},
      { responses: ["a"], prompts: ["p"] },
    );
    expect(scored.rewards).toEqual([0.5]);
    expect(scored.signals.quality.evidence[0]).toMatchObject({ votes: [1, 0] });
  });

  it("replies are kept in the cache under everything that decides them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "guerdon-judge-"));
    const { baseURL, asked } = await endpoint((_, response) => reply(response, "Score: 3"));
    await scoreWith({ baseURL }, {}, { cacheFolder: folder });
    const again = await scoreWith({ baseURL }, {}, { cacheFolder: folder }, { ...fields, unrelated: ["x", "y"] });
    expect(asked).toHaveLength(2);
    expect(again.counters.cacheHits).toBe(2);
    expect(again.scored.rewards).toEqual([3, 3]);
    await scoreWith({ baseURL, model: "another" }, {}, { cacheFolder: folder });
    expect(asked).toHaveLength(4);
    rmSync(folder, { recursive: true });
  });

  it("names what is wrong with its options", () => {
    const good = { model: "m", prompt: askFor(), parse: readScore() };
    expect(() => judge({ ...good, prompt: equal() })).toThrow(
      /^judge\.prompt: signal\/equal-fixture gives no messages/,
    );
    expect(() => judge({ ...good, parse: askFor() })).toThrow(/^judge\.parse: signal\/ask-fixture reads no reply/);
    expect(() => judge({ ...good, votes: 0 })).toThrow(/^judge\.votes/);
    expect(() => judge({ ...good, bind: { wrong: "x" } })).toThrow(
      /^judge\.wrong: neither .* question, response, reply/,
    );
  });
});
