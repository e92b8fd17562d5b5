/**
 * Porter's English stemmer (Program 14(3), 1980) with the departures of NLTK's default mode, which the common ROUGE
 * scorer uses: a few irregular words, "ies" and "ied" in short words, "y" only after a consonant, "fulli" and "logi".
 */
export function porterStem(word: string): string {
  const lower = word.toLowerCase();
  const irregular = irregularStems.get(lower);
  if (irregular !== undefined) return irregular;
  // Nothing longer is a word; measuring is quadratic in runs of y.
  if (lower.length <= 2 || lower.length > 100) return lower;
  return [plural, pastOrGerund, finalY, doubleSuffix, simpleSuffix, latinSuffix, finalE, doubleL].reduce(
    (stem, step) => step(stem),
    lower,
  );
}

const irregularStems = new Map(
  Object.entries({
    sky: "sky skies",
    die: "dying",
    lie: "lying",
    tie: "tying",
    news: "news",
    inning: "innings inning",
    outing: "outings outing",
    canning: "cannings canning",
    howe: "howe",
    proceed: "proceed",
    exceed: "exceed",
    succeed: "succeed",
  }).flatMap(([stem, forms]) => forms.split(" ").map((form): [string, string] => [form, stem])),
);

function isConsonant(word: string, i: number): boolean {
  if ("aeiou".includes(word[i])) return false;
  if (word[i] !== "y") return true;
  // A run of y alternates, counted from its start.
  let start = i;
  while (start > 0 && word[start - 1] === "y") start--;
  const first = start === 0 || !isConsonant(word, start - 1);
  return (i - start) % 2 === 0 ? first : !first;
}

/** Number of vowel-consonant sequences. */
function measure(stem: string): number {
  let count = 0;
  for (let i = 1; i < stem.length; i++) if (isConsonant(stem, i) && !isConsonant(stem, i - 1)) count++;
  return count;
}

function hasVowel(stem: string): boolean {
  for (let i = 0; i < stem.length; i++) if (!isConsonant(stem, i)) return true;
  return false;
}

function endsDouble(word: string): boolean {
  const n = word.length;
  return n >= 2 && word[n - 1] === word[n - 2] && isConsonant(word, n - 1);
}

/** Ends consonant, vowel, consonant, the last not w, x or y; or is a vowel and a consonant. */
function endsShort(word: string): boolean {
  const n = word.length;
  if (n === 2) return !isConsonant(word, 0) && isConsonant(word, 1);
  return (
    n >= 3 &&
    isConsonant(word, n - 3) &&
    !isConsonant(word, n - 2) &&
    isConsonant(word, n - 1) &&
    !"wxy".includes(word[n - 1])
  );
}

type Rule = readonly [suffix: string, replacement: string, condition?: (stem: string) => boolean];

/** The first rule whose suffix fits decides: it replaces the suffix or, where its condition fails, nothing happens. */
function applyFirst(word: string, rules: readonly Rule[], condition: (stem: string) => boolean): string {
  for (const [suffix, replacement, own] of rules) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, word.length - suffix.length);
    return (own ?? condition)(stem) ? stem + replacement : word;
  }
  return word;
}

const always = () => true;
const positive = (stem: string) => measure(stem) > 0;
const long = (stem: string) => measure(stem) > 1;

function plural(word: string): string {
  if (word.length === 4 && word.endsWith("ies")) return word.slice(0, -1);
  return applyFirst(
    word,
    [
      ["sses", "ss"],
      ["ies", "i"],
      ["ss", "ss"],
      ["s", ""],
    ],
    always,
  );
}

function pastOrGerund(word: string): string {
  if (word.endsWith("ied")) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith("eed")) return positive(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const suffix = ["ed", "ing"].find((end) => word.endsWith(end) && hasVowel(word.slice(0, -end.length)));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (endsDouble(stem)) return "lsz".includes(stem[stem.length - 1]) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function finalY(word: string): string {
  const stem = word.slice(0, -1);
  return word.endsWith("y") && stem.length > 1 && isConsonant(stem, stem.length - 1) ? `${stem}i` : word;
}

const doubleSuffixes: readonly Rule[] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["bli", "ble"],
  ["alli", "al"],
  ["entli", "ent"],
  ["eli", "e"],
  ["ousli", "ous"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["ator", "ate"],
  ["alism", "al"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["biliti", "ble"],
  ["fulli", "ful"],
  ["logi", "log", (stem) => positive(`${stem}l`)],
];

function doubleSuffix(word: string): string {
  if (word.endsWith("alli") && positive(word.slice(0, -4))) return doubleSuffix(word.slice(0, -2));
  return applyFirst(word, doubleSuffixes, positive);
}

function simpleSuffix(word: string): string {
  const rules: Rule[] = [
    ["icate", "ic"],
    ["ative", ""],
    ["alize", "al"],
    ["iciti", "ic"],
    ["ical", "ic"],
    ["ful", ""],
    ["ness", ""],
  ];
  return applyFirst(word, rules, positive);
}

const latinSuffixes: readonly Rule[] = [
  ..."al ance ence er ic able ible ant ement ment ent".split(" ").map((suffix): Rule => [suffix, ""]),
  ["ion", "", (stem) => long(stem) && /[st]$/.test(stem)],
  ..."ou ism ate iti ous ive ize".split(" ").map((suffix): Rule => [suffix, ""]),
];

function latinSuffix(word: string): string {
  return applyFirst(word, latinSuffixes, long);
}

function finalE(word: string): string {
  if (!word.endsWith("e")) return word;
  const stem = word.slice(0, -1);
  return long(stem) || (measure(stem) === 1 && !endsShort(stem)) ? stem : word;
}

function doubleL(word: string): string {
  return word.endsWith("ll") && long(word.slice(0, -1)) ? word.slice(0, -1) : word;
}
