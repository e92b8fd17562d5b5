import { LONGEST_ANSWER } from "./budget.ts";
import { closingBrace, isDigit, isLetter, numberEnd } from "./tokens.ts";
import { FUNCTIONS } from "./words.ts";

/** The answer as the text has it. `prose`: from plain text, where letters make words. */
export interface Extracted {
  readonly source: string;
  readonly prose: boolean;
}

export const LONGEST_FORMULA = 2_000;

/** A formula at `start`, with those that commas, "and" or "or" join to it. */
export function formulasAt(text: string, start: number): Extracted | null {
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

interface Formula {
  readonly source: string;
  readonly end: number;
}

/** `$…$`, `$$…$$`, `\(…\)` or `\[…\]` at `start`. A dollar sign before an amount is currency. */
export function formulaAt(text: string, start: number): Formula | null {
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
export function lastMathematics(text: string, start: number, end: number): Extracted | null {
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
export function plainRun(text: string, start: number): Extracted | null {
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
