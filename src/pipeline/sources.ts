/** Where each input of a part comes from, worked out from the reward file. */
import { ContractError } from "../core/error.ts";
import type { AnyPart } from "../core/part.ts";
import { columnsFor, contractOf, type FieldContract } from "./contract.ts";

/** Where an input comes from. */
export type Source =
  | { readonly from: "field"; readonly names: readonly string[]; readonly hint?: string }
  | { readonly from: "signal"; readonly signal: string; readonly output: string }
  | { readonly from: "step"; readonly name: string }
  | { readonly from: "constant"; readonly value: unknown }
  | { readonly from: "components" }
  | { readonly from: "draw"; readonly names: readonly string[]; readonly normal: boolean }
  | { readonly from: "state" };

export interface InputPlan extends FieldContract {
  readonly source: Source;
}

interface Wiring {
  readonly path: string;
  readonly self: string | null;
  readonly part: AnyPart;
  readonly bind: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, unknown>>;
  /** Signal → names of its outputs. */
  readonly provided: ReadonlyMap<string, readonly string[]>;
  /** Outputs of earlier steps; null for signals. */
  readonly earlier: ReadonlySet<string> | null;
}

const neverShared = new Set(["rewards", "scores", "reward", "score", "errors", "state", "valid"]);

function sourceOf(input: FieldContract, wiring: Wiring): Source {
  const { path, bind, constants, provided, earlier, self } = wiring;
  if (Object.hasOwn(constants, input.name)) return { from: "constant", value: constants[input.name] };
  if (input.name === "state") return { from: "state" };
  if (Object.hasOwn(bind, input.name)) return boundSource(input, bind[input.name], wiring);
  if (earlier) {
    if (input.name === "rewards" || earlier.has(input.name)) return { from: "step", name: input.name };
    if (input.name === "components") return { from: "components" };
  }
  const names = columnsFor(input.name, input.layout);
  if (!neverShared.has(input.name) || earlier) {
    for (const name of names) {
      const providers = [...provided].filter(([signal, outputs]) => signal !== self && outputs.includes(name));
      if (providers.length === 1) return { from: "signal", signal: providers[0][0], output: name };
      if (providers.length > 1) {
        const hint = `several signals provide it (${providers.map(([signal]) => `${signal}.${name}`).join(", ")}): choose one in ${path}.bind`;
        return { from: "field", names, hint };
      }
    }
  }
  if (input.layout === "rows" && input.shape === "N" && (input.name === "uniforms" || input.name === "normals")) {
    return { from: "draw", names, normal: input.name === "normals" };
  }
  return { from: "field", names };
}

function boundSource(input: FieldContract, target: string, { path, provided, earlier }: Wiring): Source {
  const dot = target.indexOf(".");
  const head = dot < 0 ? target : target.slice(0, dot);
  if (head === "rollout" && dot > 0) return { from: "field", names: [target.slice(dot + 1)] };
  const outputs = provided.get(head);
  if (outputs) {
    const output = dot < 0 ? "value" : target.slice(dot + 1);
    if (output !== "value" && !outputs.includes(output)) {
      throw new ContractError(
        `${path}.bind.${input.name}`,
        `signal ${head} has no output ${output}; it has ${["value", ...outputs].join(", ")}`,
      );
    }
    return { from: "signal", signal: head, output };
  }
  if (dot > 0) {
    throw new ContractError(
      `${path}.bind.${input.name}`,
      `no signal ${JSON.stringify(head)}; signals: ${[...provided.keys()].join(", ")} (a column is rollout.<name>)`,
    );
  }
  if (earlier?.has(target) || (earlier && target === "rewards")) return { from: "step", name: target };
  return { from: "field", names: input.layout === "single" ? columnsFor(target, "single") : [target] };
}

export function inputPlans(wiring: Wiring): InputPlan[] {
  const { inputs } = contractOf(wiring.part);
  const names = inputs.map((input) => input.name);
  for (const [option, record] of [
    ["bind", wiring.bind],
    ["inputs", wiring.constants],
  ] as const) {
    for (const name of Object.keys(record)) {
      if (!names.includes(name)) {
        throw new ContractError(
          `${wiring.path}.${option}.${name}`,
          `${wiring.part.id} has no such input; it has ${names.join(", ")}`,
        );
      }
    }
  }
  return inputs.map((input) => ({ ...input, source: sourceOf(input, wiring) }));
}
