import { attempt, charge } from "./budget.ts";
import { rationalOf } from "./exact.ts";
import { type Node, some, variables } from "./node.ts";
import { compareValues, evaluate, sampleEqual } from "./numeric.ts";
import { equalFractions, fractionOf, nearPolynomials } from "./polynomial.ts";
import { equal, type Rational, roundsEqual } from "./rational.ts";
import { infinite } from "./region.ts";

export interface EqualityOptions {
  readonly digits: number;
  readonly strict: boolean;
  readonly setRelation: boolean;
}

/** Neither equal nor different could be shown. */
export class Undecided extends Error {}

/** Share of the budget that one comparison may spend on exact forms. */
export const EXACT_STEPS = 60_000;

export function sameExpressions(a: Node, b: Node, options: EqualityOptions): boolean {
  const infinity = infinite(a);
  if (infinity !== 0 || infinite(b) !== 0) return infinity === infinite(b);
  const decimal = hasDecimal(a) || hasDecimal(b);
  const rationals = attempt(EXACT_STEPS, () => {
    const x = rationalOf(a);
    const y = x === null ? null : rationalOf(b);
    return { x, y };
  });
  if (rationals !== null && rationals.x !== null && rationals.y !== null)
    return sameRationals(rationals.x, rationals.y, decimal, options.digits);
  if (
    rationals !== null &&
    !decimal &&
    (isIrrationalRoot(a) ? rationals.x === null && isRational(b) : isIrrationalRoot(b) && rationals.x !== null)
  )
    return false;
  const fractions = attempt(EXACT_STEPS, () => {
    const x = fractionOf(a);
    const y = x === null ? null : fractionOf(b);
    if (x === null || y === null) return null;
    return equalFractions(x, y) || (decimal && nearPolynomials(x, y, options.digits));
  });
  if (fractions === true) return true;
  if (fractions === false && !decimal) return false;
  const tooLarge = rationals === null || fractions === null;
  const names = [...new Set([...variables(a), ...variables(b)])].sort();
  if (names.length === 0) {
    const x = evaluate(a, new Map());
    const y = evaluate(b, new Map());
    // A tower of powers beyond any double is no finite number.
    if (x.re === Number.POSITIVE_INFINITY && a.kind === "power" && Number.isFinite(y.re)) return false;
    if (y.re === Number.POSITIVE_INFINITY && b.kind === "power" && Number.isFinite(x.re)) return false;
    const slack = decimal ? decimalSlack(Math.max(Math.abs(x.re), Math.abs(y.re)), options.digits) : 0;
    const verdict = compareValues(x, y, slack);
    if (verdict === "undecided" && Number.isFinite(x.re) && isUndefined(b)) return false;
    if (verdict === "undecided") throw new Undecided("the values could not be told apart or are not finite");
    if (verdict === "equal" && tooLarge && !decimal && Math.abs(x.re) > 1e9) {
      // Doubles say equal where exact arithmetic gave up: too large to be sure.
      if (hasLargeInteger(a) || hasLargeInteger(b)) throw new Undecided("numbers too large to compare");
    }
    return verdict === "equal";
  }
  const verdict = sampleEqual(a, b, names, decimal ? 0.5 * 10 ** -options.digits : 0);
  if (verdict === "undecided") {
    if (sameShape(a, b)) return true;
    throw new Undecided("too few points where both sides are defined");
  }
  return verdict === "equal";
}

/** Divides by exactly 0 somewhere, so it has no value and equals none. */
function isUndefined(node: Node): boolean {
  return (
    attempt(EXACT_STEPS, () => some(node, (part) => part.kind === "divide" && rationalOf(part.items[1])?.n === 0n)) ===
    true
  );
}

function isRational(node: Node): boolean {
  return attempt(EXACT_STEPS, () => rationalOf(node) !== null) === true;
}

/** A root of a positive rational that is no rational itself: never equal to one, however near. */
function isIrrationalRoot(node: Node): boolean {
  if (node.kind !== "root") return false;
  return (
    attempt(EXACT_STEPS, () => {
      const under = rationalOf(node.items[0]);
      const index = rationalOf(node.items[1]);
      return (
        under !== null &&
        under.n > 0n &&
        index !== null &&
        index.d === 1n &&
        index.n >= 2n &&
        index.n <= 64n &&
        rationalOf(node) === null
      );
    }) === true
  );
}

function sameRationals(a: Rational, b: Rational, decimal: boolean, digits: number): boolean {
  return equal(a, b) || (decimal && roundsEqual(a, b, digits));
}

/** Half a unit of the last digit kept; significant digits once the value itself is smaller. */
function decimalSlack(size: number, digits: number): number {
  return 0.5 * 10 ** -digits * (size < 10 ** -digits ? size : 1);
}

export function hasDecimal(node: Node): boolean {
  return some(node, (part) => part.kind === "number" && part.decimal);
}

function hasLargeInteger(node: Node): boolean {
  return (
    some(node, (part) => part.kind === "number" && (part.value.n > 10n ** 7n || part.value.n < -(10n ** 7n))) ||
    some(node, (part) => part.kind === "power")
  );
}

/** Unknown functions such as f(x): the same name over equal arguments. */
function sameShape(a: Node, b: Node): boolean {
  charge(1);
  if (a.kind !== b.kind) return false;
  if (a.kind === "number" && b.kind === "number") return equal(a.value, b.value);
  if (a.kind === "symbol" || a.kind === "constant") return a.name === (b as typeof a).name;
  if (a.kind === "call" && a.name !== (b as typeof a).name) return false;
  if ("items" in a && "items" in b)
    return a.items.length === b.items.length && a.items.every((item, k) => sameShape(item, b.items[k]));
  return false;
}
