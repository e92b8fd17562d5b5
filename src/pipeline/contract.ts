/** What the pipeline has to know of a part's contract, read from its schemas once. */
import type { z } from "zod";
import type { AnyPart } from "../core/part.ts";
import { fieldInfo } from "../core/shapes.ts";

/**
 * How a field lies over a batch. "rows": one entry per rollout (N, N×T, …). "columns": K×N, one row per
 * model or vote. "single": no shape, so one value per call. "whole": P, M, …: passed as it is.
 */
export type Layout = "rows" | "columns" | "single" | "whole";

export type EntryKind = "string" | "number" | "boolean" | "verdict" | "array" | "any";

export interface FieldContract {
  readonly name: string;
  readonly layout: Layout;
  readonly shape?: string;
  readonly optional: boolean;
  /** Of one entry ("rows") or of the value itself ("single"). */
  readonly kind: EntryKind;
  readonly nullable: boolean;
}

interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly entries?: Record<string, string>;
}

function unwrap(schema: z.ZodType): { schema: z.ZodType; nullable: boolean } {
  let nullable = false;
  let current = schema;
  for (;;) {
    const definition = current.def as unknown as Definition;
    if (definition.type === "nullable") nullable = true;
    if (!definition.innerType) return { schema: current, nullable };
    current = definition.innerType;
  }
}

function kindOf(schema: z.ZodType): EntryKind {
  const definition = schema.def as unknown as Definition;
  switch (definition.type) {
    case "string":
      return "string";
    case "number":
    case "int":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
    case "tuple":
      return "array";
    case "enum":
      return Object.values(definition.entries ?? {})
        .sort()
        .join() === "A,B"
        ? "verdict"
        : "any";
    default:
      return "any";
  }
}

function fieldContract(name: string, schema: z.ZodType): FieldContract {
  const { shape, optional } = fieldInfo(schema);
  const outer = unwrap(schema);
  const layout: Layout = !shape
    ? "single"
    : /^N(×| or N|$)/.test(shape)
      ? "rows"
      : /^[A-Z]×N$/.test(shape)
        ? "columns"
        : "whole";
  const element = (outer.schema.def as unknown as Definition).element;
  if (layout !== "rows" || !element) {
    return { name, layout, shape, optional, kind: kindOf(outer.schema), nullable: outer.nullable };
  }
  const entry = unwrap(element);
  return { name, layout, shape, optional, kind: kindOf(entry.schema), nullable: entry.nullable };
}

export interface PartContract {
  readonly inputs: readonly FieldContract[];
  readonly outputs: readonly FieldContract[];
}

const contracts = new WeakMap<AnyPart, PartContract>();

export function contractOf(part: AnyPart): PartContract {
  let contract = contracts.get(part);
  if (!contract) {
    const read = (object: z.ZodObject) =>
      Object.entries(object.shape).map(([name, schema]) => fieldContract(name, schema as z.ZodType));
    contract = { inputs: read(part.inputs), outputs: read(part.outputs) };
    contracts.set(part, contract);
  }
  return contract;
}

/** Contract names of one rollout's field and of its column. */
const plurals: Readonly<Record<string, string>> = {
  response: "responses",
  reference: "references",
  reply: "replies",
  prompt: "prompts",
  group: "groups",
  id: "ids",
  length: "lengths",
};

const singulars: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(plurals).map(([one, many]) => [many, one]),
);

export function singularOf(field: string): string {
  return singulars[field] ?? field;
}

/** Columns in which an input of one rollout may be found, best first. */
export function columnsFor(input: string, layout: Layout): readonly string[] {
  if (layout === "columns" || layout === "rows" || layout === "whole") return [input];
  const plural = plurals[input];
  return plural ? [plural, input] : [input, `${input}s`];
}
