import { charge } from "./budget.ts";
import type { Node } from "./node.ts";
import { toNumber } from "./rational.ts";

/** A complex double with a bound on its rounding error; not finite where it is undefined. */
export interface Value {
  readonly re: number;
  readonly im: number;
  readonly error: number;
}

const EPSILON = 2.3e-16;
export const UNDEFINED: Value = { re: Number.NaN, im: Number.NaN, error: Number.POSITIVE_INFINITY };

const real = (re: number, error = Math.abs(re) * EPSILON): Value => ({ re, im: 0, error });
const size = (a: Value): number => (a.im === 0 ? Math.abs(a.re) : Math.hypot(a.re, a.im));
const withRounding = (re: number, im: number, error: number): Value => ({
  re,
  im,
  error: error + EPSILON * Math.hypot(re, im),
});

/** Evaluates at given values of the variables. */
export function evaluate(node: Node, point: ReadonlyMap<string, number>): Value {
  charge(1);
  switch (node.kind) {
    case "number":
      return node.value.d === 1n && node.value.n < 9007199254740992n && node.value.n > -9007199254740992n
        ? real(Number(node.value.n), 0)
        : real(toNumber(node.value));
    case "symbol": {
      const value = point.get(node.name);
      return value === undefined ? UNDEFINED : real(value, 0);
    }
    case "constant":
      if (node.name === "pi") return real(Math.PI);
      if (node.name === "e") return real(Math.E);
      return node.name === "i" ? { re: 0, im: 1, error: 0 } : UNDEFINED;
    case "add": {
      let sum = real(0);
      for (const item of node.items) {
        const value = evaluate(item, point);
        sum = withRounding(sum.re + value.re, sum.im + value.im, sum.error + value.error);
      }
      return sum;
    }
    case "multiply": {
      let product = evaluate(node.items[0], point);
      for (let k = 1; k < node.items.length; k++) product = times(product, evaluate(node.items[k], point));
      return product;
    }
    case "divide":
      return over(evaluate(node.items[0], point), evaluate(node.items[1], point));
    case "percent":
      return over(evaluate(node.items[0], point), real(100, 0));
    case "degree":
      return evaluate(node.items[0], point);
    case "power":
      return raise(evaluate(node.items[0], point), evaluate(node.items[1], point));
    case "root": {
      const under = evaluate(node.items[0], point);
      const index = evaluate(node.items[1], point);
      return rootOf(under, index);
    }
    case "call":
      return call(node.name, node.items, point);
    default:
      return UNDEFINED;
  }
}

function times(a: Value, b: Value): Value {
  const error = size(a) * b.error + size(b) * a.error + a.error * b.error;
  if (a.im === 0 && b.im === 0) return withRounding(a.re * b.re, 0, error);
  return withRounding(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, error);
}

function over(a: Value, b: Value): Value {
  const norm = b.re * b.re + b.im * b.im;
  const magnitude = Math.sqrt(norm);
  // A divisor that rounding cannot tell from zero: a singularity.
  if (!(magnitude > 4 * b.error) || norm === 0) return UNDEFINED;
  const re = b.im === 0 ? a.re / b.re : (a.re * b.re + a.im * b.im) / norm;
  const im = b.im === 0 ? a.im / b.re : (a.im * b.re - a.re * b.im) / norm;
  return withRounding(re, im === 0 ? 0 : im, (a.error + Math.hypot(re, im) * b.error) / magnitude);
}

function logOf(a: Value): Value {
  const magnitude = size(a);
  if (!(magnitude > 4 * a.error)) return UNDEFINED;
  return withRounding(
    Math.log(magnitude),
    a.im === 0 ? (a.re < 0 ? Math.PI : 0) : Math.atan2(a.im, a.re),
    a.error / magnitude,
  );
}

function expOf(a: Value): Value {
  const magnitude = Math.exp(a.re);
  if (magnitude === 0) return UNDEFINED;
  const error = magnitude * (Math.expm1(Math.min(a.error, 50)) + 4 * EPSILON);
  if (a.im === 0) return { re: magnitude, im: 0, error };
  return withRounding(magnitude * Math.cos(a.im), magnitude * Math.sin(a.im), error);
}

function raise(a: Value, b: Value): Value {
  if (b.im === 0 && b.error === 0 && Number.isInteger(b.re) && Math.abs(b.re) <= 64) {
    let result = real(1, 0);
    let square = a;
    for (let k = Math.abs(b.re); k > 0; k = Math.floor(k / 2)) {
      if (k % 2 === 1) result = times(result, square);
      square = times(square, square);
    }
    return b.re < 0 ? over(real(1, 0), result) : result;
  }
  if (a.re === 0 && a.im === 0) return a.error === 0 && b.im === 0 && b.re > 0 ? real(0) : UNDEFINED;
  if (a.im === 0 && b.im === 0 && (a.re > 0 || Number.isInteger(b.re))) {
    const value = a.re ** b.re;
    if (value === 0) return UNDEFINED;
    const relative =
      Math.abs(b.re) * (a.error / Math.abs(a.re)) +
      Math.abs(Math.log(Math.abs(a.re))) * (b.error + EPSILON * Math.abs(b.re));
    return { re: value, im: 0, error: Math.abs(value) * (Math.expm1(Math.min(relative, 50)) + 4 * EPSILON) };
  }
  return expOf(times(b, logOf(a)));
}

/** Square roots are principal; odd roots of real numbers are real. */
function rootOf(under: Value, index: Value): Value {
  if (index.im !== 0 || index.error !== 0 || index.re === 0) return raise(under, over(real(1, 0), index));
  if (under.im === 0) {
    if (under.re === 0) return under.error === 0 ? real(0) : { re: 0, im: 0, error: under.error ** (1 / index.re) };
    if (index.re === 2) {
      const root = Math.sqrt(Math.abs(under.re));
      const error = root * EPSILON + under.error / root;
      return under.re > 0 ? { re: root, im: 0, error } : { re: 0, im: root, error };
    }
    if (under.re < 0 && Number.isInteger(index.re) && index.re % 2 !== 0) {
      const value = raise({ re: -under.re, im: 0, error: under.error }, over(real(1, 0), index));
      return { re: -value.re, im: 0, error: value.error };
    }
  }
  return raise(under, over(real(1, 0), index));
}

/** A real function with its derivative's size for the error; undefined for complex arguments. */
function realFunction(a: Value, f: (x: number) => number, slope: (x: number, y: number) => number): Value {
  if (a.im !== 0 || !Number.isFinite(a.re)) return UNDEFINED;
  const value = f(a.re);
  if (!Number.isFinite(value)) return UNDEFINED;
  return {
    re: value,
    im: 0,
    error: 4 * EPSILON * Math.abs(value) + Math.abs(slope(a.re, value)) * (a.error + EPSILON * Math.abs(a.re)),
  };
}

const FUNCTIONS: Readonly<Record<string, (a: Value) => Value>> = {
  sin: (a) => realFunction(a, Math.sin, (x) => Math.cos(x)),
  cos: (a) => realFunction(a, Math.cos, (x) => Math.sin(x)),
  tan: (a) =>
    over(
      realFunction(a, Math.sin, (x) => Math.cos(x)),
      realFunction(a, Math.cos, (x) => Math.sin(x)),
    ),
  cot: (a) =>
    over(
      realFunction(a, Math.cos, (x) => Math.sin(x)),
      realFunction(a, Math.sin, (x) => Math.cos(x)),
    ),
  sec: (a) =>
    over(
      real(1, 0),
      realFunction(a, Math.cos, (x) => Math.sin(x)),
    ),
  csc: (a) =>
    over(
      real(1, 0),
      realFunction(a, Math.sin, (x) => Math.cos(x)),
    ),
  arcsin: (a) => realFunction(a, Math.asin, (x) => 1 / Math.sqrt(Math.max(1e-16, 1 - x * x))),
  arccos: (a) => realFunction(a, Math.acos, (x) => 1 / Math.sqrt(Math.max(1e-16, 1 - x * x))),
  arctan: (a) => realFunction(a, Math.atan, () => 1),
  arccot: (a) =>
    realFunction(
      a,
      (x) => (x === 0 ? Math.PI / 2 : x > 0 ? Math.atan(1 / x) : Math.PI + Math.atan(1 / x)),
      () => 1,
    ),
  arcsec: (a) =>
    realFunction(
      a,
      (x) => Math.acos(1 / x),
      () => 1,
    ),
  arccsc: (a) =>
    realFunction(
      a,
      (x) => Math.asin(1 / x),
      () => 1,
    ),
  sinh: (a) => realFunction(a, Math.sinh, (x) => Math.cosh(x)),
  cosh: (a) => realFunction(a, Math.cosh, (x) => Math.sinh(x)),
  tanh: (a) => realFunction(a, Math.tanh, () => 1),
  coth: (a) =>
    over(
      real(1, 0),
      realFunction(a, Math.tanh, () => 1),
    ),
  sech: (a) =>
    over(
      real(1, 0),
      realFunction(a, Math.cosh, (x) => Math.sinh(x)),
    ),
  csch: (a) =>
    over(
      real(1, 0),
      realFunction(a, Math.sinh, (x) => Math.cosh(x)),
    ),
  arcsinh: (a) => realFunction(a, Math.asinh, () => 1),
  arccosh: (a) => realFunction(a, Math.acosh, (x) => 1 / Math.sqrt(Math.max(1e-16, x * x - 1))),
  arctanh: (a) => realFunction(a, Math.atanh, (x) => 1 / Math.max(1e-16, 1 - x * x)),
  floor: (a) => step(a, Math.floor),
  ceil: (a) => step(a, Math.ceil),
  sgn: (a) => (Math.abs(a.re) > a.error ? step(a, Math.sign) : UNDEFINED),
  Re: (a) => real(a.re, a.error),
  Im: (a) => real(a.im, a.error),
  cbrt: (a) => rootOf(a, real(3, 0)),
};

const ALIASES: Readonly<Record<string, string>> = {
  asin: "arcsin",
  acos: "arccos",
  atan: "arctan",
  arsinh: "arcsinh",
  arcosh: "arccosh",
  artanh: "arctanh",
};

/** Rounding: undefined within the argument's error of a jump. */
function step(a: Value, f: (x: number) => number): Value {
  if (a.im !== 0 || (Math.abs(a.re - Math.round(a.re)) <= a.error && a.error > 0)) return UNDEFINED;
  return real(f(a.re), 0);
}

function call(name: string, items: readonly Node[], point: ReadonlyMap<string, number>): Value {
  if (name === "unit") return evaluate(items[1], point);
  if (name === "sum" || name === "prod") return series(name, items, point);
  if (name.startsWith("apply:") || name === "congruence" || name === "prime" || name === "det") return UNDEFINED;
  const a = evaluate(items[0], point);
  switch (name) {
    case "ln":
      return logOf(a);
    case "lg":
    case "log": {
      if (items.length === 1) return over(logOf(a), real(Math.LN10));
      return over(logOf(a), logOf(evaluate(items[1], point)));
    }
    case "abs":
      return real(size(a), a.error + EPSILON * size(a));
    case "factorial":
      return gamma(a.re + 1, a);
    case "binom": {
      const b = evaluate(items[1], point);
      const rest = { ...a, re: a.re - b.re, error: a.error + b.error };
      return over(gamma(a.re + 1, a), times(gamma(b.re + 1, b), gamma(rest.re + 1, rest)));
    }
    case "min":
    case "max": {
      let best = a;
      for (const item of items.slice(1)) {
        const value = evaluate(item, point);
        if (value.im !== 0 || best.im !== 0) return UNDEFINED;
        if (name === "min" ? value.re < best.re : value.re > best.re) best = value;
      }
      return best;
    }
    default: {
      if (items.length !== 1) return UNDEFINED;
      const key = ALIASES[name] ?? name;
      return Object.hasOwn(FUNCTIONS, key) ? FUNCTIONS[key](a) : UNDEFINED;
    }
  }
}

function series(name: string, items: readonly Node[], point: ReadonlyMap<string, number>): Value {
  const [term, index, lowNode, highNode] = items;
  const low = evaluate(lowNode, point);
  const high = evaluate(highNode, point);
  if (index.kind !== "symbol" || !Number.isInteger(low.re) || !Number.isInteger(high.re) || low.error + high.error > 0)
    return UNDEFINED;
  if (high.re - low.re > 10_000) return UNDEFINED;
  const inner = new Map(point);
  let total = real(name === "sum" ? 0 : 1, 0);
  for (let k = low.re; k <= high.re; k++) {
    inner.set(index.name, k);
    const value = evaluate(term, inner);
    total =
      name === "sum"
        ? withRounding(total.re + value.re, total.im + value.im, total.error + value.error)
        : times(total, value);
  }
  return total;
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Γ(x) for real x, relative error below 1e-13. */
function gamma(x: number, argument: Value): Value {
  if (argument.im !== 0 || !Number.isFinite(x)) return UNDEFINED;
  if (x <= 0 && Math.abs(x - Math.round(x)) < 1e-9) return UNDEFINED;
  if (x < 0.5) {
    const other = gamma(1 - x, argument);
    return over(
      real(Math.PI),
      times(
        realFunction({ re: Math.PI * x, im: 0, error: EPSILON * 4 }, Math.sin, () => 1),
        other,
      ),
    );
  }
  const z = x - 1;
  let sum = LANCZOS[0];
  for (let k = 1; k < 9; k++) sum += LANCZOS[k] / (z + k);
  const t = z + 7.5;
  const value = Math.sqrt(2 * Math.PI) * t ** (z + 0.5) * Math.exp(-t) * sum;
  return { re: value, im: 0, error: Math.abs(value) * (1e-13 + argument.error * Math.log(x + 2)) };
}

/** Points for sampling: of both signs, around 1, without simple relations between them. */
const POINTS = [
  0.7390851332, 1.6180917634, -0.5671437713, 2.6854520011, -1.3247179572, 0.3183091934, 3.3598856662, -2.5029078751,
  1.1319882488, -0.9159655942, 4.6692016091, 0.1941280734, -3.2758229187, 2.2955871494, 0.8346268417, 5.2449170582,
  -0.2614972128, 1.9021605831, 0.6243299885, -4.1327313542, 1.4513692349, 0.4749493799, 2.0946475137, 0.9375482543,
];

export type Verdict = "equal" | "different" | "undecided";

/** Compares two values by their error bounds; `slack` is an absolute tolerance for numbers written as decimals. */
export function compareValues(a: Value, b: Value, slack = 0): Verdict {
  const difference = Math.hypot(a.re - b.re, a.im - b.im);
  if (!Number.isFinite(difference)) return "undecided";
  const larger = Math.max(size(a), size(b));
  const error = 16 * (a.error + b.error) + larger * 1e-14;
  if (!(error < 1e-6 * larger) && !(larger < 1e-12 && error < 1e-10) && !(error < 1e-12)) {
    return difference > error * 4 + slack ? "different" : "undecided";
  }
  return difference <= error + slack ? "equal" : "different";
}

/**
 * Compares two expressions at points of their free variables: equal when they agree at all of at
 * least eight points where both are real (complex values count where a side has no eight real ones).
 */
export function sampleEqual(a: Node, b: Node, names: readonly string[], tolerance = 0): Verdict {
  if (names.length === 0) {
    const x = evaluate(a, new Map());
    const y = evaluate(b, new Map());
    return compareValues(x, y, tolerance);
  }
  let agreed = 0;
  let complexAgreed = 0;
  let complexDiffered = false;
  for (let round = 0; round < POINTS.length && agreed < 10; round++) {
    const point = new Map<string, number>();
    for (let k = 0; k < names.length; k++)
      point.set(names[k], POINTS[(round + k * 7 + (k > 2 ? k * k : 0)) % POINTS.length] * (1 + k / 97));
    const x = evaluate(a, point);
    const y = evaluate(b, point);
    const verdict = compareValues(x, y, tolerance);
    if (verdict === "undecided") continue;
    if (isReal(x) && isReal(y)) {
      if (verdict === "different") return "different";
      agreed++;
    } else if (verdict === "different") complexDiffered = true;
    else complexAgreed++;
  }
  if (agreed >= 8) return "equal";
  if (complexDiffered) return "different";
  return agreed + complexAgreed >= 8 ? "equal" : "undecided";
}

function isReal(value: Value): boolean {
  return Math.abs(value.im) <= 16 * value.error + 1e-13 * Math.abs(value.re);
}
