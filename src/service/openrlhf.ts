/**
 * OpenRLHF's remote reward model (`--reward.remote_url http://…/get_reward`): `{ query, prompts, labels }` in,
 * `{ rewards, scores, extra_logs }` out. `query` is the prompt and the response in one text, decoded with its
 * special tokens; the response is what follows the prompt, without the special tokens that end it. What is longer than
 * the policy's context comes without the beginning of its prompt, while `prompts` has all of it.
 */
import type { Protocol } from "./app.ts";
import { toBatch } from "./columns.ts";
import { badField } from "./problem.ts";
import { checkKeys } from "./score-request.ts";
import { rejectUnscored, scoreBatch } from "./service.ts";

export const getReward: Protocol = async (service, loaded, body, visit) => {
  checkKeys(body, ["query", "prompts", "labels"]);
  const queries = texts(body.query, "query");
  const size = queries.length;
  if (size === 0) throw badField("query", "expected at least one text");
  if (size > service.limits.batch)
    throw badField("query", `expected at most ${service.limits.batch} texts, got ${size}`);
  const prompts = body.prompts === undefined ? null : texts(body.prompts, "prompts");
  if (prompts && prompts.length !== size)
    throw badField("prompts", `expected ${size} entries, as in query, got ${prompts.length}`);
  const { labels } = body;
  if (labels !== undefined && (!Array.isArray(labels) || labels.length !== size))
    throw badField("labels", `expected a list of ${size} entries, as in query`);
  const responses = queries.map((query, i) => (prompts ? responseOf(query, prompts[i], i) : withoutEnd(query)));
  const columns: Record<string, readonly unknown[]> = { responses };
  if (prompts) columns.prompts = prompts;
  if (Array.isArray(labels) && labels.some((label) => label !== null)) columns.references = labels;
  const scored = await scoreBatch(service, loaded, toBatch(columns, size, loaded.needs), visit, { credit: false });
  const rewards = rejectUnscored(scored, service.redact);
  const logs = Object.entries(scored.signals)
    .filter(([, { values }]) => values.every((value) => value !== null))
    .map(([name, { values }]) => [name, values] as const);
  return { rewards, scores: rewards, extra_logs: Object.fromEntries(logs) };
};

function texts(value: unknown, field: string): readonly string[] {
  const list = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list)) throw badField(field, "expected a list of texts");
  list.forEach((item, i) => {
    if (typeof item !== "string") throw badField(`${field}[${i}]`, "expected a text");
  });
  return list as readonly string[];
}

/** The longest token that decoding puts before a text. */
const mostBefore = 64;
/** Fewer characters of a prompt than these may stand at the beginning of a query by chance. */
const leastOfPrompt = 16;

function responseOf(query: string, prompt: string, i: number): string {
  if (query.startsWith(prompt)) return withoutEnd(query.slice(prompt.length));
  // Decoding may have put a token of its own (the beginning of the text) before the prompt.
  const at = query.indexOf(prompt);
  if (at >= 0 && at <= mostBefore) return withoutEnd(query.slice(at + prompt.length));
  // Where the cut went through a character, its rest cannot be read.
  const cut = query.slice(0, 3).lastIndexOf("\ufffd") + 1;
  const left = overlap(prompt, query, cut);
  if (left >= leastOfPrompt) return withoutEnd(query.slice(cut + left));
  if (at >= 0) return withoutEnd(query.slice(at + prompt.length));
  const message = `neither contains prompts[${i}] nor begins with the last ${leastOfPrompt} characters of it or more`;
  throw badField(`query[${i}]`, `${message}, so that nothing says where the response begins`);
}

/** Length of the longest end of `text` with which `other` begins at `from`: Knuth, Morris and Pratt, in linear time. */
function overlap(text: string, other: string, from: number): number {
  const most = Math.min(text.length, other.length - from);
  /** Of each beginning of `other`, the longest shorter beginning that it ends with. */
  const borders = new Int32Array(most);
  for (let i = 1, length = 0; i < most; i++) {
    const code = other.charCodeAt(from + i);
    while (length > 0 && other.charCodeAt(from + length) !== code) length = borders[length - 1];
    if (other.charCodeAt(from + length) === code) length++;
    borders[i] = length;
  }
  let matched = 0;
  for (let i = text.length - most; i < text.length; i++) {
    const code = text.charCodeAt(i);
    while (matched > 0 && (matched === most || other.charCodeAt(from + matched) !== code))
      matched = borders[matched - 1];
    if (matched < most && other.charCodeAt(from + matched) === code) matched++;
  }
  return matched;
}

const ends = ["</s>", "<eos>", "<end_of_turn>", "<｜end▁of▁sentence｜>"];

/** Drops special tokens (`<|im_end|>`, `</s>`, …) and the white space around them from the end of a response. */
function withoutEnd(text: string): string {
  let end = text.length;
  for (;;) {
    const trimmed = text.slice(0, end).trimEnd();
    const known = ends.find((token) => trimmed.endsWith(token));
    const open = trimmed.endsWith("|>") ? trimmed.lastIndexOf("<|") : -1;
    const special = open >= 0 && trimmed.length - open <= 40 && /^<\|[\w-]+\|>$/.test(trimmed.slice(open));
    if (known === undefined && !special) return end === text.length ? text : trimmed;
    end = known === undefined ? open : trimmed.length - known.length;
  }
}
