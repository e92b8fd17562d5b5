import { dirname } from "node:path";
import { messageOf } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import { fileLiteral, identifier, literal, openDuckdb } from "./duckdb.ts";
import { type Format, printable } from "./source.ts";

/** Writes a journal of JSON lines as CSV or Parquet, in bounded memory. `columns`: name → DuckDB type. */
export async function convertJournal(
  journal: string,
  output: string,
  format: Exclude<Format, "jsonl">,
  columns: readonly { readonly name: string; readonly type: string }[],
  longestLine: number,
): Promise<void> {
  // DuckDB's reader holds two buffers of twice the longest line.
  const object = Math.max(1_048_576, longestLine + 1024);
  const { connection, close } = await openDuckdb(dirname(output), Math.ceil(128 + (8 * object) / 1_048_576));
  const types = columns.map(({ name, type }) => `${literal(name)}: ${literal(type)}`).join(", ");
  const rows = `read_json(${fileLiteral(journal)}, format = 'newline_delimited', columns = {${types}},
    maximum_object_size = ${object})`;
  const nested = /\]$|^(STRUCT|MAP|UNION)\(|^JSON$/;
  const selected = columns.map(({ name, type }) => {
    const column = identifier(name);
    return format !== "parquet" && nested.test(type) ? `to_json(${column})::VARCHAR AS ${column}` : column;
  });
  const form =
    format === "parquet"
      ? "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480"
      : `FORMAT csv, HEADER true, DELIMITER '${format === "tsv" ? "\t" : ","}', QUOTE '"', ESCAPE '"'`;
  try {
    // An option of COPY takes the name as it stands: no patterns there.
    await connection.run(`COPY (SELECT ${selected.join(", ")} FROM ${rows}) TO ${literal(output)} (${form})`);
  } catch (thrown) {
    throw new OutputError(output, new Error(printable(messageOf(thrown).split("\n\n")[0])));
  } finally {
    close();
  }
}
