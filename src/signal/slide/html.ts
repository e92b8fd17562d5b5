/**
 * What the slide rewards need to know of an HTML text: its visible text, its titles and its sections. An own tokenizer,
 * linear in the text and without recursion, because the HTML is a model's: nothing is executed, fetched or built.
 */
export interface SlideContent {
  /** Text nodes outside style, script and template, trimmed and joined by blanks. */
  readonly text: string;
  /** For each element of class "title", in order: it holds text that is not blank. */
  readonly titles: readonly boolean[];
  /** The same for each element of class "section". */
  readonly sections: readonly boolean[];
}

interface OpenElement {
  readonly name: string;
  readonly title: number;
  readonly section: number;
  hasText: boolean;
}

const voidElements = new Set("area base br col embed hr img input link meta param source track wbr".split(" "));
const silentElements = new Set(["style", "script", "template"]);

export function readSlide(html: string): SlideContent {
  const text: string[] = [];
  const titles: boolean[] = [];
  const sections: boolean[] = [];
  const open: OpenElement[] = [];
  // Open elements per name, so that a stray closing tag costs nothing.
  const openCount = new Map<string, number>();
  let silent = 0;

  const addText = (raw: string) => {
    if (silent > 0) return;
    const visible = decodeEntities(raw).trim();
    if (visible === "") return;
    text.push(visible);
    if (open.length > 0) open[open.length - 1].hasText = true;
  };
  const closeLast = () => {
    const element = open.pop();
    if (!element) return;
    openCount.set(element.name, (openCount.get(element.name) ?? 1) - 1);
    if (silentElements.has(element.name)) silent--;
    if (!element.hasText) return;
    if (element.title >= 0) titles[element.title] = true;
    if (element.section >= 0) sections[element.section] = true;
    if (open.length > 0) open[open.length - 1].hasText = true;
  };

  let at = 0;
  while (at < html.length) {
    const bracket = html.indexOf("<", at);
    if (bracket < 0) {
      addText(html.slice(at));
      break;
    }
    if (bracket > at) addText(html.slice(at, bracket));
    if (html.startsWith("<!--", bracket)) {
      at = endAfter(html, "-->", bracket + 4);
      continue;
    }
    if (/^<[!?]/.test(html.slice(bracket, bracket + 2))) {
      at = endAfter(html, ">", bracket);
      continue;
    }
    const tag = readTag(html, bracket);
    if (tag === null) {
      // A bracket that opens no tag is text.
      const next = html.indexOf("<", bracket + 1);
      addText(html.slice(bracket, next < 0 ? html.length : next));
      at = next < 0 ? html.length : next;
      continue;
    }
    at = tag.end;
    if (tag.closing) {
      if ((openCount.get(tag.name) ?? 0) === 0) continue;
      while (open.length > 0 && open[open.length - 1].name !== tag.name) closeLast();
      closeLast();
      continue;
    }
    const visible = silent === 0;
    const element = {
      name: tag.name,
      title: visible && tag.classes.includes("title") ? titles.push(false) - 1 : -1,
      section: visible && tag.classes.includes("section") ? sections.push(false) - 1 : -1,
      hasText: false,
    };
    if (voidElements.has(tag.name) || tag.selfClosing) continue;
    open.push(element);
    openCount.set(tag.name, (openCount.get(tag.name) ?? 0) + 1);
    if (silentElements.has(tag.name)) silent++;
    if (tag.name === "style" || tag.name === "script") {
      const close = new RegExp(`</${tag.name}[\\s/>]`, "gi");
      close.lastIndex = at;
      at = close.exec(html)?.index ?? html.length;
    }
  }
  while (open.length > 0) closeLast();
  return { text: text.join(" "), titles, sections };
}

function endAfter(html: string, needle: string, from: number): number {
  const found = html.indexOf(needle, from);
  return found < 0 ? html.length : found + needle.length;
}

interface Tag {
  readonly name: string;
  readonly closing: boolean;
  readonly selfClosing: boolean;
  readonly classes: readonly string[];
  readonly end: number;
}

/** The tag that starts at `start`; null where the bracket starts none. A tag that never ends takes the rest. */
function readTag(html: string, start: number): Tag | null {
  const closing = html[start + 1] === "/";
  const nameAt = start + (closing ? 2 : 1);
  if (!/[a-zA-Z]/.test(html[nameAt] ?? "")) return null;
  const nameEnd = scan(html, nameAt, /[\s/>]/g);
  const name = html.slice(nameAt, nameEnd).toLowerCase();
  let classes: string[] | null = null;
  let selfClosing = false;
  let at = nameEnd;
  while (at < html.length && html[at] !== ">") {
    if (/[\s/=]/.test(html[at])) {
      selfClosing = html[at] === "/";
      at++;
      continue;
    }
    selfClosing = false;
    const attributeEnd = scan(html, at, /[\s/>=]/g);
    const attribute = html.slice(at, attributeEnd).toLowerCase();
    at = scan(html, attributeEnd, /\S/g);
    if (html[at] !== "=") continue;
    at = scan(html, at + 1, /\S/g);
    const quote = html[at] === '"' || html[at] === "'" ? html[at] : "";
    const valueAt = at + quote.length;
    const found = quote === "" ? scan(html, valueAt, /[\s>]/g) : html.indexOf(quote, valueAt);
    const valueEnd = found < 0 ? html.length : found;
    if (attribute === "class") classes ??= decodeEntities(html.slice(valueAt, valueEnd)).split(/\s+/);
    at = valueEnd + quote.length;
  }
  return { name, closing, selfClosing, classes: classes ?? [], end: Math.min(at + 1, html.length) };
}

/** Position of the next character that fits; the end of the text without one. */
function scan(text: string, from: number, wanted: RegExp): number {
  wanted.lastIndex = from;
  return wanted.exec(text)?.index ?? text.length;
}

const namedEntities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  ndash: "–",
  mdash: "—",
  hellip: "…",
  middot: "·",
  bull: "•",
  copy: "©",
  euro: "€",
};

/** The entities that occur in practice; others stay as they are. */
function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(namedEntities, name) ? namedEntities[name] : whole;
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
