/** Groups of rollouts (the answers to one prompt), numbered in order of first appearance. */
export interface GroupIndex {
  /** Distinct ids, in order of first appearance: the order of every per-group array. */
  readonly ids: readonly (string | number)[];
  /** Group number of each rollout, N. */
  readonly of: Int32Array;
  /** Rollouts per group, P. */
  readonly counts: Int32Array;
}

/** Numbers the groups of N rollouts. `1` and `"1"` are different ids. */
export function indexGroups(groups: ArrayLike<string | number>): GroupIndex {
  const numbers = new Map<string | number, number>();
  const ids: (string | number)[] = [];
  const of = new Int32Array(groups.length);
  for (let i = 0; i < groups.length; i++) {
    const id = groups[i];
    let number = numbers.get(id);
    if (number === undefined) {
      number = ids.length;
      numbers.set(id, number);
      ids.push(id);
    }
    of[i] = number;
  }
  const counts = new Int32Array(ids.length);
  for (let i = 0; i < of.length; i++) counts[of[i]]++;
  return { ids, of, counts };
}

/** Rollouts sorted by group: members of group g are `order[starts[g]] … order[starts[g + 1] - 1]`. */
export function groupMembers(index: GroupIndex): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(index.ids.length + 1);
  for (let g = 0; g < index.ids.length; g++) starts[g + 1] = starts[g] + index.counts[g];
  const next = starts.slice();
  const order = new Int32Array(index.of.length);
  for (let i = 0; i < index.of.length; i++) order[next[index.of[i]]++] = i;
  return { order, starts };
}
