/**
 * HTML in which text cannot become markup. Whatever is put into an `html` template is escaped unless it
 * was made by `html` itself; characters that deceive the eye are shown by name.
 */
export interface Html {
  readonly markup: string;
}

type Piece = Html | string | number | null | undefined | readonly Piece[];

/** Strings and numbers are escaped, null and undefined vanish, lists are joined. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let markup = strings[0];
  for (let i = 0; i < pieces.length; i++) markup += markupOf(pieces[i]) + strings[i + 1];
  return { markup };
}

/** Several lines of text: line breaks and tabs are kept (for `pre`). */
export function block(text: string): Html {
  return { markup: escapeMarkup(visible(text, true)) };
}

function markupOf(piece: Piece): string {
  if (piece === null || piece === undefined) return "";
  if (typeof piece === "string") return escapeMarkup(visible(piece));
  if (typeof piece === "number") return String(piece);
  if ("markup" in piece) return piece.markup;
  return piece.map(markupOf).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => entities[character]);
}

/**
 * Text in which nothing hides: control, invisible and direction-changing characters become their code
 * (‹U+202E›), lone surrogates U+FFFD. On one line, a line break is ↵ and a tab ⇥.
 */
export function visible(text: string, keepLines = false): string {
  return text.replaceAll("\r\n", "\n").replace(deceptive, (character) => {
    if (character === "\n") return keepLines ? character : "↵";
    if (character === "\t") return keepLines ? character : "⇥";
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code <= 0xdfff) return "\ufffd";
    return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
  });
}

/**
 * Controls (Cc), format characters (Cf: bidi, zero-width, tags), lone surrogates (Cs), separators of lines
 * (Zl, Zp), private use (Co), noncharacters, and fillers and variation selectors that show nothing.
 */
const deceptive =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Noncharacter_Code_Point}\u115F\u1160\u3164\uFFA0]|\u034F|\u17B4|\u17B5|[\u{E0100}-\u{E01EF}]/gu;
