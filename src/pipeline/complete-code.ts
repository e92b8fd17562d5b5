import { codeBlock } from "./code-block.ts";

type Language = "python" | "javascript";

/**
 * The program of a response to a task whose prompt is code that ends where the function's body begins
 * (HumanEval). A response that defines the entry point gets what the prompt has before its definition (imports,
 * helpers); any other is taken for the body and joined to the prompt. A Python body that lost its indentation, or
 * only that of its first line, gets it back. Linear.
 */
export function completeCode(
  response: string,
  { prompt, entryPoint, language }: { prompt: string; entryPoint: string | null; language: Language },
): string | null {
  const code = continuation(response) ?? codeBlock(response, language) ?? response;
  if (code.trim() === "") return null;
  const own = entryPoint === null ? -1 : definition(code, entryPoint, language);
  if (own < 0) return `${prompt}${prompt.endsWith("\n") ? "" : "\n"}${language === "python" ? indented(code) : code}`;
  const before = entryPoint === null ? -1 : definition(prompt, entryPoint, language);
  // Such an import has to come first.
  if (before <= 0 || /^from __future__ /m.test(code)) return code;
  return `${prompt.slice(0, before).trimEnd()}\n\n${code}`;
}

/** A response that goes on where the prompt stops: indented text, up to a fence if one follows. */
function continuation(response: string): string | null {
  const first = response.split("\n", 20).find((line) => line.trim() !== "") ?? "";
  if (!/^[ \t]/.test(first) || /^[ \t]*(?:`{3}|~{3})/.test(first)) return null;
  const fence = /^(?:`{3}|~{3})/m.exec(response);
  return fence ? response.slice(0, fence.index) : response;
}

/** Where the line begins that defines `name` at the outermost level; -1 when none does. */
function definition(code: string, name: string, language: Language): number {
  const starts =
    language === "python"
      ? [`def ${name}`, `async def ${name}`, `class ${name}`, `${name} =`, `${name}=`]
      : ["", "async ", "export ", "export async "].flatMap((before) =>
          ["function", "const", "let", "var", "class"].map((word) => `${before}${word} ${name}`),
        );
  for (let at = 0; at < code.length; ) {
    const end = code.indexOf("\n", at);
    const line = code.slice(at, Math.min(end < 0 ? code.length : end, at + 400));
    if (starts.some((start) => line.startsWith(start) && !/^[\w$]/.test(line.slice(start.length)))) return at;
    if (end < 0) break;
    at = end + 1;
  }
  return -1;
}

function indented(body: string): string {
  const lines = body.split("\n");
  const first = lines.findIndex((line) => line.trim() !== "");
  if (/^[ \t]/.test(lines[first])) return body;
  const rest = lines.slice(first + 1).filter((line) => line.trim() !== "");
  // Beneath a line that opens a block, the first level is 4 when all lost their indentation, 8 when only that line did.
  const opens = lines[first].trimEnd().endsWith(":");
  const below = rest.length === 0 ? 0 : /^[ \t]*/.exec(rest[0])?.[0].length;
  const firstOnly = rest.length > 0 && rest.every((line) => /^[ \t]/.test(line)) && (!opens || Number(below) > 4);
  return lines.map((line, i) => ((firstOnly ? i === first : line.trim() !== "") ? `    ${line}` : line)).join("\n");
}
