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
  const n = groups.length;
  const ids: (string | number)[] = [];
  const of = new Int32Array(n);
  // Small integers, the usual ids, are looked up in a table (number + 1); all others in a map.
  const table = new Int32Array(Math.min(4 * n + 64, 1 << 24));
  const numbers = new Map<string | number, number>();
  let previous: string | number | undefined;
  let number = -1;
  for (let i = 0; i < n; i++) {
    const id = groups[i];
    if (id !== previous || i === 0) {
      if (typeof id === "number" && id >= 0 && id < table.length && (id | 0) === id) {
        number = table[id] - 1;
        if (number < 0) {
          number = ids.length;
          table[id] = number + 1;
          ids.push(id);
        }
      } else {
        const known = numbers.get(id);
        number = known ?? ids.length;
        if (known === undefined) {
          numbers.set(id, number);
          ids.push(id);
        }
      }
      previous = id;
    }
    of[i] = number;
  }
  const counts = new Int32Array(ids.length);
  for (let i = 0; i < n; i++) counts[of[i]]++;
  return { ids, of, counts };
}

/** Rollouts sorted by group: members of group g are `order[starts[g]] … order[starts[g + 1] - 1]`. */
export function groupMembers(index: GroupIndex): { order: Int32Array; starts: Int32Array } {
  return sortByNumber(index.of, index.ids.length);
}

/** Counting sort: positions holding number g are `order[starts[g]] … order[starts[g + 1] - 1]`, ascending. */
export function sortByNumber(of: Int32Array, count: number): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(count + 1);
  for (let i = 0; i < of.length; i++) starts[of[i] + 1]++;
  for (let g = 0; g < count; g++) starts[g + 1] += starts[g];
  const next = starts.slice();
  const order = new Int32Array(of.length);
  for (let i = 0; i < of.length; i++) order[next[of[i]]++] = i;
  return { order, starts };
}
