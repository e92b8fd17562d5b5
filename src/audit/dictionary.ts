/** Texts in a reward's own source: what its functions look for is what a search should try. */
import { isBoundPart } from "../core/part.ts";
import type { Reward, SignalOptions } from "../pipeline/index.ts";

const most = 80;

/** String literals, and texts that its regular expressions match, of the functions and params of a reward. */
export function dictionaryOf(reward: Reward): readonly string[] {
  const found = new Set<string>();
  const add = (text: string) => {
    if (text.trim() !== "" && text.length <= 60) found.add(text);
  };
  const { signals, combine } = reward.definition;
  for (const spec of Object.values(signals)) {
    const source = typeof spec === "object" && "use" in spec ? (spec as SignalOptions).use : spec;
    if (typeof source === "function" && !isBoundPart(source)) fromSource(source.toString(), add);
    else if (isBoundPart(source)) fromParams(source.params, add);
  }
  if (combine) fromSource(combine.toString(), add);
  return [...found].slice(0, most);
}

function fromSource(source: string, add: (text: string) => void): void {
  for (const match of source.matchAll(/"((?:[^"\\\n]|\\.){1,80})"|'((?:[^'\\\n]|\\.){1,80})'/g)) {
    const literal = match[1] ?? match[2];
    add(
      literal
        .replace(/\\n/g, "\n")
        .replace(/\\t/g, "\t")
        .replace(/\\(["'\\])/g, "$1"),
    );
  }
  for (const match of source.matchAll(
    /(?<=[(=:,!&|?{;\s])\/((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.){0,80}\]){2,200})\//g,
  )) {
    for (const sample of samples(match[1])) add(sample);
  }
}

function fromParams(value: unknown, add: (text: string) => void, depth = 0): void {
  if (typeof value === "string") add(value);
  else if (typeof value === "object" && value !== null && depth < 4) {
    for (const item of Object.values(value)) fromParams(item, add, depth + 1);
  }
}

/** A few texts that a pattern matches: one for each alternative, repetitions as often as they must be. */
export function samples(pattern: string): string[] {
  let at = 0;
  function alternatives(): string[] {
    let all = sequence();
    while (pattern[at] === "|") {
      at++;
      all = all.concat(sequence());
    }
    return all.slice(0, 12);
  }
  function sequence(): string[] {
    let texts = [""];
    while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") {
      const options = repeated(atom());
      texts = texts.flatMap((text) => options.map((option) => text + option)).slice(0, 12);
    }
    return texts;
  }
  function repeated(options: string[]): string[] {
    const quantifier = /^(?:([*+?])|\{(\d+)(?:,\d*)?\})\??/.exec(pattern.slice(at));
    if (!quantifier) return options;
    at += quantifier[0].length;
    if (quantifier[1] === "?" || quantifier[1] === "*") return options.concat("").slice(0, 12);
    const times = quantifier[2] === undefined ? 1 : Math.min(8, Number(quantifier[2]));
    return options.map((option) => option.repeat(times));
  }
  function atom(): string[] {
    const c = pattern[at++];
    if (c === "(") {
      const look = /^\?(?::|<?[=!]|<[A-Za-z]\w*>)/.exec(pattern.slice(at));
      if (look) at += look[0].length;
      const inner = alternatives();
      at++;
      return look && /!$/.test(look[0]) ? [""] : inner;
    }
    if (c === "[") {
      const close = pattern.indexOf("]", at + 1);
      const inner = pattern.slice(at, close < 0 ? pattern.length : close);
      at = close < 0 ? pattern.length : close + 1;
      if (inner.startsWith("^")) return ["x"];
      return [inner.startsWith("\\") ? escaped(inner[1]) : inner[0]];
    }
    if (c === "\\") return [escaped(pattern[at++] ?? "")];
    if (c === "^" || c === "$") return [""];
    return [c === "." ? "x" : c];
  }
  const found = alternatives();
  return [...new Set(found)].filter((text) => text.trim().length > 1).slice(0, 8);
}

function escaped(c: string): string {
  switch (c) {
    case "d":
      return "7";
    case "w":
      return "x";
    case "s":
      return " ";
    case "n":
      return "\n";
    case "S":
    case "W":
    case "D":
      return c === "W" ? " " : "x";
    case "b":
    case "B":
      return "";
    default:
      return c;
  }
}
