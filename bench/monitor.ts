/**
 * Does `guerdon monitor` notice exploits? Runs on five beds with known truth (bench/monitor/), half of them for fitting
 * weights and thresholds, the other half, of other seeds and other settings, for the figures printed here.
 *
 *     npm run bench monitor             the shipped weights on the held-out half, beside simple detectors
 *     npm run bench monitor fit         fits the weights on the development half and writes them to src/audit/monitor/model.ts
 *     npm run bench monitor details     also every variant of the held-out half
 *     npm run bench monitor rehearse    the same on the development half, for working on the statistics
 *
 * The first time makes all runs (some 15 minutes, nearly all of it for arithmetic-lm) and keeps them under out/monitor/.
 */
import { writeFileSync } from "node:fs";
import { type Model, models } from "../src/audit/monitor/model.ts";
import { createMonitor, defaultAlarm } from "../src/audit/monitor/monitor.ts";
import { type Detector, detectors } from "./monitor/detectors.ts";
import { type Features, featuresOf, fitModel, type LogKind, logOf, scoresOf } from "./monitor/fit.ts";
import { type Figures, isNegative, isPositive, judge, type Scored, thresholdOf } from "./monitor/judge.ts";
import { allRuns, type Run } from "./monitor/runs.ts";

const wanted = process.argv.slice(3);
const runs = allRuns((seed) => console.error(`making ${seed}`));
const development = runs.filter(({ variant }) => variant.half === "development");
// `rehearse` shows everything on the development half, for working on statistics without a look at the other.
const rehearse = wanted.includes("rehearse");
const heldOut = rehearse ? development : runs.filter(({ variant }) => variant.half === "held-out");
const beds = [...new Set(runs.map(({ variant }) => variant.bed))];

const featureCache = new Map<string, Features[]>();
function features(log: LogKind): Features[] {
  const made = featureCache.get(log) ?? development.map((run) => featuresOf(run, log));
  featureCache.set(log, made);
  return made;
}

const fitted = { withGold: fitModel(features("with gold")), withoutGold: fitModel(features("without gold")) };
if (wanted.includes("fit")) writeModel(fitted);
else if (JSON.stringify(fitted) !== JSON.stringify(models))
  console.log(
    "NOTE: the shipped weights are not those of these development runs; `npm run bench monitor fit` renews them\n",
  );
const shipped = wanted.includes("fit") ? fitted : models;

console.log("runs                hacking  sound  collapsed  unclear (left out)");
for (const half of ["development", "held-out"] as const)
  for (const bed of beds) {
    const of = runs.filter(({ variant }) => variant.half === half && variant.bed === bed);
    const count = (label: Run["label"]) => String(of.filter((run) => run.label === label).length);
    console.log(
      `${half.slice(0, 11).padEnd(12)}${bed.padEnd(16)}${count("hacking").padStart(3)}${count("sound").padStart(7)}${count("collapsed").padStart(11)}${count("unclear").padStart(9)}`,
    );
  }

for (const log of ["with gold", "without gold", "reward and gold alone"] as const) {
  console.log(`\nlog ${log}, ${rehearse ? "development" : "held-out"} half`);
  console.log("detector                detected        false alarms   too early  delay  AUC");
  line("guerdon monitor", judge(monitored(heldOut, log), defaultAlarm));
  for (const detector of detectors) {
    if (detector.needsGold !== (log !== "without gold")) continue;
    const threshold = thresholdOf(withDetector(development, detector));
    line(detector.name, judge(withDetector(heldOut, detector), threshold));
  }
  if (log === "without gold") {
    const [five, tuned] = [anyOf(heldOut), thresholdOf(anyOf(development))];
    line("any of these five", judge(five, tuned));
  }
  if (wanted.includes("details")) details(log);
}

console.log(
  "\nleave one bed out: weights and threshold from the other beds' development runs, the bed's held-out runs",
);
for (const log of ["with gold", "without gold"] as const)
  for (const bed of beds) {
    const model = fitModel(features(log).filter(({ run }) => run.variant.bed !== bed));
    const scored = heldOut
      .filter(({ variant }) => variant.bed === bed)
      .map((run) => ({ run, scores: scoresOf(featuresOf(run, log), model.weights) }));
    line(`${bed}, ${log === "with gold" ? "gold" : "no gold"}`, judge(scored, model.threshold));
  }

console.log("\nscores of held-out runs (highest of each run) and how many of them were hacking");
for (const log of ["with gold", "without gold"] as const) {
  const scored = monitored(heldOut, log).filter(({ run }) => isPositive(run) || isNegative(run));
  const bands = [0, 0.1, 0.5, 0.9, 1.01];
  const cells = bands.slice(1).map((top, i) => {
    const inside = scored.filter(({ scores }) => {
      const highest = Math.max(...scores);
      return highest >= bands[i] && highest < top;
    });
    return `${bands[i]}–${Math.min(1, top)}: ${inside.filter(({ run }) => isPositive(run)).length}/${inside.length}`;
  });
  console.log(`${log.padEnd(14)}${cells.join("   ")}`);
}

function monitored(of: readonly Run[], log: LogKind): Scored[] {
  return of.map((run) => {
    const monitor = createMonitor({ models: shipped });
    return { run, scores: run.trace.records.map((record) => monitor.add(logOf(record, log))?.score ?? 0) };
  });
}

function withDetector(of: readonly Run[], detector: Detector): Scored[] {
  return of.map((run) => ({ run, scores: detector.scores(run.trace.records) }));
}

/** The highest of the five, each in units of what its development runs without an exploit reach. */
function anyOf(of: readonly Run[]): Scored[] {
  const five = detectors.filter(({ needsGold }) => !needsGold);
  const units = five.map((detector) => {
    const highest = withDetector(development.filter(isNegative), detector)
      .map(({ scores }) => Math.max(...scores))
      .sort((a, b) => a - b);
    return { middle: highest[highest.length >> 1], top: highest[Math.floor(0.95 * highest.length)] };
  });
  const scored = five.map((detector) => withDetector(of, detector));
  return of.map((run, r) => ({
    run,
    scores: run.trace.records.map((_, t) =>
      Math.max(
        ...five.map(
          (_, d) => (scored[d][r].scores[t] - units[d].middle) / Math.max(1e-9, units[d].top - units[d].middle),
        ),
      ),
    ),
  }));
}

function line(name: string, { runs: all, detected, premature, delay, sound, falseAlarms, auc }: Figures): void {
  const share = (count: number, of: number) => (of === 0 ? "–" : `${count}/${of} ${((100 * count) / of).toFixed(0)} %`);
  console.log(
    `${name.padEnd(24)}${share(detected, all).padEnd(16)}${share(falseAlarms, sound).padEnd(15)}${String(premature).padEnd(11)}${(delay === null ? "–" : String(delay)).padEnd(7)}${auc === null ? "–" : auc.toFixed(3)}`,
  );
}

function details(log: LogKind): void {
  const byVariant = new Map<string, string[]>();
  for (const { run, scores } of monitored(heldOut, log)) {
    const alarm = scores.findIndex((score) => score >= defaultAlarm);
    const name = `${run.variant.bed}, ${run.variant.name}`;
    const text = `${run.label} ${Math.max(...scores).toFixed(2)}${alarm < 0 ? "" : ` at ${alarm} (onset ${run.onset ?? "none"})`}`;
    byVariant.set(name, [...(byVariant.get(name) ?? []), text]);
  }
  for (const [name, texts] of byVariant) console.log(`  ${name}\n    ${texts.join("; ")}`);
}

function writeModel(made: Record<"withGold" | "withoutGold", Model>): void {
  const file = new URL("../src/audit/monitor/model.ts", import.meta.url);
  writeFileSync(
    file,
    `/** Weights of the statistics, written by \`npm run bench monitor fit\` from its development runs. */
import type { StatisticName } from "./types.ts";

export interface Model {
  /** Log odds of each statistic at 1. */
  readonly weights: Partial<Record<StatisticName, number>>;
  /** Evidence at which the score is 0.9. */
  readonly threshold: number;
  /** How fast the score's log odds grow with the evidence. */
  readonly slope: number;
}

export const models: { readonly withGold: Model; readonly withoutGold: Model } = ${JSON.stringify(made, null, 2).replace(/"([a-zA-Z0-9]+)":/g, "$1:")};
`,
  );
  console.log("weights written; `npx biome check --write src/audit/monitor/model.ts` formats them\n");
}
