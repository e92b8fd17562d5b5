/** Reading numbers out of log entries that nobody vouches for. */

export type Entry = Readonly<Record<string, unknown>>;

export function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A finite number, also one that was written as text; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value !== "string" || value.trim() === "" || value.length > 60) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** The first of these keys that holds a number. */
export function firstNumber(entry: Entry, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = Object.hasOwn(entry, key) ? numberOf(entry[key]) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A column by its own name, or by dots into nested objects. */
export function valueAt(entry: Entry, path: string): unknown {
  if (Object.hasOwn(entry, path)) return entry[path];
  let value: unknown = entry;
  for (const key of path.split(".")) {
    if (!isEntry(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

/** JSON as Python writes it: NaN and infinities, which JSON has not, become null. Throws `SyntaxError`. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (!/NaN|Infinity/.test(text)) throw thrown;
    return JSON.parse(withoutNonFinite(text));
  }
}

/** Replaces what stands outside of strings; one pass. */
function withoutNonFinite(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (found) => (found.startsWith('"') ? found : "null"));
}
