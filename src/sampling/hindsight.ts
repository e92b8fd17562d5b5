import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

const ids = (shape: string, description: string) =>
  shaped(z.array(z.union([z.string(), z.number()])), shape, description);

/**
 * Answers worth revising: the best ones of every unsolved group (HeRL, arXiv 2603.20046, step 1).
 *
 * A group whose best reward reaches `threshold` gives nothing. Otherwise the answers within `tieTolerance` of its best
 * reward, by the number of rubrics met (`satisfied`, N×R of 0/1) descending, then input order, at most `limit` of them.
 * Groups in order of first appearance.
 */
export const hindsightCandidates = definePart({
  id: "sampling/hindsight-candidates",
  papers: ["herl"],
  params: z.object({
    threshold: z.number().default(1).describe("reward from which a group is solved"),
    limit: z.int().positive().default(16).describe("most candidates per group"),
    tieTolerance: z.number().nonnegative().default(1e-6).describe("distance from the best that still counts as best"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    groups: fields.groups,
    satisfied: ragged("N×R", "1 where the answer meets the rubric, else 0").optional(),
  }),
  outputs: z.object({ candidates: integers("M", "answers to revise") }),
  compute({ threshold, limit, tieTolerance }, { rewards, groups, satisfied }) {
    expectLength(groups, rewards.length, "groups");
    const met = new Float64Array(rewards.length);
    if (satisfied) {
      const rows = toRagged(satisfied);
      if (rowCount(rows) !== rewards.length)
        throw new ContractError("inputs.satisfied", `expected ${rewards.length} rows, got ${rowCount(rows)}`);
      for (let i = 0; i < met.length; i++) for (const one of rowOf(rows, i)) met[i] += one;
    }
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const candidates: number[] = [];
    for (let g = 0; g < index.ids.length; g++) {
      const members = Array.from(order.subarray(starts[g], starts[g + 1]));
      let best = Number.NEGATIVE_INFINITY;
      for (const i of members) best = Math.max(best, rewards[i]);
      if (best >= threshold) continue;
      const ties = members.filter((i) => best - rewards[i] <= tieTolerance);
      ties.sort((a, b) => met[b] - met[a] || a - b);
      for (const i of ties.slice(0, limit)) candidates.push(i);
    }
    return { candidates };
  },
});

type Slot = { slot: number; source: "revision" | "original"; index: number };

/**
 * Puts the best revisions into the groups they were made for (HeRL, arXiv 2603.20046, step 5).
 *
 * Per attempted group, `top` items: first revisions whose reward is at least the group's best unshaped reward, by
 * reward, earlier first on ties; then the best originals (by unshaped reward, then rubrics met, then order). The k-th item
 * overwrites the k-th rollout of the group's `slotOrder` (a permutation of its rollouts). A revision brings its own
 * reward and makes the slot off-policy; an original is copied with its shaped reward, so it occurs twice, and the
 * overwritten rollout may be a good one. `slots` say what happened (`index` into the revisions or the N rollouts);
 * `rewards` start from `shapedRewards`. Failed revisions (null) take no part.
 */
export const hindsightReplacement = definePart({
  id: "sampling/hindsight-replacement",
  papers: ["herl"],
  params: z.object({ top: z.int().nonnegative().default(1).describe("slots overwritten per group") }),
  inputs: z.object({
    rewards: fields.rewards,
    shapedRewards: vector("N", "rewards that train, bonuses included"),
    groups: fields.groups,
    satisfiedCounts: integers("N", "rubrics met"),
    attemptedGroups: ids("G", "groups with revisions"),
    revisionGroups: ids("R", "group of each revision"),
    revisionRewards: nullableVector("R", "reward of each revision; null = failed"),
    slotOrder: shaped(z.array(z.array(z.int())), "G×S", "order in which the group's rollouts are overwritten"),
  }),
  outputs: z.object({
    slots: shaped(
      z.array(z.object({ slot: z.int(), source: z.enum(["revision", "original"]), index: z.int() })),
      "M",
      "overwritten rollouts and what they now hold",
    ),
    rewards: vector("N", "rewards after the replacement"),
    offPolicy: flags("N", "the slot holds a revision"),
  }),
  compute({ top }, inputs) {
    const { rewards, shapedRewards, groups, satisfiedCounts, attemptedGroups, revisionGroups, slotOrder } = inputs;
    const { revisionRewards } = inputs;
    const count = rewards.length;
    expectLength(shapedRewards, count, "shapedRewards");
    expectLength(groups, count, "groups");
    expectLength(satisfiedCounts, count, "satisfiedCounts");
    expectLength(revisionRewards, revisionGroups.length, "revisionRewards");
    expectLength(slotOrder, attemptedGroups.length, "slotOrder");
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const numbers = new Map(index.ids.map((id, g) => [id, g]));
    const revisions = new Map<string | number, number[]>();
    revisionGroups.forEach((id, r) => {
      if (revisionRewards[r] !== null) revisions.set(id, [...(revisions.get(id) ?? []), r]);
    });
    const after = Float64Array.from(shapedRewards);
    const offPolicy: boolean[] = new Array(count).fill(false);
    const slots: Slot[] = [];
    attemptedGroups.forEach((id, a) => {
      const g = numbers.get(id);
      if (g === undefined)
        throw new ContractError(`inputs.attemptedGroups[${a}]`, `expected one of the groups, got ${id}`);
      const members = Array.from(order.subarray(starts[g], starts[g + 1]));
      const originals = members.sort(
        (i, j) => rewards[j] - rewards[i] || satisfiedCounts[j] - satisfiedCounts[i] || i - j,
      );
      const best = rewards[originals[0]];
      const value = (r: number) => revisionRewards[r] ?? Number.NEGATIVE_INFINITY;
      const better = (revisions.get(id) ?? [])
        .filter((r) => value(r) >= best)
        .sort((r, s) => value(s) - value(r) || r - s);
      const items: Omit<Slot, "slot">[] = [
        ...better.map((r) => ({ source: "revision" as const, index: r })),
        ...originals.map((i) => ({ source: "original" as const, index: i })),
      ];
      const places = slotOrder[a];
      if (new Set(places).size !== places.length || places.some((slot) => index.of[slot] !== g))
        throw new ContractError(`inputs.slotOrder[${a}]`, `expected rollouts of group ${id}, each once`);
      for (let k = 0; k < Math.min(top, places.length, items.length); k++) {
        const slot = places[k];
        const { source, index: from } = items[k];
        after[slot] = source === "revision" ? value(from) : shapedRewards[from];
        offPolicy[slot] = source === "revision";
        slots.push({ slot, source, index: from });
      }
    });
    return { slots, rewards: after, offPolicy };
  },
});
