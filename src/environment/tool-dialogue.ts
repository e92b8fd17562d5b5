/** A simulated tool dialogue: when it goes on, and what a recorded tool answers. */
import { z } from "zod";
import { flags, integers, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Whether a dialogue goes on to its next turn (CM2, tool use with checklist rewards: rollout gate).
 *
 * It does when every required item was satisfied at some step of the turn. `unmet`: indices of required items that never were. Shapes S×C, C.
 */
export const checklistGate = definePart({
  id: "environment/checklist-gate",
  papers: ["cm2"],
  params: z.object({}),
  inputs: z.object({
    labels: shaped(z.array(z.array(z.boolean())), "S×C", "judged satisfied after each step of the turn"),
    required: flags("C", "the item must be met before the next turn"),
  }),
  outputs: z.object({
    continue: z.boolean().describe("go on to the next turn"),
    unmet: integers("M", "required items that were never satisfied"),
  }),
  compute(_, { labels, required }) {
    const unmet: number[] = [];
    for (let c = 0; c < required.length; c++) {
      if (required[c] && !labels.some((step) => step[c])) unmet.push(c);
    }
    return { continue: unmet.length === 0, unmet };
  },
});

const callSchema = z.object({ name: z.string(), arguments: z.unknown() });

/**
 * A recorded tool output for an exactly matching call (CM2, tool use with checklist rewards: tool simulator).
 *
 * Names are compared exactly, arguments as JSON values: key order does not matter, list order does, numbers by value. `output` of the first
 * match, or null.
 */
export const toolReplay = definePart({
  id: "environment/tool-replay",
  papers: ["cm2"],
  params: z.object({}),
  inputs: z.object({
    call: callSchema.describe("{name, arguments}"),
    records: shaped(z.array(callSchema.extend({ output: z.unknown() })), "R", "{name, arguments, output} each"),
  }),
  outputs: z.object({ output: z.unknown().describe("recorded output, or null without a match") }),
  compute(_, { call, records }) {
    const match = records.find((record) => record.name === call.name && sameJson(record.arguments, call.arguments));
    return { output: match?.output ?? null };
  },
});

/** Equality of JSON values, without recursion: arguments come from a model and may be nested without bound. */
export function sameJson(first: unknown, second: unknown): boolean {
  const stack: [unknown, unknown][] = [[first, second]];
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [a, b] = pair;
    if (a === b) continue;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (Array.isArray(a) !== Array.isArray(b)) return false;
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      stack.push([(a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]]);
    }
  }
  return true;
}
