import type { Vector } from "../core/ragged.ts";
import { isRagged } from "../core/ragged.ts";
import { groupRelative } from "./group-relative.ts";

/** GRPO advantages per rollout: (r − group mean)/(deviation + ε). */
export function groupScores(
  rewards: Vector,
  groups: ArrayLike<string | number>,
  options: { readonly ddof: 0 | 1; readonly epsilon: number; readonly singleton: "raw" | "zero" },
): Float64Array {
  const { advantages } = groupRelative(options)({ rewards, groups });
  if (isRagged(advantages)) throw new TypeError("one advantage per rollout was asked for");
  return advantages;
}
