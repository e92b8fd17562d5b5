import { attempt, charge, OutOfBudget } from "./budget.ts";
import { rationalOf } from "./exact.ts";
import { type EqualityOptions, EXACT_STEPS, hasDecimal, sameExpressions, Undecided } from "./expressions.ts";
import { isExpression, type Node, type RelationOperator, variables } from "./node.ts";
import { evaluate, sampleEqual } from "./numeric.ts";
import { type Fraction, fractionOf, proportional } from "./polynomial.ts";
import { integer } from "./rational.ts";
import { isInequality, regionOf, sameRegion } from "./region.ts";
import { renamed, settled } from "./settle.ts";

const LONGEST_LIST = 150;

/** Whether two answers are mathematically equal; the reference first, as its form decides what may be unwrapped. */
export function equalAnswers(reference: Node, answer: Node, options: EqualityOptions): boolean {
  const given = options.strict ? answer : renamed(reference, answer);
  return same(settled(reference), settled(given), options);
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
