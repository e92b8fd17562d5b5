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

/**
 * The dependency graph that a templated solution states (arXiv 2512.07783): one "Define NAME as LETTER; …" per quantity ("a" for "as" and
 * further words before the letter allowed), as the release reads it.
 *
 * Tags are removed. A definition's body runs to the next one and ends at "Answer:". In it every "LETTER = expression" (up to "." or ";") is
 * read in order; its dependencies are the quantities that its letters stand for, and what intermediate letters (not the defined one) of the
 * same body depend on. The last segment behind "=" is evaluated with the known letters (+ − * / and brackets); failing that the last number
 * in it counts. A node's value is the last one of its letter, else the last number of the body, else what its expressions come to once
 * everything is read, else null. Nodes are keyed by name; a later definition overwrites. `answer`: the number behind `<answer>`, else behind
 * "Answer:".
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
    // Single blanks and line breaks from here on: no pattern below can run over the same white space twice.
    const given =
      /<answer>\s?([-+]?[0-9]+(?:\.[0-9]+)?)/i.exec(singleBlanks(text)) ??
      /Answer:\s?([-+]?[0-9]+(?:\.[0-9]+)?)/.exec(singleBlanks(text));
    const flat = singleBlanks(withoutTags(text));
    const starts = Array.from(flat.matchAll(/define\s/gi), ({ index }) => index);
    const headers = starts.map((start, k) => readHeader(flat, start + "define ".length, starts[k + 1]));
    const last = headers.findLastIndex((header) => header !== null);
    // What the letters stand for, and their latest values.
    const quantities = new Map<string, string>();
    const values = new Map<string, number>();
    const steps = headers.flatMap((header, k) => {
      if (header === null) return [];
      const body = flat.slice(header.end, k === last ? undefined : starts[k + 1]).split("Answer:")[0];
      const step = readBody(header.variable, body, quantities, values);
      quantities.set(header.variable, header.name);
      return [{ ...header, ...step }];
    });
    const nodes = new Map<string, { name: string; variable: string; value: number | null; dependencies: string[] }>();
    for (const { name, variable, value: found, expressions, dependencies } of steps) {
      let value = found;
      for (let k = expressions.length - 1; k >= 0 && value === null; k--) value = evaluate(expressions[k], values);
      value ??= values.get(variable) ?? null;
      if (value !== null) values.set(variable, value);
      nodes.set(name, { name, variable, value, dependencies });
    }
    return { nodes: Array.from(nodes.values()), answer: given ? plainNumber(given[1]) : null };
  },
});

/** Runs of white space as one blank, or as one line break: no expression runs over those. */
function singleBlanks(text: string): string {
  return text.replace(/\s+/g, (run) => (/[\n\r]/.test(run) ? "\n" : " "));
}

/** Without every <…> that holds something. */
function withoutTags(text: string): string {
  const kept: string[] = [];
  let at = 0;
  for (let open = text.indexOf("<"); open >= 0; open = text.indexOf("<", open)) {
    const close = text.indexOf(">", open + 1);
    if (close < 0) break;
    if (close === open + 1) {
      open = close;
      continue;
    }
    kept.push(text.slice(at, open));
    at = close + 1;
    open = at;
  }
  return kept.join("") + text.slice(at);
}

/** "NAME as LETTER;" in a stretch of text; up to 20 words may stand before the letter. */
function readHeader(text: string, start: number, end: number | undefined) {
  const header = /\s(?:as|a)\s(?:[A-Za-z]+\s){0,20}([A-Za-z]);/i.exec(text.slice(start, end));
  if (!header) return null;
  const name = text
    .slice(start, start + header.index)
    .replaceAll("\ufffd", "")
    .replaceAll("\n", " ");
  return {
    name: name.replace(/^[ .;]+/, "").split(/(?<![ .;])[ .;]+$/)[0],
    variable: header[1],
    end: start + header.index + header[0].length,
  };
}

function readBody(
  variable: string,
  body: string,
  quantities: ReadonlyMap<string, string>,
  values: Map<string, number>,
): { value: number | null; expressions: string[]; dependencies: string[] } {
  const dependencies = new Set<string>();
  const intermediates = new Map<string, Set<string>>();
  const expressions: string[] = [];
  let own: number | null = null;
  for (const [whole, letter, expression] of body.matchAll(/([A-Za-z])\s?=([^.;]+)/g)) {
    const found = new Set<string>();
    for (const used of new Set(expression.match(/[A-Za-z]/g))) {
      const quantity = quantities.get(used);
      if (quantity !== undefined) found.add(quantity);
      for (const dependency of intermediates.get(used) ?? []) found.add(dependency);
    }
    const segment = expression.slice(expression.lastIndexOf("=") + 1).trim();
    if (letter === variable) {
      for (const dependency of found) dependencies.add(dependency);
      expressions.push(segment);
    } else intermediates.set(letter, new Set([...(intermediates.get(letter) ?? []), ...found]));
    const value = evaluate(segment, values) ?? lastNumber(whole);
    if (value === null) continue;
    values.set(letter, value);
    if (letter === variable) own = value;
  }
  own ??= lastNumber(body);
  if (own !== null) values.set(variable, own);
  return { value: own, expressions, dependencies: Array.from(dependencies).sort() };
}

/** A sign directly before the digits belongs to them. */
function lastNumber(text: string): number | null {
  return plainNumber(lastMatch(text, /[-+]?[0-9]+(?:\.[0-9]+)?/g)?.[0] ?? "");
}

const precedence: Record<string, number> = { "+": 1, "-": 1, "*": 2, "/": 2, "~": 3 };

/** Value of an arithmetic expression by two stacks (no recursion); null where it is none, or is not finite. */
function evaluate(text: string, known: ReadonlyMap<string, number>): number | null {
  const tokens = text.match(/[0-9]+(?:\.[0-9]+)?|[A-Za-z]+|[^A-Za-z0-9 ]/g) ?? [];
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
      if (!operand && token === "+") continue;
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
      const value = /^[0-9]/.test(token) ? Number(token) : (known.get(token) ?? null);
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
