/** n-grams of words or tokens, counted by numbers instead of strings so that no separator can be forged. */

/** The same number for the same token, in order of first appearance. */
export function numberTokens(
  tokens: Iterable<string | number>,
  known = new Map<string | number, number>(),
): Int32Array {
  const ids: number[] = [];
  for (const token of tokens) {
    let id = known.get(token);
    if (id === undefined) {
      id = known.size;
      known.set(token, id);
    }
    ids.push(id);
  }
  return Int32Array.from(ids);
}

/** How often each n-gram occurs; keys are the tokens' numbers joined by commas. */
export function countNgrams(ids: Int32Array, n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= ids.length; i++) {
    const key = ids.subarray(i, i + n).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Σ over shared n-grams of the smaller count. */
export function sharedCount(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let shared = 0;
  for (const [key, count] of a) shared += Math.min(count, b.get(key) ?? 0);
  return shared;
}
