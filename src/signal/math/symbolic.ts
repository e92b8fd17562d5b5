import { createRequire } from "node:module";
import type { ComputeEngine } from "@cortex-js/compute-engine";

/**
 * Calculus that this folder's parser does not know (integrals, limits, derivatives) is worked out by
 * the Compute Engine. It is loaded at its first use, because loading and building it takes a quarter
 * of a second. Its own time limit does not interrupt everything, so only short text with small
 * numbers and no towers of powers goes in.
 */
const CALCULUS = /\\(?:int|iint|lim)(?![a-zA-Z])|\\frac\s*\{\s*d\s*\}\s*\{\s*d\s*[a-zA-Z]\s*\}/;
const LONGEST = 120;

let engine: ComputeEngine | null = null;

export function hasCalculus(source: string): boolean {
  return source.length <= 2_000 && CALCULUS.test(source);
}

/** The LaTeX of the evaluated expression; null when it is too large or the engine cannot do it. */
export function evaluateCalculus(source: string): string | null {
  if (source.split("\\int").length > 2 || /\\iint/.test(source)) return null;
  if (source.length > LONGEST || /\d{4}|!|\^\s*\(/.test(source)) return null;
  // Powers of powers only as in e^{-x^2}; no exponent of two digits.
  const flat = source.replace(/e\^\{[^{}^]{0,20}\^\d[^{}^\d]{0,20}\}/g, "e");
  if (/\^\s*\{[^{}]*[\^{]|\^[^{]\s*\^|\^\s*\{?[^{}\\]{0,9}\d\d/.test(flat)) return null;
  try {
    engine ??= build();
    const value = engine.parse(source).evaluate();
    return value.isValid ? value.latex : null;
  } catch {
    return null; // the engine gave up: the text stays unread and equals only the same text
  }
}

function build(): ComputeEngine {
  const module = createRequire(import.meta.url)("@cortex-js/compute-engine") as {
    ComputeEngine: new () => ComputeEngine;
  };
  return new module.ComputeEngine();
}
