/** What a reward wants from its input, checked before the first rollout is scored. */
import { ContractError } from "../core/error.ts";
import { planOf } from "./define.ts";
import type { InputPlan, Plan } from "./plan.ts";
import type { Reward, RewardNeeds } from "./types.ts";

interface Want {
  readonly names: readonly string[];
  readonly who: string;
  readonly optional: boolean;
  readonly hint?: string;
}

function* wantsOf(plan: Plan, credit = true): Generator<Want> {
  for (const signal of plan.signals) {
    const who = `signal ${signal.name}`;
    if (signal.kind === "part") yield* inputWants(signal.inputs, who);
    else if (!signal.reads) yield { names: ["responses"], who, optional: false };
    else for (const { names, optional } of signal.reads) yield { names, who, optional };
  }
  for (const step of plan.steps) {
    if (credit || step.stage !== "credit") yield* inputWants(step.inputs, step.key);
  }
}

function* inputWants(inputs: readonly InputPlan[], who: string): Generator<Want> {
  for (const { source, optional } of inputs) {
    if (source.from === "field") yield { names: source.names, who, optional, hint: source.hint };
    else if (source.from === "draw") yield { names: source.names, who, optional: true };
  }
}

/** The fields that a reward reads from its input, with who wants each; `credit: false` leaves the credit parts out. */
export function needsOf(reward: Reward, { credit = true }: { readonly credit?: boolean } = {}): RewardNeeds {
  const plan = planOf(reward);
  const fields: Record<string, string> = {};
  const optionalFields: Record<string, string> = {};
  for (const { names, who, optional } of wantsOf(plan, credit)) {
    if (optional) optionalFields[names[0]] ??= who;
    else fields[names[0]] ??= who;
  }
  for (const name of Object.keys(fields)) delete optionalFields[name];
  return { wholeGroups: plan.wholeGroups, fields, optionalFields };
}

/** Throws `ContractError` naming the first field that is wanted and not there, and who wants it. */
export function checkWiring(
  reward: Reward,
  available: ReadonlySet<string>,
  { credit = true }: { readonly credit?: boolean } = {},
): void {
  for (const { names, who, optional, hint } of wantsOf(planOf(reward), credit)) {
    if (optional || names.some((name) => available.has(name))) continue;
    const there = [...available].sort().join(", ") || "none";
    throw new ContractError(
      names[0],
      `${who} wants this field, and the input does not have it${hint ? ` (${hint})` : ""}; fields there: ${there}`,
    );
  }
}
