import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableStrings } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * The chosen letter of a multiple-choice response against the reference's (card verifiers).
 *
 * The first of these that the text has decides, and of several the last: a `\boxed{}` choice; a choice
 * after an answer phrase ("the answer is (C)", "Answer: D", "I choose B", "option C is correct"); a
 * choice in bold (`**B**`); a choice in parentheses or standing alone. "A" or "I" before a further word
 * is the English word, not a choice ("A good question"), unless the word goes on about the choice
 * ("A because …"). Letters count in either case where the context is explicit; alone, only as `choices`
 * writes them. `answers` holds the choice as `choices` writes it, or null; no choice is not correct.
 *
 * A reference is a choice, bare, in parentheses or followed by its text ("C", "(C)", "C. Paris");
 * anything else throws a ContractError naming it.
 */
export const choiceAnswer = definePart({
  id: "signal/choice-answer",
  papers: ["verifiers"],
  params: z.object({
    choices: z
      .array(z.string().regex(/^[\p{L}\p{N}]{1,8}$/u, "expected letters or digits"))
      .min(1)
      .default(["A", "B", "C", "D", "E"])
      .describe("the labels to choose from"),
  }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({ correct: fields.correct, answers: nullableStrings("N", "the chosen label, or null") }),
  compute({ choices }, { responses, references }) {
    const grammar = choiceGrammar(choices);
    const correct: boolean[] = [];
    const answers: (string | null)[] = [];
    for (let i = 0; i < responses.length; i++) {
      const expected = grammar.reference(references[i]);
      if (expected === null) {
        throw new ContractError(
          `inputs.references[${i}]`,
          `expected one of ${choices.join(", ")} (bare, in parentheses or followed by its text), got ${JSON.stringify(references[i].slice(0, 80))}`,
        );
      }
      const answer = grammar.answer(responses[i]);
      answers.push(answer);
      correct.push(answer === expected);
    }
    return { correct, answers };
  },
});

/** Words after "A" or "I" that speak about the choice rather than continue a sentence. */
const about =
  /^\s{1,4}(?:because|since|as|is|was|and|or|but|with|due|given|which|for|so|by|based|not|here|seems|looks|appears)(?![\p{L}\p{N}])/u;
const word = /^\s{1,4}[\p{L}\p{N}]/u;

/** True where a label is the English article or pronoun of a sentence. */
function isWord(label: string, following: string): boolean {
  return /^[AaIi]$/.test(label) && word.test(following) && !about.test(following);
}

function choiceGrammar(choices: readonly string[]) {
  const folded = new Map<string, string>();
  for (const choice of choices) {
    if (!folded.has(choice.toLowerCase())) folded.set(choice.toLowerCase(), choice);
  }
  const written = (label: string) => (choices.includes(label) ? label : (folded.get(label.toLowerCase()) ?? null));
  const exact = [...choices].sort((a, b) => b.length - a.length).join("|");
  const any = [...new Set([exact, exact.toLowerCase(), exact.toUpperCase()])].join("|");
  const start = String.raw`(?<![\p{L}\p{N}_])`;
  const end = String.raw`(?![\p{L}\p{N}_'’]|-\p{L}|\.\p{L})`;
  const style = String.raw`\\(?:text|textbf|mathrm|mathbf)\s{0,2}\{`;
  const open = String.raw`[\s*_("'“‘$\[{]{0,8}(?:${style})?\(?`;
  const label = `(${any})${end}`;
  // Three patterns for what an answer phrase looks like; the last match of any of them counts.
  const phrases = [
    String.raw`${start}(?:[Aa]nswer|ANSWER|[Cc]hoice|CHOICE|[Oo]ption|[Ss]olution)(?:\s{1,4}(?:[Cc]hoice|[Ll]etter|[Oo]ption))?\s{0,4}\*{0,2}\s{0,4}(?:is|was|would be|should be|must be|IS|[:=：])\s{0,4}:?${open}(?:(?:the\s{1,4})?(?:[Oo]ption|[Cc]hoice|[Ll]etter)\s{1,4}${open})?${label}`,
    String.raw`${start}(?:[Aa]nswer|[Cc]hoose|[Cc]hose|[Pp]ick|[Pp]icked|[Ss]elect|[Ss]elected|[Gg]o with|[Gg]oing with)(?:\s{1,4}(?:[Oo]ption|[Cc]hoice|[Ll]etter|[Aa]nswer))?${open}${label}`,
    String.raw`${start}(${exact})${end}[)"*]{0,4}\s{1,4}(?:is|must be|should be)\s{1,4}(?:the\s{1,4})?(?:correct|right|best|true|answer)${end}`,
  ].map((pattern) => new RegExp(pattern, "dgu"));
  const bold = new RegExp(String.raw`(?:\*\*|__)\s{0,4}\(?(${exact})(?:[).:]|(?=\s{0,4}(?:\*\*|__)))`, "dgu");
  const standing = new RegExp(
    String.raw`(?<!(?:\bnot|n't)\s{1,2}\(?)(?:[(\[](${any})[)\]]|(?<![\p{L}\p{N}_'’\\.-])(${exact})${end})`,
    "dgu",
  );
  const bare = new RegExp(
    String.raw`^[\s$*("\[]{0,8}(?:${style})?[\s("]{0,4}(${any})(?:[\s$*)}\]".]{0,8}$|[).:,}])`,
    "u",
  );

  /** The last match that is a label and not a word. */
  const lastMatch = (pattern: RegExp, text: string) => {
    let last: { index: number; label: string } | null = null;
    for (const match of text.matchAll(pattern)) {
      const group = match[1] === undefined ? 2 : 1;
      const at = match.indices?.[group];
      if (at && !isWord(match[group], text.slice(at[1], at[1] + 24))) last = { index: at[1], label: match[group] };
    }
    return last;
  };

  return {
    reference(text: string): string | null {
      const match = bare.exec(text.trim().slice(0, 200));
      return match ? written(match[1]) : null;
    },
    answer(text: string): string | null {
      const boxes = [...text.matchAll(/\\(?:boxed|fbox)\s{0,4}\{/g)].slice(-50).reverse();
      for (const box of boxes) {
        const from = box.index + box[0].length;
        // The content may hold braces itself (\text{B}); the label stands before the first closing one.
        const close = text.slice(from, from + 200).indexOf("}");
        const match = bare.exec(text.slice(from, from + (close < 0 ? 60 : close)));
        if (match) return written(match[1]);
      }
      let last: { index: number; label: string } | null = null;
      for (const phrase of phrases) {
        const found = lastMatch(phrase, text);
        if (found && (last === null || found.index >= last.index)) last = found;
      }
      last ??= lastMatch(bold, text) ?? lastMatch(standing, text);
      return last && written(last.label);
    },
  };
}
