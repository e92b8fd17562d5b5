import { charge } from "./budget.ts";
import type { Rational } from "./rational.ts";

/** A mathematical answer: expressions, and what answers are built of around them. */
export type Node =
  /** `decimal`: written with a decimal point, so only known to some digits. */
  | { readonly kind: "number"; readonly value: Rational; readonly decimal: boolean }
  | { readonly kind: "symbol"; readonly name: string }
  | { readonly kind: "constant"; readonly name: "pi" | "e" | "i" | "infinity" }
  | { readonly kind: "add"; readonly items: readonly Node[] }
  | { readonly kind: "multiply"; readonly items: readonly Node[] }
  | { readonly kind: "divide"; readonly items: readonly [Node, Node] }
  | { readonly kind: "power"; readonly items: readonly [Node, Node] }
  /** `items[0]` under the root, `items[1]` its index. */
  | { readonly kind: "root"; readonly items: readonly [Node, Node] }
  | { readonly kind: "call"; readonly name: string; readonly items: readonly Node[] }
  /** ±: +1 or −1 in step with every other one of the answer (∓: the opposite). */
  | { readonly kind: "sign"; readonly opposite: boolean }
  | { readonly kind: "percent"; readonly items: readonly [Node] }
  | { readonly kind: "degree"; readonly items: readonly [Node] }
  /** Several answers, in no order. */
  | { readonly kind: "list"; readonly items: readonly Node[] }
  | { readonly kind: "set"; readonly items: readonly Node[] }
  /** A tuple, a vector or an interval: the brackets tell, and for `(a, b)` nobody can. */
  | {
      readonly kind: "sequence";
      readonly open: "(" | "[" | "<" | "]";
      readonly close: ")" | "]" | ">" | "[";
      readonly items: readonly Node[];
    }
  | {
      readonly kind: "operation";
      readonly name: "union" | "intersection" | "difference";
      readonly items: readonly [Node, Node];
    }
  | { readonly kind: "relation"; readonly operators: readonly RelationOperator[]; readonly items: readonly Node[] }
  | { readonly kind: "matrix"; readonly columns: number; readonly items: readonly Node[] }
  /** a : b : c */
  | { readonly kind: "proportion"; readonly items: readonly Node[] }
  | { readonly kind: "text"; readonly value: string };

export type RelationOperator = "=" | "<" | ">" | "<=" | ">=" | "!=" | "~" | "in" | "notin" | "congruent" | "subset";

const NONE: readonly Node[] = [];

export function children(node: Node): readonly Node[] {
  return "items" in node ? node.items : NONE;
}

/** The same node over other children. */
export function withChildren(node: Node, items: readonly Node[]): Node {
  return "items" in node ? ({ ...node, items } as Node) : node;
}

/** Bottom-up rewrite; `change` returns the node itself to leave it. */
export function rewrite(node: Node, change: (node: Node) => Node): Node {
  charge(1);
  const before = children(node);
  if (before.length === 0) return change(node);
  let changed = false;
  const after = before.map((child) => {
    const next = rewrite(child, change);
    if (next !== child) changed = true;
    return next;
  });
  return change(changed ? withChildren(node, after) : node);
}

export function some(node: Node, test: (node: Node) => boolean): boolean {
  charge(1);
  return test(node) || children(node).some((child) => some(child, test));
}

/** Names of the free variables, sorted. */
export function variables(node: Node): string[] {
  const names = new Set<string>();
  some(node, (part) => {
    if (part.kind === "symbol") names.add(part.name);
    return false;
  });
  return [...names].sort();
}

/** Kinds that stand for one value: arithmetic is defined on them. */
export function isExpression(node: Node): boolean {
  switch (node.kind) {
    case "number":
    case "symbol":
    case "constant":
    case "sign":
      return true;
    case "add":
    case "multiply":
    case "divide":
    case "power":
    case "root":
    case "call":
    case "percent":
    case "degree":
      return node.items.every(isExpression);
    default:
      return false;
  }
}
