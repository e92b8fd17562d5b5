/** Reads a store's file that no service has open, or asks the service that has. */
import { rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContractError, messageOf } from "../core/error.ts";
import { convertJournal } from "../dataset/convert.ts";
import type { StoreAnswer } from "./store.ts";

/** One statement on the file, opened for reading only. Throws `ContractError`. */
export async function queryFile(path: string, sql: string, limit: number): Promise<StoreAnswer> {
  if (!(await stat(path).catch(() => null))) throw new ContractError(path, "no such store");
  const { DuckDBInstance } = await import("@duckdb/node-api").catch(() => {
    throw new ContractError("@duckdb/node-api", "the store needs it; install it with: npm install @duckdb/node-api");
  });
  const instance = await DuckDBInstance.create(path, {
    access_mode: "READ_ONLY",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  }).catch((thrown) => {
    const message = messageOf(thrown);
    if (/lock/i.test(message))
      throw new ContractError(path, "is open in a running service: ask that one with --url http://127.0.0.1:8420");
    throw new ContractError(path, `cannot be opened: ${message.split("\n")[0]}`);
  });
  const connection = await instance.connect();
  try {
    const result = await connection.streamAndReadUntil(sql, limit + 1);
    const rows = result.getRowsJson() as unknown[][];
    return { columns: result.columnNames(), rows: rows.slice(0, limit), more: rows.length > limit };
  } catch (thrown) {
    throw new ContractError("sql", messageOf(thrown).slice(0, 2000));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The same statement, asked of a running service. */
export async function queryService(
  url: string,
  token: string | undefined,
  sql: string,
  limit: number,
): Promise<StoreAnswer> {
  let answer: Response;
  try {
    answer = await fetch(new URL("/v1/query", url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ sql, limit }),
      signal: AbortSignal.timeout(120_000),
    });
  } catch (thrown) {
    throw new ContractError("--url", `${url} does not answer: ${messageOf((thrown as Error).cause ?? thrown)}`);
  }
  const body = (await answer.json().catch(() => null)) as (StoreAnswer & { error?: { message?: string } }) | null;
  if (!answer.ok || body === null || !Array.isArray(body.rows))
    throw new ContractError("sql", body?.error?.message ?? `the service answered ${answer.status}`);
  return body;
}

/** Writes an answer as Parquet, CSV or JSON lines, by the file's ending. */
export async function writeAnswer(path: string, { columns, rows }: StoreAnswer): Promise<void> {
  const lines = rows.map((row) => JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, row[i]]))));
  const text = lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  const format = /\.(parquet|csv|tsv)$/.exec(path)?.[1];
  if (format === undefined) {
    if (!/\.(jsonl|ndjson)$/.test(path))
      throw new ContractError("--output", `expected a file that ends in .parquet, .csv, .tsv or .jsonl, got ${path}`);
    await writeFile(path, text);
    return;
  }
  const journal = join(tmpdir(), `guerdon-query-${process.pid}.jsonl`);
  try {
    await writeFile(journal, text);
    const types = columns.map((name, i) => ({ name, type: typeOf(rows, i) }));
    const longest = lines.reduce((most, line) => Math.max(most, line.length * 4), 0);
    await convertJournal(journal, path, format as "parquet" | "csv" | "tsv", types, longest);
  } finally {
    await rm(journal, { force: true });
  }
}

/** 64-bit integers come as texts of digits. */
function typeOf(rows: StoreAnswer["rows"], column: number): string {
  let type: "BIGINT" | "DOUBLE" | "BOOLEAN" | "VARCHAR" | "JSON" | null = null;
  for (const row of rows) {
    const value = row[column];
    if (value === null) continue;
    const one =
      typeof value === "number"
        ? "DOUBLE"
        : typeof value === "boolean"
          ? "BOOLEAN"
          : typeof value !== "string"
            ? "JSON"
            : /^-?\d{1,18}$/.test(value)
              ? "BIGINT"
              : "VARCHAR";
    if (type === null || type === one) type = one;
    else return type === "JSON" || one === "JSON" ? "JSON" : "VARCHAR";
  }
  return type ?? "VARCHAR";
}
