/** Groups as constant matrices, so that statistics within groups are matrix products under `jit` and `grad`. */
import { type GroupIndex, indexGroups } from "../core/groups.ts";
import { type Tensor, tensor } from "./engine.ts";

/** 1 where two different members share a group and `keep(i, j)`, divided by `scale(group, pairs in it)`: N×N, row-major. */
export function pairMatrix(
  index: GroupIndex,
  keep: (i: number, j: number) => boolean,
): { values: Float64Array; pairs: [number, number][]; groupOf: number[] } {
  const n = index.of.length;
  const values = new Float64Array(Math.max(1, n) ** 2);
  const byGroup: [number, number][][] = index.ids.map(() => []);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (i === j || index.of[i] !== index.of[j] || !keep(i, j)) continue;
      values[i * n + j] = 1;
      byGroup[index.of[i]].push([i, j]);
    }
  }
  const pairs = byGroup.flat();
  return { values, pairs, groupOf: pairs.map(([i]) => index.of[i]) };
}

/** Membership P×N of 0 and 1. */
export function membershipTensor(groups: ArrayLike<string | number>): Tensor {
  const index = indexGroups(groups);
  const n = Math.max(1, index.of.length);
  const values = new Float64Array(Math.max(1, index.ids.length) * n);
  for (let i = 0; i < index.of.length; i++) values[index.of[i] * n + i] = 1;
  return tensor(values, [Math.max(1, index.ids.length), n]);
}
