import { z } from "zod";
import { fields, shaped } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { clamp, lastMatch, plainNumber, tagged } from "../../core/reply.ts";

const sizes = (description: string) => shaped(z.array(z.tuple([z.number(), z.number()])), "N×2", description);

/**
 * The box in a response, in image pixels (VLM-R1, arXiv 2504.07615): the first "[x1, y1, x2, y2]" of non-negative integers in the first
 * `<answer>`, x divided by the width of the model's input and multiplied by the image's, y likewise with heights. null without one, or
 * where the input has no extent.
 */
export const boxParse = definePart({
  id: "signal/box-parse",
  papers: ["vlm-r1"],
  params: z.object({}),
  inputs: z.object({
    responses: fields.responses,
    inputSizes: sizes("[height, width] that the model saw"),
    imageSizes: sizes("[height, width] of the image"),
  }),
  outputs: z.object({ boxes: shaped(z.array(z.array(z.number()).nullable()), "N×4", "[x1, y1, x2, y2]; null: none") }),
  compute(_params, { responses, inputSizes, imageSizes }) {
    return {
      boxes: responses.map((response, i) => {
        const box = /\[([0-9]+),\s*([0-9]+),\s*([0-9]+),\s*([0-9]+)\]/.exec(tagged(response, "answer") ?? "");
        if (!box) return null;
        const scaled = box.slice(1).map((digits, k) => {
          const axis = k % 2 === 0 ? 1 : 0;
          return (Number(digits) / inputSizes[i][axis]) * imageSizes[i][axis];
        });
        return scaled.every(Number.isFinite) ? scaled : null;
      }),
    };
  },
});

/**
 * Settings of a photo editor in a response (RetouchIQ, arXiv 2602.17558): the last {…} without inner braces, parts separated by ";", each
 * "name = number" in plain decimals. Names are lower-cased, values clamped to the `allowed` range, a repeated name keeps its last
 * value, empty parts are skipped. An unknown or malformed part is skipped and makes the response not valid; so does a response without braces.
 */
export const editParametersParse = definePart({
  id: "signal/edit-parameters-parse",
  papers: ["retouchiq"],
  params: z.object({
    allowed: z
      .record(z.string(), z.tuple([z.number(), z.number()]))
      .default({})
      .describe("settings and their [lowest, highest] value"),
  }),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({
    edits: shaped(z.array(z.record(z.string(), z.number())), "N", "value per setting"),
    valid: fields.valid,
  }),
  compute({ allowed }, { responses }) {
    const ranges = new Map(Object.entries(allowed ?? {}).map(([name, range]) => [name.toLowerCase(), range]));
    const read = responses.map((response) => {
      const block = lastMatch(response, /\{([^{}]*)\}/g)?.[1];
      const edits = new Map<string, number>();
      let valid = block !== undefined;
      for (const part of (block ?? "").split(";")) {
        if (part.trim() === "") continue;
        const equals = part.indexOf("=");
        const name = part.slice(0, Math.max(0, equals)).trim().toLowerCase();
        const range = ranges.get(name);
        const value = equals < 0 ? null : plainNumber(part.slice(equals + 1));
        if (!range || value === null) valid = false;
        else edits.set(name, clamp(value, range[0], range[1]));
      }
      return { edits: Object.fromEntries(edits), valid };
    });
    return { edits: read.map(({ edits }) => edits), valid: read.map(({ valid }) => valid) };
  },
});

interface Known {
  readonly value: number | null;
  /** Names of the defined quantities it depends on. */
  readonly dependencies: ReadonlySet<string>;
}

/**
 * The dependency graph that a templated solution states (arXiv 2512.07783): one "Define NAME as LETTER; …" per quantity.
 *
 * A definition's body runs to the next one and ends at "Answer:" or `<answer>`. In it every "LETTER = expression" (up to "." or ";") is
 * read in order; its dependencies are the quantities of the letters in it, where a letter that is not the defined one is an intermediate and
 * hands its own on. The last segment behind "=" is evaluated with the known letters (+ − * / and brackets); failing that the last number
 * in it counts. A node's value is the last one of its letter, else the last number of the body, else null. Nodes are keyed by name; a later
 * definition overwrites. `answer`: the number behind `<answer>`, else behind "Answer:".
 */
export const dependencyGraphParse = definePart({
  id: "signal/dependency-graph-parse",
  papers: ["rl-interplay"],
  params: z.object({}),
  inputs: z.object({ text: z.string().describe("the solution") }),
  outputs: z.object({
    nodes: z
      .array(
        z.object({
          name: z.string(),
          variable: z.string(),
          value: z.number().nullable(),
          dependencies: z.array(z.string()),
        }),
      )
      .describe("quantities in order of first definition, dependencies sorted"),
    answer: z.number().nullable().describe("the final answer"),
  }),
  compute(_params, { text }) {
    // Single blanks from here on: no pattern below can run over the same white space twice.
    const flat = text.split(/\s+/).join(" ");
    const given = /<answer> ?(-?[0-9]+(?:\.[0-9]+)?)/i.exec(flat) ?? /answer: ?(-?[0-9]+(?:\.[0-9]+)?)/i.exec(flat);
    const starts = Array.from(flat.matchAll(/\bdefine /gi), ({ index }) => index);
    const known = new Map<string, Known>();
    const nodes = new Map<string, { name: string; variable: string; value: number | null; dependencies: string[] }>();
    for (const [k, start] of starts.entries()) {
      const definition = flat.slice(start + "define ".length, starts[k + 1]);
      const as = / (?:as|a) /i.exec(definition);
      if (!as) continue;
      const rest = definition.slice(as.index + as[0].length);
      const letter = /(?<![A-Za-z0-9_])([A-Za-z]) ?;/.exec(rest);
      if (!letter) continue;
      const name = definition.slice(0, as.index).trim();
      const body = rest
        .slice(letter.index + letter[0].length)
        .split(/<answer>|answer:/i)[0]
        .replace(/<\/?[A-Za-z_]{1,40}>/g, " ");
      nodes.set(name, readBody(name, letter[1], body, known));
    }
    return { nodes: Array.from(nodes.values()), answer: given ? plainNumber(given[1]) : null };
  },
});

function readBody(name: string, variable: string, body: string, known: Map<string, Known>) {
  const dependencies = new Set<string>();
  let own: number | null = null;
  for (const [, letter, expression] of body.matchAll(/(?<![A-Za-z0-9_])([A-Za-z]) ?=([^.;]+)/g)) {
    const found = new Set<string>();
    for (const [used] of expression.matchAll(/(?<![A-Za-z0-9_])[A-Za-z](?![A-Za-z0-9_])/g)) {
      if (used === letter) continue;
      for (const dependency of known.get(used)?.dependencies ?? []) found.add(dependency);
    }
    const last = expression.slice(expression.lastIndexOf("=") + 1);
    const value = evaluate(last, known) ?? lastNumber(expression);
    if (letter !== variable) {
      known.set(letter, { value, dependencies: found });
      continue;
    }
    for (const dependency of found) dependencies.add(dependency);
    own = value;
  }
  dependencies.delete(name);
  const value = own ?? lastNumber(body);
  known.set(variable, { value, dependencies: new Set([name]) });
  return { name, variable, value, dependencies: Array.from(dependencies).sort() };
}

function lastNumber(text: string): number | null {
  return plainNumber(lastMatch(text, /(?<![A-Za-z0-9_)]\s?)-?[0-9]+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?/g)?.[0] ?? "");
}

const precedence: Record<string, number> = { "+": 1, "-": 1, "*": 2, "/": 2, "~": 3 };

/** Value of an arithmetic expression by two stacks (no recursion); null where it is none, or is not finite. */
function evaluate(text: string, known: ReadonlyMap<string, Known>): number | null {
  const tokens = text.replace(/ /g, "").match(/[0-9]+(?:\.[0-9]+)?|[A-Za-z]+|[^A-Za-z0-9]/g) ?? [];
  const values: number[] = [];
  const operators: string[] = [];
  const apply = () => {
    const operator = operators.pop();
    const right = values.pop() ?? Number.NaN;
    if (operator === "~") values.push(-right);
    else {
      const left = values.pop() ?? Number.NaN;
      values.push(
        operator === "+"
          ? left + right
          : operator === "-"
            ? left - right
            : operator === "*"
              ? left * right
              : left / right,
      );
    }
  };
  let operand = false;
  for (const token of tokens) {
    if (token === "(") {
      if (operand) return null;
      operators.push(token);
    } else if (token === ")") {
      if (!operand) return null;
      while (operators.length > 0 && operators.at(-1) !== "(") apply();
      if (operators.pop() !== "(") return null;
    } else if (Object.hasOwn(precedence, token) && token !== "~") {
      const operator = operand ? token : token === "-" ? "~" : null;
      if (operator === null) return null;
      while (
        operand &&
        operators.length > 0 &&
        (precedence[operators[operators.length - 1]] ?? 0) >= precedence[operator]
      )
        apply();
      operators.push(operator);
      operand = false;
    } else {
      const value = /^[0-9]/.test(token) ? Number(token) : (known.get(token)?.value ?? null);
      if (operand || value === null) return null;
      values.push(value);
      operand = true;
    }
  }
  if (!operand) return null;
  while (operators.length > 0) {
    if (operators.at(-1) === "(") return null;
    apply();
  }
  return values.length === 1 && Number.isFinite(values[0]) ? values[0] : null;
}
