/**
 * A part is the unit of this project: one published computation, pure, with a contract.
 *
 * `definePart` returns a function of the params that gives a plain typed function of the inputs:
 * `groupRelative({ scale: "none" })({ rewards, groups }).advantages`. Params are checked once, when
 * they are bound; inputs are not checked at all on that path. `callPart` is the edge (command line,
 * HTTP, golden cases): JSON in, every field checked, JSON out.
 */
import type { z } from "zod";
import { ContractError } from "./error.ts";
import { toPlain } from "./plain.ts";
import { checkShapes } from "./shapes.ts";

export type Stage = (typeof stages)[number];

export const stages = [
  "signal",
  "shaping",
  "credit",
  "objective",
  "sampling",
  "model",
  "search",
  "evaluation",
  "environment",
] as const;

export interface PartDefinition<P extends z.ZodObject, I extends z.ZodObject, O extends z.ZodObject, R> {
  /** `<stage>/<name>` in kebab-case, named by the field's standard term. */
  readonly id: string;
  /** Slugs of the papers whose computation this is. */
  readonly papers: readonly string[];
  readonly params: P;
  readonly inputs: I;
  readonly outputs: O;
  /** A runnable example for the docs. Absent: the part's first golden case serves. */
  readonly example?: { readonly params?: z.input<P>; readonly inputs: z.input<I> };
  readonly compute: (params: z.output<P>, inputs: z.output<I>) => R;
}

/** A part with its params bound: a plain function that still knows where it comes from. */
export interface BoundPart<I = unknown, R = unknown> {
  (inputs: I): R;
  readonly part: AnyPart;
  readonly params: unknown;
}

export interface Part<P extends z.ZodObject, I extends z.ZodObject, O extends z.ZodObject, R>
  extends Omit<PartDefinition<P, I, O, R>, "compute"> {
  (params?: z.input<P>): BoundPart<z.input<I>, R>;
  readonly stage: Stage;
  /** `compute` is an async function: a sandbox or an endpoint does the work. */
  readonly asynchronous: boolean;
}

/** Any part, where the exact contract does not matter (catalogue, pipeline, command line). */
export interface AnyPart {
  // biome-ignore lint/suspicious/noExplicitAny: the one place where contracts of all parts meet; checked by their schemas at run time
  (params?: any): BoundPart<any, unknown>;
  readonly id: string;
  readonly stage: Stage;
  readonly asynchronous: boolean;
  readonly papers: readonly string[];
  readonly params: z.ZodObject;
  readonly inputs: z.ZodObject;
  readonly outputs: z.ZodObject;
  readonly example?: { readonly params?: unknown; readonly inputs: unknown };
}

/**
 * Defines a part. `outputs` is what callers at the edges see; the TypeScript type of a direct call
 * is whatever `compute` returns. A part that keeps state takes `state` as an input and returns it.
 */
export function definePart<
  P extends z.ZodObject,
  I extends z.ZodObject,
  O extends z.ZodObject,
  R extends z.input<O> | Promise<z.input<O>>,
>(definition: PartDefinition<P, I, O, R>): Part<P, I, O, R> {
  const { compute, ...contract } = definition;
  const stage = definition.id.slice(0, definition.id.indexOf("/")) as Stage;
  if (!stages.includes(stage) || !/^[a-z]+\/[a-z0-9]+(-[a-z0-9]+)*$/.test(definition.id)) {
    throw new ContractError("id", `expected <stage>/<kebab-case-name>, got ${JSON.stringify(definition.id)}`);
  }
  const paramsSchema = definition.params.strict();
  const bind = (params?: z.input<P>) => {
    const checked = parse(paramsSchema, params ?? {}, "params") as z.output<P>;
    const bound = (inputs: z.input<I>) => compute(checked, inputs as z.output<I>);
    return Object.assign(bound, { part: part as unknown as AnyPart, params: checked });
  };
  const asynchronous = compute.constructor.name === "AsyncFunction";
  const part = Object.assign(bind, contract, { stage, asynchronous }) as Part<P, I, O, R>;
  return part;
}

export function isBoundPart(value: unknown): value is BoundPart {
  return typeof value === "function" && "part" in value && "params" in value;
}

export function isPart(value: unknown): value is AnyPart {
  return typeof value === "function" && "stage" in value && "inputs" in value && "outputs" in value;
}

/**
 * Runs a part on JSON. Throws `ContractError` naming the field when params or inputs break the
 * contract, when lengths that must agree do not, or when an output is not finite.
 */
export async function callPart(
  part: AnyPart,
  call: { params?: unknown; inputs?: unknown },
): Promise<Record<string, unknown>> {
  const bound = part(parse(part.params.strict(), call.params ?? {}, "params"));
  const inputs = parse(part.inputs.strict(), call.inputs ?? {}, "inputs") as Record<string, unknown>;
  checkShapes(part.inputs, inputs);
  return toPlain(await bound(inputs)) as Record<string, unknown>;
}

function parse(schema: z.ZodType, value: unknown, root: string): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  let path = root;
  for (const key of issue.path) path += typeof key === "number" ? `[${key}]` : `.${String(key)}`;
  throw new ContractError(path, issue.message);
}
