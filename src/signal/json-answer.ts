import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { jsonrepair } from "jsonrepair";
import { z } from "zod";
import { ContractError, messageOf } from "../core/error.ts";
import { fields, flags, nullableStrings, shaped } from "../core/fields.ts";
import { canonicalJson, readJson } from "../core/json.ts";
import { definePart } from "../core/part.ts";
import { TimeLimitError, withTimeLimit } from "../core/time-limit.ts";

/**
 * JSON in each response, against a JSON Schema and, optionally, a reference value (card verifiers).
 *
 * The document is the whole response; else the last fenced block that is JSON; else the last balanced
 * object or array in the text. It is read strictly: duplicate keys, numbers beyond a double and more than
 * 1000 levels are errors. With `repair`, text that is not JSON (single quotes, trailing commas, a
 * missing end, …) is repaired first. Schemas are of draft 2020-12, or draft-07 or -06 when
 * `$schema` says so; `format` only annotates.
 *
 * `valid`: a document was found and fits the schema. `errors`: null, or the first defect with its path.
 * `correct`: valid, and equal to the reference: keys in any order, numbers by their exact decimal value, no
 * tolerance; null without references. `answers`: the document found, null when there is none (or it is
 * `null`). A schema that does not compile or a reference that is not JSON throws a ContractError. A validation
 * that takes longer than `timeLimit` (patterns that backtrack without end) is not decided: `correct` is
 * null, `valid` false with the reason.
 */
export const jsonAnswer = definePart({
  id: "signal/json-answer",
  papers: ["verifiers"],
  params: z.object({
    repair: z.boolean().default(false).describe("mend text that is almost JSON"),
    timeLimit: z.number().positive().default(1000).describe("milliseconds per response for validation"),
  }),
  inputs: z.object({
    responses: fields.responses,
    schema: z.union([z.boolean(), z.record(z.string(), z.unknown())]).describe("JSON Schema"),
    references: fields.references.optional().describe("JSON documents, as text"),
  }),
  outputs: z.object({
    valid: flags("N", "a JSON document was found and fits the schema"),
    correct: shaped(z.array(z.boolean().nullable()), "N", "valid and equal to the reference; null without one"),
    errors: nullableStrings("N", "the first defect, with its path"),
    answers: shaped(z.array(z.unknown()), "N", "the document found"),
  }),
  example: {
    inputs: {
      responses: ['Here it is: {"name": "Ada", "age": 36}', '{"name": "Ada"}'],
      schema: { type: "object", required: ["name", "age"] },
      references: ['{"age": 36, "name": "Ada"}', '{"age": 36, "name": "Ada"}'],
    },
  },
  compute({ repair, timeLimit }, { responses, schema, references }) {
    const validate = compileSchema(schema);
    const expected = references?.map((reference, i) => {
      try {
        return canonicalJson(reference);
      } catch (thrown) {
        throw new ContractError(`inputs.references[${i}]`, `expected JSON, ${messageOf(thrown)}`);
      }
    });
    const valid: boolean[] = [];
    const correct: (boolean | null)[] = [];
    const errors: (string | null)[] = [];
    const answers: unknown[] = [];
    for (let i = 0; i < responses.length; i++) {
      const found = findJson(responses[i], repair);
      let error: string | null = null;
      let undecided = false;
      if ("error" in found) error = found.error;
      else {
        try {
          const fits = withTimeLimit(timeLimit, () => validate(found.value));
          if (!fits) error = describeDefect(validate.errors?.[0]);
        } catch (thrown) {
          undecided = true;
          error = thrown instanceof TimeLimitError ? `validation ${thrown.message}` : messageOf(thrown);
        }
      }
      errors.push(error);
      valid.push(error === null);
      answers.push("error" in found ? null : found.value);
      if (!expected || undecided) correct.push(null);
      else correct.push(error === null && "text" in found && canonicalJson(found.text) === expected[i]);
    }
    return { valid, correct, errors, answers };
  },
});

type Found = { value: unknown; text: string } | { error: string };

/** How many closing brackets are tried, from the end: keeps the search linear in the text. */
const attempts = 16;

function findJson(response: string, repair: boolean): Found {
  const whole = read(response);
  if (!("error" in whole)) return whole;
  const fenced = [...response.matchAll(/^[ \t]*(?:```|~~~)[ \t]*(\w*)[^\n]*$/gm)];
  let fence: string | null = null;
  let defect = whole;
  for (let f = fenced.length - 1, tried = 0; f >= 1 && tried < attempts; f--) {
    const inner = response.slice(fenced[f - 1].index + fenced[f - 1][0].length, fenced[f].index);
    if (!/^\s*[[{"\-0-9tfn]/.test(inner)) continue;
    tried++;
    const block = read(inner);
    if (!("error" in block)) return block;
    if (fence === null && (/^json/i.test(fenced[f - 1][1]) || /^\s*[[{]/.test(inner))) {
      fence = inner;
      defect = block;
    }
  }
  let end = response.length - 1;
  let broken: string | null = null;
  for (let tried = 0; tried < attempts; tried++) {
    while (end >= 0 && response[end] !== "}" && response[end] !== "]") end--;
    if (end < 0) break;
    const start = openingBracket(response, end);
    if (start >= 0) {
      const inner = response.slice(start, end + 1);
      const block = read(inner);
      if (!("error" in block)) return block;
      if (fence === null && broken === null) {
        broken = inner;
        defect = block;
      }
    }
    end--;
  }
  const candidate = fence ?? broken ?? (/[[{]/.test(response) ? response.slice(response.search(/[[{]/)) : null);
  if (candidate === null) return { error: "$: no JSON in the response" };
  if (repair) {
    try {
      return read(jsonrepair(candidate));
    } catch (thrown) {
      return { error: `$: cannot be repaired: ${messageOf(thrown)}` };
    }
  }
  return defect;
}

function read(text: string): Found {
  try {
    return { value: readJson(text), text };
  } catch (thrown) {
    return { error: messageOf(thrown) };
  }
}

/** Where the bracket that `end` closes opens, going backwards over strings; −1 when it does not. */
function openingBracket(text: string, end: number): number {
  let depth = 0;
  let quoted = false;
  for (let i = end; i >= 0; i--) {
    const c = text.charCodeAt(i);
    if (c === 34) {
      let slashes = i;
      while (slashes > 0 && text.charCodeAt(slashes - 1) === 92) slashes--;
      if ((i - slashes) % 2 === 0) quoted = !quoted;
      i = slashes;
    } else if (quoted) continue;
    else if (c === 125 || c === 93) depth++;
    else if ((c === 123 || c === 91) && --depth === 0) return i;
  }
  return -1;
}

function compileSchema(schema: boolean | Record<string, unknown>): ValidateFunction {
  const options: Options = { strict: false, allErrors: false, logger: false, validateFormats: false };
  const dialect = typeof schema === "object" && typeof schema.$schema === "string" ? schema.$schema : "";
  try {
    if (/draft-0?[67]/.test(dialect)) {
      // Draft-06 is a subset of draft-07; ajv knows the latter's meta-schema.
      return new Ajv(options).compile({ ...(schema as object), $schema: "http://json-schema.org/draft-07/schema#" });
    }
    return new Ajv2020(options).compile(schema);
  } catch (thrown) {
    throw new ContractError("inputs.schema", messageOf(thrown));
  }
}

function describeDefect(defect: ErrorObject | undefined): string {
  if (!defect) return "$: does not fit the schema";
  const path = defect.instancePath
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((key) => (/^\d+$/.test(key) ? `[${key}]` : `.${key}`))
    .join("");
  return `$${path}: ${defect.message ?? defect.keyword}`;
}
