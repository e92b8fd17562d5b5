/** Where papers and their experiments are. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { nearest } from "../catalogue/nearest.ts";
import { ContractError } from "../core/error.ts";
import { packageRoot } from "../pipeline/load.ts";
import { type Bundle, bundleFile, bundleFiles } from "./bundle.ts";
import { isExperiment, isPaper } from "./define.ts";
import type { DefinedPaper, Experiment } from "./types.ts";

/** `papers/` of this copy of the package. */
export const papersFolder = join(packageRoot, "papers");

/** Folders in `folder` that hold `file`, sorted. */
export function slugsWith(file: string, folder: string = papersFolder): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, file)))
    .map((entry) => entry.name)
    .sort();
}

export interface LoadedExperiment extends Bundle {
  readonly slug: string;
  /** The folder it lies in. */
  readonly folder: string;
  readonly experiment: Experiment;
}

/** Loads an experiment by slug (in `folder`) or by the path of its file. Throws `ContractError` naming what is wrong. */
export async function loadExperiment(slugOrPath: string, folder: string = papersFolder): Promise<LoadedExperiment> {
  const isPath = slugOrPath.endsWith(".ts");
  const file = isPath ? resolve(slugOrPath) : join(folder, slugOrPath, "experiment.ts");
  if (!existsSync(file)) {
    if (isPath) throw new ContractError(slugOrPath, "no such file");
    const near = nearest(slugOrPath, slugsWith("experiment.ts", folder));
    const hint = near.length > 0 ? `; did you mean ${near.join(", ")}?` : "; `guerdon papers` lists them";
    throw new ContractError("slug", `no experiment ${JSON.stringify(slugOrPath.slice(0, 100))}${hint}`);
  }
  const bundle = await bundleFile(file);
  const { default: experiment } = (await import(bundle.module)) as { default?: unknown };
  if (!isExperiment(experiment)) throw new ContractError(file, "expected `export default defineExperiment({ … })`");
  const place = dirname(file);
  if (!isPath && experiment.paper !== basename(place))
    throw new ContractError(file, `says it is of the paper ${experiment.paper}, but lies in ${basename(place)}/`);
  return { ...bundle, slug: experiment.paper, folder: place, experiment };
}

/** All papers of `folder`, by slug. */
export async function loadPapers(folder: string = papersFolder): Promise<DefinedPaper[]> {
  const slugs = slugsWith("paper.ts", folder);
  if (slugs.length === 0) return [];
  const { module } = await bundleFiles(
    slugs.map((slug) => join(folder, slug, "paper.ts")),
    folder,
  );
  const { default: papers } = (await import(module)) as { default: readonly unknown[] };
  return papers.map((paper, i) => {
    const file = `${slugs[i]}/paper.ts`;
    if (!isPaper(paper)) throw new ContractError(file, "expected `export default definePaper({ … })`");
    if (paper.slug !== slugs[i]) throw new ContractError(file, `its slug is ${JSON.stringify(paper.slug)}`);
    return paper;
  });
}
