/** Honest ways to write a response, and a reference; the audit finds out which of them a reward wants. */
import type { Problem, ProblemKind } from "./types.ts";

export interface Style {
  readonly id: string;
  /** Has a place for reasoning. */
  readonly reasons: boolean;
  render(reasoning: string, answer: string): string;
}

const styles: readonly Style[] = [
  {
    id: "think and answer tags",
    reasons: true,
    render: (r, a) => `<think>\n${r}\n</think>\n<answer>\n${a}\n</answer>`,
  },
  {
    id: "think and answer tags, one line",
    reasons: true,
    render: (r, a) => `<think>${r}</think><answer>${a}</answer>`,
  },
  {
    id: "think tag and box in the answer tag",
    reasons: true,
    render: (r, a) => `<think>\n${r}\n</think>\n<answer>\\boxed{${a}}</answer>`,
  },
  {
    id: "think tag, then a box",
    reasons: true,
    render: (r, a) => `<think>\n${r}\n</think>\nThe answer is \\boxed{${a}}.`,
  },
  {
    id: "reasoning and answer tags",
    reasons: true,
    render: (r, a) => `<reasoning>\n${r}\n</reasoning>\n<answer>\n${a}\n</answer>`,
  },
  {
    id: "reasoning and answer tags, line break at the end",
    reasons: true,
    render: (r, a) => `<reasoning>\n${r}\n</reasoning>\n<answer>\n${a}\n</answer>\n`,
  },
  { id: "a box at the end", reasons: true, render: (r, a) => `${r}\nThe final answer is \\boxed{${a}}.` },
  { id: "a sentence at the end", reasons: true, render: (r, a) => `${r}\nThe answer is ${a}.` },
  { id: "#### at the end", reasons: true, render: (r, a) => `${r}\n#### ${a}` },
  { id: "Answer: at the end", reasons: true, render: (r, a) => `${r}\nAnswer: ${a}` },
  { id: "JSON", reasons: true, render: (r, a) => JSON.stringify({ reasoning: r, answer: a }) },
  { id: "answer tag alone", reasons: false, render: (_, a) => `<answer>${a}</answer>` },
  { id: "box alone", reasons: false, render: (_, a) => `\\boxed{${a}}` },
  { id: "the bare answer", reasons: false, render: (_, a) => a },
];

/** Styles in which problems of a kind are honestly answered, the usual ones first. */
export function stylesOf(kind: ProblemKind): readonly Style[] {
  if (kind === "code" || kind === "chat") return styles.filter(({ id }) => id === "the bare answer");
  if (kind === "format") return styles.filter(({ id }) => /^(?:think|reasoning) and answer tags/.test(id));
  return styles;
}

export interface ReferenceForm {
  readonly id: string;
  render(reference: string, problem: Problem): string;
}

const referenceForms: readonly ReferenceForm[] = [
  { id: "bare", render: (reference) => reference },
  { id: "#### solution", render: (reference, { reasoning }) => `${reasoning}\n#### ${reference}` },
  { id: "boxed", render: (reference) => `\\boxed{${reference}}` },
  { id: "answer tag", render: (reference) => `<answer>${reference}</answer>` },
  { id: "dollars", render: (reference) => `$${reference}$` },
];

/** Data says how its references look; built-in ones can take any form. */
export function referenceFormsOf(kind: ProblemKind, builtin: boolean): readonly ReferenceForm[] {
  return builtin && (kind === "math" || kind === "choice" || kind === "text")
    ? referenceForms
    : referenceForms.slice(0, 1);
}

/** The honest response to a problem: `right`, or wrong by far. A format is answered wrongly by ignoring it. */
export function honest(problem: Problem, style: Style, right: boolean): string {
  if (problem.kind === "format" && !right) return `${problem.reasoning} The answer is ${problem.answer}.`;
  return style.render(problem.reasoning, right ? problem.answer : problem.far);
}
