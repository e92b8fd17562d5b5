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

/** The LaTeX of the evaluated expression; null when the text has no calculus or the engine cannot do it. */
export function evaluateCalculus(source: string): string | null {
  if (!CALCULUS.test(source)) return null;
  if (
    source.length > LONGEST ||
    /\d{4}/.test(source) ||
    (source.match(/\^/g)?.length ?? 0) > 4 ||
    /\^\s*\{?[^{}]*\^/.test(source)
  )
    return null;
  if (/!|\^\s*\{?\s*\d\d/.test(source)) return null;
  try {
    engine ??= build();
    const value = engine.parse(source).evaluate();
    return value.isValid ? value.latex : null;
  } catch {
    return null; // the engine's own limits: the text stays unread, which is no verdict
  }
}

function build(): ComputeEngine {
  const module = createRequire(import.meta.url)("@cortex-js/compute-engine") as {
    ComputeEngine: new () => ComputeEngine;
  };
  return new module.ComputeEngine();
}
