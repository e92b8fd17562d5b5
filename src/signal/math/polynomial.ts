import { charge, OutOfBudget } from "./budget.ts";
import { exactRoot, integerRoot, rationalOf } from "./exact.ts";
import type { Node } from "./node.ts";
import {
  absolute,
  add,
  divide,
  equal,
  gcd,
  integer,
  multiply,
  negate,
  ONE,
  type Rational,
  roundsEqual,
  ZERO,
} from "./rational.ts";

/**
 * The exact form of an expression: a quotient of polynomials with rational coefficients in the
 * variables, π, e, i and square roots of square-free integers. These atoms are independent (up to
 * i² = −1 and √n² = n, which are applied), so two such forms are equal exactly when their cross
 * products are the same polynomial.
 */
export interface Fraction {
  readonly top: Polynomial;
  readonly bottom: Polynomial;
}

/** Monomial → coefficient; a monomial is its atoms with exponents in order, `pi^1*x^2`. */
type Polynomial = ReadonlyMap<string, Term>;

interface Term {
  readonly atoms: readonly string[];
  readonly exponents: readonly number[];
  readonly coefficient: Rational;
}

const MOST_TERMS = 400;
const LARGEST_EXPONENT = 10_000;
const CONSTANT: Term = { atoms: [], exponents: [], coefficient: ONE };

function polynomial(coefficient: Rational, atom?: string): Polynomial {
  if (coefficient.n === 0n) return new Map();
  if (atom === undefined) return new Map([["", { ...CONSTANT, coefficient }]]);
  return new Map([[`${atom}^1`, { atoms: [atom], exponents: [1], coefficient }]]);
}

const UNIT = polynomial(ONE);

/** The exact form; null when the expression has none (functions, odd roots, variable exponents). */
export function fractionOf(node: Node): Fraction | null {
  charge(2);
  switch (node.kind) {
    case "number":
      return { top: polynomial(node.value), bottom: UNIT };
    case "symbol":
      return { top: polynomial(ONE, `x:${node.name}`), bottom: UNIT };
    case "constant":
      return node.name === "infinity" ? null : { top: polynomial(ONE, node.name), bottom: UNIT };
    case "percent": {
      const value = fractionOf(node.items[0]);
      return value && { top: value.top, bottom: times(value.bottom, polynomial(integer(100))) };
    }
    case "add": {
      let sum: Fraction | null = null;
      for (const item of node.items) {
        const value = fractionOf(item);
        if (value === null) return null;
        sum = sum === null ? value : plus(sum, value);
      }
      return sum;
    }
    case "multiply": {
      let product: Fraction | null = null;
      for (const item of node.items) {
        const value = fractionOf(item);
        if (value === null) return null;
        product =
          product === null
            ? value
            : { top: times(product.top, value.top), bottom: times(product.bottom, value.bottom) };
      }
      return product;
    }
    case "divide": {
      const top = fractionOf(node.items[0]);
      if (top === null) return null;
      const bottom = fractionOf(node.items[1]);
      if (bottom === null || bottom.top.size === 0) return null;
      return { top: times(top.top, bottom.bottom), bottom: times(top.bottom, bottom.top) };
    }
    case "root": {
      const index = rationalOf(node.items[1]);
      if (index === null || index.d !== 1n) return null;
      return rootOf(node.items[0], index.n);
    }
    case "power": {
      const exponent = rationalOf(node.items[1]);
      if (exponent === null) return null;
      if (exponent.d === 2n) {
        const root = rootOf(node.items[0], 2n);
        return root && integerPower(root, exponent.n);
      }
      if (exponent.d !== 1n) return null;
      const base = fractionOf(node.items[0]);
      return base && integerPower(base, exponent.n);
    }
    case "call": {
      if (node.name === "unit") return fractionOf(node.items[1]);
      const value = rationalOf(node);
      return value && { top: polynomial(value), bottom: UNIT };
    }
    default:
      return null;
  }
}

export function equalFractions(a: Fraction, b: Fraction): boolean {
  return samePolynomial(times(a.top, b.bottom), times(b.top, a.bottom));
}

/** Whether two polynomials agree in every coefficient after rounding to `digits` decimals. */
export function nearPolynomials(a: Fraction, b: Fraction, digits: number): boolean {
  const x = overConstant(a);
  const y = overConstant(b);
  if (x === null || y === null) return false;
  const near = (key: string) => {
    const left = x.get(key)?.coefficient ?? ZERO;
    const right = y.get(key)?.coefficient ?? ZERO;
    return equal(left, right) || roundsEqual(left, right, digits);
  };
  return [...x.keys(), ...y.keys()].every(near);
}

function overConstant(fraction: Fraction): Polynomial | null {
  const constant = fraction.bottom.get("");
  if (constant === undefined || fraction.bottom.size !== 1) return null;
  const inverse = divide(ONE, constant.coefficient);
  return inverse && times(fraction.top, polynomial(inverse));
}

/** Whether a = c·b for a number c ≠ 0 (0 only to 0); the sign of c with it. */
export function proportional(a: Fraction, b: Fraction): { readonly proportional: boolean; readonly positive: boolean } {
  const left = times(a.top, b.bottom);
  const right = times(b.top, a.bottom);
  if (left.size === 0 || right.size === 0) return { proportional: left.size === right.size, positive: true };
  if (left.size !== right.size) return { proportional: false, positive: false };
  let factor: Rational | null = null;
  for (const [key, term] of left) {
    const other = right.get(key);
    if (other === undefined) return { proportional: false, positive: false };
    const quotient = divide(term.coefficient, other.coefficient);
    if (quotient === null || (factor !== null && !equal(factor, quotient)))
      return { proportional: false, positive: false };
    factor = quotient;
  }
  return { proportional: true, positive: factor !== null && factor.n > 0n };
}

function rootOf(node: Node, index: bigint): Fraction | null {
  const under = rationalOf(node);
  if (under === null) return null;
  if (index !== 2n) {
    const root =
      index > 1n && index <= 64n && (under.n >= 0n || index % 2n === 1n) ? exactRoot(under, Number(index)) : null;
    return root && { top: polynomial(root), bottom: UNIT };
  }
  // √(p/q) = √(pq)/q
  const split = squareFree(absolute({ n: under.n * under.d, d: 1n }).n);
  if (split === null) return null;
  let top = polynomial({ n: split.outside, d: 1n });
  if (split.inside !== 1n) top = times(top, polynomial(ONE, `r:${split.inside}`));
  if (under.n < 0n) top = times(top, polynomial(ONE, "i"));
  return { top, bottom: polynomial({ n: under.d, d: 1n }) };
}

const SPLITS = new Map<bigint, { readonly outside: bigint; readonly inside: bigint } | null>();

/** n = outside² · inside with inside square-free; null when n is too large to tell. */
function squareFree(n: bigint): { readonly outside: bigint; readonly inside: bigint } | null {
  if (n < 2n) return { outside: n === 0n ? 0n : 1n, inside: 1n };
  // The same price whether or not the answer is known already.
  charge(n < 1_000_000n ? 5 : n < 1n << 53n ? 60 : 600);
  const known = SPLITS.get(n);
  if (known !== undefined) return known;
  const result = splitSquares(n);
  if (SPLITS.size > 2000) SPLITS.clear();
  SPLITS.set(n, result);
  return result;
}

function splitSquares(n: bigint): { readonly outside: bigint; readonly inside: bigint } | null {
  let outside = 1n;
  let inside = 1n;
  let rest = n;
  if (n >= 1n << 53n) {
    // Small factors first, exactly; what remains must fit a double.
    for (let p = 2n; p < 1000n; p++) {
      while (rest % (p * p) === 0n) {
        rest /= p * p;
        outside *= p;
      }
      if (rest % p === 0n) {
        rest /= p;
        inside *= p;
      }
    }
    const root = integerRoot(rest, 2);
    if (root !== null) return { outside: outside * root, inside };
    if (rest >= 1n << 53n) return null;
  }
  let m = Number(rest);
  const limit = 20_000;
  for (let p = 2; p <= limit && p * p <= m; p++) {
    while (m % (p * p) === 0) {
      m /= p * p;
      outside *= BigInt(p);
    }
    if (m % p === 0) {
      m /= p;
      inside *= BigInt(p);
    }
  }
  // No prime factor up to the limit is left: m is 1, a prime, p·q or p² when below limit³.
  const root = Math.round(Math.sqrt(m));
  if (m > 1 && root * root === m) return { outside: outside * BigInt(root), inside };
  if (m >= limit ** 3) return null;
  return { outside, inside: inside * BigInt(m) };
}

function integerPower(base: Fraction, exponent: bigint): Fraction | null {
  if (exponent < 0n) {
    if (base.top.size === 0) return null;
    return integerPower({ top: base.bottom, bottom: base.top }, -exponent);
  }
  if (exponent > BigInt(LARGEST_EXPONENT)) throw new OutOfBudget("an exponent too large to expand");
  let result: Fraction = { top: UNIT, bottom: UNIT };
  let square = base;
  for (let k = Number(exponent); k > 0; k >>= 1) {
    if (k & 1) result = { top: times(result.top, square.top), bottom: times(result.bottom, square.bottom) };
    if (k > 1) square = { top: times(square.top, square.top), bottom: times(square.bottom, square.bottom) };
  }
  return result;
}

function plus(a: Fraction, b: Fraction): Fraction {
  if (samePolynomial(a.bottom, b.bottom)) return { top: sumOf(a.top, b.top), bottom: a.bottom };
  return { top: sumOf(times(a.top, b.bottom), times(b.top, a.bottom)), bottom: times(a.bottom, b.bottom) };
}

function sumOf(a: Polynomial, b: Polynomial): Polynomial {
  const sum = new Map(a);
  charge(a.size + b.size);
  for (const [key, term] of b) accumulate(sum, key, term);
  return sum;
}

function accumulate(sum: Map<string, Term>, key: string, term: Term) {
  const before = sum.get(key);
  if (before === undefined) {
    if (sum.size >= MOST_TERMS) throw new OutOfBudget(`a polynomial of more than ${MOST_TERMS} terms`);
    sum.set(key, term);
    return;
  }
  const coefficient = add(before.coefficient, term.coefficient);
  if (coefficient.n === 0n) sum.delete(key);
  else sum.set(key, { ...before, coefficient });
}

function times(a: Polynomial, b: Polynomial): Polynomial {
  if (a === UNIT) return b;
  if (b === UNIT) return a;
  const product = new Map<string, Term>();
  charge(a.size * b.size * 4);
  for (const x of a.values()) {
    for (const y of b.values()) {
      const term = timesTerm(x, y);
      let key = "";
      for (let k = 0; k < term.atoms.length; k++) key += `${k === 0 ? "" : "*"}${term.atoms[k]}^${term.exponents[k]}`;
      accumulate(product, key, term);
    }
  }
  return product;
}

function timesTerm(x: Term, y: Term): Term {
  if (x.atoms.length === 0) return { ...y, coefficient: multiply(x.coefficient, y.coefficient) };
  if (y.atoms.length === 0) return { ...x, coefficient: multiply(x.coefficient, y.coefficient) };
  let coefficient = multiply(x.coefficient, y.coefficient);
  const powers = new Map<string, number>();
  let radicand = 1n;
  for (const term of [x, y]) {
    for (let k = 0; k < term.atoms.length; k++) {
      const atom = term.atoms[k];
      if (atom.startsWith("r:")) {
        // √a·√b = g·√(ab/g²)
        const other = BigInt(atom.slice(2));
        const common = gcd(radicand, other);
        coefficient = multiply(coefficient, { n: common, d: 1n });
        radicand = (radicand / common) * (other / common);
      } else powers.set(atom, (powers.get(atom) ?? 0) + term.exponents[k]);
    }
  }
  const imaginary = powers.get("i");
  if (imaginary !== undefined) {
    if (imaginary % 4 >= 2) coefficient = negate(coefficient);
    if (imaginary % 2 === 0) powers.delete("i");
    else powers.set("i", 1);
  }
  if (radicand !== 1n) powers.set(`r:${radicand}`, 1);
  const atoms = [...powers.keys()].sort();
  return { atoms, exponents: atoms.map((atom) => powers.get(atom) ?? 0), coefficient };
}

function samePolynomial(a: Polynomial, b: Polynomial): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, term] of a) {
    const other = b.get(key);
    if (other === undefined || !equal(term.coefficient, other.coefficient)) return false;
  }
  return true;
}
