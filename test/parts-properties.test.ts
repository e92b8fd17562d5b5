/** What must hold of every shaping and credit part, tried on their golden cases. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compare, type GoldenCase } from "../src/catalogue/golden.ts";
import { catalogue, loadPart } from "../src/catalogue/index.ts";
import { type AnyPart, callPart } from "../src/core/part.ts";
import { fieldInfo } from "../src/core/shapes.ts";

const folder = new URL("./golden/", import.meta.url);
const cases = readdirSync(folder)
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, folder), "utf8")) as GoldenCase[])
  .filter(({ part }) => /^(shaping|credit)\//.test(part));
const known = catalogue.filter(({ id }) => /^(shaping|credit)\//.test(id));

/** Order decides: which draw a group gets, who comes first among equals, what an index means. */
const ordered = new Set([
  "shaping/reward-flip",
  "shaping/hindsight-bonus",
  "shaping/spurious-reward",
  "credit/bootstrapped-relative",
  "credit/conditional-group",
  "credit/turning-points",
  "credit/per-prompt-normalization",
  "credit/episode-step-advantage",
  "credit/merged-process-outcome",
]);

/** Names of the fields that have one entry per rollout. */
function perRollout(shape: Record<string, unknown>): Set<string> {
  return new Set(
    Object.entries(shape).flatMap(([name, schema]) =>
      /^N\b/.test(fieldInfo(schema as Parameters<typeof fieldInfo>[0]).shape ?? "") || name === "components"
        ? [name]
        : [],
    ),
  );
}

function reordered(value: unknown, order: readonly number[]): unknown {
  if (Array.isArray(value)) return order.map((i) => value[i]);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reordered(item, order)]));
}

function change(fields: Set<string>, values: Record<string, unknown>, order: readonly number[]) {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, fields.has(name) ? reordered(value, order) : value]),
  );
}

function rolloutsOf(part: AnyPart, inputs: Record<string, unknown>): number {
  const names = [...perRollout(part.inputs.shape)].filter((name) => name !== "components" && name in inputs);
  const value = names.length > 0 ? inputs[names[0]] : Object.values((inputs.components as object) ?? {})[0];
  return Array.isArray(value) ? value.length : 0;
}

describe("permuting the rollouts of a batch permutes what a part says of them", () => {
  for (const golden of cases.filter(({ part }) => !ordered.has(part))) {
    it(`${golden.part}: ${golden.title}`, async () => {
      const part = await loadPart(golden.part);
      const inputs = (golden.inputs ?? {}) as Record<string, unknown>;
      const n = rolloutsOf(part, inputs);
      if (n < 2) return;
      const order = Array.from({ length: n }, (_, i) => (n % 7 === 0 ? n - 1 - i : (i * 7 + 3) % n));
      const straight = await callPart(part, { params: golden.params, inputs });
      const permuted = await callPart(part, {
        params: golden.params,
        inputs: change(perRollout(part.inputs.shape), inputs, order),
      });
      const outputs = perRollout(part.outputs.shape);
      const own = (values: Record<string, unknown>) =>
        Object.fromEntries(Object.entries(values).filter(([name]) => outputs.has(name)));
      expect(compare(change(outputs, own(straight), order), own(permuted), 1e-9, "outputs")).toEqual([]);
    });
  }
});

describe("a part gives an empty batch back", () => {
  for (const { id } of known) {
    const golden = cases.find(({ part }) => part === id);
    it.skipIf(!golden)(id, async () => {
      const part = await loadPart(id);
      const inputs = (golden?.inputs ?? {}) as Record<string, unknown>;
      if (rolloutsOf(part, inputs) === 0) return;
      const names = perRollout(part.inputs.shape);
      const emptied = change(names, inputs, []);
      if (id === "credit/bootstrapped-relative") emptied.references = [];
      if (id === "shaping/reward-flip") emptied.uniforms = [];
      if (id === "shaping/hindsight-bonus") Object.assign(emptied, { candidates: [], revisedRewards: [] });
      if (id === "credit/inter-intra-schedule") return;
      const out = await callPart(part, { params: golden?.params, inputs: emptied });
      for (const name of perRollout(part.outputs.shape)) if (name in out) expect(out[name]).toEqual([]);
    });
  }
});
