import { mkdirSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ContractError, messageOf } from "./error.ts";

/**
 * Makes a folder and those above it. Node's own recursive `mkdir` (version 20) takes "no such file" to mean that the
 * folder above is missing and never ends where that is there and yet takes none (/proc, some network file systems).
 */
export function makeFolder(path: string): void {
  const refused = (why: string) => new ContractError(path, `no folder can be made here (${why})`);
  const missing: string[] = [];
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const found = statusOf(folder);
    if (found?.isDirectory()) break;
    if (found) throw refused(`${folder} is no folder`);
    if (folder === dirname(folder)) break;
    missing.push(folder);
  }
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (thrown) {
      // Somebody else may have made it by now.
      if (!statusOf(folder)?.isDirectory()) throw refused(messageOf(thrown));
    }
  }
}

function statusOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
