import { charge, DEEPEST_ANSWER, OutOfBudget } from "./budget.ts";
import { children, type Node, type RelationOperator, rewrite, some } from "./node.ts";
import { add, integer, parseDecimal, type Rational, ratio } from "./rational.ts";
import type { Token } from "./tokens.ts";
import { DENIALS, LEADING_WORDS, UNIT_LETTERS } from "./words.ts";

/** The text does not read as mathematics that this parser knows. */
export class NotMathematics extends Error {}

const RELATIONS: Readonly<Record<string, RelationOperator>> = {
  "=": "=",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">=",
  "!=": "!=",
  "~": "~",
  "∈": "in",
  "∉": "notin",
  "≡": "congruent",
  "⊂": "subset",
};

const TRIGONOMETRIC = /^(?:sin|cos|tan|cot|sec|csc)$/;

const number = (value: Rational, decimal = false): Node => ({ kind: "number", value, decimal });
const MINUS_ONE = number(integer(-1));

/*
 * One recursive-descent parser over one token list; its functions call each other in a circle and share
 * position and depth, which is why they are in one file.
 */

/** Parses an answer; throws `NotMathematics` or `OutOfBudget`. */
export function parseTokens(all: readonly Token[]): Node {
  const tokens = trimmed(all);
  if (tokens.length === 0) throw new NotMathematics("nothing to read");
  if (tokens.every((token) => token.type === "text"))
    return { kind: "text", value: tokens.map((token) => token.value).join(" ") };
  let position = 0;
  let depth = 0;
  /** Open | bars, so that a bar can close. */
  let bars = 0;
  /** Inside `]a, b[` and `[a, b[` a bracket closes and starts no factor. */
  let squares = 0;

  const answer = list([]);
  if (position < tokens.length) throw new NotMathematics(`cannot read ${tokens[position].value}`);
  return withoutDegrees(answer);

  function peek(offset = 0): string {
    const token = tokens[position + offset];
    return token === undefined ? "" : token.type === "operator" || token.type === "command" ? token.value : "";
  }

  function expect(value: string) {
    if (peek() !== value) throw new NotMathematics(`expected ${value}`);
    position++;
  }

  function nested<T>(read: () => T): T {
    if (++depth > DEEPEST_ANSWER) throw new OutOfBudget(`an answer nested deeper than ${DEEPEST_ANSWER}`);
    const outer = bars;
    const outerSquares = squares;
    bars = 0;
    squares = 0;
    const result = read();
    bars = outer;
    squares = outerSquares;
    depth--;
    return result;
  }

  /** Members separated by commas, up to one of `ends` (or the end). */
  function members(ends: readonly string[]): Node[] {
    const items: Node[] = [];
    while (position < tokens.length && !ends.includes(peek())) {
      items.push(relation());
      if (peek() !== "," && peek() !== ";") break;
      while (peek() === "," || peek() === ";") position++;
    }
    return items;
  }

  function list(ends: readonly string[]): Node {
    const items = members(ends);
    if (items.length === 0) throw new NotMathematics("nothing to read");
    return items.length === 1 ? items[0] : { kind: "list", items };
  }

  function relation(): Node {
    charge(1);
    const first = setExpression();
    let operator = RELATIONS[peek()];
    if (peek() === "→") throw new NotMathematics("an implication");
    if (operator === undefined) return first;
    const items = [first];
    const operators: RelationOperator[] = [];
    while (operator !== undefined) {
      position++;
      operators.push(operator);
      items.push(setExpression());
      operator = RELATIONS[peek()];
    }
    if (peek() === "pmod" || peek() === "mod" || (peek() === "(" && peek(1) === "mod")) {
      const wrapped = peek() === "(";
      position += wrapped ? 2 : 1;
      items.push(wrapped ? sum() : primary());
      if (wrapped) expect(")");
      return { kind: "call", name: "congruence", items: items };
    }
    return { kind: "relation", operators, items };
  }

  function setExpression(): Node {
    let left = proportion();
    for (;;) {
      const operator = peek();
      if (operator !== "∪" && operator !== "∩" && operator !== "∖") return left;
      position++;
      left = {
        kind: "operation",
        name: operator === "∪" ? "union" : operator === "∩" ? "intersection" : "difference",
        items: [left, proportion()],
      };
    }
  }

  function proportion(): Node {
    const first = sum();
    if (peek() !== ":") return first;
    const items = [first];
    while (peek() === ":") {
      position++;
      items.push(sum());
    }
    return { kind: "proportion", items };
  }

  function sum(): Node {
    charge(1);
    const items = [product(true)];
    for (;;) {
      const operator = peek();
      if (operator !== "+" && operator !== "-" && operator !== "±" && operator !== "∓") break;
      items.push(product(true));
    }
    return items.length === 1 ? items[0] : { kind: "add", items };
  }

  /** A product with its sign. */
  function product(signed: boolean): Node {
    const factors: Node[] = [];
    if (signed) {
      for (; ; position++) {
        const operator = peek();
        if (operator === "-") factors.push(MINUS_ONE);
        else if (operator === "±") factors.push({ kind: "sign", opposite: false });
        else if (operator === "∓") factors.push({ kind: "sign", opposite: true });
        else if (operator !== "+") break;
      }
    }
    const signs = factors.length;
    let quotient: Node | null = null;
    /** The number before what may be a unit: `5 m / s`. */
    let bare: Node | null = null;
    const value = (): Node => {
      const single: Node = factors.length === 1 ? factors[0] : { kind: "multiply", items: [...factors] };
      return single;
    };
    let first = factor();
    if (first.kind === "text") first = afterText(first);
    factors.push(first);
    for (;;) {
      charge(1);
      const operator = peek();
      const token = tokens[position];
      if (token === undefined) break;
      if (operator === "*" || operator === "/") {
        const next = tokens[position + 1];
        if (next?.type === "text") {
          // km / h
          position += 2;
          exponentOfUnit();
          continue;
        }
        position++;
        const right = signedFactor();
        if (operator === "*") factors.push(right);
        else {
          quotient = { kind: "divide", items: [value(), right] };
          factors.length = 0;
          factors.push(quotient);
        }
        continue;
      }
      if (operator === "mod") {
        position++;
        const left = value();
        factors.length = 0;
        factors.push({ kind: "call", name: "mod", items: [left, factor()] });
        continue;
      }
      if (token.type === "text") {
        if (DENIALS.test(token.value)) throw new NotMathematics("words that deny");
        position++;
        exponentOfUnit();
        continue;
      }
      if (!startsFactor(token)) break;
      const last = factors[factors.length - 1];
      const mixed = factors.length === signs + 1 && quotient === null ? mixedNumber(last) : null;
      if (mixed) {
        factors[factors.length - 1] = mixed;
        continue;
      }
      // Two numbers side by side are no product: `2 3`.
      if (last.kind === "number" && token.type === "number") throw new NotMathematics("two numbers side by side");
      if (
        bare === null &&
        token.type === "name" &&
        token.spaced &&
        last.kind === "number" &&
        factors.length === signs + 1 &&
        isUnit()
      )
        bare = value();
      const next = factor();
      if (next.kind === "text") continue;
      factors.push(next);
    }
    return bare === null ? value() : { kind: "call", name: "unit", items: [bare, value()] };
  }

  function signedFactor(): Node {
    let negative = false;
    while (peek() === "-" || peek() === "+") {
      if (peek() === "-") negative = !negative;
      position++;
    }
    const value = factor();
    return negative ? { kind: "multiply", items: [MINUS_ONE, value] } : value;
  }

  /** `3\frac12` and `3 1/2`. */
  function mixedNumber(whole: Node): Node | null {
    if (whole.kind !== "number" || whole.decimal || whole.value.d !== 1n) return null;
    if (peek() === "frac") {
      const start = position;
      const part = factor();
      if (part.kind === "divide" && isNatural(part.items[0]) && isNatural(part.items[1])) {
        const fraction = ratio(part.items[0].value.n, part.items[1].value.n);
        if (fraction) return number(add(whole.value, fraction));
      }
      position = start;
      return null;
    }
    const top = tokens[position];
    const bottom = tokens[position + 2];
    if (top?.type === "number" && top.spaced && peek(1) === "/" && bottom?.type === "number" && !bottom.spaced) {
      if (!/^\d+$/.test(top.value) || !/^\d+$/.test(bottom.value)) return null;
      const fraction = ratio(BigInt(top.value), BigInt(bottom.value));
      if (!fraction) return null;
      position += 3;
      return number(add(whole.value, fraction));
    }
    return null;
  }

  /** Words before mathematics: `approximately 5`, or the name of what is computed, `Area = 5`. */
  function afterText(text: Node & { kind: "text" }): Node {
    const token = tokens[position];
    if (token === undefined || !(startsFactor(token) || token.value === "-")) return text;
    if (LEADING_WORDS.test(text.value) || /^\(?[A-Z]\)$/.test(text.value))
      return token.value === "-" ? signedFactor() : factor();
    throw new NotMathematics("words before mathematics");
  }

  function exponentOfUnit() {
    if (peek() !== "^") return;
    position++;
    nested(() => argument());
  }

  function startsFactor(token: Token): boolean {
    if (token.type === "number" || token.type === "name" || token.type === "function") return true;
    if (token.type === "text") return false;
    if (token.type === "command")
      return !token.value.startsWith("end:") && token.value !== "over" && token.value !== "choose";
    switch (token.value) {
      case "[":
        return squares === 0;
      case "(":
      case "{":
      case "\\{":
      case "⟨":
      case "⌊":
      case "⌈":
      case "∞":
      case "∅":
        return true;
      case "|":
        return bars === 0;
      case "‖":
        return bars === 0;
      default:
        return false;
    }
  }

  /** A primary with its exponents, factorials, degrees, percents. */
  function factor(): Node {
    let base = primary();
    for (;;) {
      charge(1);
      const operator = peek();
      if (operator === "^") {
        position++;
        if (peek() === "°" || (peek() === "{" && peek(1) === "°" && peek(2) === "}")) {
          position += peek() === "°" ? 1 : 3;
          skipScale();
          base = { kind: "degree", items: [base] };
        } else if (peek() === "'") position++;
        else base = { kind: "power", items: [base, nested(() => exponent())] };
      } else if (operator === "°") {
        position++;
        skipScale();
        base = { kind: "degree", items: [base] };
      } else if (operator === "!") {
        position++;
        if (peek() === "!") {
          position++;
          base = { kind: "call", name: "doublefactorial", items: [base] };
        } else base = { kind: "call", name: "factorial", items: [base] };
      } else if (operator === "%") {
        position++;
        base = { kind: "percent", items: [base] };
      } else if (operator === "'") {
        position++;
        base =
          base.kind === "symbol"
            ? { kind: "symbol", name: `${base.name}'` }
            : { kind: "call", name: "prime", items: [base] };
      } else if (operator === "_" && base.kind === "number") {
        position++;
        base = inBase(base);
      } else return base;
    }
  }

  /** The scale of 25 °C. */
  function skipScale() {
    const token = tokens[position];
    if (token?.type === "name" && /^[CF]$/.test(token.value)) position++;
  }

  /** Whether only a unit such as `m / s^2` is left of the answer or its member. */
  function isUnit(): boolean {
    for (let k = position; k < tokens.length; k++) {
      const { type, value } = tokens[k];
      if (type === "operator" && (value === "," || value === "=")) return true;
      const power = type === "number" && k > position && tokens[k - 1].value === "^";
      if (
        !power &&
        !(type === "name" && UNIT_LETTERS.has(value)) &&
        !(type === "operator" && /^[/^*]$/.test(value)) &&
        type !== "text"
      )
        return false;
    }
    return true;
  }

  function exponent(): Node {
    if (peek() === "-" || peek() === "+") return signedFactorNoPower();
    const value = argument();
    // Plain text: 2^10 arrives as one number; 2^x^2 is right-associative.
    if (peek() === "^") {
      position++;
      return { kind: "power", items: [value, nested(() => exponent())] };
    }
    return value;
  }

  function signedFactorNoPower(): Node {
    const negative = peek() === "-";
    position++;
    const value = argument();
    return negative ? { kind: "multiply", items: [MINUS_ONE, value] } : value;
  }

  /** `{…}` or one token; `\frac43` takes one digit. */
  function argument(): Node {
    if (peek() === "{") {
      position++;
      const value = nested(() => list(["}"]));
      expect("}");
      return value;
    }
    if (peek() === "-" || peek() === "+") return signedFactorNoPower();
    return nested(() => primary());
  }

  /** The argument of `\frac` and `\sqrt` without braces is one digit, as TeX has it. */
  function texArgument(): Node {
    const token = tokens[position];
    if (token?.type === "number" && token.value.length > 1 && /^\d+$/.test(token.value)) {
      const rest = token.value.slice(1);
      tokens[position] = { type: "number", value: rest, spaced: false };
      return number(integer(Number(token.value[0])));
    }
    return argument();
  }

  function inBase(digits: Node & { kind: "number" }): Node {
    const written = tokens[position - 2]?.type === "number" ? tokens[position - 2].value : null;
    const base = argument();
    if (!isNatural(base) || written === null || !/^\d+$/.test(written)) {
      if (base.kind === "text" || base.kind === "symbol") return digits;
      throw new NotMathematics("a subscript on a number");
    }
    const radix = Number(base.value.n);
    if (radix < 2 || radix > 36) throw new NotMathematics("a subscript on a number");
    charge(written.length);
    let value = 0n;
    for (const digit of written) {
      if (Number(digit) >= radix) throw new NotMathematics(`a digit outside base ${radix}`);
      value = value * BigInt(radix) + BigInt(digit);
      if (written.length > 2000) throw new OutOfBudget("a number of too many digits in another base");
    }
    return number(integer(value));
  }

  function primary(): Node {
    charge(1);
    const token = tokens[position];
    if (token === undefined) throw new NotMathematics("the answer breaks off");
    position++;
    switch (token.type) {
      case "number":
        return literal(token.value);
      case "text":
        return { kind: "text", value: token.value };
      case "name":
        return name(token.value);
      case "function":
        return call(token.value);
      case "command":
        return structure(token.value);
      case "operator":
        return bracket(token.value);
    }
  }

  function literal(text: string): Node {
    const value = parseDecimal(text);
    if (value === null) throw new NotMathematics(`a number like ${text.slice(0, 20)}`);
    // 0.\overline{36}
    if ((peek() === "overline" || peek() === "dot") && /\./.test(text)) {
      position++;
      const digits = digitsOf();
      const scale = 10n ** BigInt(digits.length);
      const place = 10n ** BigInt(text.length - text.indexOf(".") - 1);
      const tail = ratio(BigInt(digits), place * (scale - 1n));
      if (tail) return number(add(value, tail));
    }
    if (peek() === "…" && /\.\d*?(\d)\1\1$/.test(text)) {
      position++;
      const digit = text[text.length - 1];
      const tail = ratio(BigInt(digit), 9n * 10n ** BigInt(text.length - text.indexOf(".") - 1));
      if (tail) return number(add(value, tail));
    }
    return number(value, /\.\d/.test(text));
  }

  function digitsOf(): string {
    const wrapped = peek() === "{";
    if (wrapped) position++;
    const token = tokens[position++];
    if (token?.type !== "number" || !/^\d{1,200}$/.test(token.value))
      throw new NotMathematics("a repeating decimal without digits");
    if (wrapped) expect("}");
    return token.value;
  }

  function name(value: string): Node {
    if (value === "pi") return { kind: "constant", name: "pi" };
    if (value === "e" && peek() !== "_") return { kind: "constant", name: "e" };
    if (value === "i" && peek() !== "_") return { kind: "constant", name: "i" };
    if (value === "imath") return { kind: "constant", name: "i" };
    let full = value;
    if (peek() === "_") {
      position++;
      full += `_${nested(() => subscript())}`;
    }
    while (peek() === "'") {
      position++;
      full += "'";
    }
    // f(x), f^{-1}(x): letters that usually name functions.
    if (/^[fghFGHPQTW](?:_.*)?'*$/.test(full)) {
      let inverse = "";
      const start = position;
      if (peek() === "^") {
        position++;
        const power = nested(() => exponent());
        if (peek() !== "(") {
          position = start;
          return { kind: "symbol", name: full };
        }
        inverse = JSON.stringify(power, (_, item) => (typeof item === "bigint" ? String(item) : item));
      }
      if (peek() === "(") {
        position++;
        const items = nested(() => members([")"]));
        expect(")");
        return { kind: "call", name: `apply:${full}${inverse}`, items };
      }
    }
    return { kind: "symbol", name: full };
  }

  function subscript(): string {
    const start = position;
    if (peek() === "{") {
      let open = 0;
      for (; position < tokens.length; position++) {
        if (peek() === "{") open++;
        else if (peek() === "}" && --open === 0) break;
      }
      expect("}");
      return tokens
        .slice(start + 1, position - 1)
        .map((token) => token.value)
        .join("");
    }
    return tokens[position++]?.value ?? "";
  }

  function call(value: string): Node {
    let index: Node | null = null;
    let power: Node | null = null;
    for (;;) {
      if (peek() === "_") {
        position++;
        index = argument();
      } else if (peek() === "^") {
        position++;
        power = nested(() => argument());
      } else break;
    }
    let items: Node[];
    if (peek() === "(" || peek() === "[") {
      const close = peek() === "(" ? ")" : "]";
      position++;
      items = nested(() => members([close]));
      expect(close);
    } else if (peek() === "{") {
      position++;
      items = nested(() => members(["}"]));
      expect("}");
    } else items = [nested(() => bareArgument())];
    let called = value;
    let inner: Node | null = power;
    if (power !== null && isMinusOne(power) && /^(?:sin|cos|tan|cot|sec|csc)h?$/.test(value)) {
      called = `arc${value}`;
      inner = null;
    }
    if (index !== null) items = [...items, index];
    if (TRIGONOMETRIC.test(called)) items = items.map(inRadians);
    const result: Node =
      called === "exp"
        ? { kind: "power", items: [{ kind: "constant", name: "e" }, items[0]] }
        : { kind: "call", name: called, items };
    return inner === null ? result : { kind: "power", items: [result, inner] };
  }

  /** The argument of `\sin 2\pi x`: factors up to the next function, sign or operator. */
  function bareArgument(): Node {
    const signs: Node[] = [];
    while (peek() === "-" || peek() === "+") {
      if (peek() === "-") signs.push(MINUS_ONE);
      position++;
    }
    const items: Node[] = [...signs, factor()];
    for (;;) {
      const token = tokens[position];
      if (token === undefined || token.type === "function") break;
      if (peek() === "/" && tokens[position + 1] !== undefined && tokens[position + 1].type !== "function") {
        position++;
        const left: Node = { kind: "multiply", items: [...items] };
        items.length = 0;
        items.push({ kind: "divide", items: [left, factor()] });
        continue;
      }
      if (!startsFactor(token) || peek() === "(" || peek() === "[") break;
      items.push(factor());
    }
    return items.length === 1 ? items[0] : { kind: "multiply", items };
  }

  function structure(value: string): Node {
    if (value === "frac") {
      const top = nested(() => texArgument());
      const bottom = nested(() => texArgument());
      // \frac{m}{s}, a unit
      if (top.kind === "text" && bottom.kind === "text") return { kind: "text", value: `${top.value}/${bottom.value}` };
      if (top.kind === "text" || bottom.kind === "text") throw new NotMathematics("words in a fraction");
      return { kind: "divide", items: [top, bottom] };
    }
    // \sqrt12 is √1·2 to TeX; √12 and sqrt12 in plain text mean the whole number.
    if (value === "sqrt" || value === "root") {
      let index: Node = number(integer(2));
      if (peek() === "[") {
        position++;
        index = nested(() => list(["]"]));
        expect("]");
      }
      const under = peek() === "(" || value === "root" ? nested(() => primary()) : nested(() => texArgument());
      return { kind: "root", items: [under, index] };
    }
    if (value === "binom")
      return { kind: "call", name: "binom", items: [nested(() => texArgument()), nested(() => texArgument())] };
    if (value === "overline" || value === "dot")
      return { kind: "symbol", name: `${value}:${JSON.stringify(subscript())}` };
    if (value === "sum" || value === "prod") return series(value);
    if (value.startsWith("begin:")) return environment(value.slice(6));
    if (value === "angle" || value === "triangle") return { kind: "symbol", name: `${value}:${subscript()}` };
    throw new NotMathematics(`the command ${value.slice(0, 40)}`);
  }

  /** A finite sum or product with its bounds. */
  function series(value: string): Node {
    let low: Node | null = null;
    let high: Node | null = null;
    while (peek() === "_" || peek() === "^") {
      const below = peek() === "_";
      position++;
      if (below) {
        expect("{");
        low = nested(() => relation());
        expect("}");
      } else high = argument();
    }
    if (low?.kind !== "relation" || low.items.length !== 2 || low.items[0].kind !== "symbol" || high === null) {
      throw new NotMathematics("a series without bounds");
    }
    return { kind: "call", name: value, items: [nested(() => product(true)), low.items[0], low.items[1], high] };
  }

  /** Rows of an aligned chain run on (`x &= 3 + 5 \\ &= 8`); others are members of a list. */
  function alignRows(end: string) {
    const rest = tokens.splice(position);
    for (let k = 0; k < rest.length; k++) {
      const { value } = rest[k];
      if (value === end) {
        tokens.push(...rest.slice(k));
        return;
      }
      if (value === "&") continue;
      if (value !== "\\\\") tokens.push(rest[k]);
      else {
        const next = rest[k + 1]?.value === "&" ? rest[k + 2] : rest[k + 1];
        if (next !== undefined && RELATIONS[next.value] === undefined && next.value !== end)
          tokens.push({ type: "operator", value: ",", spaced: true });
      }
    }
  }

  function environment(kind: string): Node {
    if (!/^(?:[pbvBV]?matrix|smallmatrix|array)\*?$/.test(kind)) {
      if (/^(?:align|aligned|gather|gathered|equation|split)\*?$/.test(kind)) {
        alignRows(`end:${kind}`);
        const inner = nested(() => list([`end:${kind}`]));
        expect(`end:${kind}`);
        return inner;
      }
      throw new NotMathematics(`the environment ${kind.slice(0, 40)}`);
    }
    const items: Node[] = [];
    let columns = -1;
    let row = 0;
    const end = `end:${kind}`;
    nested(() => {
      while (peek() !== end) {
        if (peek() === "\\\\") {
          position++;
          if (peek() === end) break;
          if (columns < 0) columns = row;
          if (row !== columns) throw new NotMathematics("rows of different lengths");
          row = 0;
          continue;
        }
        if (peek() === "&") {
          position++;
          continue;
        }
        items.push(relation());
        row++;
        if (peek() !== "&" && peek() !== "\\\\" && peek() !== end) throw new NotMathematics("a broken matrix");
      }
    });
    expect(end);
    if (columns < 0) columns = row;
    if (items.length === 0 || items.length % columns !== 0) throw new NotMathematics("rows of different lengths");
    if (/^v/.test(kind)) return { kind: "call", name: "det", items: [{ kind: "matrix", columns, items }] };
    return { kind: "matrix", columns, items };
  }

  function bracket(value: string): Node {
    switch (value) {
      case "∞":
        return { kind: "constant", name: "infinity" };
      case "∅":
        return { kind: "set", items: [] };
      case "{": {
        const inner = nested(() => (peek() === "}" ? null : braced()));
        expect("}");
        if (inner === null) return primary();
        return inner;
      }
      case "\\{": {
        if (tokens[position]?.type === "name" && /^[|:]$/.test(peek(1))) {
          // {x | x > 2}: what its condition allows.
          position += 2;
          const condition = nested(() => list(["\\}"]));
          expect("\\}");
          return { kind: "operation", name: "union", items: [condition, { kind: "set", items: [] }] };
        }
        const items = nested(() => members(["\\}"]));
        expect("\\}");
        return { kind: "set", items };
      }
      case "⟨": {
        const items = nested(() => members(["⟩"]));
        expect("⟩");
        return { kind: "sequence", open: "<", close: ">", items };
      }
      case "⌊":
      case "⌈": {
        const close = value === "⌊" ? "⌋" : "⌉";
        const inner = nested(() => sum());
        expect(close);
        return { kind: "call", name: value === "⌊" ? "floor" : "ceil", items: [inner] };
      }
      case "|":
      case "‖": {
        if (++depth > DEEPEST_ANSWER) throw new OutOfBudget(`an answer nested deeper than ${DEEPEST_ANSWER}`);
        bars++;
        const inner = sum();
        bars--;
        depth--;
        expect(value);
        return { kind: "call", name: "abs", items: [inner] };
      }
      case "(":
      case "[":
      case "]": {
        const items = nested(() => {
          squares = value === "(" ? 0 : 1;
          return members([")", "]", "["]);
        });
        const close = peek();
        if (close !== ")" && close !== "]" && close !== "[") throw new NotMathematics("an open bracket");
        if (
          (value === "]") !== (close === "[") &&
          !(value === "]" && close === "]") &&
          !(value === "[" && close === "[") &&
          !(value === "(" && close === "[")
        ) {
          if (close === "[") throw new NotMathematics("mismatched brackets");
        }
        position++;
        if (peek() === "T" || items.length === 0) {
          if (items.length === 0) throw new NotMathematics("empty brackets");
        }
        if (items.length === 1 && ((value === "(" && close === ")") || (value === "[" && close === "]"))) {
          // The lettered choice (C) is itself in brackets.
          return items[0];
        }
        return { kind: "sequence", open: value, close, items };
      }
      default:
        throw new NotMathematics(`the sign ${value.slice(0, 8)}`);
    }
  }

  /** Inside plain braces: a group, or the old forms `{a \over b}` and `{n \choose k}`; several members are a set. */
  function braced(): Node {
    const left = list(["}"]);
    if (peek() === "over") {
      position++;
      return { kind: "divide", items: [left, list(["}"])] };
    }
    if (peek() === "choose") {
      position++;
      return { kind: "call", name: "binom", items: [left, list(["}"])] };
    }
    return left.kind === "list" ? { kind: "set", items: left.items } : left;
  }
}

function trimmed(tokens: readonly Token[]): Token[] {
  let start = 0;
  let end = tokens.length;
  const trailing = (token: Token) => token.type === "operator" && /^(?:[.,;:*?"]|\\\\)$/.test(token.value);
  // Dots continue a repeating decimal and say nothing behind anything else.
  if (tokens.at(-1)?.value === "…" && !/\.\d/.test(tokens.at(-2)?.value ?? "")) end--;
  while (end > start && trailing(tokens[end - 1])) end--;
  while (start < end && tokens[start].type === "operator" && /^[.,;:*"→&]$/.test(tokens[start].value)) start++;
  return tokens.slice(start, end);
}

export function isNatural(node: Node): node is Node & { kind: "number" } {
  return node.kind === "number" && node.value.d === 1n && node.value.n >= 0n && !node.decimal;
}

function isMinusOne(node: Node): boolean {
  return (
    node.kind === "multiply" &&
    node.items.length === 2 &&
    node.items[0] === MINUS_ONE &&
    node.items[1].kind === "number" &&
    node.items[1].value.n === 1n &&
    node.items[1].value.d === 1n
  );
}

function inRadians(node: Node): Node {
  if (!some(node, (part) => part.kind === "degree")) return node;
  return rewrite(node, (part) =>
    part.kind === "degree"
      ? {
          kind: "divide",
          items: [{ kind: "multiply", items: [part.items[0], { kind: "constant", name: "pi" }] }, number(integer(180))],
        }
      : part,
  );
}

/** Outside trigonometric functions a degree sign is a unit. */
function withoutDegrees(node: Node): Node {
  return rewrite(node, (part) => (part.kind === "degree" ? children(part)[0] : part));
}
