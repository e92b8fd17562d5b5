import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, shaped } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";

const ids = (description: string) => shaped(z.array(z.union([z.string(), z.number()])), "P", description);

/**
 * Dynamic sampling: keeps the groups whose rewards differ (DAPO, arXiv 2503.14476, eq. 11).
 *
 * A group is kept when max r − min r > `tolerance`; others carry no gradient under a group baseline. A
 * group of one has no spread and is kept when `keepSingletons`. `keptGroups` and `droppedGroups` list
 * ids in order of first appearance; `keep` (N) marks the rollouts.
 */
export const dynamicFilter = definePart({
  id: "sampling/dynamic-filter",
  papers: ["grpo"],
  params: z.object({
    tolerance: z.number().nonnegative().default(0).describe("largest spread that still counts as none"),
    keepSingletons: z.boolean().default(true).describe("keep groups of one rollout"),
  }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({
    keptGroups: ids("groups with spread"),
    droppedGroups: ids("groups without"),
    keep: flags("N", "the rollout's group is kept"),
  }),
  compute({ tolerance, keepSingletons }, { rewards, groups }) {
    if (groups.length !== rewards.length)
      throw new ContractError("inputs.groups", `expected ${rewards.length} entries, got ${groups.length}`);
    const index = indexGroups(groups);
    const count = index.ids.length;
    const low = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    const high = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < rewards.length; i++) {
      const g = index.of[i];
      if (rewards[i] < low[g]) low[g] = rewards[i];
      if (rewards[i] > high[g]) high[g] = rewards[i];
    }
    const kept = Array.from(index.counts, (size, g) => (size === 1 ? keepSingletons : high[g] - low[g] > tolerance));
    return {
      keptGroups: index.ids.filter((_, g) => kept[g]),
      droppedGroups: index.ids.filter((_, g) => !kept[g]),
      keep: Array.from(index.of, (g) => kept[g]),
    };
  },
});
