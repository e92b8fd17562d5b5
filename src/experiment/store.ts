/** Results on disk: `result.json` and `figure.svg` beside the experiment. */

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../core/make-folder.ts";
import { OutputError } from "../core/output-error.ts";
import { renderSvg } from "../figure/svg.ts";
import { figureSpec } from "./figure.ts";
import type { LoadedExperiment } from "./papers.ts";
import type { ExperimentResult } from "./types.ts";

/**
 * Where a result belongs: beside the experiment when it is the full budget with at least the experiment's
 * own seeds, otherwise in `runs/`, so that a glance never replaces a result.
 */
export function resultFolder(
  { folder, experiment }: LoadedExperiment,
  { budget, seeds }: Pick<ExperimentResult, "budget" | "seeds">,
) {
  if (budget === "full" && seeds.length >= experiment.seeds) return folder;
  return join(folder, "runs", `${budget}-${seeds.length}`);
}

/** Writes both files whole or not at all; gives the folder. */
export async function writeResult(loaded: LoadedExperiment, result: ExperimentResult, folder: string): Promise<void> {
  const spec = figureSpec(loaded.experiment, result);
  const svg = spec ? await renderSvg(spec) : null;
  makeFolder(folder);
  put(join(folder, "result.json"), `${readable(result)}\n`);
  if (svg !== null) put(join(folder, "figure.svg"), `${svg}\n`);
}

/** JSON to be read and compared: lists of numbers on one line. */
function readable(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(/\[[\s\d.,eE+nul-]*\]/g, (list) => list.replace(/\s+/g, ""));
}

function put(file: string, text: string): void {
  const half = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(half, text);
    renameSync(half, file);
  } catch (thrown) {
    rmSync(half, { force: true });
    throw new OutputError(file, thrown);
  }
}

/** The result in a folder; null when there is none. */
export function readResult(folder: string): ExperimentResult | null {
  const file = join(folder, "result.json");
  if (!existsSync(file)) return null;
  return JSON.parse(readFileSync(file, "utf8")) as ExperimentResult;
}
