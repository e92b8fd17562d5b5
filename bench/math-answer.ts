/**
 * Milliseconds a sample of `signal/math-answer`, warm, one thread, extraction from the whole solution
 * included. Uses MATH-500 when GUERDON_DATA names a folder with `math500/test.jsonl`, else solutions
 * generated here. Prints Math-Verify beside it when python3 has it. Run: npm run bench -- math-answer
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "../src/core/random.ts";
import { mathAnswer } from "../src/signal/math/math-answer.ts";

interface Sample {
  readonly solution: string;
  readonly answer: string;
}

const SEED = "math-answer";
const file = process.env.GUERDON_DATA ? join(process.env.GUERDON_DATA, "math500/test.jsonl") : "";
const real = file !== "" && existsSync(file);
const samples = real ? readSamples(file) : generate(500);

function readSamples(path: string): Sample[] {
  return readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Sample);
}

/** Solutions of the length and make-up of MATH, each answer written differently from its reference. */
function generate(count: number): Sample[] {
  const random = createRandom(SEED);
  const forms: ((a: number, b: number) => [string, string])[] = [
    (a, b) => [String(a * b), String(a * b)],
    (a, b) => [`\\dfrac{${a}}{${b}}`, `\\frac{${2 * a}}{${2 * b}}`],
    (a, b) => [`${a}\\sqrt{${b}}`, `\\sqrt{${a * a * b}}`],
    (a, b) => [`(x-${a})(x+${b})`, `x^2 + ${b - a}x - ${a * b}`],
    (a, b) => [`\\left(${a}, \\frac{\\pi}{${b}}\\right)`, `(${a},\\frac{\\pi}{${b}})`],
    (a, b) => [`(-\\infty, ${a}) \\cup (${a + b}, \\infty)`, `(-\\infty,${a})\\cup(${a + b},\\infty)`],
    (a, b) => [`\\begin{pmatrix} ${a} \\\\ ${b} \\end{pmatrix}`, `\\begin{bmatrix}${a}\\\\${b}\\end{bmatrix}`],
    (a, b) => [`${a} \\pm \\sqrt{${b}}`, `${a}-\\sqrt{${b}},${a}+\\sqrt{${b}}`],
    (a, b) => [`y = ${a}x + ${b}`, `${a}x - y = -${b}`],
    (a, b) => [`${a * 1000 + b}\\text{ cm}^2`, `${a}{,}${String(b).padStart(3, "0")}`],
  ];
  return Array.from({ length: count }, () => {
    const [given, reference] = forms[random.integer(forms.length)](2 + random.integer(98), 2 + random.integer(98));
    const steps = Array.from(
      { length: 4 + random.integer(12) },
      () => `we have $${random.integer(99)}x + \\frac{${random.integer(9)}}{7} = ${random.integer(999)}$, so\n`,
    );
    return { solution: `${steps.join("")}the answer is $\\boxed{${given}}$.`, answer: reference };
  });
}

const judge = mathAnswer();

/** Best of several passes, in milliseconds a sample. */
function measure(responses: string[], references: string[]): { ms: number; correct: number } {
  const passes = 15;
  let best = Number.POSITIVE_INFINITY;
  let correct = 0;
  for (let pass = 0; pass < passes; pass++) {
    const start = performance.now();
    const outputs = judge({ responses, references });
    best = Math.min(best, (performance.now() - start) / responses.length);
    correct = outputs.correct.filter((verdict) => verdict === true).length;
  }
  return { ms: best, correct };
}

function print(name: string, { ms, correct }: { ms: number; correct: number }, count: number) {
  console.log(`${name.padEnd(52)} ${ms.toFixed(4)} ms a sample   ${correct}/${count} correct`);
}

console.log(real ? "MATH-500" : `generated solutions, seed "${SEED}" (set GUERDON_DATA for MATH-500)`);
const references = samples.map((sample) => sample.answer);
print(
  "own solutions",
  measure(
    samples.map((sample) => sample.solution),
    references,
  ),
  samples.length,
);
// The same answers in other spelling: nothing is decided by identical text.
const respelled = samples.map((sample) => `\\boxed{ {${sample.answer}} }`);
print("answers respelled, every one parsed", measure(respelled, references), samples.length);
const shifted = samples.map((_, n) => samples[(n + 1) % samples.length].solution);
print("solutions of another problem", measure(shifted, references), samples.length);

const peer = spawnSync(
  "python3",
  [
    "-c",
    `
import json, sys, time
from math_verify import parse, verify
samples = json.load(sys.stdin)
run = lambda: [verify(parse("$" + s["answer"] + "$"), parse(s["solution"])) for s in samples]
run(); start = time.perf_counter(); correct = sum(run())
print(f"{(time.perf_counter() - start) * 1000 / len(samples):.4f} ms a sample   {correct}/{len(samples)} correct")
`,
  ],
  { input: JSON.stringify(samples), encoding: "utf8" },
);
console.log(`Math-Verify: ${peer.status === 0 ? peer.stdout.trim() : "absent (python3 cannot import math_verify)"}`);
