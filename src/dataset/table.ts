import { tmpdir } from "node:os";
import { ContractError, messageOf } from "../core/error.ts";
import { fileLiteral, openDuckdb } from "./duckdb.ts";
import { type Format, identifySource, parseRow, printable, type Source, type SourceRow } from "./source.ts";

/**
 * CSV, TSV or Parquet through DuckDB, streamed in chunks. DuckDB writes each row as JSON, so that nested
 * types, 64-bit integers and dates arrive in one form. CSV cells stay text, exactly as they stand.
 */
export async function openTable(path: string, format: Exclude<Format, "jsonl">): Promise<Source> {
  // A file that is not there deserves the message of the file system, not that of an SQL engine.
  await identifySource(path);
  const { connection, close } = await openDuckdb(tmpdir(), format === "parquet" ? 192 : 96);
  const table =
    format === "parquet"
      ? `read_parquet(${fileLiteral(path)})`
      : `read_csv(${fileLiteral(path)}, delim = '${format === "tsv" ? "\t" : ","}', quote = '"', escape = '"',
          header = true, all_varchar = true, allow_quoted_nulls = false, null_padding = false, parallel = false,
          max_line_size = 8388608, buffer_size = 8388608)`;
  const fail = (thrown: unknown): never => {
    throw new ContractError(path, `cannot be read as ${format} (${printable(messageOf(thrown).split("\n\n")[0])})`);
  };
  let consumed = 0;
  let closed = false;
  try {
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${table}`).catch(fail);
    const columns = described.getRowObjects().map((row) => ({
      name: String(row.column_name),
      type: String(row.column_type),
    }));
    const total =
      format === "parquet"
        ? Number((await connection.runAndReadAll(`SELECT count(*) AS n FROM ${table}`).catch(fail)).getRows()[0][0])
        : null;
    return {
      path,
      format,
      columns,
      total,
      progress: () => consumed,
      async *read(from) {
        let row = from.row;
        consumed = row;
        try {
          // A stream that runs out of memory ends like one that is at its end; the last row, a null, tells them apart.
          const result = await connection.stream(
            `(SELECT to_json(t)::VARCHAR FROM ${table} AS t OFFSET ${row}) UNION ALL SELECT NULL`,
          );
          for (;;) {
            const chunk = await result.fetchChunk();
            if (!chunk || chunk.rowCount === 0) {
              throw new ContractError(path, `could be read only up to row ${row} (DuckDB ran out of memory)`);
            }
            const rows: SourceRow[] = [];
            let ended = false;
            for (const cell of chunk.getColumnValues(0)) {
              if (cell === null) {
                ended = true;
                break;
              }
              const place = { row: row++, byte: 0, line: 0 };
              const text = finiteJson(String(cell));
              const parsed = parseRow(text);
              if ("value" in parsed) rows.push({ place, text, value: parsed.value, problem: null });
              else rows.push({ place, text: "", value: null, problem: `${path}: row ${row}: ${parsed.problem}` });
            }
            consumed = row;
            if (rows.length > 0) yield rows;
            if (ended) return;
          }
        } catch (thrown) {
          if (thrown instanceof ContractError) throw thrown;
          fail(thrown);
        }
      },
      async close() {
        if (!closed) close();
        closed = true;
      },
    };
  } catch (thrown) {
    close();
    throw thrown;
  }
}

/** DuckDB writes NaN and Infinity as such, which JSON has not: they become null. Text is left alone. */
export function finiteJson(text: string): string {
  if (!/NaN|Infinity/.test(text)) return text;
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:NaN|Infinity)/g, (found) => (found[0] === '"' ? found : "null"));
}
