/**
 * All parts by id. The list comes from `parts.json`, which `npm run catalogue` writes from the
 * source, so that listing loads nothing and calling a part loads only its own file.
 */

import { ContractError } from "../core/error.ts";
import type { AnyPart, Stage } from "../core/part.ts";
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
    const name = id.slice(id.indexOf("/") + 1);
    const near = catalogue
      .filter((other) => other.id.includes(name) || name.includes(other.id.split("/")[1]))
      .slice(0, 5);
    const hint = near.length > 0 ? `; did you mean ${near.map((other) => other.id).join(", ")}?` : "";
    throw new ContractError("part", `no part ${JSON.stringify(id)}${hint}`);
  }
  const specifier = `../${entry.file.slice("src/".length)}`.replace(
    /\.ts$/,
    import.meta.url.endsWith(".ts") ? ".ts" : ".js",
  );
  const module = (await import(specifier)) as Record<string, AnyPart>;
  return module[entry.export];
}
