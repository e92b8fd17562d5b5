/** Reading what commands are given; whatever is wrong with it is named with its place. */
import { readFile } from "node:fs/promises";
import { ContractError, messageOf } from "../core/error.ts";
import { JsonError, readJson } from "../core/json.ts";

/** All of standard input as text. */
export async function readStandardInput(expected: string): Promise<string> {
  if (process.stdin.isTTY) throw new ContractError("standard input", `expected ${expected}, but it is a terminal`);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** A file's text; the error names the file. */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    const reasons: Record<string, string> = {
      ENOENT: "no such file",
      EISDIR: "expected a file, got a directory",
      EACCES: "no permission to read it",
    };
    throw new ContractError(file, reasons[code ?? ""] ?? messageOf(thrown));
  }
}

/** Parses JSON; a defect is a `ContractError` naming `source`, line and column. */
export function parseJson(text: string, source: string): unknown {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  if (body.trim() === "") throw new ContractError(source, "expected JSON, got nothing");
  try {
    return JSON.parse(body);
  } catch (thrown) {
    throw new ContractError(source, describeDefect(body, thrown));
  }
}

/** JSON.parse does not always say where; the strict reader does. */
function describeDefect(text: string, thrown: unknown): string {
  try {
    readJson(text);
  } catch (strict) {
    if (strict instanceof JsonError) {
      const before = text.slice(0, strict.offset).split("\n");
      const place = `line ${before.length}, column ${[...(before.at(-1) ?? "")].length + 1}`;
      const inside = strict.path === "$" ? "" : ` (in ${strict.path.replace(/^\$\.?/, "")})`;
      return `bad JSON at ${place}${inside}: ${strict.message.slice(strict.path.length + 2)}`;
    }
  }
  return `bad JSON: ${messageOf(thrown)}`;
}
