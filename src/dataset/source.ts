/** Where rollouts come from: JSONL (plain, gzip, standard input), CSV, Parquet. Every row arrives as JSON text and value. */
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { toUSVString } from "node:util";
import { ContractError, messageOf } from "../core/error.ts";

export type Format = "jsonl" | "csv" | "tsv" | "parquet";

/** Where a row begins: enough to read again from there. */
export interface Place {
  /** Rows before it. */
  readonly row: number;
  /** Bytes before it (after decompression); 0 in tables. */
  readonly byte: number;
  /** Its line, from 1; 0 in tables. */
  readonly line: number;
}

export const start: Place = { row: 0, byte: 0, line: 1 };

export interface SourceRow {
  readonly place: Place;
  /** The row as JSON text, as it came: numbers keep their digits. */
  readonly text: string;
  /** null: see `problem`. */
  readonly value: Readonly<Record<string, unknown>> | null;
  /** Why there is no value: `rollouts.jsonl:7: expected a JSON object, got a list`. */
  readonly problem: string | null;
}

export interface Source {
  readonly path: string;
  readonly format: Format;
  /** Tables only: their columns with DuckDB's types. */
  readonly columns: readonly { readonly name: string; readonly type: string }[] | null;
  /** Total of `progress()`; null where it is unknown (a pipe). */
  readonly total: number | null;
  /** How much has been read: bytes of the file, or rows of a table. */
  progress(): number;
  /** Blocks of rows, in order, none of them large. */
  read(from: Place): AsyncGenerator<SourceRow[]>;
  close(): Promise<void>;
}

/** What makes an input the same input. null for a pipe, which cannot be read twice. */
export interface SourceIdentity {
  readonly path: string;
  readonly bytes: number;
  readonly modified: number;
  /** SHA-256 of the first 64 KiB. */
  readonly head: string;
}

export async function identifySource(path: string): Promise<SourceIdentity | null> {
  if (path === "-") return null;
  const file = await open(path, "r").catch((thrown) => {
    throw new ContractError(path, unreadable(thrown));
  });
  try {
    const status = await stat(path);
    if (status.isDirectory()) throw new ContractError(path, "expected a file, got a folder");
    if (!status.isFile()) return null;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    const head = createHash("sha256").update(buffer.subarray(0, bytesRead)).digest("hex");
    return { path: resolve(path), bytes: status.size, modified: status.mtimeMs, head };
  } finally {
    await file.close();
  }
}

/** Why a file cannot be opened, without the system call's jargon where the reason is plain. */
export function unreadable(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES") return "may not be read (permission denied)";
  return `cannot be read (${messageOf(thrown)})`;
}

const endings: readonly (readonly [RegExp, Format])[] = [
  [/\.(jsonl|ndjson|jsonlines)(\.gz)?$/i, "jsonl"],
  [/\.csv$/i, "csv"],
  [/\.tsv$/i, "tsv"],
  [/\.(parquet|pq)$/i, "parquet"],
];

/** By the name's ending; a pipe carries JSONL. */
export function formatOf(path: string): Format {
  if (path === "-") return "jsonl";
  for (const [ending, format] of endings) if (ending.test(path)) return format;
  throw new ContractError(
    path,
    "expected a name ending in .jsonl, .jsonl.gz, .ndjson, .csv, .tsv or .parquet (or - for JSONL on a pipe)",
  );
}

/** Parsed JSON object, or the reason why it is none. */
export function parseRow(text: string): { value: Record<string, unknown> } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return { problem: `expected a JSON object, got invalid JSON (${printable(messageOf(thrown))})` };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { value: value as Record<string, unknown> };
  }
  return { problem: `expected a JSON object, got ${nameOf(value)}` };
}

/** What a JSON value is, in words. */
export function nameOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "a text";
  return typeof value === "number" ? "a number" : `a ${typeof value}`;
}

/** Text for a terminal or a message: control characters, bidirectional overrides and lone surrogates replaced. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return toUSVString(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}
