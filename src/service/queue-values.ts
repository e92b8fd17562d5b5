/**
 * Values on their way through JSON, so that they come out as they went in: numbers that are none, typed arrays, maps.
 * What JSON says by itself stays as it is; the rest becomes `{ "$": kind, "v": … }`. Reading trusts nothing.
 */
import { ContractError } from "../core/error.ts";

const typed = {
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
} as const;

/** What JSON cannot say of numbers. */
const numbers: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity", "-0"]);

/** Deeper evidence is not carried. */
const deepest = 64;

export function pack(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      // JSON turns -0 into 0.
      if (Object.is(value, -0)) return { $: "number", v: "-0" };
      return Number.isFinite(value) ? value : { $: "number", v: String(value) };
    case "bigint":
      return { $: "bigint", v: String(value) };
    case "object":
      break;
    default:
      return { $: "nothing" };
  }
  if (value === null) return null;
  if (depth >= deepest) return { $: "endless" };
  if (Array.isArray(value)) return packAll(value, depth);
  if (ArrayBuffer.isView(value)) {
    const kind = Object.entries(typed).find(([, array]) => value instanceof array);
    return kind
      ? { $: kind[0], v: packAll(Array.from(value as unknown as ArrayLike<number>), depth) }
      : { $: "nothing" };
  }
  if (value instanceof Date) return { $: "date", v: Number.isNaN(value.getTime()) ? null : value.getTime() };
  if (value instanceof Map) return { $: "map", v: packAll([...value], depth) };
  if (value instanceof Set) return { $: "set", v: packAll([...value], depth) };
  if (value instanceof Error) return { $: "error", v: value.message };
  if (typeof (value as { toJSON?: unknown }).toJSON === "function")
    return pack((value as { toJSON(): unknown }).toJSON(), depth + 1);
  const entries = Object.entries(value);
  if (entries.some(([key]) => key === "$" || key === "__proto__"))
    return { $: "object", v: entries.map(([key, item]) => [key, pack(item, depth + 1)]) };
  const packed: Record<string, unknown> = {};
  for (const [key, item] of entries) if (item !== undefined) packed[key] = pack(item, depth + 1);
  return packed;
}

function packAll(list: readonly unknown[], depth: number): unknown[] {
  const packed = new Array<unknown>(list.length);
  for (let i = 0; i < list.length; i++) packed[i] = pack(list[i], depth + 1);
  return packed;
}

/** The value again. Throws `ContractError` naming the place of what `pack` never writes. */
export function unpack(value: unknown, at: string, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > deepest + 8) throw new ContractError(at, "nested too deep");
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === "object" && item !== null) value[i] = unpack(item, at, depth + 1);
    }
    return value;
  }
  if (Object.hasOwn(value, "$")) return unpackKind(value as Tagged, at, depth);
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    if (key === "__proto__") throw new ContractError(at, "has a key __proto__");
    const item = object[key];
    if (typeof item === "object" && item !== null) object[key] = unpack(item, at, depth + 1);
  }
  return object;
}

interface Tagged {
  readonly $: unknown;
  readonly v?: unknown;
}

function unpackKind({ $: kind, v }: Tagged, at: string, depth: number): unknown {
  const bad = () => new ContractError(at, "holds a value that is not written like this");
  if (kind === "nothing") return undefined;
  if (kind === "endless") {
    const endless: Record<string, unknown> = {};
    endless.again = endless;
    return endless;
  }
  if (kind === "date" && v === null) return new Date(Number.NaN);
  if (typeof v === "string") {
    if (kind === "number" && numbers.has(v)) return Number(v);
    if (kind === "bigint" && /^-?\d{1,1000}$/.test(v)) return BigInt(v);
    if (kind === "error") return new Error(v);
    throw bad();
  }
  if (kind === "date" && typeof v === "number") return new Date(v);
  if (!Array.isArray(v) || typeof kind !== "string") throw bad();
  if (Object.hasOwn(typed, kind)) {
    const items = unpack(v, at, depth + 1) as unknown[];
    if (!items.every((item) => typeof item === "number")) throw bad();
    return typed[kind as keyof typeof typed].from(items as number[]);
  }
  if (kind === "set") return new Set(unpack(v, at, depth + 1) as unknown[]);
  const pairs = unpack(v, at, depth + 1) as unknown[];
  if (!pairs.every((pair): pair is [unknown, unknown] => Array.isArray(pair) && pair.length === 2)) throw bad();
  if (kind === "map") return new Map(pairs);
  if (kind !== "object" || !pairs.every(([key]) => typeof key === "string")) throw bad();
  return Object.fromEntries(pairs as [string, unknown][]);
}
