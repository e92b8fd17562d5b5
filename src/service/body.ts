/** Reads a request's JSON: nothing but UTF-8 JSON of bounded size and depth gets through. */
import { Problem } from "./problem.ts";

const deepest = 64;

/** Bytes that a request announces; `most` when it does not say. Throws for bodies that are too large or no JSON. */
export function announcedBytes(headers: Pick<Headers, "get">, most: number): number {
  const type = headers.get("content-type") ?? "";
  const [media, ...parameters] = type.split(";").map((piece) => piece.trim().toLowerCase());
  if (media !== "application/json") {
    throw new Problem(415, "content-type", `expected application/json, got ${JSON.stringify(type.slice(0, 60))}`, {
      field: "Content-Type",
    });
  }
  for (const parameter of parameters) {
    if (parameter.startsWith("charset=") && !/^charset="?utf-?8"?$/.test(parameter)) {
      throw new Problem(415, "charset", `expected UTF-8, got ${JSON.stringify(parameter.slice(0, 60))}`, {
        field: "Content-Type",
      });
    }
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw new Problem(415, "content-encoding", "send the body as it is, without compression", {
      field: "Content-Encoding",
    });
  }
  const length = headers.get("content-length");
  if (length === null) return most;
  const bytes = Number(length);
  if (!Number.isInteger(bytes) || bytes < 0)
    throw new Problem(400, "length", "no such length", { field: "Content-Length" });
  if (bytes > most) throw tooLarge(most);
  return bytes;
}

function tooLarge(most: number): Problem {
  return new Problem(
    413,
    "too-large",
    `the body has more than the ${most} bytes that this service takes; send smaller batches`,
    {
      field: "body",
    },
  );
}

export async function readJson(request: Request, most: number): Promise<Record<string, unknown>> {
  return parseBody(await readBytes(request, most));
}

export function parseBody(bytes: Uint8Array): Record<string, unknown> {
  const text = decode(bytes);
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new Problem(400, "json", `not JSON: ${describe(thrown, text)}`, { field: "body" });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Problem(400, "json", "expected a JSON object", { field: "body" });
  }
  return value as Record<string, unknown>;
}

async function readBytes(request: Request, most: number): Promise<Buffer> {
  // With a length that has been checked, one read does; without, the pieces are counted as they come.
  try {
    if (request.headers.get("content-length") !== null) return Buffer.from(await request.arrayBuffer());
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      size += piece.length;
      if (size > most) throw tooLarge(most);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown;
    throw new Problem(400, "truncated", "the body ended before its announced length", { field: "body" });
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Problem(400, "encoding", "the body is not UTF-8", { field: "body" });
  }
}

/** Brackets inside one another, outside strings. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      // To the end of the string: native search, since strings are most of a body.
      let end = i;
      do {
        end = text.indexOf('"', end + 1);
        if (end < 0) return;
      } while (isEscaped(text, end));
      i = end;
    } else if (code === 0x5b || code === 0x7b) {
      depth++;
      if (depth > deepest)
        throw new Problem(400, "nesting", `nested more than ${deepest} levels deep`, { field: "body" });
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

/** The parser's position without the text around it, which may be anybody's. */
function describe(thrown: unknown, text: string): string {
  if (text.trim() === "") return "the body is empty";
  const message = thrown instanceof Error ? thrown.message : "";
  const position = /position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return `unexpected character at position ${position}`;
  return /end of JSON|unterminated/i.test(message) ? "it ends too early" : "unexpected character";
}
