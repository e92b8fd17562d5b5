import type { z } from "zod";
import { ContractError } from "./error.ts";

/** What a field's schema says of itself; see `fields.ts`. */
export interface FieldInfo {
  readonly shape?: string;
  readonly description?: string;
  readonly optional: boolean;
}

/** Shape and description of a field, looked up through `.optional()`, `.nullable()` and `.default()`. */
export function fieldInfo(schema: z.ZodType): FieldInfo {
  let optional = false;
  let current: z.ZodType | undefined = schema;
  let shape: string | undefined;
  let description: string | undefined;
  while (current) {
    const meta = current.meta() as { shape?: string; description?: string } | undefined;
    shape ??= meta?.shape;
    description ??= meta?.description;
    const def = current.def as unknown as { type: string; innerType?: z.ZodType };
    if (def.type === "optional" || def.type === "default") optional = true;
    current = def.innerType;
  }
  return { shape, description, optional };
}

/**
 * Checks that dimensions of the same letter agree across the inputs of one call: all "N" fields have
 * the same length, all "N×T" fields the same length in every row. Throws `ContractError`.
 */
export function checkShapes(schema: z.ZodObject, inputs: Record<string, unknown>): void {
  const lengths = new Map<string, { field: string; length: number }>();
  const rows = new Map<string, { field: string; value: ArrayLike<unknown> }>();
  for (const [field, fieldSchema] of Object.entries(schema.shape)) {
    const value = inputs[field];
    const { shape } = fieldInfo(fieldSchema as z.ZodType);
    if (!shape || !Array.isArray(value)) continue;
    const [first, second] = shape.split("×");
    if (/^[A-Z][A-Za-z]*$/.test(first)) {
      const seen = lengths.get(first);
      if (!seen) lengths.set(first, { field, length: value.length });
      else if (seen.length !== value.length) {
        throw new ContractError(
          `inputs.${field}`,
          `expected ${seen.length} entries (${first}, as in inputs.${seen.field}), got ${value.length}`,
        );
      }
    }
    if (!second || !/^[A-Z][A-Za-z]*$/.test(second)) continue;
    const key = `${first}×${second}`;
    const seen = rows.get(key);
    if (!seen) {
      rows.set(key, { field, value });
      continue;
    }
    for (let i = 0; i < value.length; i++) {
      const here = value[i];
      const there = seen.value[i];
      if (!Array.isArray(here) || !Array.isArray(there) || here.length === there.length) continue;
      throw new ContractError(
        `inputs.${field}[${i}]`,
        `expected ${there.length} entries (${second}, as in inputs.${seen.field}[${i}]), got ${here.length}`,
      );
    }
  }
}

/** Throws `ContractError` unless a field has `length` entries; the edge checks this too, direct calls do not. */
export function expectLength(values: ArrayLike<unknown>, length: number, field: string): void {
  if (values.length !== length)
    throw new ContractError(`inputs.${field}`, `expected ${length} entries, got ${values.length}`);
}

/** Throws `ContractError` unless an optional param or input is there. */
export function expectGiven<T>(value: T | null | undefined, path: string, why: string): T {
  if (value === null || value === undefined) throw new ContractError(path, `expected a value: ${why}`);
  return value;
}
