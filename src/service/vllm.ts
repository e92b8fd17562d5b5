/**
 * The shapes of vLLM's pooling endpoints, for clients of reward models. `/classify` gives one reward a text as
 * its only class; `/score` takes prompts and responses in pairs. `fields` may bring further columns
 * (`references`, …), one entry a text.
 */
import { isChat } from "../core/rollout.ts";
import type { Protocol } from "./app.ts";
import { readColumns, toBatch } from "./columns.ts";
import { badField } from "./problem.ts";
import { checkKeys } from "./score-request.ts";
import { rejectUnscored, scoreBatch } from "./service.ts";

type Body = Readonly<Record<string, unknown>>;

/** Options of vLLM that change nothing here. */
const ignored = [
  "model",
  "user",
  "request_id",
  "priority",
  "cache_salt",
  "use_activation",
  "activation",
  "softmax",
  "add_special_tokens",
  "add_generation_prompt",
  "continue_final_message",
  "encoding_format",
];
/** Options that would change the text: null or absent, or nothing is scored. */
const refused = [
  "truncate_prompt_tokens",
  "truncation_side",
  "mm_processor_kwargs",
  "media_io_kwargs",
  "padding",
  "chat_template",
  "chat_template_kwargs",
];

function checkOptions(body: Body, own: readonly string[]): void {
  checkKeys(body, [...own, "fields", ...ignored, ...refused]);
  for (const name of refused) {
    if (body[name] !== undefined && body[name] !== null)
      throw badField(name, "would change the text that is scored, which this service does not do");
  }
  if (body.model !== undefined && body.model !== null && typeof body.model !== "string")
    throw badField("model", "expected a text");
}

export const classify: Protocol = async (service, loaded, body, visit) => {
  checkOptions(body, ["input", "messages"]);
  const columns: Record<string, readonly unknown[]> = {};
  if (body.messages !== undefined) {
    if (body.input !== undefined) throw badField("messages", "expected either input or messages");
    if (!isChat(body.messages)) throw badField("messages", "expected a list of { role, content }");
    const last = body.messages.at(-1);
    if (last?.role !== "assistant") throw badField("messages", "expected the last message to be the assistant's");
    columns.messages = [body.messages];
    columns.prompts = [body.messages.slice(0, -1)];
    columns.responses = [[last]];
  } else columns.responses = texts(body.input, "input", service.limits.batch);
  const rewards = await rewardsOf(service, loaded, columns, body, visit);
  return {
    id: `classify-${visit.id}`,
    object: "list",
    created: Math.floor(Date.now() / 1000),
    model: loaded.name,
    data: rewards.map((reward, index) => ({ index, label: null, probs: [reward], num_classes: 1 })),
    usage,
  };
};

const pairNames = [
  ["text_1", "text_2"],
  ["queries", "documents"],
  ["queries", "items"],
  ["data_1", "data_2"],
] as const;

export const scorePairs: Protocol = async (service, loaded, body, visit) => {
  checkOptions(body, [...new Set(pairNames.flat()), "max_tokens_per_query", "max_tokens_per_doc"]);
  for (const name of ["max_tokens_per_query", "max_tokens_per_doc"]) {
    if (body[name] !== undefined && body[name] !== 0) throw badField(name, "would cut the text; only 0 is served");
  }
  const [first, second] = pairNames.find(([a, b]) => body[a] !== undefined && body[b] !== undefined) ?? pairNames[0];
  const prompts = texts(body[first], first, service.limits.batch);
  const responses = texts(body[second], second, service.limits.batch);
  if (prompts.length !== 1 && prompts.length !== responses.length)
    throw badField(first, `expected 1 or ${responses.length} entries, as in ${second}, got ${prompts.length}`);
  const columns = { prompts: responses.map((_, i) => prompts[prompts.length === 1 ? 0 : i]), responses };
  const rewards = await rewardsOf(service, loaded, columns, body, visit);
  return {
    id: `score-${visit.id}`,
    object: "list",
    created: Math.floor(Date.now() / 1000),
    model: loaded.name,
    data: rewards.map((score, index) => ({ index, object: "score", score })),
    usage,
  };
};

/** Nothing is tokenised here. */
const usage = { prompt_tokens: 0, total_tokens: 0, completion_tokens: 0, prompt_tokens_details: null };

async function rewardsOf(
  service: Parameters<Protocol>[0],
  loaded: Parameters<Protocol>[1],
  columns: Readonly<Record<string, readonly unknown[]>>,
  { fields }: Body,
  visit: Parameters<Protocol>[3],
): Promise<readonly number[]> {
  const size = columns.responses.length;
  const more = fields === undefined ? {} : readColumns(fields, "fields", service.limits.batch);
  for (const [name, column] of Object.entries(more)) {
    if (column.length !== size) throw badField(`fields.${name}`, `expected ${size} entries, got ${column.length}`);
    if (Object.hasOwn(columns, name)) throw badField(`fields.${name}`, "is given twice");
  }
  const batch = toBatch({ ...more, ...columns }, size, loaded.needs);
  return rejectUnscored(await scoreBatch(service, loaded, batch, visit, { credit: false }), service.redact);
}

function texts(value: unknown, field: string, most: number): readonly string[] {
  const list = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list) || list.length === 0) throw badField(field, "expected a text or a list of texts");
  if (list.length > most) throw badField(field, `expected at most ${most} texts, got ${list.length}`);
  list.forEach((item, i) => {
    if (typeof item === "number" || Array.isArray(item))
      throw badField(`${field}[${i}]`, "expected a text: token ids cannot be scored here");
    if (typeof item !== "string") throw badField(`${field}[${i}]`, "expected a text");
  });
  return list as readonly string[];
}
