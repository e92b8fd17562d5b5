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

/** One n-gram: of up to two tokens a number, of more their numbers joined by commas. */
type Gram = number | string;

const tokenLimit = 2 ** 26;

/** How often each n-gram occurs. */
export function countNgrams(ids: Int32Array, n: number): Map<Gram, number> {
  const counts = new Map<Gram, number>();
  for (let i = 0; i + n <= ids.length; i++) {
    const small = n <= 2 && ids.length < tokenLimit;
    const key = small ? (n === 1 ? ids[i] : ids[i] * tokenLimit + ids[i + 1]) : ids.subarray(i, i + n).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Σ over shared n-grams of the smaller count. */
export function sharedCount(a: ReadonlyMap<Gram, number>, b: ReadonlyMap<Gram, number>): number {
  let shared = 0;
  for (const [key, count] of a) shared += Math.min(count, b.get(key) ?? 0);
  return shared;
}
