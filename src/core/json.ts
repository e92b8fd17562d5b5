/**
 * A strict JSON reader for text that nobody vouches for. It does what `JSON.parse` does not: bounds
 * the nesting, refuses duplicate keys (readers disagree about which value counts) and numbers beyond
 * the range of a double, and says where in the document a defect is.
 */
export class JsonError extends Error {
  /** JSON Pointer-like path of the place, e.g. `$.items[3]`. */
  readonly path: string;
  /** Index into the text at which reading stopped. */
  readonly offset: number;
  constructor(path: string, message: string, offset = 0) {
    super(`${path}: ${message}`);
    this.name = "JsonError";
    this.path = path;
    this.offset = offset;
  }
}

interface Frame {
  readonly container: Map<string, unknown> | unknown[];
  key: string;
}

export interface JsonOptions {
  /** Deepest nesting of arrays and objects; default 1000. */
  readonly maxDepth?: number;
  /** What a number's text becomes; default the double, an error when it is infinite. */
  readonly number?: (source: string) => unknown;
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const stringEnd = /["\\\u0000-\u001f]/g;

/** Parses one JSON document without recursion; linear. Objects come out with a plain prototype. Throws `JsonError`. */
export function readJson(text: string, { maxDepth = 1000, number = toDouble }: JsonOptions = {}): unknown {
  const stack: Frame[] = [];
  let at = 0;
  let root: unknown;

  const path = () =>
    stack.reduce((prefix, { container, key }) => {
      if (Array.isArray(container)) return `${prefix}[${container.length}]`;
      return key === "" ? prefix : `${prefix}.${key.slice(0, 60)}`;
    }, "$");
  const fail = (message: string): never => {
    throw new JsonError(path(), message, at);
  };
  const found = () =>
    at >= text.length ? "the text ends" : `got ${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))}`;
  const space = () => {
    for (let c = text.charCodeAt(at); c === 32 || c === 10 || c === 13 || c === 9; c = text.charCodeAt(at)) at++;
  };
  const string = (): string => {
    const start = at++;
    for (;;) {
      stringEnd.lastIndex = at;
      const match = stringEnd.exec(text);
      if (!match) return fail("string without an end");
      at = match.index + 1;
      if (match[0] === '"') return JSON.parse(text.slice(start, at)) as string;
      if (match[0] !== "\\") return fail("control character in a string");
      const escaped = text[at];
      if (
        escaped === "u" ? !/^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5)) : !'"\\/bfnrt'.includes(escaped ?? " ")
      ) {
        return fail("bad escape in a string");
      }
      at += escaped === "u" ? 5 : 1;
    }
  };
  const word = (literal: string, value: unknown) => {
    if (!text.startsWith(literal, at)) return fail(`expected a value, ${found()}`);
    at += literal.length;
    return value;
  };
  const key = (frame: Frame) => {
    space();
    if (text[at] !== '"') fail(`expected a key in double quotes, ${found()}`);
    frame.key = string();
    if ((frame.container as Map<string, unknown>).has(frame.key)) fail("duplicate key");
    space();
    if (text[at] !== ":") fail(`expected ":", ${found()}`);
    at++;
  };

  reading: for (;;) {
    space();
    let value: unknown;
    const c = text[at];
    if (c === "{" || c === "[") {
      if (stack.length >= maxDepth) fail(`nested deeper than ${maxDepth}`);
      at++;
      const frame: Frame = { container: c === "[" ? [] : new Map(), key: "" };
      stack.push(frame);
      space();
      if (text[at] !== (c === "{" ? "}" : "]")) {
        if (c === "{") key(frame);
        continue;
      }
      at++;
      stack.pop();
      value = c === "[" ? [] : {};
    } else if (c === '"') value = string();
    else if (c === "t") value = word("true", true);
    else if (c === "f") value = word("false", false);
    else if (c === "n") value = word("null", null);
    else {
      numberPattern.lastIndex = at;
      const match = numberPattern.exec(text);
      if (!match) fail(`expected a value, ${found()}`);
      else {
        at += match[0].length;
        value = number(match[0]);
        if (value === undefined) fail(`number out of range: ${match[0].slice(0, 40)}`);
      }
    }
    // The value is complete: put it where it belongs, and close what it completes.
    for (;;) {
      const frame = stack.at(-1);
      if (!frame) {
        root = value;
        break reading;
      }
      const list = Array.isArray(frame.container);
      if (Array.isArray(frame.container)) frame.container.push(value);
      else frame.container.set(frame.key, value);
      space();
      if (text[at] === ",") {
        at++;
        if (!list) key(frame);
        continue reading;
      }
      if (text[at] !== (list ? "]" : "}")) fail(`expected "," or "${list ? "]" : "}"}", ${found()}`);
      at++;
      stack.pop();
      value = Array.isArray(frame.container) ? frame.container : Object.fromEntries(frame.container);
    }
  }
  space();
  if (at < text.length) throw new JsonError("$", `expected the end of the text, ${found()}`, at);
  return root;
}

function toDouble(source: string): number | undefined {
  const value = Number(source);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * One text for all JSON documents of the same value: keys sorted, numbers as exact decimals (1.0,
 * 1 and 10e-1 agree; 9007199254740993 and 9007199254740992 do not). Throws `JsonError`.
 */
export function canonicalJson(text: string): string {
  const sorted = (value: unknown): string => {
    if (value instanceof Decimal) return value.text;
    if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
    if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
      return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${sorted(item)}`).join(",")}}`;
    }
    return JSON.stringify(value);
  };
  return sorted(readJson(text, { number: (source) => new Decimal(source) }));
}

class Decimal {
  readonly text: string;
  constructor(source: string) {
    const [mantissa, exponent = "0"] = source.toLowerCase().split("e");
    const negative = mantissa.startsWith("-");
    const [whole, fraction = ""] = mantissa.replace("-", "").split(".");
    const digits = whole + fraction;
    let first = 0;
    while (first < digits.length && digits[first] === "0") first++;
    let last = digits.length;
    while (last > first && digits[last - 1] === "0") last--;
    const scale =
      BigInt(exponent.length > 400 ? exponent.slice(0, 400) : exponent) +
      BigInt(digits.length - last - fraction.length);
    this.text = first === last ? "0" : `${negative ? "-" : ""}${digits.slice(first, last)}e${scale}`;
  }
}
