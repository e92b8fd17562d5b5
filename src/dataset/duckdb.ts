import type { DuckDBConnection } from "@duckdb/node-api";
import { ContractError, messageOf } from "../core/error.ts";

/** An in-memory DuckDB of its own, small and offline; `close` frees it. Loaded only when a table is read or written. */
export async function openDuckdb(
  spillFolder: string,
  megabytes = 192,
): Promise<{ connection: DuckDBConnection; close(): void }> {
  let module: typeof import("@duckdb/node-api");
  try {
    module = await import("@duckdb/node-api");
  } catch (thrown) {
    throw new ContractError(
      "@duckdb/node-api",
      `CSV and Parquet need it; install it with: npm install @duckdb/node-api (${messageOf(thrown)})`,
    );
  }
  const instance = await module.DuckDBInstance.create(":memory:", {
    threads: "2",
    memory_limit: `${megabytes}MB`,
    temp_directory: spillFolder,
    preserve_insertion_order: "true",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A file name as an SQL literal; characters that DuckDB would read as a pattern match themselves. */
export function fileLiteral(path: string): string {
  return literal(path.replace(/[*?[]/g, "[$&]"));
}

/** A column name in SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
