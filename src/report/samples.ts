/** Rollouts kept to be shown: the best, the worst, examples of errors, points for the scatter plot. */
import { isChat, messageText, type RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch } from "../pipeline/types.ts";

/** The beginning and the end of a text. `omitted` UTF-16 units are missing between them. */
export interface Excerpt {
  readonly head: string;
  readonly tail: string;
  readonly omitted: number;
}

interface SampleSignal {
  readonly name: string;
  readonly value: number | null;
  /** JSON text, shortened. */
  readonly evidence: string | null;
  readonly error: string | null;
}

/** One rollout with everything that led to its reward. */
export interface Sample {
  /** Position in the run, from 0. */
  readonly index: number;
  readonly id: string | null;
  readonly group: string | null;
  readonly prompt: Excerpt | null;
  readonly response: Excerpt | null;
  readonly reference: Excerpt | null;
  readonly length: number | null;
  readonly signals: readonly SampleSignal[];
  readonly combined: number | null;
  /** What shaping and credit wrote, as JSON text. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  readonly reward: number | null;
  readonly advantage: number | null;
}

export interface RankedSample {
  readonly reward: number;
  /** Breaks ties: of many equal rewards a random few are kept, not the first. */
  readonly priority: number;
  readonly sample: Sample;
}

/** Would this rollout enter the list? `sign` 1 keeps the highest rewards, −1 the lowest. */
export function ranksAmong(
  list: readonly RankedSample[],
  limit: number,
  sign: 1 | -1,
  reward: number,
  priority: number,
): boolean {
  if (list.length < limit) return limit > 0;
  return comesBefore(sign, reward, priority, list[list.length - 1]);
}

/** Inserts into a list sorted from the most extreme on, dropping what exceeds the limit. */
export function insertRanked(list: RankedSample[], limit: number, sign: 1 | -1, entry: RankedSample): void {
  let at = list.length;
  while (at > 0 && comesBefore(sign, entry.reward, entry.priority, list[at - 1])) at--;
  list.splice(at, 0, entry);
  if (list.length > limit) list.length = limit;
}

function comesBefore(sign: 1 | -1, reward: number, priority: number, other: RankedSample): boolean {
  const difference = sign * (reward - other.reward);
  return difference > 0 || (difference === 0 && priority < other.priority);
}

/** Uniform 32-bit number for the i-th rollout of a seed (murmur3 finaliser): random draws without a state to keep. */
export function drawAt(seed: number, i: number): number {
  let h = (seed ^ Math.imul(i + 1, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function takeSample(
  batch: RolloutBatch,
  scored: ScoredBatch,
  i: number,
  index: number,
  length: number | null,
  advantage: number | null,
): Sample {
  const signals = Object.entries(scored.signals).map(([name, column]) => {
    const error = column.errors[i];
    const evidence = column.evidence[i];
    return {
      name,
      value: column.values[i] ?? null,
      evidence: evidence === undefined || evidence === null ? null : shortened(jsonText(evidence), 600),
      error: error ? shortened(`${error.code}: ${error.message}`, 400) : null,
    };
  });
  const fields = Object.entries(scored.fields)
    .filter(([name, column]) => name !== "rewards" && name !== "advantages" && column[i] != null)
    .slice(0, 16)
    .map(([name, column]) => ({ name, value: shortened(jsonText(column[i]), 160) }));
  const text = (field: string, head: number, tail: number) => {
    const value = batch.fields[field]?.[i];
    return value === undefined || value === null ? null : excerpt(fieldText(value), head, tail);
  };
  const label = (field: string) => {
    const value = batch.fields[field]?.[i];
    return value === undefined || value === null ? null : shortened(fieldText(value), 120);
  };
  return {
    index,
    id: label("ids"),
    group: label("groups"),
    prompt: text("prompts", 600, 200),
    response: text("responses", 1200, 600),
    reference: text("references", 300, 100),
    length,
    signals,
    combined: scored.combined[i] ?? null,
    fields,
    reward: scored.rewards[i] ?? null,
    advantage,
  };
}

function excerpt(text: string, head: number, tail: number): Excerpt {
  if (text.length <= head + tail) return { head: text, tail: "", omitted: 0 };
  const from = splitsPair(text, head) ? head - 1 : head;
  const to = splitsPair(text, text.length - tail) ? text.length - tail + 1 : text.length - tail;
  return { head: text.slice(0, from), tail: text.slice(to), omitted: to - from };
}

function splitsPair(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}

export function shortened(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1)}…`;
}

/** JSON of anything; what JSON cannot say is named instead of thrown. */
function jsonText(value: unknown): string {
  try {
    return (
      JSON.stringify(ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value) ??
      String(value)
    );
  } catch {
    return "(not printable as JSON)";
  }
}

function fieldText(value: unknown): string {
  if (typeof value === "string") return value;
  if (!isChat(value)) return jsonText(value);
  return value
    .map((message) => {
      const calls = message.tool_calls?.length ? ` ${jsonText(message.tool_calls)}` : "";
      return `${message.role}: ${messageText(message)}${calls}`;
    })
    .join("\n\n");
}
