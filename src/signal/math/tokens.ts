import { charge, OutOfBudget } from "./budget.ts";
import {
  CHARACTERS,
  GREEK,
  GREEK_LETTERS,
  IGNORED,
  OPERATORS,
  SPACES,
  STRUCTURE,
  SUBSCRIPTS,
  SUPERSCRIPTS,
  TEXT,
  VULGAR,
} from "./symbols.ts";
import { FUNCTIONS, SHORT_WORDS, UNIT_LETTERS, UNITS } from "./words.ts";

/**
 * LaTeX (or plain text) as tokens. Styling, sizing, spacing and currency signs are gone; thousands
 * separators are inside their number; synonyms (`\le`, `≤`, `<=`) are one token.
 */
export interface Token {
  readonly type: "number" | "name" | "function" | "text" | "operator" | "command";
  readonly value: string;
  /** White space or a spacing command stood before it. */
  readonly spaced: boolean;
}

const MOST_TOKENS = 4_000;

/** Reads the words of `\text{…}` and plain prose: letters stand together. */
export function tokenize(source: string, prose = false): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let spaced = false;
  /** Open brackets, inside which a comma separates members and not thousands. */
  let depth = 0;

  const push = (type: Token["type"], value: string) => {
    if (tokens.length >= MOST_TOKENS) throw new OutOfBudget(`an answer of more than ${MOST_TOKENS} symbols`);
    tokens.push({ type, value, spaced });
    spaced = false;
  };

  const skipSpaces = () => {
    while (position < source.length && isSpace(source.charCodeAt(position))) position++;
  };

  /** The `{…}` or single symbol at the cursor, verbatim. */
  const group = (): string => {
    skipSpaces();
    if (source[position] !== "{") return position < source.length ? source[position++] : "";
    const end = closingBrace(source, position);
    const content = source.slice(position + 1, end < 0 ? source.length : end);
    position = end < 0 ? source.length : end + 1;
    return content;
  };

  const words = (content: string) => {
    const trimmed = content.trim();
    if (trimmed === "") {
      spaced = true;
      return;
    }
    if (/^(?:and|or)$/i.test(trimmed.replace(/[,;.]/g, "").trim())) return push("operator", ",");
    if (FUNCTIONS.has(trimmed)) return push("function", trimmed);
    if (/[0-9]/.test(trimmed.replace(/(?<=[a-zA-Z])\^?\{?-?\d(?!\d)/g, "")) && prose === false) {
      for (const token of tokenize(trimmed.replace(/\$/g, " "), true)) {
        if (tokens.length >= MOST_TOKENS) throw new OutOfBudget(`an answer of more than ${MOST_TOKENS} symbols`);
        tokens.push(token);
      }
      return;
    }
    if (/^[,;]$/.test(trimmed)) return push("operator", trimmed);
    if (/^(?:percent|pct)$/i.test(trimmed) && tokens.length > 0) return push("operator", "%");
    push("text", trimmed);
  };

  while (position < source.length) {
    charge(1);
    const char = source[position];
    const code = source.charCodeAt(position);
    if (isSpace(code) || char === "~" || char === "\0") {
      spaced = true;
      position++;
      continue;
    }
    if (isDigit(code) || (char === "." && isDigit(source.charCodeAt(position + 1)))) {
      const start = position;
      position = numberEnd(source, position, depth === 0);
      push("number", source.slice(start, position).replace(/\\[,!; ]|[^0-9.eE+-]/g, ""));
      continue;
    }
    if (isLetter(code)) {
      const start = position;
      while (position < source.length && isLetter(source.charCodeAt(position))) position++;
      letters(source.slice(start, position));
      continue;
    }
    if (char === "\\") {
      command();
      continue;
    }
    if (char === "." && source.startsWith("...", position)) {
      position += 3;
      push("operator", "…");
      continue;
    }
    if (char === "." && source.startsWith("\\overline", position + 1)) {
      position++;
      push("number", "0.");
      continue;
    }
    position++;
    const two = char + (source[position] ?? "");
    if (two === "<=" || two === ">=" || two === "!=") {
      position++;
      push("operator", two);
    } else if (two === "**") {
      position++;
      push("operator", "^");
    } else if (char === "$" || char === "€" || char === "£" || char === "¥" || char === "₹") {
      spaced = true;
    } else if (char === "√") {
      push("command", "root");
    } else if (char === "π") {
      push("name", "pi");
    } else if (SUPERSCRIPTS.includes(char)) {
      push("operator", "^");
      push("number", digitsFrom(SUPERSCRIPTS, char));
    } else if (SUBSCRIPTS.includes(char)) {
      push("operator", "_");
      push("number", digitsFrom(SUBSCRIPTS, char));
    } else if (VULGAR[char]) {
      push("command", "frac");
      push("number", VULGAR[char][0]);
      push("number", VULGAR[char][1]);
    } else if (GREEK_LETTERS[char]) {
      push("name", GREEK_LETTERS[char]);
    } else if (char === "ℝ") {
      push("name", "reals");
    } else {
      const value = CHARACTERS[char] ?? char;
      if (value === "(" || value === "[") depth++;
      else if ((value === ")" || value === "]") && depth > 0) depth--;
      push("operator", value);
    }
  }
  return tokens;

  function digitsFrom(alphabet: string, first: string): string {
    let digits = String(alphabet.indexOf(first));
    while (position < source.length && alphabet.includes(source[position]))
      digits += alphabet.indexOf(source[position++]);
    return digits;
  }

  function letters(run: string) {
    const previous = tokens[tokens.length - 1];
    const afterNumber =
      previous !== undefined &&
      (previous.type === "number" || (previous.type === "operator" && previous.value === "}"));
    if (FUNCTIONS.has(run) && !(run === "min" && afterNumber) && !(run === "deg" && afterNumber)) {
      if (run === "sqrt") push("command", "root");
      else push("function", run);
    } else if (run === "pi" || run === "PI") push("name", "pi");
    else if (run === "inf" || run === "infinity" || run === "oo") push("operator", "∞");
    else if (/^(?:and|or|AND|OR)$/.test(run)) push("operator", ",");
    else if (/^(?:in)$/.test(run) && !afterNumber) push("operator", "∈");
    else if (/^(?:percent|pct|percentage)$/i.test(run) && tokens.length > 0) push("operator", "%");
    else if (run === "U" && spaced && previous !== undefined && /^[)\]]$/.test(previous.value)) push("operator", "∪");
    else if (run.length >= 4 || SHORT_WORDS.has(run) || UNITS.has(run) || (prose && run.length > 1)) push("text", run);
    else if (run.length === 1 && UNIT_LETTERS.has(run) && afterNumber && (prose || spaced) && prose) push("text", run);
    else for (const letter of run) push("name", letter);
  }

  function command() {
    position++;
    if (position >= source.length) return;
    const code = source.charCodeAt(position);
    if (!isLetter(code)) {
      const char = source[position++];
      if (char === "{" || char === "}") {
        if (char === "{") depth++;
        else if (depth > 0) depth--;
        push("operator", `\\${char}`);
      } else if (char === "%") push("operator", "%");
      else if (char === "\\") {
        push("operator", "\\\\");
        // `\\[2pt]`: the extra space of a row.
        if (source[position] === "[") {
          const size = /^\[[\d.]+\s*(?:pt|em|ex|mm|cm)\]/.exec(source.slice(position, position + 12));
          if (size) position += size[0].length;
        }
      } else if (char === "|") push("operator", "‖");
      else if (char === "_" || char === "#" || char === "&") spaced = true;
      else if (char === "(" || char === ")" || char === "[" || char === "]") spaced = true;
      else spaced = true; // \, \; \! \: \$ and escaped space
      return;
    }
    const start = position;
    while (position < source.length && isLetter(source.charCodeAt(position))) position++;
    const name = source.slice(start, position);
    if (TEXT.has(name)) {
      if (source[position] === "*") position++;
      const content = group().replace(/~/g, " ").trim();
      if (name === "mathrm" && /^[a-zA-Z]$/.test(content)) {
        const previous = tokens[tokens.length - 1];
        // `5\,\mathrm{m}` is five metres; `\mathrm{e}` and a lone `\mathrm{x}` are themselves.
        const before = previous?.value === "/" ? tokens[tokens.length - 2] : previous;
        push(
          UNIT_LETTERS.has(content) && (before?.type === "number" || before?.type === "text") ? "text" : "name",
          content,
        );
      } else words(content.includes("\\") ? content.replace(/\\[a-zA-Z]+|\\./g, " ").replace(/[{}]/g, "") : content);
    } else if (name === "begin" || name === "end") {
      const environment = group().trim();
      if (name === "begin" && environment === "array") group();
      push("command", `${name}:${environment}`);
    } else if (name === "mathbb" || name === "Bbb") {
      const letter = group().trim();
      push(
        "name",
        letter === "R"
          ? "reals"
          : letter === "Z"
            ? "integers"
            : letter === "N"
              ? "naturals"
              : letter === "Q"
                ? "rationals"
                : letter === "C"
                  ? "complexes"
                  : letter,
      );
    } else if (
      name === "hspace" ||
      name === "vspace" ||
      name === "label" ||
      name === "tag" ||
      name === "phantom" ||
      name === "color"
    ) {
      if (source[position] === "*") position++;
      group();
      spaced = true;
    } else if (name === "textcolor") {
      group();
      spaced = true;
    } else if (name === "not") {
      skipSpaces();
      const rest = source.slice(position, position + 4);
      if (rest[0] === "=") {
        position++;
        push("operator", "!=");
      } else if (rest.startsWith("\\in")) {
        position += 3;
        push("operator", "∉");
      }
    } else if (IGNORED.has(name)) {
      if ((name === "left" || name === "right") && source[position] === ".") position++;
      if ((name === "left" || name === "right") && source[position] === "<") {
        position++;
        push("operator", "⟨");
      } else if ((name === "left" || name === "right") && source[position] === ">") {
        position++;
        push("operator", "⟩");
      }
    } else if (SPACES.has(name)) spaced = true;
    else if (Object.hasOwn(OPERATORS, name)) push("operator", OPERATORS[name]);
    else if (name === "pi") push("name", "pi");
    else if (name === "varpi") push("name", "varpi");
    else if (STRUCTURE.has(name)) push("command", name.replace(/^[dtcs](?=frac|binom)/, ""));
    else if (FUNCTIONS.has(name)) push("function", name);
    else if (name === "imath" || name === "i") push("name", "i");
    else if (GREEK.test(name)) push("name", name.replace(/^var/, ""));
    else push("command", name);
  }
}

function isSpace(code: number): boolean {
  return (
    code === 32 ||
    (code >= 9 && code <= 13) ||
    code === 160 ||
    (code >= 0x2000 && code <= 0x200d) ||
    code === 0x202f ||
    code === 0x3000
  );
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

/** Index of the brace that closes the one at `open`; −1 when there is none. Escaped braces do not count. */
export function closingBrace(text: string, open: number, limit = text.length): number {
  let depth = 0;
  const end = Math.min(text.length, limit);
  for (let i = open; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 92) i++;
    else if (code === 123) depth++;
    else if (code === 125 && --depth === 0) return i;
  }
  return -1;
}

/** End of the number at `start`: digits, thousands separators (`,` `{,}` `,\!` `\,` and a space before three digits), decimals, exponent. */
export function numberEnd(text: string, start: number, thousands = true): number {
  let i = start;
  while (isDigit(text.charCodeAt(i))) i++;
  if (i - start <= 3 && i > start && text.charCodeAt(start) !== 48) {
    for (;;) {
      const next = separatorEnd(text, i, thousands);
      if (next < 0 || !threeDigits(text, next)) break;
      i = next + 3;
    }
  }
  if (text[i] === "." && isDigit(text.charCodeAt(i + 1))) {
    i++;
    while (isDigit(text.charCodeAt(i))) i++;
  } else if (text[i] === "." && i > start && !isLetter(text.charCodeAt(i + 1)) && text[i + 1] !== ".") {
    // `5.` at the end of a sentence or of a number: the point adds nothing.
    const after = text.slice(i + 1).trimStart();
    if (after === "" || after.startsWith("\\")) i++;
  }
  if (text[i] === "e" || text[i] === "E") {
    let j = i + 1;
    if (text[j] === "+" || text[j] === "-") j++;
    if (isDigit(text.charCodeAt(j))) {
      while (isDigit(text.charCodeAt(j))) j++;
      if (!isLetter(text.charCodeAt(j))) i = j;
    }
  }
  return i;
}

function threeDigits(text: string, i: number): boolean {
  return (
    isDigit(text.charCodeAt(i)) &&
    isDigit(text.charCodeAt(i + 1)) &&
    isDigit(text.charCodeAt(i + 2)) &&
    !isDigit(text.charCodeAt(i + 3))
  );
}

function separatorEnd(text: string, i: number, comma: boolean): number {
  if (text[i] === "{" && text[i + 1] === "," && text[i + 2] === "}") return i + 3;
  if (text[i] === "\\" && text[i + 1] === ",") return i + 2;
  if (text[i] === "\\" && text[i + 1] === " ") return i + 2;
  if (text[i] === " ") return i + 1;
  if (text[i] !== ",") return -1;
  // `,\!` and `,\! ` are separators wherever they stand.
  if (text[i + 1] === "\\" && text[i + 2] === "!") return text[i + 3] === " " ? i + 4 : i + 3;
  return comma ? i + 1 : -1;
}
