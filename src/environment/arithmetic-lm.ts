/**
 * The bed `arithmetic-lm`: problems in arithmetic for a tiny language model, with demonstrations, an
 * exact verifier, and a fixed division into training and held-out problems. Papers' cards leave it
 * open; docs/lab.md says what was chosen and why.
 *
 * One character is one token (32 of them). A sequence is a prompt that ends in `=`, padded on the left
 * with `_` to one length, and a reply that ends in `$`:
 *
 *     sum modulo 10, chain      3+5+6+2=8,4,6$       running sums; the last one is the answer
 *                    direct     3+5+6+2=6$
 *                    tagged     3+5+6+2=<8,4>6$      the answer stands behind the tag
 *                    checks 2   3+5+6+2=8,4,6!6!6$   redundant check blocks
 *     addition,      chain      47+86=331,133$       digits from the last one, then the answer
 *     calculation    direct     ((3-7)+2)=-2$        left-nested sums and differences
 */
import { ContractError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import { randomCalculation } from "./random-calculation.ts";

/** Token t is character t. `_` pads, `$` ends; what no task uses is there for papers (pauses, goals, marks). */
export const arithmeticVocabulary = "_$0123456789+-*=,!<>()?/^;:~#GBT";
export const arithmeticPadding = 0;
export const arithmeticEnd = 1;

export interface ArithmeticTask {
  /** `sum`: of `operands` digits below `modulus`, modulo it. `addition`: two numbers of `operands` digits in base `modulus`. `calculation`: `operands` digits, + and −. */
  readonly kind: "sum" | "addition" | "calculation";
  /** Difficulty: 2 to 8. */
  readonly operands: number;
  /** 2 to 10. */
  readonly modulus: number;
  readonly reply: "chain" | "direct" | "tagged";
  /** Check blocks `!answer` behind a chain, 0 to 4. */
  readonly checks: number;
  /** Sums only: chance that a demonstrated running sum is a wrong digit, from which the chain then goes on. */
  readonly carelessness: number;
  /** Sums only: chance that a demonstration skips the running sums and repeats the last operand as its answer. */
  readonly haste: number;
}

export const defaultArithmeticTask: ArithmeticTask = {
  kind: "sum",
  operands: 4,
  modulus: 10,
  reply: "chain",
  checks: 0,
  carelessness: 0,
  haste: 0,
};

export interface ArithmeticProblem {
  readonly prompt: string;
  readonly answer: string;
  /** The demonstrated reply. */
  readonly demonstration: string;
}

export function checkArithmeticTask(task: ArithmeticTask): void {
  const whole = (name: "operands" | "modulus" | "checks", low: number, high: number) => {
    if (!Number.isInteger(task[name]) || task[name] < low || task[name] > high)
      throw new ContractError(`task.${name}`, `expected an integer from ${low} to ${high}, got ${task[name]}`);
  };
  const oneOf = (name: "kind" | "reply", choices: readonly string[]) => {
    if (!choices.includes(task[name]))
      throw new ContractError(`task.${name}`, `expected one of ${choices.join(", ")}, got ${task[name]}`);
  };
  for (const name of Object.keys(task))
    if (!(name in defaultArithmeticTask))
      throw new ContractError(
        `task.${name}`,
        `no such option; there are ${Object.keys(defaultArithmeticTask).join(", ")}`,
      );
  oneOf("kind", Object.keys(drawers));
  oneOf("reply", ["direct", "chain", "tagged"]);
  whole("operands", task.kind === "addition" ? 1 : 2, 8);
  whole("modulus", 2, 10);
  whole("checks", 0, 4);
  for (const name of ["carelessness", "haste"] as const) {
    if (!(task[name] >= 0 && task[name] < 1))
      throw new ContractError(`task.${name}`, `expected a number in [0, 1), got ${task[name]}`);
  }
  if (task.kind === "calculation" && task.reply !== "direct")
    throw new ContractError("task.reply", `expected direct for a calculation, got ${task.reply}`);
  if (task.kind === "addition" && task.reply === "tagged")
    throw new ContractError("task.reply", "expected chain or direct for an addition, got tagged");
}

/** Columns of the longest prompt and of the longest demonstrated reply. */
export function arithmeticLengths(task: ArithmeticTask): { promptLength: number; replyLength: number } {
  checkArithmeticTask(task);
  const { kind, operands, reply } = task;
  const checks = reply === "chain" ? 2 * task.checks : 0;
  if (kind === "calculation") return { promptLength: 4 * operands - 2, replyLength: 4 };
  if (kind === "addition") {
    const digits = operands + 1;
    const chain = reply === "chain" ? digits + 1 : 0;
    return { promptLength: 2 * operands + 2, replyLength: chain + digits * (1 + checks / 2) + checks / 2 + 1 };
  }
  const running = Math.max(0, 2 * (operands - 2) - 1);
  const replies = { direct: 2, chain: 2 * (operands - 1) + checks, tagged: running + 4 };
  return { promptLength: 2 * operands, replyLength: replies[reply] };
}

/** A problem of either split: one in five is held out, decided by its prompt alone. */
export function drawArithmeticProblem(
  task: ArithmeticTask,
  random: Random,
  split: "training" | "held-out",
): ArithmeticProblem {
  // One in five is held out, so 1000 draws miss a split only where it is empty.
  for (let attempt = 0; attempt < 1000; attempt++) {
    const problem = drawers[task.kind](task, random);
    if (isHeldOut(problem.prompt) === (split === "held-out")) return problem;
  }
  throw new ContractError("task", `no ${split} problem: there are too few problems of this kind`);
}

const drawers = { sum: drawSum, addition: drawAddition, calculation: drawCalculation };

function drawSum(
  { operands, modulus, reply, checks, carelessness, haste }: ArithmeticTask,
  random: Random,
): ArithmeticProblem {
  const digits = Array.from({ length: operands }, () => random.integer(modulus));
  const answer = String(digits.reduce((sum, digit) => sum + digit) % modulus);
  const running: number[] = [];
  digits.reduce((sum, digit) => {
    const careless = carelessness > 0 && random.uniform() < carelessness;
    const written = (sum + digit + (careless ? 1 + random.integer(modulus - 1) : 0)) % modulus;
    running.push(written);
    return written;
  });
  const last = running[running.length - 1];
  const chains = {
    direct: `${last}`,
    chain: `${running.join(",")}${`!${last}`.repeat(checks)}`,
    tagged: `<${running.slice(0, -1).join(",")}>${last}`,
  };
  const hasty = haste > 0 && random.uniform() < haste;
  const text = hasty ? String(digits[digits.length - 1]) : chains[reply];
  return { prompt: `${digits.join("+")}=`, answer, demonstration: `${text}$` };
}

function drawAddition({ operands, modulus, reply, checks }: ArithmeticTask, random: Random): ArithmeticProblem {
  const number = () => random.integer(modulus ** operands);
  const [a, b] = [number(), number()];
  const inBase = (n: number, digits: number) => n.toString(modulus).padStart(digits, "0");
  const answer = inBase(a + b, operands + 1);
  const reversed = [...answer].reverse().join("");
  const text = reply === "direct" ? answer : `${reversed},${answer}${`!${answer}`.repeat(checks)}`;
  return { prompt: `${inBase(a, operands)}+${inBase(b, operands)}=`, answer, demonstration: `${text}$` };
}

function drawCalculation({ operands }: ArithmeticTask, random: Random): ArithmeticProblem {
  const uniforms = Float64Array.from({ length: 3 + 4 * (operands - 1) }, () => random.uniform());
  const params = {
    steps: operands - 1,
    maxInteger: 9,
    kinds: ["integer" as const],
    operators: ["+" as const, "-" as const],
  };
  const { expression, numerator } = randomCalculation(params)({ uniforms });
  return { prompt: `${expression.replaceAll(" ", "")}=`, answer: numerator, demonstration: `${numerator}$` };
}

/** Every fifth prompt, by its FNV-1a hash. */
function isHeldOut(prompt: string): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < prompt.length; i++) hash = Math.imul(hash ^ prompt.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % 5 === 0;
}

const tokenOf = new Map(Array.from(arithmeticVocabulary, (character, token) => [character, token]));

/** Tokens of a text, padded to `length` on the left (prompts) or on the right (replies). */
export function encodeArithmetic(text: string, length: number, side: "left" | "right"): Int32Array {
  const tokens = new Int32Array(length).fill(arithmeticPadding);
  if (text.length > length)
    throw new ContractError("text", `expected at most ${length} characters, got ${text.length}`);
  const start = side === "left" ? length - text.length : 0;
  for (let i = 0; i < text.length; i++) {
    const token = tokenOf.get(text[i]);
    if (token === undefined) throw new ContractError("text", `${JSON.stringify(text[i])} is not in the vocabulary`);
    tokens[start + i] = token;
  }
  return tokens;
}

/** The characters of tokens, padding left out. */
export function decodeArithmetic(tokens: ArrayLike<number>): string {
  let text = "";
  for (let i = 0; i < tokens.length; i++)
    if (tokens[i] !== arithmeticPadding) text += arithmeticVocabulary[tokens[i]] ?? "";
  return text;
}

/**
 * What a reply is worth. The answer is what stands between the last `,`, `!` or `>` and the `$` that ends
 * the reply. `valid`: it ends in its only `$`, has an answer that is a number, and, where the task wants
 * tags, one `<…>` at its start. `correct`: valid, and the answer is the problem's, character for character.
 */
export function verifyArithmetic(
  task: ArithmeticTask,
  problem: ArithmeticProblem,
  reply: string,
): { correct: boolean; valid: boolean } {
  if (reply.indexOf("$") !== reply.length - 1) return { correct: false, valid: false };
  const body = reply.slice(0, -1);
  const answer = body.slice(Math.max(body.lastIndexOf(","), body.lastIndexOf("!"), body.lastIndexOf(">")) + 1);
  const tagged =
    task.reply !== "tagged" || (body[0] === "<" && body.split("<").length === 2 && body.split(">").length === 2);
  const valid = tagged && /^-?[0-9]+$/.test(answer);
  return { correct: valid && answer === problem.answer, valid };
}
