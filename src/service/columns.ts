/** From the rollouts of a request to a batch: columns or rows, under contract names or those of trainers. */
import type { RolloutBatch } from "../core/rollout.ts";
import { conventions, hasChats, planColumns } from "../dataset/columns.ts";
import type { RewardNeeds } from "../pipeline/index.ts";
import { badField } from "./problem.ts";

type Columns = Readonly<Record<string, readonly unknown[]>>;

const namePattern = /^[A-Za-z_][\w.-]{0,63}$/;

export function isFieldName(name: string): boolean {
  return namePattern.test(name) && name !== "__proto__";
}

export function checkName(name: string, at: string): void {
  if (!isFieldName(name)) throw badField(at, `no field can be called ${JSON.stringify(name.slice(0, 64))}`);
}

/** `{ responses: […], references: […] }`, all of one length; `at` is where they stand in the request. */
export function readColumns(value: unknown, at: string, most: number): Columns {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badField(at, "expected an object of lists, one entry a rollout");
  let size: number | null = null;
  let first = "";
  for (const [name, column] of Object.entries(value)) {
    checkName(name, at);
    if (!Array.isArray(column)) throw badField(`${at}.${name}`, `expected a list, got ${nameOf(column)}`);
    if (size === null) {
      size = column.length;
      first = name;
    } else if (column.length !== size) {
      throw badField(`${at}.${name}`, `expected ${size} entries, as in ${at}.${first}, got ${column.length}`);
    }
  }
  if (size === null || size === 0) throw badField(at, "expected at least one rollout");
  if (size > most) throw badField(at, `expected at most ${most} rollouts, got ${size}; send several batches`);
  return value as Columns;
}

/** `[{ response, reference }, …]` → columns; what a row does not have is null. */
export function readRows(value: unknown, at: string, most: number): Columns {
  if (!Array.isArray(value) || value.length === 0) throw badField(at, "expected a list of at least one rollout");
  if (value.length > most)
    throw badField(at, `expected at most ${most} rollouts, got ${value.length}; send several batches`);
  const columns: Record<string, unknown[]> = {};
  for (let i = 0; i < value.length; i++) {
    const row: unknown = value[i];
    if (typeof row !== "object" || row === null || Array.isArray(row))
      throw badField(`${at}[${i}]`, `expected an object, got ${nameOf(row)}`);
    for (const [name, entry] of Object.entries(row)) {
      if (!Object.hasOwn(columns, name)) {
        checkName(name, `${at}[${i}]`);
        columns[name] = new Array<unknown>(value.length).fill(null);
      }
      columns[name][i] = entry;
    }
  }
  return columns;
}

/**
 * The batch that a reward sees. Columns keep their names, and those that trainers use add the contract's
 * (`completion` → `responses`, `answer` → `references`); chats become texts. Entries of the wrong kind are
 * left to the scorer, which fails that rollout alone.
 */
export function toBatch(columns: Columns, size: number, needs: RewardNeeds): RolloutBatch {
  const names = Object.keys(columns);
  const rowOf = (i: number) => Object.fromEntries(names.map((name) => [name, columns[name][i]]));
  const responses = conventions.responses.find((name) => Object.hasOwn(columns, name));
  const plain =
    responses !== undefined &&
    !Object.hasOwn(needs.fields, "messages") &&
    columns[responses].every((entry) => typeof entry === "string");
  if (plain) {
    const fields: Record<string, readonly unknown[]> = { ...columns };
    for (const [field, candidates] of Object.entries(conventions)) {
      const found = candidates.find((name) => Object.hasOwn(columns, name));
      if (found !== undefined) fields[field] = columns[found];
    }
    for (const field of ["prompts", "references"]) if (fields[field]) fields[field] = fields[field].map(plainText);
    return { size, fields };
  }
  const rows = Array.from({ length: size }, (_, i) => rowOf(i));
  const plan = planColumns({
    columns: names,
    sample: rows,
    map: {},
    needs,
    format: "jsonl",
    chats: hasChats(rows, {}),
  });
  const fields: Record<string, unknown[]> = {};
  for (const field of plan.fields) fields[field] = new Array<unknown>(size).fill(null);
  rows.forEach((row, i) => {
    const read = plan.readRow(row).fields;
    for (const field of plan.fields) fields[field][i] = read[field] ?? null;
  });
  return { size, fields };
}

function plainText(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

export function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
