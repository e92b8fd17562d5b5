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
  const ids: (string | number)[] = [];
  const of = (groups instanceof Int32Array ? numberIntegers(groups, ids) : null) ?? numberAny(groups, ids);
  const counts = new Int32Array(ids.length);
  for (let i = 0; i < of.length; i++) counts[of[i]]++;
  return { ids, of, counts };
}

/**
 * Group numbers where neither ids nor order are needed: small non-negative integers number their groups
 * themselves, without a copy, and leave numbers in [0, count) unused; everything else as `indexGroups`.
 */
export function numberGroups(groups: ArrayLike<string | number>): { of: Int32Array; count: number } {
  if (groups instanceof Int32Array) {
    const largest = largestId(groups);
    if (largest !== null) return { of: groups, count: largest + 1 };
  }
  const ids: (string | number)[] = [];
  const of = numberAny(groups, ids);
  return { of, count: ids.length };
}

/** The largest id; null when one is negative or they are spread too wide for a table. */
function largestId(groups: Int32Array): number | null {
  let largest = -1;
  let smallest = 0;
  for (let i = 0; i < groups.length; i++) {
    if (groups[i] > largest) largest = groups[i];
    if (groups[i] < smallest) smallest = groups[i];
  }
  return smallest < 0 || largest > 4 * groups.length + 1024 ? null : largest;
}

/** Numbers by a table (id → number + 1) instead of a map; null when the ids do not suit one. */
function numberIntegers(groups: Int32Array, ids: (string | number)[]): Int32Array | null {
  const largest = largestId(groups);
  if (largest === null) return null;
  const table = new Int32Array(largest + 1);
  const of = new Int32Array(groups.length);
  for (let i = 0; i < groups.length; i++) {
    let number = table[groups[i]];
    if (number === 0) {
      number = ids.push(groups[i]);
      table[groups[i]] = number;
    }
    of[i] = number - 1;
  }
  return of;
}

function numberAny(groups: ArrayLike<string | number>, ids: (string | number)[]): Int32Array {
  const of = new Int32Array(groups.length);
  const numbers = new Map<string | number, number>();
  let previous: string | number | undefined;
  let number = -1;
  for (let i = 0; i < groups.length; i++) {
    const id = groups[i];
    // Rollouts of a group mostly come one after the other.
    if (id !== previous || i === 0) {
      const known = numbers.get(id);
      number = known ?? ids.length;
      if (known === undefined) {
        numbers.set(id, number);
        ids.push(id);
      }
      previous = id;
    }
    of[i] = number;
  }
  return of;
}

/** Which of the rows still have another of their group beside them, or never had one: 1 a row, as the rows are. */
export function comparable(rows: ArrayLike<number>, groups: ArrayLike<string | number>): Uint8Array {
  const { of, counts } = indexGroups(groups);
  const left = new Int32Array(counts.length);
  for (let k = 0; k < rows.length; k++) left[of[rows[k]]]++;
  return Uint8Array.from(rows, (row) => (left[of[row]] > 1 || counts[of[row]] === 1 ? 1 : 0));
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
