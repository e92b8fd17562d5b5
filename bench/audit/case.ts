/** A reward of the audit's bench: flawed, with what is wrong with it, or sound. */
import type { Reward } from "../../src/pipeline/index.ts";

export interface FlawedCase {
  readonly id: string;
  /** Where the mistake is described; "injected" for mutations of sound rewards made here. */
  readonly source: string;
  /** Set of problems that the reward is for, as a user would know it. */
  readonly problems: "math" | "choice" | "text" | "code" | "format" | "chat";
  /** Mechanisms of findings that name this very hole. */
  readonly hole: readonly string[];
  readonly reward: Reward;
}

export interface SoundCase {
  readonly id: string;
  readonly problems: FlawedCase["problems"];
  readonly reward: Reward;
}

/** What a `<tag>` encloses: the last occurrence, null without one. */
export function lastTag(text: string, tag: string): string | null {
  const close = text.lastIndexOf(`</${tag}>`);
  const open = close < 0 ? -1 : text.lastIndexOf(`<${tag}>`, close);
  return open < 0 ? null : text.slice(open + tag.length + 2, close);
}

/** Contents of every `\boxed{…}` without braces inside. */
export function boxes(text: string): string[] {
  return [...text.matchAll(/\\boxed\{([^{}]{0,200})\}/g)].map((match) => match[1].trim());
}

/** Every number of a text, as written. */
export function numbers(text: string): string[] {
  return text.match(/-?\d+(?:\.\d+)?/g) ?? [];
}
