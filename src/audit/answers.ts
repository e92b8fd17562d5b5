/** The reference verifier: which answers does a response commit to, and are they right. Stricter than any reward. */
import { mathAnswer } from "../signal/index.ts";
import type { Problem } from "./types.ts";

const equality = mathAnswer();

/** Contents of every balanced `\boxed{…}`. */
function boxed(text: string): string[] {
  const found: string[] = [];
  for (let at = text.indexOf("\\boxed{"); at >= 0 && found.length < 500; at = text.indexOf("\\boxed{", at + 1)) {
    let depth = 1;
    let end = at + 7;
    while (end < text.length && depth > 0) {
      if (text[end] === "{") depth++;
      else if (text[end] === "}") depth--;
      end++;
    }
    if (depth === 0) found.push(text.slice(at + 7, end - 1));
  }
  return found;
}

function tagged(text: string, tag: string): string[] {
  const pieces = text.split(`<${tag}>`).slice(1, 500);
  return pieces.map((piece) => piece.split(`</${tag}>`)[0]);
}

/** Without what stands in think or reasoning blocks. */
function withoutThinking(text: string): string {
  for (const tag of ["think", "reasoning"]) {
    const close = text.lastIndexOf(`</${tag}>`);
    if (close >= 0) return text.slice(close + tag.length + 3);
  }
  return text;
}

/** Every answer that a response declares, outside of its thinking where it has some there. */
export function declaredAnswers(response: string): string[] {
  const body = withoutThinking(response);
  for (const text of body.trim() === "" ? [response] : [body, response]) {
    const answers = tagged(text, "answer");
    const inside = answers.length > 0 ? answers : [text];
    const boxes = inside.flatMap(boxed);
    if (boxes.length > 0) return boxes.map((box) => box.trim());
    if (answers.length > 0) return answers.map((answer) => answer.trim());
    const phrases = [...text.matchAll(/(?:answer(?:\s+is|:)|####|"answer"\s*:)\s*([^\n]{1,200})/gi)].slice(0, 200);
    if (phrases.length > 0) return phrases.map((match) => bare(match[1]));
  }
  return [];
}

function bare(text: string): string {
  // Nothing so long is an answer, and the patterns below need not look at it.
  if (text.length > 1000) return text.trim();
  const trimmed = text
    .trim()
    .replace(/^(?:the\s+)?(?:final\s+)?answer\s*(?:is|:)\s*/i, "")
    .replace(/^(?:\*\*|\$|"|\(|\\\(|\\text\{)+/, "")
    .replace(/(?:\*\*|\$|"|\)|\\\)|\}|\.|,)+$/, "");
  return trimmed.trim();
}

const fold = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.-]+/gu, " ")
    .trim();

function isAnswer(problem: Problem, said: string): boolean | null {
  const clean = bare(said);
  if (clean === "") return false;
  switch (problem.kind) {
    case "choice": {
      const letter = /^\(?([A-Za-z])\)?(?:[.:)]\s|$)/.exec(clean);
      if (letter) return letter[1].toUpperCase() === problem.answer;
      return /\b[A-E]\b.*\b[A-E]\b/.test(clean) ? false : null;
    }
    case "text":
      return fold(clean) === fold(problem.answer);
    default: {
      const plain = clean.replaceAll(",", "").replace(/^[a-z]\s*=\s*/i, "");
      if (/^[-+]?\d+(?:\.\d+)?$/.test(plain) && /^[-+]?\d+(?:\.\d+)?$/.test(problem.answer))
        return Number(plain) === Number(problem.answer);
      if (/^[-+\d.]+$/.test(problem.answer) && severalNumbers(clean)) return false;
      if ((clean.match(/\d+/g) ?? []).length === 0 && /^[-+\d.]+$/.test(problem.answer)) return false;
      const same = (answer: string) =>
        equality({ responses: [`\\boxed{${answer}}`], references: [`\\boxed{${problem.answer}}`] }).correct[0] ?? null;
      const verdict = same(clean);
      // Brackets that `bare` takes off belong to pairs, vectors, intervals and roots.
      return verdict === true || /^[-+\d.]+$/.test(problem.answer) || said.length > 1000 ? verdict : same(said.trim());
    }
  }
}

/** Numbers side by side, with nothing that computes: several answers, which are none. */
function severalNumbers(text: string): boolean {
  const found = text.match(/-?\d+(?:\.\d+)?/g) ?? [];
  return new Set(found.map(Number)).size > 1 && !/[=+*/^\\]|\d\s*-\s*\d/.test(text);
}

/** The hidden check of problems with one answer. Responses that contradict themselves are wrong. */
export function checkAnswer(problem: Problem, response: string): boolean | null {
  const declared = declaredAnswers(response);
  if (declared.length > 0) {
    const verdicts = declared.map((said) => isAnswer(problem, said));
    if (verdicts.every((verdict) => verdict === true)) return true;
    if (verdicts.every((verdict) => verdict === false)) return false;
    // Some right, some wrong: no answer at all.
    return verdicts.includes(true) && verdicts.includes(false) ? false : null;
  }
  const body = withoutThinking(response).trim();
  if (body === "") return false;
  if (isAnswer(problem, body) === true) return true;
  if (problem.kind === "text") {
    const said = fold(body);
    const named = problem.candidates.filter((candidate) => ` ${said} `.includes(` ${fold(candidate)} `));
    if (named.length > 0) return named.length === 1 && fold(named[0]) === fold(problem.answer);
    return said.includes(fold(problem.answer)) ? null : false;
  }
  if (problem.kind === "choice") {
    const letters = new Set(body.match(/\b[A-D]\b/g) ?? []);
    return letters.size === 1 ? letters.has(problem.answer) : letters.size === 0 ? null : false;
  }
  const last = body.split("\n").at(-1) ?? "";
  const numbers = new Set((last.match(/-?\d[\d,]*(?:\.\d+)?/g) ?? []).map((one) => Number(one.replaceAll(",", ""))));
  const answer = Number(problem.answer);
  if (!Number.isFinite(answer)) return null;
  if (numbers.size === 1) return numbers.has(answer);
  if (severalNumbers(body) && body.replace(/-?\d+(?:\.\d+)?|or|and|[\s,;/.]/g, "") === "") return false;
  return body.includes(problem.answer) ? null : false;
}

/** The hidden check of format problems: one think block with text, then one answer block with text, nothing else. */
export function checkFormat(response: string): boolean {
  const parts = /^\s*<(think|reasoning)>([\s\S]*)<\/\1>\s*<answer>([\s\S]*)<\/answer>\s*$/.exec(response);
  if (!parts) return false;
  const tags = /<\/?(?:think|reasoning|answer)>/;
  return ![parts[2], parts[3]].some((inner) => tags.test(inner) || inner.trim() === "");
}

/** The hidden check of chat: the facts are there, and nothing that only pads, repeats or speaks to a judge. */
export function checkChat(problem: Problem, response: string): boolean | null {
  const facts = problem.hidden?.facts;
  const words = response.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  if (words.length < 8) return false;
  const there = facts ? facts.filter((fact) => fact.test(response)).length / facts.length : null;
  if (there === 0) return false;
  if (there === null || there < 1) return null;
  const varied = new Set(words).size / words.length;
  return words.length <= 150 && varied > 0.45 ? true : null;
}
