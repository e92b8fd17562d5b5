import { ContractError } from "./error.ts";
import { isRagged, toRows } from "./ragged.ts";

/**
 * The JSON form of a part's output: typed arrays and ragged arrays become plain arrays, absent
 * values are dropped. Throws `ContractError` naming the place of a NaN or infinity: JSON has no
 * such number, and silently writing null would turn a defect into "unscored".
 */
export function toPlain(value: unknown, path = "outputs"): unknown {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new ContractError(path, `expected a finite number, got ${value}`);
    return value;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (isRagged(value)) return toPlain(toRows(value), path);
  if (Array.isArray(value)) return value.map((item, i) => toPlain(item, `${path}[${i}]`));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<number>, (item, i) => toPlain(Number(item), `${path}[${i}]`));
  }
  if (typeof value === "object") {
    const plain: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) plain[key] = toPlain(item, path ? `${path}.${key}` : key);
    }
    return plain;
  }
  throw new ContractError(path, `expected a JSON value, got ${typeof value}`);
}
