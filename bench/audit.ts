/**
 * How much of what is wrong with rewards the audit finds, and how often it cries wolf.
 *
 *     npm run bench -- audit [--all] [--budget seconds] [name …]
 *
 * Flawed rewards are reconstructions of described mistakes (bench/audit/flawed-*.ts, with their sources); half of
 * them, by a hash of their names, are held out and only run with --all. Found: a finding of at least *major*.
 * Named: one whose mechanism is the described one. Sound rewards should have no finding above *minor*.
 */
import { createHash } from "node:crypto";
import { type AuditReport, audit } from "../src/audit/index.ts";
import { closeCodeSandboxes } from "../src/pipeline/index.ts";
import type { FlawedCase, SoundCase } from "./audit/case.ts";
import { flawedAnswers } from "./audit/flawed-answers.ts";
import { flawedCode } from "./audit/flawed-code.ts";
import { flawedForm } from "./audit/flawed-form.ts";
import { flawedJudges } from "./audit/flawed-judge.ts";
import { sound } from "./audit/sound.ts";

const given = process.argv.slice(2).filter((argument) => argument !== "audit" && argument !== "--");
const all = given.includes("--all");
const budgetAt = given.indexOf("--budget");
const budget = budgetAt >= 0 ? Number(given[budgetAt + 1]) * 1000 : 60_000;
const names = given.filter((argument, i) => !argument.startsWith("--") && (budgetAt < 0 || i !== budgetAt + 1));

/** Not looked at while the detectors were written. */
const heldOut = (id: string) => createHash("sha256").update(id).digest()[0] % 2 === 0;

const flawed: readonly FlawedCase[] = [...flawedAnswers, ...flawedForm, ...flawedJudges, ...flawedCode];
const wanted = (id: string) => (names.length > 0 ? names.includes(id) : all || !heldOut(id));

interface Outcome {
  readonly half: string;
  readonly found: boolean;
  readonly named: boolean;
  readonly first: number | null;
  readonly seconds: number;
  readonly fixed: boolean;
}

async function run(one: FlawedCase | SoundCase): Promise<AuditReport> {
  return audit({ reward: one.reward, kind: one.problems, budget, seed: 0, workers: 0 });
}

function show({ style, honestRight, honestWrong, findings, notes, unfinished }: AuditReport): void {
  console.log(`    ${style}: right ${honestRight}, wrong ${honestWrong} ${notes.join("; ")} ${unfinished.join(", ")}`);
  for (const one of findings) {
    console.log(
      `    ${one.severity} ${one.key} ${one.exploit} (${one.problemsHit}) reward ${one.reward} ${JSON.stringify(one.response.slice(0, 160))} also ${one.also.join(" ")}`,
    );
    for (const { title, after } of one.repairs) console.log(`      ${title}: ${JSON.stringify(after)}`);
  }
}

const outcomes: Outcome[] = [];
console.log("flawed rewards");
for (const one of flawed) {
  if (!wanted(one.id)) continue;
  const report = await run(one);
  const grave = report.findings.filter(({ severity }) => severity !== "minor");
  const named = grave.some(({ mechanism }) => one.hole.includes(mechanism));
  if (given.includes("--show")) show(report);
  const first = grave.length > 0 ? Math.min(...grave.map(({ milliseconds }) => milliseconds)) / 1000 : null;
  const fixed = grave.length > 0 && grave.every(({ repairs }) => repairs.some(({ after }) => after?.fixed));
  outcomes.push({
    half: heldOut(one.id) ? "held out" : "development",
    found: grave.length > 0,
    named,
    first,
    seconds: report.milliseconds / 1000,
    fixed,
  });
  const holes = grave.map(({ mechanism, severity, gain }) => `${severity} ${mechanism} ${gain.toFixed(2)}`).join(", ");
  console.log(
    `  ${grave.length > 0 ? (named ? "found " : "other ") : "MISSED"} ${heldOut(one.id) ? "h" : "d"} ${one.id.padEnd(34)} ${(first ?? 0).toFixed(1).padStart(5)} s of ${(report.milliseconds / 1000).toFixed(1).padStart(5)} s, ${String(report.evaluations).padStart(5)} evaluations  ${holes}`,
  );
}

console.log("sound rewards");
let alarms = 0;
let quiet = 0;
let soundCount = 0;
for (const one of sound) {
  if (names.length > 0 && !names.includes(one.id)) continue;
  soundCount++;
  const report = await run(one);
  if (given.includes("--show")) show(report);
  const grave = report.findings.filter(({ severity }) => severity !== "minor");
  if (grave.length > 0) alarms++;
  if (report.findings.length === 0) quiet++;
  const shown = report.findings
    .map(({ mechanism, severity, exploit }) => `${severity} ${mechanism} (${exploit})`)
    .join(", ");
  console.log(
    `  ${grave.length > 0 ? "ALARM " : "quiet "} ${one.id.padEnd(36)} ${(report.milliseconds / 1000).toFixed(1).padStart(14)} s, ${String(report.evaluations).padStart(5)} evaluations  ${shown}`,
  );
}

const share = (part: number, whole: number) =>
  whole === 0 ? "-" : `${part} of ${whole} (${((100 * part) / whole).toFixed(0)} %)`;
console.log();
for (const half of ["development", "held out"]) {
  const of = outcomes.filter((one) => one.half === half);
  if (of.length === 0) continue;
  const firsts = of.flatMap(({ first }) => (first === null ? [] : [first])).sort((a, b) => a - b);
  const seconds = of.map((one) => one.seconds).sort((a, b) => a - b);
  console.log(
    `${half}: found ${share(of.filter(({ found }) => found).length, of.length)}, named ${share(of.filter(({ named }) => named).length, of.length)}, ` +
      `every grave finding with a repair that was tried and helps ${share(of.filter(({ fixed }) => fixed).length, of.length)}; ` +
      `first finding after ${firsts[firsts.length >> 1]?.toFixed(2)} s (median), ${firsts.at(-1)?.toFixed(1)} s (longest); whole audit ${seconds[seconds.length >> 1].toFixed(1)} s, ${seconds.at(-1)?.toFixed(1)} s`,
  );
}
console.log(
  `sound rewards flagged above minor: ${share(alarms, soundCount)}; without any finding: ${share(quiet, soundCount)}`,
);
await closeCodeSandboxes();
