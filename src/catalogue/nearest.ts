/** The candidates a mistyped id most likely meant, nearest first: at most five, none when all are far off. */
export function nearest(id: string, candidates: readonly string[]): string[] {
  const wanted = id.slice(0, 100).toLowerCase();
  const name = afterSlash(wanted);
  const limit = Math.max(2, Math.floor(name.length / 3));
  return candidates
    .map((candidate) => {
      const other = afterSlash(candidate);
      const within = name.length >= 3 && (other.startsWith(name) || hasWords(other, name) || hasWords(name, other));
      const distance = Math.min(editDistance(wanted, candidate), editDistance(name, other) + 0.5);
      return { candidate, distance: within ? Math.min(distance, 1) : distance };
    })
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 5)
    .map(({ candidate }) => candidate);
}

const afterSlash = (id: string) => id.slice(id.indexOf("/") + 1);

/** Whole words: `uct` is not in `constructor`. */
const hasWords = (text: string, words: string) => `-${text}-`.includes(`-${words}-`);

/** Levenshtein distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(previous[j] + 1, row[j - 1] + 1, replaced));
    }
    previous = row;
  }
  return previous[b.length];
}
