/**
 * NeMo Gym's resources server: `/verify` takes the request and the response of an OpenAI Responses call beside
 * the task's own fields, and gives them back with `reward` and `reward_components`. A task's `expected_answer`
 * (or `answer`, …) is the reference. With observability on, its clients put `/ng-rollout/<id>` before every path.
 */
import type { Message } from "../core/rollout.ts";
import type { Protocol } from "./app.ts";
import { isFieldName, toBatch } from "./columns.ts";
import { badField } from "./problem.ts";
import { rejectUnscored, scoreBatch } from "./service.ts";

type Json = Readonly<Record<string, unknown>>;

export const verify: Protocol = async (service, loaded, body, visit) => {
  const { responses_create_params: request, response, ...task } = body;
  if (!isObject(request)) throw badField("responses_create_params", "expected the parameters of a Responses call");
  if (!isObject(response)) throw badField("response", "expected the answer of a Responses call");
  if (!Array.isArray(response.output)) throw badField("response.output", "expected a list of items");
  const { input } = request;
  if (typeof input !== "string" && !Array.isArray(input))
    throw badField("responses_create_params.input", "expected a text or a list of items");
  const before =
    typeof input === "string" ? [{ role: "user", content: input }] : toMessages(input, "responses_create_params.input");
  const instructions =
    typeof request.instructions === "string" ? [{ role: "system", content: request.instructions }] : [];
  const after = toMessages(response.output, "response.output");
  const columns: Record<string, readonly unknown[]> = {};
  // A data set's row comes whole. What no reward could read by its name goes back as it came.
  for (const [name, value] of Object.entries(task)) if (isFieldName(name)) columns[name] = [value];
  const prompt = [...instructions, ...before];
  const tokens = isObject(response.usage) ? response.usage.output_tokens : undefined;
  if (typeof tokens === "number" && !Object.hasOwn(columns, "lengths")) columns.lengths = [tokens];
  columns.prompts = [typeof input === "string" && instructions.length === 0 ? input : prompt];
  columns.messages = [[...prompt, ...after]];
  columns.responses = [
    after
      .filter(({ role }) => role === "assistant")
      .map(textOf)
      .filter((text) => text !== "")
      .join("\n"),
  ];
  const scored = await scoreBatch(service, loaded, toBatch(columns, 1, loaded.needs), visit, { credit: false });
  const [reward] = rejectUnscored(scored, service.redact);
  const components: Record<string, number> = {};
  for (const [name, { values }] of Object.entries(scored.signals)) if (values[0] !== null) components[name] = values[0];
  // Aggregate metrics do not look into the components, so they stand beside the reward too.
  return { ...components, ...body, reward, reward_components: components };
};

/** Items of a Responses conversation → chat messages. What has no place in a chat (reasoning) is left out. */
function toMessages(items: readonly unknown[], at: string): Message[] {
  return items.flatMap((item, i): Message[] => {
    if (!isObject(item)) throw badField(`${at}[${i}]`, "expected an item of a Responses call");
    const type = item.type ?? "message";
    if (type === "message") {
      if (typeof item.role !== "string") throw badField(`${at}[${i}].role`, "expected a text");
      return [{ role: item.role, content: contentOf(item.content) }];
    }
    if (type === "function_call") {
      const call = { name: String(item.name ?? ""), arguments: argumentsOf(item.arguments) };
      const id = typeof item.call_id === "string" ? item.call_id : undefined;
      return [{ role: "assistant", content: null, tool_calls: [{ id, type: "function", function: call }] }];
    }
    if (type === "function_call_output") {
      const id = typeof item.call_id === "string" ? item.call_id : undefined;
      return [{ role: "tool", content: contentOf(item.output), tool_call_id: id }];
    }
    return [];
  });
}

function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((piece) => (isObject(piece) && typeof piece.text === "string" ? piece.text : "")).join("");
}

function argumentsOf(value: unknown): string | Record<string, unknown> {
  if (typeof value === "string") return value;
  return isObject(value) ? { ...value } : "";
}

function textOf({ content }: Message): string {
  return typeof content === "string" ? content : "";
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
