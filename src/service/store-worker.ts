/** The thread that owns the store's file: appends in transactions, answers questions. */
import { parentPort, workerData } from "node:worker_threads";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { messageOf } from "../core/error.ts";
import type { StoredBatch, StoreReply, StoreRequest } from "./store.ts";
import { storeTables, storeViews } from "./store-schema.ts";

const { path } = workerData as { readonly path: string };
const port = parentPort;
if (!port) throw new Error("store-worker runs in a worker thread");
const tell = (reply: StoreReply) => port.postMessage(reply);

const duckdb = await import("@duckdb/node-api");
const { INTEGER, BIGINT, VARCHAR, DOUBLE, TIMESTAMP, BOOLEAN } = duckdb;
const rolloutTypes = [
  BIGINT,
  TIMESTAMP,
  VARCHAR,
  INTEGER,
  VARCHAR,
  VARCHAR,
  BIGINT,
  VARCHAR,
  VARCHAR,
  VARCHAR,
  DOUBLE,
  DOUBLE,
  DOUBLE,
  VARCHAR,
  VARCHAR,
  DOUBLE,
];
const signalTypes = [BIGINT, VARCHAR, DOUBLE, VARCHAR, VARCHAR, VARCHAR, BOOLEAN, DOUBLE];
const chunkRows = 2048;

let instance: DuckDBInstance;
let writer: DuckDBConnection;
let nextId = 0n;
const questions = new Set<Promise<void>>();
let closing = false;

async function open(): Promise<void> {
  instance = await duckdb.DuckDBInstance.create(path, {
    threads: "1",
    memory_limit: "512MB",
    // A question of a client may read the store and nothing else of this machine.
    enable_external_access: "false",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  writer = await instance.connect();
  await writer.run("SET TimeZone = 'UTC'");
  for (const table of storeTables) await writer.run(table);
  for (const { name, sql } of storeViews) await writer.run(`CREATE OR REPLACE VIEW ${name} AS ${sql}`);
  const last = await writer.runAndReadAll("SELECT coalesce(max(id), -1)::BIGINT AS last FROM rollouts");
  nextId = BigInt(String(last.getRowsJS()[0]?.[0] ?? -1)) + 1n;
  await writer.run("SET lock_configuration = true");
}

type Value = string | number | bigint | boolean | null | InstanceType<typeof duckdb.DuckDBTimestampValue>;

/** Rows of one table, by column. */
function columnsOf(count: number): Value[][] {
  return Array.from({ length: count }, () => []);
}

function push(columns: Value[][], values: readonly Value[]): void {
  for (let c = 0; c < values.length; c++) columns[c].push(values[c]);
}

async function append(batches: readonly StoredBatch[]): Promise<void> {
  const rollouts = columnsOf(rolloutTypes.length);
  const signals = columnsOf(signalTypes.length);
  let id = nextId;
  for (const batch of batches) {
    const at = new duckdb.DuckDBTimestampValue(BigInt(batch.at) * 1000n);
    const step = batch.policyStep === null ? null : BigInt(batch.policyStep);
    for (let i = 0; i < batch.size; i++, id++) {
      push(rollouts, [
        id,
        at,
        batch.request,
        i,
        batch.rewardName,
        batch.rewardHash,
        step,
        batch.groups?.[i] ?? null,
        batch.prompts?.[i] ?? null,
        batch.responses[i],
        batch.rewards[i],
        batch.combined[i],
        batch.advantages?.[i] ?? null,
        batch.errorCodes[i],
        batch.errorMessages[i],
        batch.milliseconds,
      ]);
      for (const signal of batch.signals)
        push(signals, [
          id,
          signal.name,
          signal.values[i],
          signal.errorCodes[i],
          signal.errorMessages[i],
          signal.evidence[i],
          signal.cached[i],
          signal.cached[i] ? 0 : signal.milliseconds,
        ]);
    }
  }
  await writer.run("BEGIN");
  try {
    await appendTable("rollouts", rolloutTypes, rollouts);
    await appendTable("signals", signalTypes, signals);
    await writer.run("COMMIT");
    nextId = id;
  } catch (thrown) {
    await writer.run("ROLLBACK").catch(() => {});
    throw thrown;
  }
}

async function appendTable(
  table: string,
  types: readonly (typeof rolloutTypes)[number][] | readonly (typeof signalTypes)[number][],
  columns: Value[][],
): Promise<void> {
  const rows = columns[0].length;
  if (rows === 0) return;
  const appender = await writer.createAppender(table);
  try {
    for (let at = 0; at < rows; at += chunkRows) {
      const chunk = duckdb.DuckDBDataChunk.create([...types], Math.min(chunkRows, rows - at));
      for (const [c, column] of columns.entries()) chunk.setColumnValues(c, column.slice(at, at + chunkRows));
      appender.appendDataChunk(chunk);
    }
  } finally {
    appender.closeSync();
  }
}

/**
 * DuckDB tells about itself where files of this machine lie. What asks it about itself is refused, and what could
 * put such a question together out of pieces.
 */
const aboutItself = /\b(?:pragma|duckdb_|current_setting\b|getenv\b)/i;
const composed = /\bquery(?:_table)?\b"?\s*\(/i;
const word = /\bquery(?:_table)?\b/i;
const comment = /\/\*|--/;

/** An answer is one text in memory, made while requests wait. */
const mostCharacters = 32 * 1024 * 1024;

/** One reading statement, at most `limit` rows. */
async function query(
  sql: string,
  limit: number,
  timeLimit: number,
): Promise<{ columns: string[]; rows: unknown[][]; more: boolean }> {
  if (sql.trim() === "") throw new Error("expected one statement, got none");
  // A comment between the word and its bracket would hide the call.
  const refused = aboutItself.exec(sql) ?? composed.exec(sql) ?? (comment.test(sql) ? word.exec(sql) : null);
  if (refused) throw new Error(`${refused[0]} is not allowed here; ask about the tables and views`);
  // A connection of its own: on a shared one, a question ends the stream of the one before, and a time limit all of them.
  const reader = await instance.connect();
  let late = false;
  const began = performance.now();
  // Again and again: a statement that waits for a thread does not hear it.
  const timer = setInterval(() => {
    late = performance.now() - began >= timeLimit;
    if (late || closing) reader.interrupt();
  }, 50);
  try {
    const statements = await reader.extractStatements(sql);
    if (statements.count !== 1) throw new Error(`expected one statement, got ${statements.count}`);
    const statement = await statements.prepare(0);
    const { SELECT, EXPLAIN } = duckdb.StatementType;
    if (statement.statementType !== SELECT && statement.statementType !== EXPLAIN)
      throw new Error("only statements that read are allowed: select …");
    const result = await statement.stream();
    const rows: unknown[][] = [];
    let characters = 0;
    while (rows.length <= limit) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      for (let row = 0; row < chunk.rowCount && rows.length <= limit; row++) {
        const values = chunk.convertRowValues(row, duckdb.JsonDuckDBValueConverter);
        characters += charactersOf(values);
        if (characters > mostCharacters)
          throw new Error(
            `the answer is longer than ${mostCharacters.toLocaleString("en")} characters: ask for fewer rows or columns`,
          );
        rows.push(values);
      }
    }
    return { columns: result.columnNames(), rows: rows.slice(0, limit), more: rows.length > limit };
  } catch (thrown) {
    throw late ? new Error(`took longer than ${timeLimit / 1000} seconds`) : thrown;
  } finally {
    clearInterval(timer);
    reader.closeSync();
  }
}

function charactersOf(values: readonly unknown[]): number {
  let sum = 0;
  for (const value of values)
    if (typeof value === "string") sum += value.length;
    else if (typeof value === "object" && value !== null) sum += JSON.stringify(value).length;
    else sum += 8;
  return sum;
}

let chain: Promise<void> = Promise.resolve();

port.on("message", (message: StoreRequest) => {
  if (message.kind === "query") {
    const question = query(message.sql, message.limit, message.timeLimit)
      .then(
        (answer) => tell({ kind: "answer", id: message.id, answer }),
        (thrown) => tell({ kind: "answer", id: message.id, error: messageOf(thrown).slice(0, 2000) }),
      )
      .finally(() => questions.delete(question));
    questions.add(question);
    return;
  }
  chain = chain.then(async () => {
    if (message.kind === "append") {
      const rollouts = message.batches.reduce((sum, { size }) => sum + size, 0);
      try {
        await append(message.batches);
        tell({ kind: "appended", rollouts });
      } catch (thrown) {
        tell({ kind: "lost", rollouts, message: messageOf(thrown).slice(0, 500) });
      }
      return;
    }
    closing = true;
    await Promise.all(questions);
    await writer.run("CHECKPOINT").catch(() => {});
    writer.closeSync();
    instance.closeSync();
    tell({ kind: "closed" });
    port.close();
  });
});

try {
  await open();
  tell({ kind: "open" });
} catch (thrown) {
  tell({ kind: "failed", message: messageOf(thrown) });
  port.close();
}
