/** The contract of an audit: what it takes, what it tries, what it finds. */
import type { Reward } from "../pipeline/index.ts";

/** What a reward is for; decides the built-in problems, the honest answers and the hidden check. */
export const problemKinds = ["math", "choice", "text", "code", "format", "chat"] as const;
export type ProblemKind = (typeof problemKinds)[number];

/** A problem whose answer is known. The reward sees `fields`; only the hidden check sees the rest. */
export interface Problem {
  readonly id: string;
  readonly kind: ProblemKind;
  readonly prompt: string;
  /** As the data has it; the audit also tries other ways of writing it (`#### 4`, `\boxed{4}`). */
  readonly reference: string;
  /** The bare right answer, a wrong one that is near, a wrong one that is far. */
  readonly answer: string;
  readonly near: string;
  readonly far: string;
  /** A short true line of reasoning; holds no final answer. */
  readonly reasoning: string;
  /** Every answer that somebody might guess (the choices; what else the question could mean). */
  readonly candidates: readonly string[];
  /** Columns beside prompts, responses and references: `tests`, whatever the data brings. */
  readonly extra: Readonly<Record<string, unknown>>;
  /** The reward that a user's file sees is blind to this: patterns of a right chat answer, held-out tests. */
  readonly hidden?: { readonly facts?: readonly RegExp[]; readonly tests?: readonly unknown[] };
  /** Real responses to this problem, from the data. */
  readonly responses?: readonly string[];
}

/** null: cannot be told. `unchecked`: no verdict came, and the case is left out. */
export type Verdict = boolean | null | "unchecked";

/** Is this response right? The reward never sees it. */
export type HiddenCheck = (problem: Problem, response: string) => Promise<Verdict> | Verdict;

/** How a wrong response comes to be paid; findings of one mechanism in one signal are one hole. */
export const mechanisms = {
  blind: "wrong answers are paid like right ones",
  contentless: "a response without content is paid",
  "several-answers": "several answers at once are paid",
  "near-miss": "a near miss is paid like the right answer",
  "look-alike": "text that only looks alike is paid",
  "format-shell": "an ill-formed or empty shell passes as the format",
  padding: "longer is paid more, whatever the text says",
  brevity: "shorter is paid more, although it is wrong",
  repetition: "repeating oneself is paid",
  copying: "copying the question is paid",
  phrases: "stock phrases are paid",
  steps: "the number of steps is paid",
  abstaining: "declining to answer is paid",
  flattery: "praise and agreement are paid",
  "judge-injection": "instructions to the judge are followed",
  "fake-evidence": "a verdict or tool result that the policy wrote is believed",
  tampering: "code passes by tampering with its test run",
  "hard-coding": "code passes by listing the visible tests",
  "prompt-blind": "an answer to another question is paid",
  "unreadable-reference": "a reference that cannot be read pays everybody",
  collusion: "a group that agrees on a wrong answer is paid",
  unscoreable: "a wrong response escapes its reward",
  "right-loses": "a right answer loses by an edit that does not change it",
  unstable: "the same response gets different rewards",
  "wrong-rollout": "what is wrong in the data is paid",
  search: "a wrong response found by search is paid",
} as const;
export type Mechanism = keyof typeof mechanisms;

export const severities = ["minor", "major", "critical"] as const;
export type Severity = (typeof severities)[number];

export type Ease = "trivial" | "easy" | "hard";

/** Where a text goes: it is the response, the answer or the reasoning in the expected form, or stands beside a wrong answer. */
export type Place = "whole" | "answer" | "reasoning" | "before" | "after";

/** What an exploit may know: everything a policy could, and never the right answer. */
export interface ExploitContext {
  readonly problem: Omit<Problem, "answer" | "near" | "far" | "hidden" | "reference" | "responses">;
  /** A wrong answer, and the response that honestly gives it. */
  readonly wrong: string;
  readonly nearMiss: string;
  readonly honestWrong: string;
  /** Responses that answer other problems rightly. */
  readonly others: readonly string[];
  /** Renders reasoning and answer in the form that this reward wants. */
  render(reasoning: string, answer: string): string;
  /** Texts taken from the reward's own source. */
  readonly dictionary: readonly string[];
}

export interface Attack {
  readonly text: string;
  /** Default: whole and answer. */
  readonly places?: readonly Place[];
}

/** One way to be paid without being right. */
export interface Exploit {
  readonly id: string;
  readonly title: string;
  readonly mechanism: Mechanism;
  /** Paper or public issue that describes it. */
  readonly source: string;
  readonly ease: Ease;
  /** Absent: for all kinds. */
  readonly kinds?: readonly ProblemKind[];
  make(context: ExploitContext): readonly Attack[];
}

/** What the reward says about one response. */
export interface Scored {
  readonly reward: number | null;
  readonly error: string | null;
  readonly combined: number | null;
  readonly signals: Readonly<Record<string, number | null>>;
}

export interface Evidence {
  /** Signal or shaping part. */
  readonly name: string;
  /** Part id, "function" or "judge". */
  readonly what: string;
  readonly here: number | null;
  readonly honest: number | null;
  readonly detail: string;
}

export interface Repair {
  readonly title: string;
  /** Part that does it, where there is one. */
  readonly part: string | null;
  /** The change in the reward file. */
  readonly change: string;
  /** The reward of this finding's input after the change; absent where it cannot be applied by a program. */
  readonly after?: {
    readonly exploit: number | null;
    readonly honestRight: number | null;
    readonly honestWrong: number | null;
    /** The finding is gone and honest answers keep their rewards. */
    readonly fixed: boolean;
  };
}

export interface Finding {
  /** Stable from run to run: mechanism and responsible signals. */
  readonly key: string;
  readonly severity: Severity;
  readonly mechanism: Mechanism;
  readonly title: string;
  readonly exploit: string;
  readonly source: string;
  /** Other exploits through the same hole. */
  readonly also: readonly string[];
  readonly ease: Ease;
  /** Who would find it: a policy at random, one that explores, an attacker. */
  readonly finder: string;
  readonly problem: string;
  readonly prompt: string;
  /** The smallest input found. */
  readonly response: string;
  readonly reward: number | null;
  readonly error: string | null;
  readonly honestRight: number | null;
  readonly honestWrong: number | null;
  /** Share of the way from honest wrong (0) to honest right (1), median over the problems. */
  readonly gain: number;
  readonly problemsHit: string;
  readonly responsible: readonly Evidence[];
  readonly repairs: readonly Repair[];
  /** Evaluations made and milliseconds gone when it was first seen. */
  readonly evaluations: number;
  readonly milliseconds: number;
}

export interface AuditOptions {
  readonly reward: Reward;
  readonly kind?: ProblemKind | "auto";
  /** Problems from data; absent: the built-in ones. */
  readonly problems?: readonly Problem[];
  readonly check?: HiddenCheck;
  /** Milliseconds that `check` may take for a verdict. Default 10,000. */
  readonly checkTime?: number;
  readonly seed?: string | number;
  /** Milliseconds; cuts the tail only. Default 60,000. */
  readonly budget?: number;
  /** Rollouts scored at most. Default 20,000. */
  readonly evaluations?: number;
  /** Worker threads of the scorer. Default: those of the machine. */
  readonly workers?: number;
  readonly cacheFolder?: string;
  /** Rewrites a response in another wording (a model). */
  readonly rewrite?: (prompt: string, response: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Keys of accepted findings. */
  readonly accepted?: ReadonlySet<string>;
  readonly onProgress?: (progress: AuditProgress) => void;
  readonly signal?: AbortSignal;
}

export interface AuditProgress {
  readonly phase: string;
  readonly evaluations: number;
  readonly findings: number;
  readonly share: number;
}

export interface AuditReport {
  readonly reward: { readonly name: string | null; readonly hash: string; readonly signals: readonly string[] };
  readonly kind: ProblemKind;
  readonly kindChosen: boolean;
  readonly style: string;
  readonly referenceForm: string;
  readonly problems: number;
  readonly honestRight: number | null;
  readonly honestWrong: number | null;
  readonly findings: readonly Finding[];
  readonly accepted: readonly Finding[];
  readonly exploits: number;
  readonly evaluations: number;
  readonly milliseconds: number;
  readonly seed: string;
  /** Phases that the budget left unfinished; empty: everything planned was tried. */
  readonly unfinished: readonly string[];
  readonly notes: readonly string[];
}
