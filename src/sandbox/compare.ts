import type { Wire } from "./types.ts";

/**
 * Whether a returned value is what a test expects, as JSON would write it: tuples are arrays, integer keys
 * are strings, 4 and 4.0 are the same number, true is not 1. `tolerance` (absolute or relative) lets
 * numbers differ where one of them has a fraction.
 */
export function equalsJson(value: Wire | undefined, expected: unknown, tolerance = 0): boolean {
  if (value === undefined) return false;
  if (value === null || typeof value === "boolean" || typeof value === "string") return value === expected;
  if (typeof value === "number") return typeof expected === "number" && near(value, expected, tolerance);
  if (Array.isArray(value)) return equalLists(value, expected, tolerance);
  const [[kind, content]] = Object.entries(value) as [[string, unknown]];
  if (kind === "t") return equalLists(content as Wire[], expected, tolerance);
  if (kind === "f") return typeof expected === "number" && near(Number(content), expected, tolerance);
  if (kind === "i") return typeof expected === "number" && Number(bigInteger(String(content))) === expected;
  if (kind === "d") {
    if (typeof expected !== "object" || expected === null || Array.isArray(expected)) return false;
    const entries = content as [Wire, Wire][];
    if (entries.length !== Object.keys(expected).length) return false;
    return entries.every(([key, item]) => {
      if (typeof key !== "string" && typeof key !== "number") return false;
      return Object.hasOwn(expected, key) && equalsJson(item, (expected as Record<string, unknown>)[key], tolerance);
    });
  }
  return false;
}

function equalLists(value: readonly Wire[], expected: unknown, tolerance: number): boolean {
  return (
    Array.isArray(expected) &&
    value.length === expected.length &&
    value.every((item, i) => equalsJson(item, expected[i], tolerance))
  );
}

function near(a: number, b: number, tolerance: number): boolean {
  if (a === b) return true;
  if (Number.isInteger(a) && Number.isInteger(b)) return false;
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
}

function bigInteger(hex: string): bigint {
  return hex.startsWith("-") ? -BigInt(hex.slice(1)) : BigInt(hex);
}

/**
 * Whether a program's output is the expected one. White space at the ends of lines and empty lines at the end do
 * not matter. Numbers are compared as text, unless `tolerance` is given: then words that are both numbers may
 * differ by it (absolute or relative).
 */
export function equalsOutput(output: string, expected: string, tolerance: number | null = null): boolean {
  const got = outputLines(output);
  const want = outputLines(expected);
  if (got.length !== want.length) return false;
  return got.every((line, i) => line === want[i] || (tolerance !== null && equalWords(line, want[i], tolerance)));
}

function outputLines(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  while (lines.at(-1) === "") lines.pop();
  return lines;
}

function equalWords(line: string, expected: string, tolerance: number): boolean {
  const got = line.trim().split(/\s+/);
  const want = expected.trim().split(/\s+/);
  const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
  return (
    got.length === want.length &&
    got.every((word, i) => {
      if (word === want[i]) return true;
      if (!decimal.test(word) || !decimal.test(want[i])) return false;
      const [a, b] = [Number(word), Number(want[i])];
      return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
    })
  );
}

/** A value as a person reads it, cut to a line. */
export function showWire(value: Wire | undefined): string {
  const text = show(value, 0);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function show(value: unknown, depth: number): string {
  if (depth > 6) return "…";
  if (value === undefined) return "undefined";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const list = (items: readonly unknown[]) =>
    items
      .slice(0, 20)
      .map((item) => show(item, depth + 1))
      .join(", ");
  if (Array.isArray(value)) return `[${list(value)}]`;
  const [[kind, content]] = Object.entries(value) as [[string, unknown]];
  if (kind === "i") return String(content).length < 100 ? String(bigInteger(String(content))) : String(content);
  if (kind === "t") return `(${list(content as unknown[])})`;
  if (kind === "s" || kind === "z") return `{${list(content as unknown[])}}`;
  if (kind === "d") {
    const entries = (content as [unknown, unknown][]).slice(0, 20);
    return `{${entries.map(([key, item]) => `${show(key, depth + 1)}: ${show(item, depth + 1)}`).join(", ")}}`;
  }
  if (kind === "o") return `an object of type ${(value as { type?: string }).type}`;
  if (kind === "u") return "undefined";
  return typeof content === "string" ? content : JSON.stringify(content);
}
