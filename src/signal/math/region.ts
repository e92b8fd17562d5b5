import { type Node, variables } from "./node.ts";
import { compareValues, evaluate, type Value } from "./numeric.ts";

/** A set of real numbers as disjoint intervals in order; points are closed intervals of no length. */
type Region = readonly Piece[];

interface Piece {
  readonly low: Value;
  readonly lowOpen: boolean;
  readonly high: Value;
  readonly highOpen: boolean;
}

const NOWHERE: ReadonlyMap<string, number> = new Map();
const MINUS_INFINITY: Value = { re: Number.NEGATIVE_INFINITY, im: 0, error: 0 };
const PLUS_INFINITY: Value = { re: Number.POSITIVE_INFINITY, im: 0, error: 0 };
const LINE: Region = [{ low: MINUS_INFINITY, lowOpen: true, high: PLUS_INFINITY, highOpen: true }];
const MOST_PIECES = 200;

/** +1 or −1 for ±∞, else 0. */
export function infinite(node: Node): number {
  if (node.kind === "constant") return node.name === "infinity" ? 1 : 0;
  if (node.kind === "multiply" && node.items.length === 2 && node.items[0].kind === "number") {
    return infinite(node.items[1]) * Math.sign(Number(node.items[0].value.n));
  }
  return 0;
}

/** The region an answer describes: intervals, finite sets, their unions, inequalities in one variable; null when it is none. */
export function regionOf(node: Node): Region | null {
  switch (node.kind) {
    case "symbol":
      return node.name === "reals" ? LINE : null;
    case "sequence": {
      if (node.items.length !== 2 || node.open === "<") return null;
      const low = endpoint(node.items[0]);
      const high = endpoint(node.items[1]);
      if (low === null || high === null || !(low.re <= high.re)) return null;
      return [
        {
          low,
          lowOpen: node.open !== "[" || low.re === Number.NEGATIVE_INFINITY,
          high,
          highOpen: node.close !== "]" || high.re === Number.POSITIVE_INFINITY,
        },
      ];
    }
    case "set":
    case "list": {
      if (node.items.length > MOST_PIECES) return null;
      if (node.kind === "list" && node.items.every(isInequality)) return systemRegion(node.items);
      const points: Piece[] = [];
      for (const item of node.items) {
        const value = endpoint(item);
        if (value === null || !Number.isFinite(value.re)) return null;
        points.push({ low: value, lowOpen: false, high: value, highOpen: false });
      }
      return unite(points);
    }
    case "operation": {
      const left = regionOf(node.items[0]);
      const right = regionOf(node.items[1]);
      if (left === null || right === null || left.length + right.length > MOST_PIECES) return null;
      if (node.name === "union") return unite([...left, ...right]);
      return node.name === "intersection" ? intersect(left, right) : intersect(left, complement(right));
    }
    case "relation":
      return relationRegion(node);
    default:
      return null;
  }
}

export function isInequality(node: Node): boolean {
  return node.kind === "relation" && node.operators.every((operator) => /^(?:<|>|<=|>=|!=)$/.test(operator));
}

/** `x > 1, x < 3` hold together; where nothing can (`x < 1 or x > 3`), either does. */
function systemRegion(items: readonly Node[]): Region | null {
  let all: Region = LINE;
  const any: Piece[] = [];
  if (variables({ kind: "list", items }).length !== 1) return null;
  for (const item of items) {
    const region = regionOf(item);
    if (region === null) return null;
    all = intersect(all, region);
    any.push(...region);
  }
  return all.length > 0 ? all : unite(any);
}

function relationRegion(node: Node & { kind: "relation" }): Region | null {
  const names = variables(node).filter((name) => name !== "reals");
  if (names.length !== 1) return null;
  if (node.operators.length === 1 && node.operators[0] === "in")
    return node.items[0].kind === "symbol" ? regionOf(node.items[1]) : null;
  let region: Region | null = LINE;
  for (let k = 0; k < node.operators.length && region !== null; k++) {
    const half = halfLine(node.items[k], node.operators[k], node.items[k + 1], names[0]);
    region = half === null ? null : intersect(region, half);
  }
  return region;
}

/** Solutions of one linear inequality. */
function halfLine(left: Node, operator: string, right: Node, name: string): Region | null {
  const less = infinite(right) - infinite(left);
  if (less !== 0)
    return operator === "<" || operator === "<="
      ? less > 0
        ? LINE
        : []
      : operator === ">" || operator === ">="
        ? less < 0
          ? LINE
          : []
        : null;
  const at = (x: number): Value => {
    const point = new Map([[name, x]]);
    const a = evaluate(left, point);
    const b = evaluate(right, point);
    return { re: a.re - b.re, im: a.im - b.im, error: a.error + b.error + 2.3e-16 * Math.abs(a.re - b.re) };
  };
  const zero = at(0);
  const slope = { ...at(1), re: at(1).re - zero.re };
  for (const x of [2.5, -1.75]) {
    const value = at(x);
    if (
      compareValues(value, { re: zero.re + x * slope.re, im: 0, error: zero.error + slope.error * 4 }) !== "equal" &&
      Math.abs(value.re - zero.re - x * slope.re) > 1e-12
    )
      return null;
  }
  if (!Number.isFinite(zero.re) || !(Math.abs(slope.re) > 1e-12)) return null;
  const root: Value = {
    re: -zero.re / slope.re,
    im: 0,
    error: (zero.error + slope.error) / Math.abs(slope.re) + 4e-16 * Math.abs(zero.re / slope.re),
  };
  const below: Piece = { low: MINUS_INFINITY, lowOpen: true, high: root, highOpen: true };
  const above: Piece = { low: root, lowOpen: true, high: PLUS_INFINITY, highOpen: true };
  const falling = slope.re < 0;
  switch (operator) {
    case "=":
      return [{ low: root, lowOpen: false, high: root, highOpen: false }];
    case "!=":
      return [below, above];
    case "<":
      return falling ? [above] : [below];
    case ">":
      return falling ? [below] : [above];
    case "<=":
      return falling ? [{ ...above, lowOpen: false }] : [{ ...below, highOpen: false }];
    case ">=":
      return falling ? [{ ...below, highOpen: false }] : [{ ...above, lowOpen: false }];
    default:
      return null;
  }
}

function endpoint(node: Node): Value | null {
  const sign = infinite(node);
  if (sign !== 0) return sign > 0 ? PLUS_INFINITY : MINUS_INFINITY;
  const value = evaluate(node, NOWHERE);
  return Number.isFinite(value.re) && Math.abs(value.im) <= 16 * value.error ? value : null;
}

function same(a: Value, b: Value, slack = 0): boolean {
  return a.re === b.re || compareValues(a, b, slack) === "equal";
}

export function sameRegion(a: Region, b: Region, slack: number): boolean {
  return (
    a.length === b.length &&
    a.every(
      (piece, k) =>
        piece.lowOpen === b[k].lowOpen &&
        piece.highOpen === b[k].highOpen &&
        same(piece.low, b[k].low, slack) &&
        same(piece.high, b[k].high, slack),
    )
  );
}

function unite(pieces: readonly Piece[]): Region {
  const sorted = [...pieces].sort((a, b) =>
    same(a.low, b.low) ? Number(a.lowOpen) - Number(b.lowOpen) : a.low.re - b.low.re,
  );
  const united: Piece[] = [];
  for (const piece of sorted) {
    const last = united[united.length - 1];
    const touches =
      last !== undefined &&
      (same(piece.low, last.high) ? !(piece.lowOpen && last.highOpen) : piece.low.re < last.high.re);
    if (!touches) {
      united.push(piece);
      continue;
    }
    const equalEnds = same(piece.high, last.high);
    if (equalEnds) united[united.length - 1] = { ...last, highOpen: last.highOpen && piece.highOpen };
    else if (piece.high.re > last.high.re)
      united[united.length - 1] = { ...last, high: piece.high, highOpen: piece.highOpen };
  }
  return united;
}

function intersect(a: Region, b: Region): Region {
  const pieces: Piece[] = [];
  for (const x of a) {
    for (const y of b) {
      const lowSame = same(x.low, y.low);
      const low = lowSame || x.low.re > y.low.re ? x.low : y.low;
      const lowOpen = lowSame ? x.lowOpen || y.lowOpen : x.low.re > y.low.re ? x.lowOpen : y.lowOpen;
      const highSame = same(x.high, y.high);
      const high = highSame || x.high.re < y.high.re ? x.high : y.high;
      const highOpen = highSame ? x.highOpen || y.highOpen : x.high.re < y.high.re ? x.highOpen : y.highOpen;
      const point = same(low, high);
      if (point ? !lowOpen && !highOpen : low.re < high.re) pieces.push({ low, lowOpen, high, highOpen });
    }
  }
  return unite(pieces);
}

function complement(region: Region): Region {
  const gaps: Piece[] = [];
  let low = MINUS_INFINITY;
  let lowOpen = true;
  for (const piece of region) {
    if (low.re < piece.low.re || (same(low, piece.low) && !lowOpen && !piece.lowOpen))
      gaps.push({ low, lowOpen, high: piece.low, highOpen: !piece.lowOpen });
    low = piece.high;
    lowOpen = !piece.highOpen;
  }
  if (low.re < Number.POSITIVE_INFINITY) gaps.push({ low, lowOpen, high: PLUS_INFINITY, highOpen: true });
  return gaps;
}
