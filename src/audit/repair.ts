/** What to change in the reward file, and what the finding's input gets after the change. */
import { codeTests, defineReward, type Reward, type RewardDefinition, type SignalSpec } from "../pipeline/index.ts";
import { choiceAnswer, format, mathAnswer } from "../signal/index.ts";
import { combineOf } from "./attribute.ts";
import type { Baseline } from "./calibrate.ts";
import { createEvaluator } from "./evaluate.ts";
import { honest } from "./styles.ts";
import type { Finding, Problem, ProblemKind, Repair } from "./types.ts";

interface Change {
  readonly title: string;
  readonly part: string | null;
  readonly change: string;
  /** The definition after the change; absent where only a person can make it. */
  readonly apply?: (definition: RewardDefinition) => RewardDefinition;
}

export interface RepairOptions {
  readonly reward: Reward;
  readonly problems: readonly Problem[];
  readonly baseline: Baseline;
  readonly seed: string;
  /** The budget is gone: suggestions only. */
  readonly over: boolean;
}

const mostTried = 3;

/** Repairs of a finding, those that were tried and help first. */
export async function repairsFor(finding: Finding, options: RepairOptions): Promise<Repair[]> {
  const problem = options.problems.find(({ id }) => id === finding.problem);
  const changes = changesFor(finding, options, problem?.kind ?? "math").slice(0, mostTried);
  const repairs: Repair[] = [];
  for (const { title, part, change, apply } of changes) {
    const after = apply && problem && !options.over ? await tryOut(finding, problem, apply, options) : undefined;
    repairs.push(after ? { title, part, change, after } : { title, part, change });
  }
  return repairs.sort((a, b) => Number(b.after?.fixed ?? false) - Number(a.after?.fixed ?? false));
}

async function tryOut(
  finding: Finding,
  problem: Problem,
  apply: (definition: RewardDefinition) => RewardDefinition,
  { reward, baseline, seed }: RepairOptions,
): Promise<Repair["after"]> {
  let changed: Reward;
  try {
    changed = defineReward(apply(reward.definition));
  } catch {
    return undefined;
  }
  const evaluator = createEvaluator({
    reward: changed,
    seed,
    workers: 0,
    budget: 10_000,
    evaluations: 50,
    batchSize: 8,
  });
  try {
    evaluator.setForm(baseline.form);
    const right = honest(problem, baseline.style, true);
    const wrong = honest(problem, baseline.style, false);
    evaluator.setCompany(() => [right, wrong]);
    const reference = finding.mechanism === "unreadable-reference" ? "see the attached figure" : undefined;
    const company = finding.mechanism === "collusion" ? [wrong, wrong, wrong] : undefined;
    const [exploit, good, bad] = await evaluator.score([
      { problem, response: finding.response, reference, company },
      { problem, response: right },
      { problem, response: wrong },
    ]);
    if (!exploit || !good || !bad) return undefined;
    const gap = (good.reward ?? 0) - (bad.reward ?? 0);
    const sane = good.reward !== null && bad.reward !== null && gap > 1e-9;
    const fixed =
      sane &&
      (finding.exploit.startsWith("inflated/")
        ? exploit.reward !== null && Math.abs(exploit.reward - (good.reward ?? 0)) <= 0.1 * gap
        : finding.mechanism === "right-loses"
          ? exploit.reward !== null && exploit.reward >= (good.reward ?? 0) - 0.05 * gap
          : finding.reward === null || finding.mechanism !== "unreadable-reference"
            ? exploit.reward !== null && exploit.reward <= (bad.reward ?? 0) + 0.1 * gap
            : exploit.reward === null || exploit.reward <= (bad.reward ?? 0) + 0.1 * gap);
    return { exploit: exploit.reward, honestRight: good.reward, honestWrong: bad.reward, fixed };
  } catch {
    return undefined;
  } finally {
    await evaluator.close();
  }
}

type Values = Record<string, number>;

/** The definition with one signal's source replaced. */
function replaced(name: string, spec: SignalSpec): (definition: RewardDefinition) => RewardDefinition {
  return (definition) => ({ ...definition, signals: { ...definition.signals, [name]: spec } });
}

/** The definition with `combine` wrapped. */
function recombined(
  definition: RewardDefinition,
  wrap: (values: Values, before: (values: Values) => number) => number,
): RewardDefinition {
  const before = (values: Values, rollout: unknown) =>
    combineOf({ definition } as Reward, values, rollout as Record<string, unknown>) ?? Number.NaN;
  return {
    ...definition,
    combine: (values: Values, rollout: unknown) => wrap(values, (given) => before(given, rollout)),
  } as RewardDefinition;
}

/** The part that verifies answers of a kind; null where there is none. */
function verifierOf(
  kind: ProblemKind,
): { readonly text: string; readonly part: string; readonly spec: SignalSpec } | null {
  switch (kind) {
    case "math":
      return { text: "mathAnswer()", part: "signal/math-answer", spec: mathAnswer() };
    case "choice":
      return {
        text: 'choiceAnswer({ choices: ["A", "B", "C", "D"] })',
        part: "signal/choice-answer",
        spec: choiceAnswer({ choices: ["A", "B", "C", "D"] }),
      };
    case "code":
      return { text: "codeTests()", part: "signal/code-tests", spec: codeTests({ timeLimit: 2, concurrency: 1 }) };
    case "format":
      return {
        text: 'format({ pattern: "think-answer" })',
        part: "signal/format",
        spec: format({ pattern: "think-answer" }),
      };
    case "text":
      return {
        text: "the only answer tag (or the text behind `answer is`), trimmed and lower-cased, === the reference as a whole",
        part: "signal/exact-match",
        spec: ({ response, reference }) => {
          const tags = response.split("<answer>");
          const said = tags.length === 1 ? response : tags.length === 2 ? tags[1].split("</answer>")[0] : "";
          const bare = said
            .replace(/^.*answer is\s+/is, "")
            .trim()
            .replace(/\.$/, "")
            .toLowerCase();
          return bare !== "" && bare === String(reference).trim().toLowerCase();
        },
      };
    default:
      return null;
  }
}

const parserMechanisms = new Set([
  "wrong-rollout",
  "several-answers",
  "look-alike",
  "near-miss",
  "contentless",
  "abstaining",
  "unreadable-reference",
  "right-loses",
  "format-shell",
  "tampering",
  "prompt-blind",
  "copying",
  "search",
]);
const bonusMechanisms = new Set([
  "padding",
  "repetition",
  "steps",
  "phrases",
  "brevity",
  "flattery",
  "copying",
  "format-shell",
  "search",
  "contentless",
]);
const judgeMechanisms = new Set([
  "judge-injection",
  "fake-evidence",
  "contentless",
  "abstaining",
  "padding",
  "flattery",
  "prompt-blind",
]);

function changesFor(finding: Finding, { reward }: RepairOptions, kind: ProblemKind): Change[] {
  const { mechanism, responsible } = finding;
  const changes: Change[] = [];
  const [guilty] = responsible;
  const signals = reward.definition.signals;
  const isSignal = guilty !== undefined && guilty.name in signals;
  const others = Object.keys(signals).filter((name) => !responsible.some((one) => one.name === name));
  const verifier = verifierOf(kind);
  const judged = guilty?.what === "judge" || (isSignal && isAsync(signals[guilty.name]));

  if ((mechanism === "unscoreable" || finding.error !== null || hasFallback(signals[guilty?.name ?? ""])) && isSignal) {
    const worth = guilty.honest ?? 0;
    changes.push({
      title: `what ${guilty.name} cannot score is worth as little as a wrong answer`,
      part: null,
      change: `${guilty.name}: { use: …, fallback: ${worth} }`,
      apply: (definition) => {
        const spec = definition.signals[guilty.name];
        const options = typeof spec === "object" && "use" in spec ? spec : { use: spec };
        return replaced(guilty.name, { ...options, fallback: worth } as SignalSpec)(definition);
      },
    });
  }
  if (mechanism === "blind" && verifier) {
    changes.push({
      title: "check the answer, and pay nothing without it",
      part: verifier.part,
      change: `signals: { correct: ${verifier.text}, … }, combine: ({ correct, … }) => correct * (…)`,
      apply: (definition) => {
        const before = recombined(definition, (values, combine) => {
          const { guerdonCorrect, ...rest } = values;
          return guerdonCorrect * Math.max(0.1, Math.min(1, combine(rest)));
        });
        return { ...before, signals: { ...before.signals, guerdonCorrect: verifier.spec } };
      },
    });
  }
  if (bonusMechanisms.has(mechanism) && isSignal && others.length > 0) {
    const verdict = others[0];
    const floor = guilty.honest ?? 0;
    changes.push({
      title: `gate: ${guilty.name} counts only where ${verdict} holds`,
      part: "shaping/format-gate",
      change: `combine: (v) => v.${verdict} > 0 ? (…as now…) : (…with ${guilty.name} at ${round(floor)}…)`,
      apply: (definition) =>
        recombined(definition, (values, combine) =>
          values[verdict] > 0
            ? combine(values)
            : Math.min(combine(values), combine({ ...values, [guilty.name]: floor })),
        ),
    });
    const cap = Math.max(guilty.honest ?? 0, 0);
    changes.push({
      title: `clip: ${guilty.name} is bounded by what an honest response gets`,
      part: "shaping/clip",
      change: `combine: (v) => (…as now, with Math.min(v.${guilty.name}, ${round(cap)})…)`,
      apply: (definition) =>
        recombined(definition, (values, combine) =>
          combine({ ...values, [guilty.name]: Math.min(values[guilty.name], cap) }),
        ),
    });
  }
  if (judgeMechanisms.has(mechanism) && judged && verifier) {
    changes.push({
      title: "ensemble: the judge and a verifier must agree",
      part: "shaping/ensemble",
      change: `signals: { …, verified: ${verifier.text} }, combine: ({ ${guilty.name}, verified }) => Math.min(${guilty.name}, verified)`,
      apply: (definition) => {
        const before = recombined(definition, (values, combine) => {
          const { guerdonVerified, ...rest } = values;
          return Math.min(combine(rest), guerdonVerified);
        });
        return { ...before, signals: { ...before.signals, guerdonVerified: verifier.spec } };
      },
    });
    changes.push({
      title: "a fenced prompt and a parser that takes nothing but the verdict",
      part: "signal/reference-judge-parse",
      change:
        "judge({ …, prompt: referenceJudgePrompt(), parse: referenceJudgeParse({ strict: true }), votes: 3, minAgreement: 1 })",
    });
  } else if (parserMechanisms.has(mechanism) && isSignal && verifier) {
    changes.push({
      title: `stricter parser: ${verifier.part} in place of ${guilty.name}`,
      part: verifier.part,
      change: `${guilty.name}: ${verifier.text}`,
      apply: replaced(guilty.name, verifier.spec),
    });
  }
  if (mechanism === "collusion" && verifier) {
    changes.push({
      title: "a label that the group does not choose",
      part: verifier.part,
      change: `correct: ${verifier.text}`,
    });
  }
  if (mechanism === "hard-coding" || mechanism === "tampering") {
    changes.push({
      title: "run response and tests apart, with tests that the task does not show",
      part: "signal/code-tests",
      change: "passes: codeTests(), and rows whose tests go beyond the examples of the prompt",
      apply:
        isSignal && mechanism === "tampering"
          ? replaced(guilty.name, codeTests({ timeLimit: 2, concurrency: 1 }))
          : undefined,
    });
  }
  if (guilty && !isSignal && reward.definition.shaping) {
    const verdict = Object.keys(signals)[0];
    changes.push({
      title: "length counts only for right answers",
      part: "shaping/length-step",
      change: "shaping: [lengthStep({ bonus: …, target: … })] in place of the penalty",
      apply: (definition) => ({
        ...recombined(definition, (values, combine) => (values[verdict] > 0 ? 1 : 0) + 0 * combine(values)),
        shaping: [],
      }),
    });
  }
  if (mechanism === "unstable") {
    changes.push({
      title: "no draws in a reward; several votes where a judge wavers",
      part: null,
      change: 'judge({ …, temperature: 0 }) or { votes: 5, aggregate: "median" }',
    });
  }
  if (changes.length === 0 && isSignal) {
    changes.push({
      title: `bound what ${guilty.name} can pay by an ensemble or a reference`,
      part: "shaping/preference-as-reward",
      change: `a second, unlike scorer beside ${guilty.name}, combined by shaping/ensemble({ aggregate: "min" })`,
    });
  }
  return changes;
}

function hasFallback(spec: SignalSpec | undefined): boolean {
  return typeof spec === "object" && "use" in spec && spec.fallback !== undefined;
}

function isAsync(spec: SignalSpec | undefined): boolean {
  const source = typeof spec === "object" && spec !== null && "use" in spec ? spec.use : spec;
  return typeof source === "function" && source.constructor.name === "AsyncFunction";
}

const round = (value: number) => Number(value.toPrecision(3));
