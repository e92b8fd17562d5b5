/**
 * All parts by id. The list comes from `parts.json`, which `npm run catalogue` writes from the
 * source, so that listing loads nothing and calling a part loads only its own file.
 */

import { ContractError } from "../core/error.ts";
import type { AnyPart, Stage } from "../core/part.ts";
import { nearest } from "./nearest.ts";
import list from "./parts.json" with { type: "json" };

export interface CatalogueEntry {
  readonly id: string;
  /** Source file, from the root of the repository. */
  readonly file: string;
  /** Name under which the file exports the part. */
  readonly export: string;
  readonly papers: readonly string[];
  /** Doc comment of the part (Markdown). */
  readonly doc: string;
}

export const catalogue: readonly CatalogueEntry[] = list;

const byId = new Map(catalogue.map((entry) => [entry.id, entry]));

export function stageOf(entry: CatalogueEntry): Stage {
  return entry.id.slice(0, entry.id.indexOf("/")) as Stage;
}

/** Loads a part by id; throws `ContractError` with the nearest ids when there is none. */
export async function loadPart(id: string): Promise<AnyPart> {
  const entry = byId.get(id);
  if (!entry) {
    const near = nearest(
      id,
      catalogue.map((other) => other.id),
    );
    const hint = near.length > 0 ? `; did you mean ${near.join(", ")}?` : "; `guerdon parts` lists them";
    throw new ContractError("part", `no part ${JSON.stringify(id.slice(0, 100))}${hint}`);
  }
  const specifier = `../${entry.file.slice("src/".length)}`.replace(
    /\.ts$/,
    import.meta.url.endsWith(".ts") ? ".ts" : ".js",
  );
  const module = (await import(specifier)) as Record<string, AnyPart>;
  const part = module[entry.export];
  if (!part)
    throw new Error(`${entry.file} does not export ${entry.export}: parts.json is out of date (npm run catalogue)`);
  return part;
}

/** First paragraph of a part's doc comment, on one line. */
export function summaryOf(entry: CatalogueEntry): string {
  return entry.doc.split(/\n\s*\n/, 1)[0].replace(/\s+/g, " ");
}
