import { messageOf, type ScoreError, scoreError } from "../../core/error.ts";
import { charge, LONGEST_NUMBER, OutOfBudget, openBudget } from "./budget.ts";
import { equalAnswers, foldWords } from "./equality.ts";
import { type EqualityOptions, Undecided } from "./expressions.ts";
import { checkLength, extractAnswer, extractReference } from "./extract.ts";
import type { Extracted } from "./formulas.ts";
import type { Node } from "./node.ts";
import { NotMathematics, parseTokens } from "./parse.ts";
import { evaluateCalculus, hasCalculus } from "./symbolic.ts";
import { type Token, tokenize } from "./tokens.ts";

/** `correct` is null where `error` says why there is no verdict; `answer` null: the response has none. */
export interface Verdict {
  readonly correct: boolean | null;
  readonly answer: string | null;
  readonly error: ScoreError | null;
}

/** An answer as far as it could be read. */
interface Reading {
  readonly source: string;
  /** Token by token, for answers that are no mathematics. */
  readonly key: string;
  /** Folded words when the answer is words only, else "". */
  readonly words: string;
  /** The letter of `(C)\ 12`. */
  readonly label: string;
  readonly node: Node | null;
  readonly error: OutOfBudget | null;
}

interface Reference {
  readonly source: string;
  readonly reading: () => Reading;
  readonly isWords: () => boolean;
}

const REFERENCES = new Map<string, Reference | null>();
const MOST_REFERENCES = 4096;
const LONGEST_KEPT = 4000;

/** One response against one reference. Never throws on any text. */
export function verify(response: string, reference: string, options: EqualityOptions): Verdict {
  openBudget();
  try {
    const expected = referenceOf(reference);
    if (expected === null)
      return {
        correct: null,
        answer: null,
        error: scoreError("bad-input", "the reference has no answer to compare with"),
      };
    const found = extractAnswer(response) ?? (expected.isWords() ? extractAnswer(response, true) : null);
    const answer = found?.prose && expected.isWords() ? extractAnswer(response, true) : found;
    if (answer === null) return { correct: false, answer: null, error: null };
    const source = answer.source.trim();
    return compare(expected, { source, prose: answer.prose }, options);
  } catch (thrown) {
    return { correct: null, answer: null, error: errorOf(thrown) };
  }
}

function compare(expected: Reference, answer: Extracted, options: EqualityOptions): Verdict {
  const shown = answer.source.length > 2000 ? answer.source.slice(0, 2000) : answer.source;
  try {
    return { correct: isEqual(expected, answer, options), answer: shown, error: null };
  } catch (thrown) {
    return { correct: null, answer: shown, error: errorOf(thrown) };
  }
}

function isEqual(expected: Reference, answer: Extracted, options: EqualityOptions): boolean {
  if (answer.source === expected.source) return true;
  const long = sameLongNumbers(expected.source, answer.source);
  if (long !== null) return long;
  const gold = expected.reading();
  if (gold.error) throw gold.error;
  // The reference may have been read before: what it cost must not matter.
  openBudget();
  const given = read(answer);
  if (given.error) throw given.error;
  if (gold.key === given.key && gold.key !== "") return true;
  if (gold.words !== "" && (gold.words === given.words || gold.words === given.label)) return true;
  if (gold.label !== "" && gold.label === given.words) return true;
  if (gold.node === null || given.node === null) return false;
  return equalAnswers(gold.node, given.node, options);
}

/** Two plain integers of any length, digit by digit; null when they are none or short. */
function sameLongNumbers(a: string, b: string): boolean | null {
  if (b.length < 400 && a.length < 400) return null;
  if (!isPlain(a) || !isPlain(b)) return null;
  return canonical(a) === canonical(b);
}

function isPlain(text: string): boolean {
  return text.length <= LONGEST_NUMBER && /^[+-]?\d+$/.test(text);
}

function canonical(text: string): string {
  const digits = text.replace(/^[+-]/, "").replace(/^0+(?=\d)/, "");
  return text.startsWith("-") && digits !== "0" ? `-${digits}` : digits;
}

function referenceOf(text: string): Reference | null {
  const known = REFERENCES.get(text);
  if (known !== undefined) return known;
  const extracted = extractReference(text);
  const prepared = extracted === null ? null : prepare(extracted);
  if (text.length <= LONGEST_KEPT) {
    if (REFERENCES.size >= MOST_REFERENCES) REFERENCES.clear();
    REFERENCES.set(text, prepared);
  }
  return prepared;
}

function prepare(extracted: Extracted): Reference {
  const answer = { source: extracted.source.trim(), prose: extracted.prose };
  let reading: Reading | null = null;
  const read_ = () => {
    reading ??= read(answer);
    return reading;
  };
  return {
    source: answer.source,
    reading: read_,
    isWords: () => (read_().node === null || read_().node?.kind === "text") && read_().words !== "",
  };
}

function read(answer: Extracted): Reading {
  const { source } = answer;
  try {
    checkLength(source);
    charge(source.length >> 3);
    const tokens = tokenize(source, answer.prose);
    const key = tokens.map((token) => token.value).join(" ");
    const words = tokens.every(isWordToken) ? foldWords(tokens.map(spacedValue).join("")) : "";
    const labels = tokens.filter((token) => token.type === "text" && /^\(?[A-Za-z]\)$/.test(token.value));
    const label = labels.length === 1 && labels[0] === tokens[0] && tokens.length > 1 ? foldWords(labels[0].value) : "";
    return { source, key, words, label, node: nodeOf(tokens, source), error: null };
  } catch (thrown) {
    if (thrown instanceof OutOfBudget) return { source, key: "", words: "", label: "", node: null, error: thrown };
    throw thrown;
  }
}

function nodeOf(tokens: readonly Token[], source: string): Node | null {
  try {
    if (!hasCalculus(source)) return parseTokens(tokens);
    const evaluated = evaluateCalculus(source);
    return evaluated === null ? null : parseTokens(tokenize(evaluated));
  } catch (thrown) {
    if (thrown instanceof NotMathematics) return null;
    throw thrown;
  }
}

function isWordToken(token: Token): boolean {
  return (
    token.type === "text" || token.type === "name" || (token.type === "operator" && /^[.,;:()'"?!-]$/.test(token.value))
  );
}

function spacedValue(token: Token): string {
  return token.spaced || token.type === "text" ? ` ${token.value}` : token.value;
}

function errorOf(thrown: unknown): ScoreError {
  if (thrown instanceof OutOfBudget) return scoreError("timeout", thrown.message);
  if (thrown instanceof Undecided) return scoreError("not-finite", thrown.message);
  return scoreError("threw", messageOf(thrown));
}
