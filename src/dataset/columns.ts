/**
 * From the columns of a file to the contract fields of the parts (docs/score.md has the table).
 * Every column passes under its own name; the conventions of trainers add the contract names.
 */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields as standardFields } from "../core/fields.ts";
import { isChat, type Message, messageText } from "../core/rollout.ts";
import type { RewardNeeds } from "../pipeline/types.ts";
import { type Format, nameOf } from "./source.ts";

/** Contract field → columns that carry it by convention, the first that is there wins. */
export const conventions: Readonly<Record<string, readonly string[]>> = {
  prompts: ["prompts", "prompt", "question", "problem"],
  responses: ["responses", "completion", "response", "output"],
  messages: ["messages"],
  references: ["references", "answer", "solution", "reference", "ground_truth", "label", "expected_answer"],
  groups: ["groups", "group", "group_id", "prompt_id", "problem_id"],
  ids: ["ids", "id", "uid", "unique_id"],
  lengths: ["lengths", "length", "completion_length"],
};

const textFields = new Set(["prompts", "responses", "messages", "references", "groups", "ids"]);

export interface ColumnPlan {
  /** Fields that rows will have. */
  readonly fields: readonly string[];
  /** Field → the column (or dotted path) it comes from, where that is not its own name. */
  readonly sources: Readonly<Record<string, string>>;
  /** The fields of one row; `problem` says which needed field is missing or malformed. */
  readRow(row: Readonly<Record<string, unknown>>): {
    readonly fields: Readonly<Record<string, unknown>>;
    readonly problem: string | null;
  };
}

/** `responses=solution,references=a.b` → map. Throws `ContractError` for anything else. */
export function parseMap(text: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const piece of text.split(",")) {
    const equals = piece.indexOf("=");
    const field = piece.slice(0, equals).trim();
    const column = piece.slice(equals + 1).trim();
    if (equals < 1 || field === "" || column === "") {
      throw new ContractError("--map", `expected field=column, got ${JSON.stringify(piece)}`);
    }
    if (Object.hasOwn(map, field)) throw new ContractError("--map", `field ${field} is mapped twice`);
    map[field] = column;
  }
  return map;
}

/** Value at a column name, or along a dotted path into nested JSON; undefined where there is none. */
export function valueAt(row: unknown, path: string): unknown {
  if (typeof row !== "object" || row === null) return undefined;
  if (Object.hasOwn(row, path)) return (row as Record<string, unknown>)[path];
  for (let dot = path.indexOf("."); dot > 0; dot = path.indexOf(".", dot + 1)) {
    const head = path.slice(0, dot);
    if (Object.hasOwn(row, head)) {
      const found = valueAt((row as Record<string, unknown>)[head], path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/**
 * Plans the reading of rows whose columns are `columns` (those of the first rows, for JSONL).
 * `sample` decides whether a mapped path exists. Throws `ContractError` when a mapped column does not.
 */
export function planColumns(options: {
  readonly columns: readonly string[];
  readonly sample: readonly Readonly<Record<string, unknown>>[];
  readonly map: Readonly<Record<string, string>>;
  readonly needs: RewardNeeds;
  readonly format: Format;
  /** Completions are chats (see `hasChats`): then conversations are given as `messages`. */
  readonly chats: boolean;
}): ColumnPlan {
  const { map, needs, sample } = options;
  const columns = options.columns.filter((column) => column !== "__proto__");
  const present = new Set(columns);
  const sources: Record<string, string> = {};
  for (const [field, names] of Object.entries(conventions)) {
    const found = names.find((name) => present.has(name));
    if (found !== undefined && found !== field) sources[field] = found;
  }
  for (const [field, column] of Object.entries(map)) {
    if (sample.length > 0 && !present.has(column) && !sample.some((row) => valueAt(row, column) !== undefined)) {
      throw new ContractError("--map", `no column ${JSON.stringify(column)} for ${field}; there are ${list(columns)}`);
    }
    sources[field] = column;
  }
  const derivesResponses = !Object.hasOwn(sources, "responses") && !present.has("responses");
  const messagesColumn = sources.messages ?? (present.has("messages") ? "messages" : undefined);
  const wanted = new Set([...Object.keys(needs.fields), ...Object.keys(needs.optionalFields)]);
  const derivesMessages =
    messagesColumn === undefined && !derivesResponses && (options.chats || Object.hasOwn(needs.fields, "messages"));

  const fields = new Set([...columns, ...Object.keys(sources)]);
  if (derivesResponses && messagesColumn !== undefined) fields.add("responses");
  if (derivesMessages) fields.add("messages");

  const checks = [...wanted].map((field) => ({ field, ...checkOf(field), required: field in needs.fields }));
  const asText = options.format === "csv" || options.format === "tsv";
  const mapped = Object.entries(sources);

  return {
    fields: [...fields],
    sources,
    readRow(row) {
      const out: Record<string, unknown> = {};
      for (const column of columns) out[column] = row[column] ?? null;
      for (const [field, column] of mapped) out[field] = valueAt(row, column) ?? null;
      if (asText) readCells(out, wanted);
      if (fields.has("prompts")) out.prompts = plainText(out.prompts);
      if (fields.has("references")) out.references = plainText(out.references);
      readChats(out, derivesResponses, derivesMessages, asText);
      let problem: string | null = null;
      for (const { field, schema, required } of checks) {
        const value = out[field];
        if (value === null || value === undefined) {
          // The groups may be told by the prompts; see run.ts.
          if (required && fields.has(field) && field !== "groups") problem ??= `${field} is missing`;
        } else if (schema) {
          const result = schema.safeParse(value);
          if (!result.success) {
            const [issue] = result.error.issues;
            const place = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
            problem ??= place
              ? `${field}${place}: ${issue.message}`
              : `${field}: expected ${expectedOf(field)}, got ${nameOf(value)}`;
          }
        }
      }
      return { fields: out, problem };
    },
  };
}

function expectedOf(field: string): string {
  if (field === "groups") return "a text or a number";
  if (textFields.has(field)) return "a text";
  return checkOf(field).shape === "N" ? "a number" : "a list of numbers";
}

/** Schema of one entry of a standard field with N entries. */
function checkOf(field: string): { schema: z.ZodType | null; shape: string } {
  if (!Object.hasOwn(standardFields, field) || field === "prompts") return { schema: null, shape: "" };
  const schema = standardFields[field as keyof typeof standardFields] as z.ZodType;
  const shape = String(schema.meta()?.shape ?? "");
  if (!shape.startsWith("N") || !(schema instanceof z.ZodArray)) return { schema: null, shape };
  return { schema: schema.element as z.ZodType, shape };
}

/** Numbers and truth values where a text is expected (an answer of 42) become their text. */
function plainText(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

/** Cells of a CSV are text. Fields that are not text by contract are read as JSON where they can be. */
function readCells(out: Record<string, unknown>, wanted: ReadonlySet<string>): void {
  for (const field of Object.keys(out)) {
    const value = out[field];
    if (typeof value !== "string" || textFields.has(field)) continue;
    if (!wanted.has(field) && !Object.hasOwn(standardFields, field) && field !== "lengths") continue;
    out[field] = fromJson(value);
  }
  // Prompts and conversations are not the policy's text, so a list of messages in a cell is one.
  for (const field of ["prompts", "messages"]) if (field in out) out[field] = chatOf(out[field]);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** A chat given as JSON text, parsed; anything else unchanged. */
function chatOf(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*\[/.test(value)) return value;
  const parsed = fromJson(value);
  return isChat(parsed) ? parsed : value;
}

function readChats(
  out: Record<string, unknown>,
  derivesResponses: boolean,
  derivesMessages: boolean,
  asText: boolean,
): void {
  // A text that looks like a chat is only taken for one beside a prompt that is a chat: a policy can write anything.
  let completion = out.responses;
  if (asText && isChat(out.prompts)) completion = chatOf(completion);
  if (isChat(completion)) out.responses = textOf(completion.filter((message) => message.role === "assistant"));
  if (derivesMessages) {
    out.messages = null;
    if (isChat(completion)) out.messages = [...asChat(out.prompts, "user"), ...completion];
    else if (typeof completion === "string") {
      out.messages = [...asChat(out.prompts, "user"), ...asChat(completion, "assistant")];
    }
  }
  if (derivesResponses && isChat(out.messages)) {
    const last = out.messages.findLast((message) => message.role === "assistant");
    out.responses = last ? textOf([last]) : null;
  }
}

function asChat(value: unknown, role: string): readonly Message[] {
  if (isChat(value)) return value;
  return typeof value === "string" ? [{ role, content: value }] : [];
}

/** Are the completions of these rows chats? */
export function hasChats(sample: readonly Readonly<Record<string, unknown>>[], map: Readonly<Record<string, string>>) {
  const names = map.responses === undefined ? conventions.responses : [map.responses];
  return sample.some((row) => names.some((name) => isChat(valueAt(row, name))));
}

function textOf(messages: readonly Message[]): string {
  return messages.map((message) => safeText(message)).join("\n");
}

/** `messageText` of a message whose content may be malformed: then it has no text. */
function safeText(message: Message): string {
  const { content } = message;
  if (typeof content === "string" || content === null || content === undefined) return messageText(message);
  if (!Array.isArray(content)) return "";
  return content.map((piece) => (typeof piece?.text === "string" ? piece.text : "")).join("");
}

/** Column names for a message: quoted, at most 30. */
export function list(columns: readonly string[]): string {
  if (columns.length === 0) return "none";
  const shown = columns.slice(0, 30).map((column) => JSON.stringify(column));
  return columns.length > 30 ? `${shown.join(", ")} and ${columns.length - 30} more` : shown.join(", ");
}
