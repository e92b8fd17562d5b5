import { LONGEST_ANSWER, OutOfBudget } from "./budget.ts";
import { closingBrace, isDigit, isLetter, numberEnd } from "./tokens.ts";
import { FUNCTIONS } from "./words.ts";

/** The answer as the text has it. `prose`: from plain text, where letters make words. */
export interface Extracted {
  readonly source: string;
  readonly prose: boolean;
}

/** How far back from the end formulas and numbers are looked for when nothing marks the answer. */
const TAIL = 20_000;
const LONGEST_FORMULA = 2_000;
/** A text of at most this length may be an answer as a whole. */
const LONGEST_SHORT = 200;
const MOST_CANDIDATES = 64;
/** Closing braces are looked for this far; longer boxes count as unfinished. */
const LONGEST_BOX = 250_000;

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

// ---------------------------------------------------------------- boxes

interface Box {
  readonly source: string;
  readonly start: number;
  readonly end: number;
}

/** Occurrences of the marks from the end of the text on, each text position looked at once per mark. */
function backwards(text: string, marks: readonly string[]): () => number {
  const next = marks.map((mark) => text.lastIndexOf(mark));
  return () => {
    let at = -1;
    for (const position of next) if (position > at) at = position;
    for (let k = 0; k < marks.length; k++) {
      if (next[k] === at && at >= 0) next[k] = at === 0 ? -1 : text.lastIndexOf(marks[k], at - 1);
    }
    return at;
  };
}

const BOXES = ["\\boxed", "\\fbox"];

function lastBox(text: string): Box | null {
  const previous = backwards(text, BOXES);
  for (let tries = 0; tries < MOST_CANDIDATES; tries++) {
    const start = previous();
    if (start < 0) return null;
    const box = boxAt(text, start);
    if (box !== null) return joined(text, outermost(text, box));
  }
  return null;
}

function boxAt(text: string, start: number): Box | null {
  let open = start + (text.startsWith("\\boxed", start) ? 6 : 5);
  while (text[open] === " " || text[open] === "\n") open++;
  if (text[open] !== "{") {
    // `\boxed 5`, to the end of the formula or the word.
    const bare = /^(?:\\[a-zA-Z]+(?:\{[^{}]{0,200}\}){0,2}|[^\s$\\{}]{1,100})/.exec(text.slice(open, open + 500));
    return bare && open > start + 5 && !isLetter(text.charCodeAt(start + 6))
      ? { source: bare[0].replace(/[.,;:]+$/, ""), start, end: open + bare[0].length }
      : null;
  }
  const close = closingBrace(text, open, open + LONGEST_BOX);
  return close < 0 ? null : { source: text.slice(open + 1, close), start, end: close + 1 };
}

/** `\boxed{x = \boxed{5}}`: the box around it. */
function outermost(text: string, inner: Box): Box {
  const from = Math.max(0, inner.start - LONGEST_FORMULA);
  const previous = backwards(text.slice(from, inner.start), BOXES);
  let box = inner;
  for (let tries = 0; tries < 16; tries++) {
    const start = previous();
    if (start < 0) break;
    const outer = boxAt(text, from + start);
    if (outer !== null && outer.end >= box.end) box = outer;
  }
  return box;
}

/** Boxes that only connectives part are one answer: `\boxed{2} and \boxed{3}`. */
function joined(text: string, last: Box): Box {
  let source = last.source;
  let start = last.start;
  for (let count = 0; count < 20; count++) {
    const gap = text.slice(Math.max(0, start - 60), start);
    const end = gap.lastIndexOf("}");
    if (end < 0) break;
    const between = gap.slice(end + 1);
    const connectives = between.replace(/\\q?quad|\\text(?=and|or)|\\[()[\],; ]|[\s$&~]/g, "");
    if (!/^(?:,|;|,?(?:and|or),?)$/.test(connectives) && !/^\\text\{?(?:and|or)\}?$/.test(connectives)) {
      // `\text{ and }` ends in a brace itself.
      const wrapped = /\}[\s$,;]*(?:\\q?quad|[\s$,;])*\\text\{\s*(?:and|or)\s*\}[\s$]*(?:\\q?quad|[\s$])*$/.exec(gap);
      if (!wrapped) break;
      const previous = boxEndingAt(text, Math.max(0, start - 60) + wrapped.index + 1);
      if (previous === null) break;
      source = `${previous.source}, ${source}`;
      start = previous.start;
      continue;
    }
    const previous = boxEndingAt(text, Math.max(0, start - 60) + end + 1);
    if (previous === null) break;
    source = `${previous.source}, ${source}`;
    start = previous.start;
  }
  return { source, start, end: last.end };
}

function boxEndingAt(text: string, end: number): Box | null {
  const from = Math.max(0, end - LONGEST_FORMULA);
  const start = backwards(text.slice(from, end), BOXES)();
  if (start < 0) return null;
  const box = boxAt(text, from + start);
  return box !== null && box.end === end && box.source.trim() !== "" ? box : null;
}

// ---------------------------------------------------------------- answer phrases

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

/** A formula at `start`, with those that commas, "and" or "or" join to it. */
function formulasAt(text: string, start: number): Extracted | null {
  let formula = formulaAt(text, start);
  if (formula === null) return null;
  const sources = [formula.source];
  for (let count = 0; count < 20; count++) {
    const next = /^\s*(?:,\s*(?:and|or)?|and|or)\s*(?=\$|\\\(|\\\[)/.exec(text.slice(formula.end, formula.end + 40));
    const following: Formula | null = next && formulaAt(text, formula.end + next[0].length);
    if (!following) break;
    sources.push(following.source);
    formula = following;
  }
  if (sources.length === 1 && /^\s*(?:%|percent\b|pct\b)/.test(text.slice(formula.end, formula.end + 12)))
    sources[0] = `${sources[0]}\\%`;
  return { source: sources.join(", "), prose: false };
}

// ---------------------------------------------------------------- formulas and numbers in text

interface Formula {
  readonly source: string;
  readonly end: number;
}

/** `$…$`, `$$…$$`, `\(…\)` or `\[…\]` at `start`. A dollar sign before an amount is currency. */
function formulaAt(text: string, start: number): Formula | null {
  const char = text[start];
  if (char === "\\" && (text[start + 1] === "(" || text[start + 1] === "[")) {
    const close = findWithin(text, text[start + 1] === "(" ? "\\)" : "\\]", start + 2);
    return close < 0 ? null : formula(text, start + 2, close, close + 2);
  }
  if (char !== "$" || text[start - 1] === "\\") return null;
  if (text[start + 1] === "$") {
    const close = findWithin(text, "$$", start + 2);
    return close < 0 ? null : formula(text, start + 2, close, close + 2);
  }
  let close = findWithin(text, "$", start + 1);
  while (close > 0 && text[close - 1] === "\\") close = findWithin(text, "$", close + 1, start + 1 + LONGEST_FORMULA);
  if (close < 0) return null;
  const inner = text.slice(start + 1, close);
  if (inner.includes("\n\n")) return null;
  if (isDigit(inner.charCodeAt(0))) {
    // `$5 and then $10`, `$5/$10`: amounts.
    if (
      isDigit(text.charCodeAt(close + 1)) ||
      (!inner.includes("\\") && /[a-zA-Z]{2,}/.test(inner)) ||
      /[\s,(]$/.test(inner)
    ) {
      if (!/^[\d.,]+ $/.test(inner)) return null;
    }
  }
  return formula(text, start + 1, close, close + 1);
}

function formula(text: string, from: number, to: number, end: number): Formula | null {
  const source = text.slice(from, to).trim();
  return source === "" ? null : { source, end };
}

function findWithin(text: string, mark: string, from: number, limit = from + LONGEST_FORMULA): number {
  const found = text.slice(from, limit).indexOf(mark);
  return found < 0 ? -1 : from + found;
}

/** The last formula or number between two places. */
function lastMathematics(text: string, start: number, end: number): Extracted | null {
  let last: Extracted | null = null;
  let i = start;
  while (i < end) {
    const code = text.charCodeAt(i);
    const char = text[i];
    if (char === "$" || char === "\\") {
      const found = formulasEnd(text, i);
      if (found !== null && found.end <= end + 2) {
        if (/[\p{L}\p{N}∞∅]/u.test(found.source)) last = { source: found.source, prose: false };
        i = found.end;
        continue;
      }
      if (char === "\\" && /^\\(?:[dtc]?frac|sqrt|pi\b|binom)/.test(text.slice(i, i + 7))) {
        const run = plainRun(text, i);
        if (run !== null) {
          const sign = /[-−]/.test(text[i - 1] ?? "") ? signBefore(text, i - 1, start) : "";
          last = { source: sign + run.source, prose: true };
          i += run.source.length;
          continue;
        }
      }
      i += char === "\\" && text[i + 1] === "$" ? 2 : 1;
      continue;
    }
    if (isLetter(code)) {
      // Digits inside a word are no number: `x2`, `AZYUK2A`.
      i++;
      while (i < end && (isLetter(text.charCodeAt(i)) || isDigit(text.charCodeAt(i)))) i++;
      // m^2
      if (text[i] === "^" && isDigit(text.charCodeAt(i + 1))) i += 2;
      continue;
    }
    if (isDigit(code) || (char === "." && isDigit(text.charCodeAt(i + 1)))) {
      const stop = Math.min(end, numberRunEnd(text, i));
      const sign = text[i - 1] === "-" || text[i - 1] === "−" ? signBefore(text, i - 1, start) : "";
      last = { source: sign + text.slice(i, stop), prose: true };
      i = Math.max(stop, i + 1);
      continue;
    }
    i++;
  }
  return last;
}

function formulasEnd(text: string, i: number): Formula | null {
  const first = formulaAt(text, i);
  if (first === null) return null;
  const joinedFormulas = formulasAt(text, i);
  if (joinedFormulas === null || joinedFormulas.source === first.source) return first;
  // Joined ones end where their last one ends.
  let end = first.end;
  for (let count = 0; count < 20; count++) {
    const next = /^\s*(?:,\s*(?:and|or)?|and|or)\s*(?=\$|\\\(|\\\[)/.exec(text.slice(end, end + 40));
    const following = next && formulaAt(text, end + next[0].length);
    if (!following) break;
    end = following.end;
  }
  return { source: joinedFormulas.source, end };
}

/** A minus sign counts unless it subtracts or joins. */
function signBefore(text: string, at: number, start: number): string {
  let before = at - 1;
  while (before >= start && text[before] === " ") before--;
  if (before < start) return "-";
  const spaced = before < at - 1;
  const char = text[before];
  if (/[0-9)\]}%]/.test(char)) return "";
  if (/[a-zA-Z]/.test(char)) return spaced ? "-" : "";
  return "-";
}

/** A number in prose with what belongs to it: `3/4`, `2^10`, `3 1/2`, `10:45`, `25%`, `25 percent`. */
function numberRunEnd(text: string, start: number): number {
  let end = sentenceNumber(text, start);
  const mixed = /^ \d{1,9}\/\d{1,9}(?![\d/])/.exec(text.slice(end, end + 24));
  if (mixed) end += mixed[0].length;
  for (let count = 0; count < 8; count++) {
    const char = text[end];
    if (
      (char === "/" || char === "^" || char === ":" || char === "_") &&
      (isDigit(text.charCodeAt(end + 1)) ||
        (char === "^" && text[end + 1] === "-" && isDigit(text.charCodeAt(end + 2))))
    ) {
      end = sentenceNumber(text, end + (text[end + 1] === "-" ? 2 : 1));
    } else break;
  }
  // 0.333...
  if (text.startsWith("...", end) && /\.\d*(\d)\1\1$/.test(text.slice(Math.max(start, end - 40), end))) end += 3;
  const percent = /^\s?(?:\\?%|percent\b|pct\b|percentage\b)/.exec(text.slice(end, end + 14));
  if (percent) end += percent[0].length;
  return end;
}

/** As `numberEnd`, without the point that ends a sentence and without spaces between thousands. */
function sentenceNumber(text: string, start: number): number {
  const end = numberEnd(text.slice(start, start + LONGEST_ANSWER * 11), 0);
  let stop = start + end;
  if (text[stop - 1] === ".") stop--;
  return stop;
}

/** Plain mathematics at `start`, up to the first word: `3 + 4 = 7`, `x = -2 or x = 3`, `(C)`. */
function plainRun(text: string, start: number): Extracted | null {
  let i = start;
  let end = start;
  const limit = Math.min(text.length, start + LONGEST_FORMULA * 5);
  while (i < limit) {
    const char = text[i];
    const code = text.charCodeAt(i);
    if (isDigit(code) || (char === "." && isDigit(text.charCodeAt(i + 1)))) {
      i = sentenceNumber(text, i);
      end = i;
    } else if (isLetter(code)) {
      let stop = i;
      while (stop < limit && isLetter(text.charCodeAt(stop))) stop++;
      const word = text.slice(i, stop);
      if (word === "and" || word === "or") {
        if (end === start) break;
        const rest = text.slice(stop, stop + 6);
        if (!/^\s*(?:[-+(\d$\\.]|[a-zA-Z]\b\s*=)/.test(rest)) break;
        i = stop;
      } else if (word === "percent" || word === "pct") {
        end = stop;
        i = stop;
      } else if (word.length === 1) {
        const article =
          (word === "a" || word === "A" || word === "I") && /^\s+[a-zA-Z]/.test(text.slice(stop, stop + 4));
        if (article || isDigit(text.charCodeAt(stop)) || text[stop] === "'") break;
        i = stop;
        end = i;
      } else if (FUNCTIONS.has(word) || word === "pi") {
        i = stop;
        end = i;
      } else break;
    } else if (char === "\\") {
      const command = /^\\(?:[a-zA-Z]+|[,!;:% ])/.exec(text.slice(i, i + 30));
      if (!command) break;
      i += command[0].length;
      while (text[i] === "{" || (command[0] === "\\sqrt" && text[i] === "[")) {
        const close = text[i] === "{" ? closingBrace(text, i, limit) : text.indexOf("]", i);
        if (close < 0 || close > limit) return null;
        i = close + 1;
      }
      end = i;
    } else if (char === " " || char === "\t") i++;
    else if (/[+\-−*/^=<>≤≥≠()[\]{},;:_|×·÷√π∞°%±∪½²³$€£]/.test(char)) {
      if (char === "$" && !isDigit(text.charCodeAt(i + 1))) break;
      i++;
      if (/[)\]}|π∞°%½²³]/.test(char)) end = i;
    } else break;
  }
  const source = text.slice(start, end).trim();
  if (!/[0-9a-zA-Zπ∞½]/.test(source)) return null;
  // A word was cut off after its first letters or the run is a lone connective.
  if (isLetter(text.charCodeAt(end)) && isLetter(text.charCodeAt(end - 1))) return null;
  const balanced = trimOpen(source);
  return balanced === "" ? null : { source: balanced, prose: true };
}

/** Drops closing brackets that nothing opens at the end: `12)`. */
function trimOpen(source: string): string {
  let text = source;
  for (let tries = 0; tries < 4; tries++) {
    const last = text[text.length - 1];
    if (last !== ")" && last !== "]") break;
    let depth = 0;
    for (const char of text) {
      if (char === "(" || char === "[") depth++;
      else if (char === ")" || char === "]") depth--;
    }
    if (depth >= 0) break;
    text = text.slice(0, -1).trim();
  }
  return text;
}

/** Throws when an extracted answer is too long to be parsed. */
export function checkLength(source: string): void {
  if (source.length > LONGEST_ANSWER) throw new OutOfBudget(`an answer of more than ${LONGEST_ANSWER} characters`);
}
