import { attempt, charge, OutOfBudget } from "./budget.ts";
import { equalFractions, type Fraction, fractionOf, proportional, rationalOf } from "./exact.ts";
import { isExpression, type Node, type RelationOperator, rewrite, some, variables } from "./node.ts";
import { compareValues, evaluate, sampleEqual } from "./numeric.ts";
import { equal, integer, type Rational, roundsEqual } from "./rational.ts";
import { infinite, isInequality, regionOf, sameRegion } from "./region.ts";

export interface EqualityOptions {
  readonly digits: number;
  readonly strict: boolean;
  readonly setRelation: boolean;
}

/** Neither equal nor different could be shown. */
export class Undecided extends Error {}

const EXACT_STEPS = 60_000;
const LONGEST_LIST = 150;

/** Whether two answers are mathematically equal; the reference first, as its form decides what may be unwrapped. */
export function equalAnswers(reference: Node, answer: Node, options: EqualityOptions): boolean {
  const given = options.strict ? answer : renamed(reference, answer);
  return same(settled(reference), settled(given), options);
}

/** ± written out, scalars multiplied into vectors and matrices. */
function settled(node: Node): Node {
  return applied(distributed(expanded(node)));
}

function same(gold: Node, given: Node, options: EqualityOptions): boolean {
  charge(4);
  if (isSystem(gold) || isSystem(given)) return sameSystems(gold, given, options);
  if (gold.kind === "relation" || given.kind === "relation") return sameRelations(gold, given, options);
  if (gold.kind === "call" && gold.name === "unit") return sameUnits(gold.items, given, options);
  if (given.kind === "call" && given.name === "unit") return sameUnits(given.items, gold, options);
  if (gold.kind === "text" || given.kind === "text") return sameWords(gold, given);
  if (gold.kind === "percent" || given.kind === "percent") return samePercent(gold, given, options);
  if (gold.kind === "list" || given.kind === "list" || gold.kind === "set" || given.kind === "set") {
    if (gold.kind === "operation" || given.kind === "operation") return sameRegions(gold, given, options);
    return sameCollections(gold, given, options);
  }
  if (gold.kind === "matrix" || given.kind === "matrix") return sameMatrices(gold, given, options);
  if (gold.kind === "proportion" || given.kind === "proportion") return sameProportions(gold, given, options);
  if (gold.kind === "sequence" && given.kind === "sequence") return sameSequences(gold, given, options);
  if (isExpression(gold) && isExpression(given)) return sameExpressions(gold, given, options);
  return sameRegions(gold, given, options);
}

// ---------------------------------------------------------------- numbers and expressions

function sameExpressions(a: Node, b: Node, options: EqualityOptions): boolean {
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
    return x === null || y === null ? null : equalFractions(x, y);
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

function hasDecimal(node: Node): boolean {
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

function samePercent(gold: Node, given: Node, options: EqualityOptions): boolean {
  if (gold.kind === "percent" && given.kind === "percent") return same(gold.items[0], given.items[0], options);
  const [percent, other] = gold.kind === "percent" ? [gold, given] : [given as Node & { kind: "percent" }, gold];
  if (!isExpression(other))
    return other.kind === "list" || other.kind === "set" ? sameCollections(gold, given, options) : false;
  return sameExpressions(percent.items[0], other, options) || sameExpressions(percent, other, options);
}

/** `5 m`: five metres where the other side has no variables, else a product. */
function sameUnits(items: readonly Node[], other: Node, options: EqualityOptions): boolean {
  const [bare, whole] = items;
  if (other.kind === "call" && other.name === "unit") return same(bare, other.items[0], options);
  return variables(other).length === 0 && isExpression(other)
    ? same(bare, other, options)
    : same(whole, other, options);
}

// ---------------------------------------------------------------- words

function sameWords(gold: Node, given: Node): boolean {
  const a = wordsOf(gold);
  return a !== null && a !== "" && a === wordsOf(given);
}

function wordsOf(node: Node): string | null {
  if (node.kind === "text") return foldWords(node.value);
  if (node.kind === "symbol" || node.kind === "constant") return node.name.toLowerCase();
  return null;
}

/** Case, punctuation and spacing of words do not matter. */
export function foldWords(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

// ---------------------------------------------------------------- sets, tuples, intervals, matrices

/** Several inequalities: `x < 1 or x > 3`. */
function isSystem(node: Node): boolean {
  return node.kind === "list" && node.items.every(isInequality);
}

function sameSystems(gold: Node, given: Node, options: EqualityOptions): boolean {
  if (isSystem(gold) && isSystem(given) && matchAll(membersOf(gold), membersOf(given), options)) return true;
  const relations = isInequality(gold) || isSystem(gold);
  if (!relations && !options.setRelation) return false;
  if (
    options.strict &&
    relations &&
    (isInequality(given) || isSystem(given)) &&
    variables(gold).join() !== variables(given).join()
  )
    return false;
  return sameRegions(gold, given, options);
}

function membersOf(node: Node): readonly Node[] {
  return node.kind === "list" || node.kind === "set" ? node.items : [node];
}

function sameCollections(gold: Node, given: Node, options: EqualityOptions): boolean {
  // x = 1, y = 2 answers (1, 2).
  const [tuple, list] = gold.kind === "sequence" ? [gold, given] : [given, gold];
  if (tuple.kind === "sequence" && tuple.open === "(" && tuple.close === ")" && list.kind === "list") {
    const values = assignedValues(list.items);
    if (values !== null)
      return (
        values.length === tuple.items.length &&
        values.every((value, k) =>
          same(gold === tuple ? tuple.items[k] : value, gold === tuple ? value : tuple.items[k], options),
        )
      );
  }
  const a = membersOf(gold);
  const b = membersOf(given);
  if (!options.strict && (gold.kind === "sequence" || given.kind === "sequence")) {
    const x = gold.kind === "sequence" ? gold.items : a;
    const y = given.kind === "sequence" ? given.items : b;
    return matchAll(x, y, options);
  }
  // {5} is 5, but an explicit set of several is no single answer.
  return matchAll(a, b, options);
}

/** The values of `x = 1, y = 2` in the order of the names; null unless every member assigns to another symbol. */
function assignedValues(items: readonly Node[]): Node[] | null {
  const values = new Map<string, Node>();
  for (const item of items) {
    if (
      item.kind !== "relation" ||
      item.operators.length !== 1 ||
      item.operators[0] !== "=" ||
      item.items[0].kind !== "symbol"
    )
      return null;
    values.set(item.items[0].name, item.items[1]);
  }
  return values.size === items.length ? [...values.keys()].sort().map((name) => values.get(name) ?? items[0]) : null;
}

/** Equal as sets: every member of one is a member of the other. */
function matchAll(a: readonly Node[], b: readonly Node[], options: EqualityOptions): boolean {
  if (a.length > LONGEST_LIST || b.length > LONGEST_LIST) {
    if (a.length !== b.length) return false;
    throw new OutOfBudget(`a list of more than ${LONGEST_LIST} answers`);
  }
  const found = new Array<boolean>(b.length).fill(false);
  for (const item of a) {
    let any = false;
    for (let k = 0; k < b.length; k++) {
      if (same(item, b[k], options)) {
        found[k] = true;
        any = true;
      }
    }
    if (!any) return false;
  }
  return found.every((hit) => hit);
}

function sameSequences(
  gold: Node & { kind: "sequence" },
  given: Node & { kind: "sequence" },
  options: EqualityOptions,
): boolean {
  if (gold.items.length !== given.items.length) return false;
  if (
    gold.items.length === 2 &&
    (leftOpen(gold.open) !== leftOpen(given.open) || rightOpen(gold.close) !== rightOpen(given.close))
  )
    return false;
  return gold.items.every((item, k) => same(item, given.items[k], options));
}

const leftOpen = (bracket: string): boolean => bracket !== "[";
const rightOpen = (bracket: string): boolean => bracket !== "]";

function sameMatrices(gold: Node, given: Node, options: EqualityOptions): boolean {
  if (gold.kind === "matrix" && given.kind === "matrix") {
    return (
      gold.columns === given.columns &&
      gold.items.length === given.items.length &&
      gold.items.every((item, k) => same(item, given.items[k], options))
    );
  }
  const [matrix, other] = gold.kind === "matrix" ? [gold, given] : [given as Node & { kind: "matrix" }, gold];
  if (matrix.items.length === 1)
    return same(
      gold.kind === "matrix" ? matrix.items[0] : gold,
      gold.kind === "matrix" ? given : matrix.items[0],
      options,
    );
  if (other.kind !== "sequence" || (options.strict && other.open !== "<")) return false;
  if (matrix.columns !== 1 && matrix.items.length !== matrix.columns) return false;
  return (
    matrix.items.length === other.items.length && matrix.items.every((item, k) => same(item, other.items[k], options))
  );
}

function sameProportions(gold: Node, given: Node, options: EqualityOptions): boolean {
  if (gold.kind === "proportion" && given.kind === "proportion") {
    if (gold.items.length !== given.items.length) return false;
    if (gold.items.every((item, k) => same(item, given.items[k], options))) return true;
    // 6:8 is 3:4, but 6:30 as a time of day is not 1:05.
    if (isClock(gold) || isClock(given)) return false;
    const [a, ...rest] = gold.items;
    const b = given.items[0];
    return rest.every((item, k) =>
      sameExpressions(
        { kind: "multiply", items: [a, given.items[k + 1]] },
        { kind: "multiply", items: [b, item] },
        options,
      ),
    );
  }
  const [proportion, other] =
    gold.kind === "proportion" ? [gold, given] : [given as Node & { kind: "proportion" }, gold];
  if (
    proportion.items.length !== 2 ||
    isClock(proportion) ||
    !isExpression(other) ||
    !isExpression(proportion.items[0]) ||
    !isExpression(proportion.items[1])
  )
    return false;
  return sameExpressions({ kind: "divide", items: [proportion.items[0], proportion.items[1]] }, other, options);
}

function isClock(node: Node & { kind: "proportion" }): boolean {
  const last = node.items[1];
  return (
    last.kind === "number" &&
    (last.value.n === 0n || last.value.n >= 10n) &&
    last.value.n < 60n &&
    node.items[0].kind === "number" &&
    node.items[0].value.n <= 24n &&
    last.value.n % 5n === 0n
  );
}

function sameRegions(gold: Node, given: Node, options: EqualityOptions): boolean {
  const a = regionOf(gold);
  const b = a === null ? null : regionOf(given);
  if (a !== null && b !== null)
    return sameRegion(a, b, hasDecimal(gold) || hasDecimal(given) ? 0.5 * 10 ** -options.digits : 0);
  if (gold.kind === "operation" && given.kind === "operation" && gold.name === given.name) {
    if (gold.name === "difference")
      return same(gold.items[0], given.items[0], options) && same(gold.items[1], given.items[1], options);
    return matchAll(flattened(gold, gold.name), flattened(given, gold.name), options);
  }
  return false;
}

function flattened(node: Node, name: string): Node[] {
  if (node.kind !== "operation" || node.name !== name) return [node];
  return [...flattened(node.items[0], name), ...flattened(node.items[1], name)];
}

// ---------------------------------------------------------------- relations

type Relation = Node & { kind: "relation" };

function sameRelations(gold: Node, given: Node, options: EqualityOptions): boolean {
  // x ∈ S says S.
  if (gold.kind === "relation" && isMembership(gold)) return same(gold.items[1], given, options);
  if (given.kind === "relation" && isMembership(given)) return same(gold, given.items[1], options);
  if (gold.kind === "relation" && given.kind === "relation") return sameRelation(gold, given, options);
  if (given.kind === "relation") {
    if (isEquation(given)) {
      const last = given.items[given.items.length - 1];
      if (same(gold, last, options)) return isAssignment(given) || !isZero(last);
      if (approximated(given).some((item) => same(gold, item, options))) return true;
    }
    if (gold.kind === "list" || gold.kind === "set")
      return gold.items.length === 1 && same(gold.items[0], given, options);
    return options.setRelation && isRegionNode(gold) && sameRegions(gold, given, options);
  }
  const relation = gold as Relation;
  if (isAssignment(relation) && same(relation.items[relation.items.length - 1], given, options)) return true;
  if (given.kind === "list" || (given.kind === "set" && isEquation(relation)))
    return given.items.length === 1 && same(gold, given.items[0], options);
  if (isEquation(relation)) return false;
  return isRegionNode(given) && sameRegions(gold, given, options);
}

function isMembership(node: Relation): boolean {
  return node.operators.length === 1 && node.operators[0] === "in" && variables(node.items[0]).length > 0;
}

function isRegionNode(node: Node): boolean {
  return (
    node.kind === "sequence" ||
    node.kind === "operation" ||
    node.kind === "set" ||
    (node.kind === "symbol" && node.name === "reals")
  );
}

function isEquation(node: Relation): boolean {
  return node.operators.every((operator) => operator === "=" || operator === "~");
}

/** Its left side only names what the right side is: `x`, `f(x)`, `|AB|`, `(x, y)`, or mere numbers. */
function isAssignment(node: Relation): boolean {
  return isEquation(node) && (isName(node.items[0]) || variables(node.items[0]).length === 0);
}

function isName(node: Node): boolean {
  switch (node.kind) {
    case "symbol":
    case "text":
      return true;
    case "constant":
      return node.name !== "infinity";
    case "call":
      return node.name.startsWith("apply:") || (node.items.length > 0 && node.items.every(isName));
    case "multiply":
    case "divide":
    case "sequence":
    case "proportion":
      return node.items.length > 0 && node.items.every(isName);
    default:
      return false;
  }
}

function isZero(node: Node): boolean {
  const value = attempt(2_000, () => rationalOf(node));
  return value !== null && value.n === 0n;
}

/** In `5\pi \approx 15.7` the exact member is an answer too, provided the approximation is one. */
function approximated(node: Relation): Node[] {
  const k = node.operators.indexOf("~");
  if (k < 0) return [];
  const exact = evaluate(node.items[k], new Map());
  const rounded = evaluate(node.items[k + 1], new Map());
  return Math.abs(exact.re - rounded.re) <= 0.05 * Math.abs(exact.re) ? [node.items[k]] : [];
}

interface Comparison {
  readonly operator: RelationOperator;
  readonly left: Node;
  readonly right: Node;
}

function sameRelation(gold: Relation, given: Relation, options: EqualityOptions): boolean {
  const a = comparisons(gold);
  const b = comparisons(given);
  if (a.length === b.length) {
    const used = new Array<boolean>(b.length).fill(false);
    const matched = a.every((x) => {
      const k = b.findIndex((y, index) => !used[index] && sameComparison(x, y, options));
      if (k >= 0) used[k] = true;
      return k >= 0;
    });
    if (matched) return true;
  }
  if (isEquation(gold) || isEquation(given)) return false;
  const names = variables(gold).join();
  return (!options.strict || names === variables(given).join()) && sameRegions(gold, given, options);
}

/** The single comparisons of a chain, all pointing the same way; an assignment chain is its ends. */
function comparisons(node: Relation): Comparison[] {
  if (isAssignment(node)) return [{ operator: "=", left: node.items[0], right: node.items[node.items.length - 1] }];
  return node.operators.map((operator, k) => {
    const left = node.items[k];
    const right = node.items[k + 1];
    if (operator === ">") return { operator: "<", left: right, right: left };
    if (operator === ">=") return { operator: "<=", left: right, right: left };
    return { operator, left, right };
  });
}

function sameComparison(a: Comparison, b: Comparison, options: EqualityOptions): boolean {
  if (a.operator !== b.operator) return false;
  if (same(a.left, b.left, options) && same(a.right, b.right, options)) return true;
  const symmetric = a.operator === "=" || a.operator === "!=" || a.operator === "~" || a.operator === "congruent";
  if (symmetric && same(a.left, b.right, options) && same(a.right, b.left, options)) return true;
  if (!isExpression(a.left) || !isExpression(a.right) || !isExpression(b.left) || !isExpression(b.right)) return false;
  if (
    a.operator === "congruent" ||
    a.operator === "~" ||
    a.operator === "subset" ||
    a.operator === "in" ||
    a.operator === "notin"
  )
    return false;
  const x = difference(a);
  const y = difference(b);
  // 0 = 0 and the like say nothing.
  const exact = attempt(EXACT_STEPS, () => {
    const f = fractionOf(x);
    const g = f === null ? null : fractionOf(y);
    return f === null || g === null ? null : { f, g };
  });
  if (exact?.f && exact.g) return proportionalTops(exact.f, exact.g, symmetric);
  return proportionalValues(x, y, symmetric);
}

function proportionalTops(f: Fraction, g: Fraction, symmetric: boolean): boolean {
  const result = attempt(EXACT_STEPS, () => proportional(f, g));
  if (result === null) throw new Undecided("the equation is too large");
  return result.proportional && (symmetric || result.positive);
}

function proportionalValues(x: Node, y: Node, symmetric: boolean): boolean {
  const names = [...new Set([...variables(x), ...variables(y)])].sort();
  if (names.length === 0) return false;
  // x/y at one point is the factor; then x = factor·y everywhere.
  const point = new Map(names.map((name, k) => [name, 1.3797 + 0.4142 * k]));
  const a = evaluate(x, point);
  const b = evaluate(y, point);
  if (a.im !== 0 || b.im !== 0 || !Number.isFinite(a.re / b.re) || a.re === 0) return false;
  const factor = a.re / b.re;
  if (!symmetric && factor < 0) return false;
  const scaled: Node = { kind: "multiply", items: [y, numberNode(factor)] };
  return sampleEqual(x, scaled, names) === "equal";
}

function numberNode(value: number): Node {
  // An exact binary fraction: value·2^60 is an integer for the sizes that occur here.
  return {
    kind: "divide",
    items: [
      { kind: "number", value: integer(BigInt(Math.round(value * 2 ** 50))), decimal: false },
      { kind: "number", value: integer(1n << 50n), decimal: false },
    ],
  };
}

function difference(comparison: Comparison): Node {
  const minus: Node = { kind: "number", value: integer(-1), decimal: false };
  return { kind: "add", items: [comparison.left, { kind: "multiply", items: [minus, comparison.right] }] };
}

// ---------------------------------------------------------------- rewriting before comparison

/** Every member with ± as two: once with +, once with −. */
function expanded(node: Node): Node {
  if (!some(node, (part) => part.kind === "sign")) return node;
  if (node.kind === "list" || node.kind === "set") {
    const items = node.items.flatMap((item) => {
      const both = expanded(item);
      return both.kind === "list" ? both.items : [both];
    });
    return { ...node, items };
  }
  const withSign = (sign: number): Node =>
    rewrite(node, (part) =>
      part.kind === "sign" ? { kind: "number", value: integer(part.opposite ? -sign : sign), decimal: false } : part,
    );
  return { kind: "list", items: [withSign(1), withSign(-1)] };
}

/** Scalar multiples and quotients of matrices and tuples, entry by entry; lists in lists flattened. */
function distributed(node: Node): Node {
  return rewrite(node, (part) => {
    if (part.kind === "multiply" || part.kind === "divide") {
      const holder = part.items.findIndex(
        (item) => item.kind === "matrix" || (item.kind === "sequence" && item.items.length > 1),
      );
      if (holder < 0 || (part.kind === "divide" && holder !== 0)) return part;
      const inner = part.items[holder];
      if (inner.kind !== "matrix" && inner.kind !== "sequence") return part;
      if (part.items.some((item, k) => k !== holder && !isExpression(item))) return part;
      const items = inner.items.map((entry): Node => {
        const scaled = part.items.map((item, k) => (k === holder ? entry : item));
        return part.kind === "divide"
          ? { kind: "divide", items: [scaled[0], scaled[1]] }
          : { kind: "multiply", items: scaled };
      });
      charge(items.length * part.items.length);
      return { ...inner, items };
    }
    if (part.kind === "list" && part.items.some((item) => item.kind === "list")) {
      return { kind: "list", items: part.items.flatMap((item) => (item.kind === "list" ? item.items : [item])) };
    }
    return part;
  });
}

/** f(x + 1) as a variable of its own: the same one for equal arguments. */
function applied(node: Node): Node {
  if (!some(node, (part) => part.kind === "call" && part.name.startsWith("apply:"))) return node;
  return rewrite(node, (part) => {
    if (part.kind !== "call" || !part.name.startsWith("apply:")) return part;
    const point = new Map(variables(part).map((name) => [name, 1 + (hash(name) % 9973) / 9973]));
    const values = part.items.map((item) => evaluate(item, point));
    if (values.some((value) => !Number.isFinite(value.re))) return part;
    return {
      kind: "symbol",
      name: `${part.name}(${values.map((value) => `${value.re.toPrecision(9)},${value.im.toPrecision(5)}`)})`,
    };
  });
}

function hash(text: string): number {
  let value = 7;
  for (let k = 0; k < text.length; k++) value = (value * 31 + text.charCodeAt(k)) % 1_000_003;
  return value;
}

/** Variables of the answer named as those of the reference, by position in the alphabet. */
function renamed(gold: Node, given: Node): Node {
  const to = variables(gold);
  const from = variables(given);
  if (to.length !== from.length) return given;
  const names = new Map(from.map((name, k) => [name, to[k]]));
  return rewrite(given, (part) =>
    part.kind === "symbol" ? { kind: "symbol", name: names.get(part.name) ?? part.name } : part,
  );
}
