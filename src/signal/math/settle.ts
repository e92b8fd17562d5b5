import { charge } from "./budget.ts";
import { isExpression, type Node, rewrite, some, variables } from "./node.ts";
import { evaluate } from "./numeric.ts";
import { integer } from "./rational.ts";

/** ± written out, scalars multiplied into vectors and matrices. */
export function settled(node: Node): Node {
  return applied(distributed(expanded(node)));
}

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
export function renamed(gold: Node, given: Node): Node {
  const to = variables(gold);
  const from = variables(given);
  if (to.length !== from.length) return given;
  const names = new Map(from.map((name, k) => [name, to[k]]));
  return rewrite(given, (part) =>
    part.kind === "symbol" ? { kind: "symbol", name: names.get(part.name) ?? part.name } : part,
  );
}
