/** All runs of the benchmark, made by seeded code and kept in a folder that git ignores. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRandom } from "../../src/core/random.ts";
import { arithmeticVariants } from "./arithmetic.ts";
import { chainVariants } from "./chain.ts";
import { gaussianVariants } from "./gaussian.ts";
import { type Labelled, labelOf } from "./label.ts";
import { modesVariants } from "./modes.ts";
import { tomatoVariants } from "./tomato.ts";
import type { Trace, Variant } from "./types.ts";

/** Increase when a bed or the way it is logged changes. */
const version = 1;
const folder = fileURLToPath(new URL("../../out/monitor/runs/", import.meta.url));

export interface Run extends Labelled {
  readonly variant: Variant;
  readonly seed: string;
  readonly trace: Trace;
}

const variants: readonly Variant[] = [
  ...gaussianVariants,
  ...chainVariants,
  ...tomatoVariants,
  ...modesVariants,
  ...arithmeticVariants,
];

/** Seeds differ between the halves; `onRun` is told of every run that had to be made. */
export function allRuns(onRun: (name: string) => void, beds: readonly string[] | null = null): Run[] {
  mkdirSync(folder, { recursive: true });
  return variants
    .filter(({ bed }) => beds === null || beds.includes(bed))
    .flatMap((variant) =>
      Array.from({ length: variant.seeds }, (_, i) => {
        const seed = `monitor/${variant.half}/${variant.bed}/${variant.name}/${i}`;
        const trace = cachedTrace(variant, seed, onRun);
        return { variant, seed, trace, ...labelOf(trace, variant.range) };
      }),
    );
}

function cachedTrace(variant: Variant, seed: string, onRun: (name: string) => void): Trace {
  const key = createHash("sha256").update(`${version}/${seed}`).digest("hex").slice(0, 16);
  const file = `${folder}${variant.bed}-${key}.json`;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Trace;
  } catch {
    onRun(seed);
    const trace = variant.generate(createRandom(seed));
    const text = JSON.stringify(trace);
    writeFileSync(`${file}.${process.pid}`, text);
    renameSync(`${file}.${process.pid}`, file);
    return JSON.parse(text) as Trace;
  }
}
