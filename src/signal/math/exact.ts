import { charge, OutOfBudget } from "./budget.ts";
import type { Node } from "./node.ts";
import {
  absolute,
  add,
  compare,
  divide,
  floor,
  gcd,
  integer,
  multiply,
  negate,
  ONE,
  power,
  type Rational,
  ZERO,
} from "./rational.ts";

/** The value of an expression without variables, roots and the like; null when it is none. */
export function rationalOf(node: Node): Rational | null {
  charge(1);
  switch (node.kind) {
    case "number":
      return node.value;
    case "add": {
      let sum = ZERO;
      for (const item of node.items) {
        const value = rationalOf(item);
        if (value === null) return null;
        sum = add(sum, value);
      }
      return sum;
    }
    case "multiply": {
      let product = ONE;
      for (const item of node.items) {
        const value = rationalOf(item);
        if (value === null) return null;
        product = multiply(product, value);
      }
      return product;
    }
    case "divide": {
      const top = rationalOf(node.items[0]);
      if (top === null) return null;
      const bottom = rationalOf(node.items[1]);
      return bottom === null ? null : divide(top, bottom);
    }
    case "percent": {
      const value = rationalOf(node.items[0]);
      return value === null ? null : divide(value, integer(100));
    }
    case "power": {
      const exponent = rationalOf(node.items[1]);
      if (exponent === null || exponent.d !== 1n) return null;
      const base = rationalOf(node.items[0]);
      if (base === null || exponent.n > 1_000_000n || exponent.n < -1_000_000n) return unitPower(base, exponent);
      return power(base, Number(exponent.n));
    }
    case "root": {
      const index = rationalOf(node.items[1]);
      const under = rationalOf(node.items[0]);
      if (under === null || index === null || index.d !== 1n || index.n < 2n || index.n > 64n) return null;
      return exactRoot(under, Number(index.n));
    }
    case "call":
      return rationalCall(node.name, node.items);
    default:
      return null;
  }
}

/** 0, 1 and −1 to any integer power. */
function unitPower(base: Rational | null, exponent: Rational): Rational | null {
  if (base === null || base.d !== 1n) return null;
  if (base.n === 1n) return ONE;
  if (base.n === 0n) return exponent.n > 0n ? ZERO : null;
  if (base.n === -1n) return integer(exponent.n % 2n === 0n ? 1 : -1);
  return null;
}

function rationalCall(name: string, items: readonly Node[]): Rational | null {
  if (name === "unit") return null;
  if (!/^(?:factorial|doublefactorial|binom|abs|floor|ceil|sgn|gcd|lcm|min|max|mod|cbrt)$/.test(name)) return null;
  const values: Rational[] = [];
  for (const item of items) {
    const value = rationalOf(item);
    if (value === null) return null;
    values.push(value);
  }
  const [a, b] = values;
  switch (name) {
    case "factorial":
    case "doublefactorial": {
      if (a.d !== 1n || a.n < 0n) return null;
      if (a.n > 1500n) throw new OutOfBudget("a factorial above 1500!");
      let product = 1n;
      charge(Number(a.n) * 4);
      for (let k = a.n; k > 1n; k -= name === "factorial" ? 1n : 2n) product *= k;
      return integer(product);
    }
    case "binom": {
      if (a.d !== 1n || b.d !== 1n || b.n < 0n || a.n < 0n) return null;
      if (b.n > a.n) return ZERO;
      const k = b.n * 2n > a.n ? a.n - b.n : b.n;
      if (k > 2000n || a.n > 10n ** 9n) throw new OutOfBudget("a binomial coefficient too large");
      let product = 1n;
      charge(Number(k) * 8);
      for (let j = 1n; j <= k; j++) product = (product * (a.n - k + j)) / j;
      return integer(product);
    }
    case "abs":
      return absolute(a);
    case "floor":
      return integer(floor(a));
    case "ceil":
      return integer(-floor(negate(a)));
    case "sgn":
      return integer(a.n > 0n ? 1 : a.n < 0n ? -1 : 0);
    case "cbrt":
      return exactRoot(a, 3);
    case "min":
      return values.reduce((least, value) => (compare(value, least) < 0 ? value : least));
    case "max":
      return values.reduce((most, value) => (compare(value, most) > 0 ? value : most));
    case "mod": {
      if (values.length !== 2 || a.d !== 1n || b.d !== 1n || b.n <= 0n) return null;
      return integer(((a.n % b.n) + b.n) % b.n);
    }
    case "gcd":
    case "lcm": {
      if (!values.every((value) => value.d === 1n && value.n !== 0n)) return null;
      return values.reduce((x, y) => {
        const common = gcd(x.n, y.n);
        return integer(name === "gcd" ? common : absolute(multiply(x, y)).n / common);
      });
    }
    default:
      return null;
  }
}

/** The rational root, if there is one; odd roots of negative numbers are negative. */
export function exactRoot(under: Rational, index: number): Rational | null {
  if (under.n < 0n && index % 2 === 0) return null;
  const sign = under.n < 0n ? -1n : 1n;
  const top = integerRoot(sign * under.n, index);
  if (top === null) return null;
  const bottom = integerRoot(under.d, index);
  return bottom === null ? null : { n: sign * top, d: bottom };
}

export function integerRoot(n: bigint, index: number): bigint | null {
  if (n < 2n) return n;
  const exponent = BigInt(index);
  let root: bigint;
  if (n < 1n << 1000n) {
    root = BigInt(Math.round(Number(n) ** (1 / index)));
  } else root = 1n << BigInt(Math.ceil((n.toString(16).length * 4) / index));
  // Newton from above or near; a few steps settle it.
  for (let step = 0; step < 200; step++) {
    charge(4 + (n.toString(16).length >> 2));
    if (root === 0n) root = 1n;
    const next = ((exponent - 1n) * root + n / root ** (exponent - 1n)) / exponent;
    if (next === root || next === root + 1n || next === root - 1n) {
      for (const candidate of [next - 1n, next, next + 1n])
        if (candidate > 0n && candidate ** exponent === n) return candidate;
      return null;
    }
    root = next;
  }
  return null;
}
