/** A part's contract as JSON Schema. */
import { z } from "zod";
import { type CatalogueEntry, stageOf } from "../catalogue/index.ts";
import type { AnyPart } from "../core/part.ts";

export function describePart(entry: CatalogueEntry, part: AnyPart): Record<string, unknown> {
  const schema = (of: z.ZodType, io: "input" | "output") => z.toJSONSchema(of, { io, unrepresentable: "any" });
  return {
    id: entry.id,
    stage: stageOf(entry),
    papers: entry.papers,
    doc: entry.doc,
    params: schema(part.params, "input"),
    inputs: schema(part.inputs, "input"),
    outputs: schema(part.outputs, "output"),
    example: part.example,
  };
}
