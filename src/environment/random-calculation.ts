import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const kinds = ["integer", "fraction", "square", "cube"] as const;
const operators = ["+", "-", "*", "/"] as const;

/** A rational number: denominator positive, lowest terms not required. */
interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/**
 * Arithmetic expressions that no corpus can contain, with their exact value (RandomCalculation, arXiv 2507.10532).
 *
 * Uniforms are consumed as operand (kind, a, b), then per step (operator, kind, a, b). kind = kinds[⌊u·len⌋], a = ⌊u·(max + 1)⌋; integer "a";
 * fraction "(a/b)", b = 1 + ⌊u·max⌋; square "a^2"; cube "a^3" (b drawn, unused). operator = operators[⌊u·len⌋]; division by zero becomes +.
 * Folds left: "(expression operator operand)". `numerator` and `denominator` are the exact value in lowest terms, denominator positive;
 * `value` the nearest double, null beyond its range. Error: fewer than 3 + 4·steps uniforms.
 */
export const randomCalculation = definePart({
  id: "environment/random-calculation",
  papers: ["random-calculation"],
  params: z.object({
    steps: z.int().min(0).max(1000).default(5).describe("operations"),
    maxInteger: z.int().positive().max(1_000_000).default(100).describe("largest operand"),
    kinds: z
      .array(z.enum(kinds))
      .min(1)
      .default([...kinds])
      .describe("kinds of operands"),
    operators: z
      .array(z.enum(operators))
      .min(1)
      .default([...operators])
      .describe("operators"),
  }),
  inputs: z.object({ uniforms: vector("U", "3 + 4·steps numbers in [0, 1)") }),
  outputs: z.object({
    expression: z.string().describe("what is to be calculated"),
    numerator: z.string().describe("decimal digits of the exact value"),
    denominator: z.string().describe("decimal digits of the exact value, positive"),
    value: z.number().nullable().describe("the value as a double"),
  }),
  compute({ steps, maxInteger, kinds: kindList, operators: operatorList }, { uniforms }) {
    const needed = 3 + 4 * steps;
    if (uniforms.length < needed) {
      throw new ContractError("inputs.uniforms", `expected ${needed} entries, got ${uniforms.length}`);
    }
    let used = 0;
    const below = (size: number) => Math.min(size - 1, Math.max(0, Math.floor(uniforms[used++] * size)));
    const operand = (): { text: string; value: Rational } => {
      const kind = kindList[below(kindList.length)];
      const a = below(maxInteger + 1);
      const b = 1 + below(maxInteger);
      const integer = BigInt(a);
      if (kind === "fraction") return { text: `(${a}/${b})`, value: { numerator: integer, denominator: BigInt(b) } };
      if (kind === "square") return { text: `${a}^2`, value: { numerator: integer ** 2n, denominator: 1n } };
      if (kind === "cube") return { text: `${a}^3`, value: { numerator: integer ** 3n, denominator: 1n } };
      return { text: `${a}`, value: { numerator: integer, denominator: 1n } };
    };
    const first = operand();
    let expression = first.text;
    let value = reduced(first.value);
    for (let step = 0; step < steps; step++) {
      const drawn = operatorList[below(operatorList.length)];
      const { text, value: right } = operand();
      const operator = drawn === "/" && right.numerator === 0n ? "+" : drawn;
      expression = `(${expression} ${operator} ${text})`;
      value = reduced(apply(operator, value, right));
    }
    return {
      expression,
      numerator: value.numerator.toString(),
      denominator: value.denominator.toString(),
      value: toDouble(value),
    };
  },
});

function apply(operator: (typeof operators)[number], x: Rational, y: Rational): Rational {
  const denominator = x.denominator * y.denominator;
  if (operator === "+") return { numerator: x.numerator * y.denominator + y.numerator * x.denominator, denominator };
  if (operator === "-") return { numerator: x.numerator * y.denominator - y.numerator * x.denominator, denominator };
  if (operator === "*") return { numerator: x.numerator * y.numerator, denominator };
  return { numerator: x.numerator * y.denominator, denominator: x.denominator * y.numerator };
}

function reduced({ numerator, denominator }: Rational): Rational {
  let a = numerator < 0n ? -numerator : numerator;
  let b = denominator < 0n ? -denominator : denominator;
  while (b !== 0n) [a, b] = [b, a % b];
  const divisor = denominator < 0n ? -a : a;
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The double nearest to the quotient (within one unit in the last place), null when it is infinite. */
function toDouble({ numerator, denominator }: Rational): number | null {
  const size = (x: bigint) => x.toString(16).length * 4;
  // Both sides are shortened alike until doubles hold them; 64 bits beyond a double's 53 decide nothing.
  const excess = Math.max(0, Math.min(size(numerator), size(denominator)) - 512);
  const shift = BigInt(excess);
  const value = Number(numerator >> shift) / Number(denominator >> shift);
  return Number.isFinite(value) ? value : null;
}
