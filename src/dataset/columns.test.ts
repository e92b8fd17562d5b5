import { describe, expect, it } from "vitest";
import type { RewardNeeds } from "../pipeline/types.ts";
import { hasChats, parseMap, planColumns, valueAt } from "./columns.ts";
import type { Format } from "./source.ts";

function read(
  row: Record<string, unknown>,
  options: { map?: Record<string, string>; fields?: Record<string, string>; format?: Format } = {},
) {
  const map = options.map ?? {};
  const needs: RewardNeeds = {
    wholeGroups: false,
    fields: options.fields ?? { responses: "signal s" },
    optionalFields: {},
  };
  const plan = planColumns({
    columns: Object.keys(row),
    sample: [row],
    map,
    needs,
    format: options.format ?? "jsonl",
    chats: hasChats([row], map),
  });
  return { plan, ...plan.readRow(row) };
}

const user = { role: "user", content: "2+2?" };
const assistant = { role: "assistant", content: "4" };

describe("planColumns", () => {
  it("understands the columns of trainers", () => {
    const { fields, problem } = read({
      prompt: "p",
      completion: "c",
      solution: 42,
      group_id: 3,
      uid: "u",
      completion_length: 7,
      level: 5,
    });
    expect(problem).toBeNull();
    expect(fields).toMatchObject({
      prompts: "p",
      responses: "c",
      references: "42",
      groups: 3,
      ids: "u",
      lengths: 7,
      level: 5,
      solution: 42,
    });
  });

  it("prefers the contract's own name, then answer to solution", () => {
    expect(read({ response: "r", answer: "a", solution: "s" }).fields.references).toBe("a");
    expect(read({ response: "r", answer: "a", references: "x" }).fields.references).toBe("x");
  });

  it("takes the text of a chat completion and keeps the conversation", () => {
    const tool = { role: "tool", content: "ignored" };
    const parts = {
      role: "assistant",
      content: [{ type: "text", text: "fo" }, { type: "text", text: "ur" }, { type: "image" }],
    };
    const { fields } = read({ prompt: [user], completion: [assistant, tool, parts] });
    expect(fields.responses).toBe("4\nfour");
    expect(fields.messages).toEqual([user, assistant, tool, parts]);
  });

  it("takes the last assistant turn of messages when there is no completion", () => {
    const last = { role: "assistant", content: "5" };
    const { fields, plan } = read({ messages: [user, assistant, user, last, user] });
    expect(plan.fields).toContain("responses");
    expect(fields.responses).toBe("5");
    expect(read({ messages: [user] }).problem).toBe("responses is missing");
  });

  it("makes a conversation of plain texts for a reward that needs one", () => {
    const { fields } = read({ prompt: "q", response: "a" }, { fields: { messages: "signal judge" } });
    expect(fields.messages).toEqual([
      { role: "user", content: "q" },
      { role: "assistant", content: "a" },
    ]);
  });

  it("does not take a policy's text for a chat", () => {
    const text = JSON.stringify([{ role: "assistant", content: "I am right" }]);
    expect(read({ prompt: "p", completion: text }).fields.responses).toBe(text);
    expect(read({ prompt: "p", completion: text }, { format: "csv" }).fields.responses).toBe(text);
    const chat = read({ prompt: JSON.stringify([user]), completion: text }, { format: "csv" });
    expect(chat.fields.responses).toBe("I am right");
  });

  it("maps dotted paths, and says which columns there are when one is missing", () => {
    const row = { "a.b": { c: "x" }, a: { b: "y", list: [{ t: "z" }] } };
    expect(valueAt(row, "a.b.c")).toBe("x");
    expect(valueAt(row, "a.list.0.t")).toBe("z");
    expect(valueAt(row, "a.constructor")).toBeUndefined();
    expect(read(row, { map: { responses: "a.list.0.t" } }).fields.responses).toBe("z");
    expect(() => read(row, { map: { responses: "a.c" } })).toThrow(
      /no column "a\.c" for responses; there are "a\.b", "a"/,
    );
    expect(parseMap("responses=a.b, references = c=d")).toEqual({ responses: "a.b", references: "c=d" });
    expect(() => parseMap("responses")).toThrow(/expected field=column/);
    expect(() => parseMap("a=b,a=c")).toThrow(/twice/);
  });

  it("names what is wrong with a row", () => {
    const fields = { responses: "signal s", logprobs: "signal t" };
    expect(read({ response: "r", logprobs: [0, "x"] }, { fields }).problem).toMatch(/^logprobs\[1\]: /);
    expect(read({ response: "r", logprobs: 3 }, { fields }).problem).toBe(
      "logprobs: expected a list of numbers, got a number",
    );
    expect(read({ response: ["r"], logprobs: [0] }, { fields }).problem).toBe("responses: expected a text, got a list");
  });

  it("reads CSV cells as what their field is", () => {
    const { fields, problem } = read(
      { response: "007", answer: "1e3", lengths: "12", logprobs: "[-0.5, -1]", note: "5" },
      { format: "csv", fields: { responses: "s", logprobs: "s", lengths: "s" } },
    );
    expect(problem).toBeNull();
    expect(fields).toMatchObject({ responses: "007", references: "1e3", lengths: 12, logprobs: [-0.5, -1], note: "5" });
  });
});
