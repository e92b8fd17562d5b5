import { charge, LARGEST_BITS, OutOfBudget } from "./budget.ts";

/** An exact fraction in lowest terms, d > 0. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

export const ZERO: Rational = { n: 0n, d: 1n };
export const ONE: Rational = { n: 1n, d: 1n };

export function integer(n: bigint | number): Rational {
  return { n: BigInt(n), d: 1n };
}

const SMALL = 1n << 62n;

/** Upper bound of the bits of |n|, exact to one hexadecimal digit. */
function bitsOf(n: bigint): number {
  if (n < SMALL && n > -SMALL) return 62;
  return n.toString(16).length * 4;
}

function checked(n: bigint): bigint {
  if (n < SMALL && n > -SMALL) return n;
  const bits = bitsOf(n);
  charge(bits >> 3);
  if (bits > LARGEST_BITS) throw new OutOfBudget(`a number of more than ${LARGEST_BITS} bits`);
  return n;
}

export function gcd(a: bigint, b: bigint): bigint {
  let x = a < 0n ? -a : a;
  let y = b < 0n ? -b : b;
  if (y > SMALL) charge(bitsOf(y) >> 1);
  while (y !== 0n) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}

/** n/d in lowest terms; null for d = 0. */
export function ratio(n: bigint, d: bigint): Rational | null {
  if (d === 0n) return null;
  checked(n);
  checked(d);
  if (d === 1n) return { n, d };
  const common = gcd(n, d);
  const sign = d < 0n ? -1n : 1n;
  return { n: (sign * n) / common, d: (sign * d) / common };
}

/** For denominators that are known not to be 0. */
function reduced(n: bigint, d: bigint): Rational {
  return ratio(n, d) ?? ZERO;
}

export function add(a: Rational, b: Rational): Rational {
  if (a.d === 1n && b.d === 1n) return { n: checked(a.n + b.n), d: 1n };
  return reduced(checked(a.n) * checked(b.d) + checked(b.n) * checked(a.d), a.d * b.d);
}

export function negate(a: Rational): Rational {
  return { n: -a.n, d: a.d };
}

export function multiply(a: Rational, b: Rational): Rational {
  checked(a.n);
  checked(b.n);
  if (a.d === 1n && b.d === 1n) return { n: checked(a.n * b.n), d: 1n };
  return reduced(a.n * b.n, checked(a.d) * checked(b.d));
}

export function divide(a: Rational, b: Rational): Rational | null {
  return ratio(checked(a.n) * checked(b.d), checked(a.d) * checked(b.n));
}

/** a^k for an integer k; null for 0 to a negative power. */
export function power(a: Rational, k: number): Rational | null {
  if (k < 0) return a.n === 0n ? null : power(reduced(a.d, a.n), -k);
  if (a.n === 0n) return k === 0 ? ONE : ZERO;
  const size = Math.max(exactBits(a.n), exactBits(a.d)) * k;
  if (size > LARGEST_BITS) throw new OutOfBudget(`a power of about ${size} bits`);
  charge(1 + (size >> 4));
  return { n: a.n ** BigInt(k), d: a.d ** BigInt(k) };
}

/** log2 |n|, rounded up; 0 for 0 and ±1. */
function exactBits(n: bigint): number {
  const size = n < 0n ? -n : n;
  return size <= 1n ? 0 : (size - 1n).toString(2).length;
}

export function compare(a: Rational, b: Rational): number {
  if (a.d === 1n && b.d === 1n) return a.n < b.n ? -1 : a.n > b.n ? 1 : 0;
  const difference = checked(a.n) * checked(b.d) - checked(b.n) * checked(a.d);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function equal(a: Rational, b: Rational): boolean {
  return a.n === b.n && a.d === b.d;
}

export function absolute(a: Rational): Rational {
  return a.n < 0n ? negate(a) : a;
}

/** Greatest integer not above. */
export function floor(a: Rational): bigint {
  const quotient = a.n / a.d;
  return a.n < 0n && quotient * a.d !== a.n ? quotient - 1n : quotient;
}

/** The nearest double; large ones by their leading bits. */
export function toNumber(a: Rational): number {
  if (a.d === 1n) return Number(a.n);
  const value = Number(a.n) / Number(a.d);
  if (Number.isFinite(value) && (value !== 0 || a.n === 0n)) return value;
  const shift = BigInt(Math.max(exactBits(a.n), exactBits(a.d)) - 1000);
  return Number(a.n >> shift) / Number(a.d >> shift);
}

/** "12", "-.5", "3.25" and "1.2e-7"; null when it is none or its exponent is out of bounds. */
export function parseDecimal(text: string): Rational | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/.exec(text);
  if (!match) return null;
  const whole = match[2];
  const fraction = match[3] ?? "";
  if (whole === "" && fraction === "") return null;
  const sign = match[1] === "-" ? -1n : 1n;
  const exponent = Number(match[4] ?? 0) - fraction.length;
  const digits = sign * BigInt(whole + fraction);
  if (exponent === 0) return { n: digits, d: 1n };
  if (exponent > 4000) throw new OutOfBudget("a decimal exponent above 4000");
  if (exponent > 0) return { n: checked(digits * 10n ** BigInt(exponent)), d: 1n };
  return ratio(digits, 10n ** BigInt(-exponent));
}

/** Whether both round to the same number of `digits` decimals, half to even. */
export function roundsEqual(a: Rational, b: Rational, digits: number): boolean {
  const scale = 10n ** BigInt(digits);
  const x = roundHalfEven(checked(a.n) * scale, checked(a.d));
  if (x !== roundHalfEven(checked(b.n) * scale, checked(b.d))) return false;
  if (x !== 0n) return true;
  // Both vanish at this many decimals: only significant digits can tell.
  const difference = absolute(add(a, negate(b)));
  const larger = compare(absolute(a), absolute(b)) > 0 ? absolute(a) : absolute(b);
  return compare(multiply(difference, { n: scale, d: 1n }), larger) <= 0;
}

function roundHalfEven(n: bigint, d: bigint): bigint {
  const low = floor({ n, d });
  const twice = 2n * (n - low * d);
  if (twice < d) return low;
  if (twice > d) return low + 1n;
  return low % 2n === 0n ? low : low + 1n;
}
