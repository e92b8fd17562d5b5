import { closingBrace, isLetter } from "./tokens.ts";

const LONGEST_FORMULA = 2_000;
/** Occurrences of a mark that are looked at, from the end of the text. */
export const MOST_CANDIDATES = 64;
/** Closing braces are looked for this far; longer boxes count as unfinished. */
const LONGEST_BOX = 250_000;

interface Box {
  readonly source: string;
  readonly start: number;
  readonly end: number;
}

/** Occurrences of the marks from the end of the text on, each text position looked at once per mark. */
export function backwards(text: string, marks: readonly string[]): () => number {
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

export function lastBox(text: string): Box | null {
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
