/**
 * Finished jobs of an experiment that is under way, one JSON line each, so that a killed run resumes. A line
 * counts only for the very code and Node version that wrote it.
 */

import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../core/make-folder.ts";
import { OutputError } from "../core/output-error.ts";
import type { Measurement } from "./types.ts";

export interface Journal {
  readonly get: (key: string) => Measurement<string> | undefined;
  readonly add: (key: string, measurement: Measurement<string>) => void;
  /** The result is written: the next run starts from nothing. */
  readonly remove: () => void;
}

export function openJournal(file: string, hash: string): Journal {
  const stamp = `${hash} ${process.version}`;
  const found = new Map<string, Measurement<string>>();
  // The last line of a killed run may be torn, and the next one must not continue it.
  let separator = "";
  if (existsSync(file)) {
    const text = readFileSync(file, "utf8");
    if (text !== "" && !text.endsWith("\n")) separator = "\n";
    for (const line of text.split("\n")) {
      const entry = parse(line);
      if (entry?.stamp === stamp) found.set(entry.key, entry.measurement);
    }
  }
  return {
    get: (key) => found.get(key),
    add(key, measurement) {
      makeFolder(dirname(file));
      try {
        appendFileSync(file, `${separator}${JSON.stringify({ stamp, key, measurement })}\n`);
      } catch (thrown) {
        throw new OutputError(file, thrown);
      }
      separator = "";
    },
    remove: () => rmSync(file, { force: true }),
  };
}

function parse(line: string): { stamp: string; key: string; measurement: Measurement<string> } | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
