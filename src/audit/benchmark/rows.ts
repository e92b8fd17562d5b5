/** Rows of a benchmark's data: JSON lists and JSONL, CSV or Parquet as everywhere else. */
import { readFile } from "node:fs/promises";
import { ContractError, messageOf } from "../../core/error.ts";
import { openSource } from "../../dataset/index.ts";
import { isEntry, parseJson } from "../monitor/values.ts";

export interface Row {
  /** `file:line`, or `file[index]` in a list. */
  readonly place: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const start = { row: 0, byte: 0, line: 1 };

export async function readRows(path: string): Promise<Row[]> {
  if (path.endsWith(".json")) return readList(path);
  const source = await openSource(path);
  const rows: Row[] = [];
  let lines: readonly string[] | null = null;
  try {
    for await (const block of source.read(start)) {
      for (const { place, value: read, problem } of block) {
        let value = read;
        if (value === null && place.line > 0 && /\.(?:jsonl|ndjson)$/.test(path)) {
          lines ??= (await readFile(path, "utf8")).split("\n");
          value = pythonObject(lines[place.line - 1] ?? "");
        }
        if (value === null) throw new ContractError(path, problem ?? "a row could not be read");
        rows.push({ place: place.line > 0 ? `${path}:${place.line}` : `${path}[${place.row}]`, value });
      }
    }
  } finally {
    await source.close();
  }
  return rows;
}

async function readList(path: string): Promise<Row[]> {
  let list: unknown;
  try {
    list = parseJson(await readFile(path, "utf8"));
  } catch (thrown) {
    const missing = (thrown as { code?: unknown }).code === "ENOENT";
    throw new ContractError(path, missing ? "no such file" : `cannot be read (${messageOf(thrown)})`);
  }
  if (!Array.isArray(list)) throw new ContractError(path, "expected a list of objects");
  return list.map((value: unknown, i) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new ContractError(`${path}[${i}]`, "expected an object");
    return { place: `${path}[${i}]`, value: value as Record<string, unknown> };
  });
}

/** A line with the NaN and infinities that Python writes, as null; null when that is not what was wrong with it. */
function pythonObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value = parseJson(line);
    return isEntry(value) ? value : null;
  } catch {
    return null;
  }
}

/** The field's text. */
export function textOf({ place, value }: Row, name: string): string {
  const text = value[name];
  if (typeof text !== "string") throw new ContractError(`${place}.${name}`, `expected a text, got ${nameOf(text)}`);
  return text;
}

export function integerOf({ place, value }: Row, name: string): number {
  const number = typeof value[name] === "bigint" ? Number(value[name]) : value[name];
  if (typeof number !== "number" || !Number.isInteger(number))
    throw new ContractError(`${place}.${name}`, `expected an integer, got ${nameOf(number)}`);
  return number;
}

export function textsOf({ place, value }: Row, name: string): readonly string[] {
  const list = value[name];
  if (!Array.isArray(list) || list.some((text) => typeof text !== "string"))
    throw new ContractError(`${place}.${name}`, `expected a list of texts, got ${nameOf(list)}`);
  return list as string[];
}

/** A number, as text too (CSV); null, NaN, an infinity and an empty text are no score: null. Anything else is an error with its place. */
export function scoreOf(score: unknown, place: string): number | null {
  if (score === null || score === undefined) return null;
  const number = typeof score === "string" ? numberIn(score) : score;
  if (typeof number !== "number")
    throw new ContractError(place, `expected a finite number or null, got ${nameOf(score)}`);
  return Number.isFinite(number) ? number : null;
}

function numberIn(text: string): number | null {
  const trimmed = text.trim();
  if (/^(?:|null|none|na|[+-]?(?:nan|inf|infinity))$/i.test(trimmed)) return Number.NaN;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : null;
}

export function nameOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "number" ? String(value) : `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}
