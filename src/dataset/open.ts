import { openJsonl } from "./jsonl.ts";
import { formatOf, type Source } from "./source.ts";

/** Opens an input by the ending of its name; the SQL engine is loaded only for tables. */
export async function openSource(path: string): Promise<Source> {
  const format = formatOf(path);
  if (format === "jsonl") return openJsonl(path);
  return (await import("./table.ts")).openTable(path, format);
}
