/**
 * Column types of JSON rows, found while they pass: what a Parquet or CSV file needs to know and JSON does
 * not say. A column whose values do not agree becomes JSON text.
 */
export type ColumnType =
  | { readonly kind: "null" | "boolean" | "integer" | "number" | "text" | "json" }
  | { readonly kind: "list"; readonly of: ColumnType }
  | { readonly kind: "struct"; readonly of: Readonly<Record<string, ColumnType>> };

const mostKeys = 64;
const mostDepth = 8;

/** Type of one JSON value. */
export function typeOf(value: unknown, depth = 0): ColumnType {
  if (value === null || value === undefined) return { kind: "null" };
  if (typeof value === "boolean") return { kind: "boolean" };
  if (typeof value === "number") return { kind: Number.isSafeInteger(value) ? "integer" : "number" };
  if (typeof value === "string") return { kind: "text" };
  if (depth >= mostDepth) return { kind: "json" };
  if (Array.isArray(value)) {
    let of: ColumnType = { kind: "null" };
    for (const item of value) of = unite(of, typeOf(item, depth + 1));
    return { kind: "list", of };
  }
  const entries = Object.entries(value as object);
  if (entries.length === 0 || entries.length > mostKeys || clashes(entries.map(([key]) => key)))
    return { kind: "json" };
  return { kind: "struct", of: Object.fromEntries(entries.map(([key, item]) => [key, typeOf(item, depth + 1)])) };
}

/** The narrowest type that holds both. */
export function unite(a: ColumnType, b: ColumnType): ColumnType {
  if (a.kind === "null") return b;
  if (b.kind === "null") return a;
  if (a.kind === "list" && b.kind === "list") {
    const of = unite(a.of, b.of);
    return of === a.of ? a : { kind: "list", of };
  }
  if (a.kind === "struct" && b.kind === "struct") {
    let changed = false;
    const of: Record<string, ColumnType> = { ...a.of };
    for (const [key, type] of Object.entries(b.of)) {
      const before = Object.hasOwn(of, key) ? of[key] : undefined;
      const after = before ? unite(before, type) : type;
      if (after !== before) {
        of[key] = after;
        changed = true;
      }
    }
    if (!changed) return a;
    const keys = Object.keys(of);
    return keys.length > mostKeys || clashes(keys) ? { kind: "json" } : { kind: "struct", of };
  }
  if (a.kind === b.kind) return a;
  if ((a.kind === "integer" && b.kind === "number") || (a.kind === "number" && b.kind === "integer")) {
    return a.kind === "number" ? a : b;
  }
  return { kind: "json" };
}

/** SQL tells no upper from lower case and knows no empty name; such keys stay JSON. */
function clashes(keys: readonly string[]): boolean {
  return keys.includes("") || new Set(keys.map((key) => key.toLowerCase())).size < keys.length;
}

/** The type in DuckDB's SQL. */
export function sqlType(type: ColumnType): string {
  if (type.kind === "list") return type.of.kind === "null" ? "JSON" : `${sqlType(type.of)}[]`;
  if (type.kind === "struct") {
    const parts = Object.entries(type.of).map(([key, item]) => `"${key.replaceAll('"', '""')}" ${sqlType(item)}`);
    return `STRUCT(${parts.join(", ")})`;
  }
  if (type.kind === "boolean") return "BOOLEAN";
  if (type.kind === "integer") return "BIGINT";
  if (type.kind === "number") return "DOUBLE";
  return type.kind === "json" ? "JSON" : "VARCHAR";
}
