import { isBoundPart } from "../core/part.ts";
import type { Reward, SignalOptions } from "../pipeline/types.ts";

/** Signals whose worth is a verdict (`correct`): all of them at 1 is a success. */
export function verdictSignals(reward: Reward): string[] {
  return Object.entries(reward.definition.signals).flatMap(([name, spec]) => {
    const options = typeof spec === "object" && "use" in spec ? (spec as SignalOptions) : null;
    const source = options?.use ?? spec;
    if (!isBoundPart(source) || !("correct" in source.part.outputs.shape)) return [];
    return (options?.output ?? "correct") === "correct" ? [name] : [];
  });
}

/** Does any signal ask a judge? Its calls are slow and dear, so batches are smaller. */
export function hasJudge(reward: Reward): boolean {
  return Object.values(reward.definition.signals).some((spec) => {
    const source = typeof spec === "object" && "use" in spec ? (spec as SignalOptions).use : spec;
    return typeof source === "object" && "kind" in source && source.kind === "judge";
  });
}
