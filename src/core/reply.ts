/**
 * Reading a model's reply. Nothing here throws on any text, and everything is linear in it: a reply is
 * as hostile as what the model was shown.
 */
import { readJson } from "./json.ts";

/** Deepest nesting of JSON in a reply; deeper is unreadable. */
const maxDepth = 64;

/** Text between the first `open` and the next `close`; null without both. */
export function between(text: string, open: string, close: string): string | null {
  const start = text.indexOf(open);
  if (start < 0) return null;
  const end = text.indexOf(close, start + open.length);
  return end < 0 ? null : text.slice(start + open.length, end);
}

/** Text between the last complete pair: the last `close`, and the last `open` before it. */
export function lastBetween(text: string, open: string, close: string): string | null {
  const end = text.lastIndexOf(close);
  if (end < 0) return null;
  const start = end === 0 ? -1 : text.lastIndexOf(open, end - open.length);
  return start < 0 || start + open.length > end ? null : text.slice(start + open.length, end);
}

/** Content of the first `<name>…</name>`. */
export function tagged(text: string, name: string): string | null {
  return between(text, `<${name}>`, `</${name}>`);
}

/** The same with the tag in any case. */
export function taggedAnyCase(text: string, name: string): string | null {
  const open = new RegExp(`<${name}>`, "i").exec(text);
  if (!open) return null;
  const start = open.index + open[0].length;
  const close = new RegExp(`</${name}>`, "i").exec(text.slice(start));
  return close ? text.slice(start, start + close.index) : null;
}

/** What follows the last `marker`; the whole text without one. */
export function afterLast(text: string, marker: string): string {
  const at = text.lastIndexOf(marker);
  return at < 0 ? text : text.slice(at + marker.length);
}

/** Text behind the last occurrence of the first label that occurs at all; null when none does. */
export function afterLabel(text: string, labels: readonly string[]): string | null {
  const label = labels.find((one) => text.includes(one));
  return label === undefined ? null : afterLast(text, label);
}

/** A JSON value, or undefined where the text is not one (duplicate keys and deep nesting included). */
export function parseJson(text: string): unknown {
  try {
    return readJson(text, { maxDepth });
  } catch {
    return undefined;
  }
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object's own entry; undefined where there is none (never an inherited one). */
export function entry(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function parseObject(text: string): JsonObject | null {
  const value = parseJson(text);
  return isObject(value) ? value : null;
}

/** The object from the first `{` to the last `}`. */
export function spanObject(text: string): JsonObject | null {
  const start = text.indexOf("{");
  const end = text.lastIndexOf("}");
  return start < 0 || end < start ? null : parseObject(text.slice(start, end + 1));
}

/** The object in the first code block, or the whole reply where there is no block. */
export function blockObject(text: string): JsonObject | null {
  const block = codeBlocks(text)[0];
  return parseObject(block ? block.code : text.trim());
}

/** Where the object that starts at `start` ends (behind its `}`), strings respected; null: never, seen by `stopped`. */
function objectEnd(text: string, start: number): { end: number | null; stopped: number } {
  let depth = 0;
  let i = start;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34) {
      for (i++; i < text.length && text.charCodeAt(i) !== 34; i++) if (text.charCodeAt(i) === 92) i++;
    } else if (c === 123) {
      if (++depth > maxDepth) break;
    } else if (c === 125 && --depth === 0) return { end: i + 1, stopped: i + 1 };
  }
  return { end: null, stopped: i };
}

/**
 * Every outermost JSON object in a text, in order; braces that close no object are passed over. The work is
 * bounded: a text made of nothing but false starts is given up after looking at it 64 times over.
 */
export function* jsonObjects(text: string): Generator<{ value: JsonObject; start: number; end: number }> {
  let budget = 64 * (text.length + 1);
  for (let at = text.indexOf("{"); at >= 0 && budget > 0; ) {
    const { end, stopped } = objectEnd(text, at);
    const value = end === null ? null : parseObject(text.slice(at, end));
    if (value && end !== null) {
      yield { value, start: at, end };
      at = text.indexOf("{", end);
    } else {
      budget -= stopped - at;
      at = text.indexOf("{", at + 1);
    }
  }
}

export function firstObject(text: string): JsonObject | null {
  for (const { value } of jsonObjects(text)) return value;
  return null;
}

export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

/** The closed ``` blocks of a text. */
export function codeBlocks(text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const info = /[A-Za-z0-9_+-]*/y;
  for (let at = text.indexOf("```"); at >= 0; ) {
    info.lastIndex = at + 3;
    const language = info.exec(text)?.[0] ?? "";
    const start = at + 3 + language.length;
    const end = text.indexOf("```", start);
    if (end < 0) break;
    blocks.push({ language: language.toLowerCase(), code: text.slice(start, end).trim() });
    at = text.indexOf("```", end + 3);
  }
  return blocks;
}

/** Last match of a global pattern; null without one. */
export function lastMatch(text: string, pattern: RegExp): RegExpMatchArray | null {
  let last: RegExpMatchArray | null = null;
  for (const match of text.matchAll(pattern)) last = match;
  return last;
}

/** The number that a text is, in plain decimals; null for anything else (exponents and infinities too). */
export function plainNumber(text: string): number | null {
  const trimmed = text.trim();
  if (!/^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$/.test(trimmed)) return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : null;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** A text taken literally inside a pattern. */
export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
