import { backwards, lastBox, MOST_CANDIDATES } from "./boxes.ts";
import { LONGEST_ANSWER, OutOfBudget } from "./budget.ts";
import { type Extracted, formulaAt, formulasAt, LONGEST_FORMULA, lastMathematics, plainRun } from "./formulas.ts";

/** How far back from the end formulas and numbers are looked for when nothing marks the answer. */
const TAIL = 20_000;
/** A text of at most this length may be an answer as a whole. */
const LONGEST_SHORT = 200;

/**
 * The final answer of a text, or null: the last complete `\boxed{}` or `\fbox{}` (with boxes right
 * before it that only commas, "and" or "or" separate); else what follows the last answer phrase
 * ("final answer", "answer is", "Answer:", "####", "A:"); else the last formula or number. `words`:
 * the reference is words, so words are looked for behind an answer phrase before formulas are.
 */
export function extractAnswer(text: string, words = false): Extracted | null {
  const box = lastBox(text);
  if (box !== null) return box.source.trim() === "" ? null : { source: box.source, prose: false };
  const phrased = afterPhrase(text, words);
  if (phrased?.certain) return phrased.answer;
  const whole = text.trim();
  if (whole.length <= LONGEST_SHORT && formulaAt(whole, 0) === null) {
    // Nothing but the answer: `x = 1 or x = 2`.
    const run = plainRun(whole, 0);
    if (run !== null && run.source.length >= whole.length - 1) return run;
  }
  const start = Math.max(0, text.length - TAIL);
  const found = lastMathematics(text, start, text.length);
  if (found !== null) return found;
  if (phrased !== null) return phrased.answer;
  return words && whole.length <= 100 && whole !== "" ? { source: whole, prose: true } : null;
}

/** The reference: a whole solution as `extractAnswer` reads it, or the bare answer. */
export function extractReference(text: string): Extracted | null {
  const whole = text.trim();
  if (whole === "") return null;
  const box = lastBox(whole);
  if (box !== null) return box.source.trim() === "" ? null : { source: box.source, prose: false };
  if (whole.length > 300 || /\n|####|^A:|\banswer\b/i.test(whole)) {
    const found =
      afterPhrase(whole, false)?.answer ??
      (whole.length > 300 || whole.includes("\n")
        ? lastMathematics(whole, Math.max(0, whole.length - TAIL), whole.length)
        : null);
    if (found !== null) return found;
  }
  const single = /^\$\$?([^$]+)\$\$?[.,]?$/.exec(whole) ?? /^\\[([]([\s\S]+)\\[)\]][.,]?$/.exec(whole);
  if (single) return { source: single[1].trim(), prose: false };
  return {
    source: whole,
    prose: !whole.includes("\\") && !whole.includes("$") && /[a-zA-Z]{4}|\s[a-zA-Z]{2}/.test(whole),
  };
}
/** `certain`: mathematics, or the words that were asked for; else mere words behind the phrase. */
interface Phrased {
  readonly answer: Extracted;
  readonly certain: boolean;
}

const PHRASES = ["nswer", "NSWER", "####", "A:"];

function afterPhrase(text: string, words: boolean): Phrased | null {
  const previous = backwards(text, PHRASES);
  let fallback: Phrased | null = null;
  for (let tries = 0; tries < MOST_CANDIDATES; tries++) {
    const start = previous();
    if (start < 0) break;
    const end = phraseEnd(text, start);
    if (end < 0) continue;
    const found = readAnswer(text, end, words);
    if (found === null) continue;
    if (found.certain) return found;
    fallback ??= found;
  }
  return fallback;
}

/** Where the answer may begin; −1 when the words at `start` announce none. */
function phraseEnd(text: string, start: number): number {
  if (text[start] === "#") return start + 4;
  if (text[start] === "A" && text[start + 1] === ":")
    return start === 0 || /[\s*]/.test(text[start - 1]) ? start + 2 : -1;
  if (!/[aA]/.test(text[start - 1] ?? "")) return -1;
  const rest = text.slice(start + 5, start + 205);
  const match =
    /^s?["'*_)}\s]{0,4}(?::|=|\b(?:is|are|was|equals|will be|would be|must be|should be)\b:?|\s*\n)/i.exec(rest) ??
    /^[^.\n:$\\]{0,80}?(?::|\s(?:is|are)\b:?)/i.exec(rest) ??
    /^\s{0,3}(?=[$\\\d])/.exec(rest) ??
    /^[^.\n]{0,80}?\s(?:is|are)\b:?/i.exec(rest);
  if (match) return start + 5 + match[0].length;
  return /final\s+$/i.test(text.slice(Math.max(0, start - 8), start - 1)) ? start + 5 : -1;
}

function readAnswer(text: string, from: number, words: boolean): Phrased | null {
  const window = text.slice(from, from + LONGEST_ANSWER);
  const filler =
    /^(?:[\s:*_"'`>=,]|\b(?:is|are|therefore|thus|exactly|approximately|about|simply|just|equal to|given by|the number|indeed|then|that|the)\b)*/i.exec(
      window,
    )?.[0] ?? "";
  let start = from + filler.length;
  // `= 5` is the answer; a sign that the filler must not eat is none of these.
  if (words) {
    const sentence = sentenceAt(text, from);
    const inner = /^\s*(?:\$|\\\(|\\\[)/.test(sentence) ? null : wordsOf(sentence);
    if (inner !== null && /[a-zA-Z]/.test(inner)) return { answer: { source: inner, prose: true }, certain: true };
  }
  const direct = formulasAt(text, start);
  if (direct !== null) return { answer: direct, certain: true };
  const run = plainRun(text, start);
  if (run !== null) return { answer: run, certain: true };
  for (let line = 0; line < 3 && start < text.length; line++) {
    while (start < text.length && /[\s*_]/.test(text[start])) start++;
    const end = sentenceEnd(text, start);
    const found = lastMathematics(text, start, end);
    if (found !== null) return { answer: found, certain: true };
    if (line === 0) {
      const inner = wordsOf(text.slice(start, end));
      if (inner !== null) return { answer: { source: inner, prose: true }, certain: false };
    }
    start = end + 1;
  }
  return null;
}

function sentenceAt(text: string, from: number): string {
  let start = from;
  while (start < text.length && /[\s:*_"'`]/.test(text[start])) start++;
  return text.slice(start, sentenceEnd(text, start));
}

function wordsOf(sentence: string): string | null {
  const inner = sentence.replace(/^[\s*_"'`:]+|[\s*_"'`.!?,;:]+$/g, "");
  return inner === "" || inner.length > 100 ? null : inner;
}

/** End of the line or sentence; a point inside a number or formula does not end it. */
function sentenceEnd(text: string, start: number): number {
  const limit = Math.min(text.length, start + LONGEST_FORMULA);
  let dollars = 0;
  for (let i = start; i < limit; i++) {
    const char = text[i];
    if (char === "$") dollars++;
    if (char === "\n" && (dollars % 2 === 0 || text[i + 1] === "\n")) return i;
    if (
      (char === "." || char === "!" || char === "?") &&
      dollars % 2 === 0 &&
      (i + 1 >= limit || /\s/.test(text[i + 1]))
    )
      return i;
  }
  return limit;
}

/** Throws when an extracted answer is too long to be parsed. */
export function checkLength(source: string): void {
  if (source.length > LONGEST_ANSWER) throw new OutOfBudget(`an answer of more than ${LONGEST_ANSWER} characters`);
}
