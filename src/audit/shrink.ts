/** Delta debugging: the smallest text that still does what a text does (Zeller & Hildebrandt 2002, ddmin). */

/** Pieces at which a text is cut, coarse to fine. */
const granularities: readonly ((text: string) => string[])[] = [
  (text) => text.split(/(?<=\n)/),
  (text) => text.split(/(?<=\s)|(?=[<"'([{])|(?<=[>.,;:)\]}])/),
  // Words stay words in what people will read; short texts are cut to the last character.
  (text) => (text.length <= 40 ? [...text] : [text]),
];

/**
 * Removes pieces as long as `holds` says so. `holds` gets a batch of texts and answers for each; it is asked
 * about at most `most` texts.
 */
export async function shrink(
  text: string,
  holds: (texts: readonly string[]) => Promise<readonly boolean[]>,
  most: number,
): Promise<string> {
  let best = text;
  let asked = 1;
  if (text !== "" && (await holds([""]))[0]) return "";
  for (const cut of granularities) {
    let pieces = cut(best);
    let size = Math.ceil(pieces.length / 2);
    while (pieces.length > 0 && size >= 1 && asked < most) {
      const shorter: string[][] = [];
      for (let from = 0; from < pieces.length && shorter.length < 32; from += size) {
        shorter.push([...pieces.slice(0, from), ...pieces.slice(from + size)]);
      }
      const verdicts = await holds(shorter.map((one) => one.join("")));
      asked += shorter.length;
      const found = shorter.findIndex((_, i) => verdicts[i]);
      if (found >= 0) {
        pieces = shorter[found];
        size = Math.min(size, Math.ceil(pieces.length / 2));
        if (pieces.length === 0) break;
      } else if (size === 1) break;
      else size = Math.ceil(size / 2);
    }
    best = pieces.join("");
  }
  return best;
}
