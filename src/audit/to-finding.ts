/** A hit as a finding: whose fault, how bad, and with the smallest response that does the same. */
import type { Reward } from "../pipeline/index.ts";
import type { Attacker, Hit } from "./attack.ts";
import { responsibleFor } from "./attribute.ts";
import { finderOf, keyOf, severityOfEscape, severityOfGain, severityOfLoss } from "./findings.ts";
import { shrink } from "./shrink.ts";
import { honest } from "./styles.ts";
import { type Finding, type Mechanism, mechanisms, type Problem } from "./types.ts";

export interface Reporting {
  readonly reward: Reward;
  readonly attacker: Attacker;
}

function viewOf(problem: Problem, response: string, reference: string): Record<string, unknown> {
  return { ...problem.extra, prompt: problem.prompt, response, reference, id: problem.id };
}

export async function toFinding({ reward, attacker }: Reporting, hit: Hit): Promise<Finding> {
  const { baseline, evaluator } = attacker;
  const { problem, response, reference, company, scored } = hit.sample;
  const standard = honest(problem, baseline.style, hit.what === "loss" || hit.what === "inflation");
  const [honestScored] = await evaluator.score([{ problem, response: standard }]);
  const shown = reference ?? baseline.form.render(problem.reference, problem);
  const explained = await evaluator.explain({ problem, response, reference, company });
  const responsible = honestScored
    ? responsibleFor(reward, scored, honestScored, viewOf(problem, response, shown), explained)
    : [];
  const severity =
    hit.mechanism === "blind"
      ? "critical"
      : hit.what === "escape"
        ? severityOfEscape(hit.ease)
        : hit.what === "loss"
          ? (severityOfLoss(hit.gain, hit.strict) ?? "minor")
          : hit.mechanism === "unstable"
            ? hit.gain >= 0.2
              ? "major"
              : "minor"
            : hit.mechanism === "unreadable-reference"
              ? // Only rows without a readable reference pay.
                "major"
              : hit.gain < 0.9 && (hit.mechanism === "hard-coding" || hit.exploit === "data/wrong-and-paid")
                ? // Partial credit for what is partly right.
                  "minor"
                : (severityOfGain(hit.gain, hit.ease) ?? "minor");
  return {
    key: keyOf(hit.mechanism, responsible),
    severity,
    mechanism: hit.mechanism,
    title: `${mechanisms[hit.mechanism]}: ${hit.title}`,
    exploit: hit.exploit,
    source: hit.source,
    also: [],
    ease: hit.ease,
    finder: finderOf(hit.ease),
    problem: problem.id,
    prompt: problem.prompt,
    response,
    reward: scored.reward,
    error: scored.error,
    honestRight: baseline.rightOf.get(problem.id) ?? baseline.right,
    honestWrong: baseline.wrongOf.get(problem.id) ?? baseline.wrong,
    gain: hit.gain,
    problemsHit: `${hit.hits} of ${hit.of}`,
    responsible,
    repairs: [],
    evaluations: hit.evaluations,
    milliseconds: Math.round(hit.milliseconds),
  };
}

/** A right answer that loses is not shrunk either: what is cut further loses for another reason (its box is gone). */
const notShrunk: ReadonlySet<Mechanism> = new Set([
  "blind",
  "unstable",
  "unreadable-reference",
  "collusion",
  "brevity",
  "right-loses",
]);

/** The finding with the smallest response that does the same. */
export async function smallest({ attacker }: Reporting, finding: Finding): Promise<Finding> {
  const { evaluator, problems, check, baseline } = attacker;
  const problem = problems.find(({ id }) => id === finding.problem);
  if (!problem || notShrunk.has(finding.mechanism) || finding.exploit.startsWith("inflated/")) return finding;
  const verdict = await check(problem, finding.response);
  if (verdict === "unchecked") return finding;
  const bound =
    finding.reward === null ? null : (finding.honestWrong ?? 0) + 0.9 * (finding.reward - (finding.honestWrong ?? 0));
  const holds = async (texts: readonly string[]) => {
    const scored = await evaluator.score(texts.map((response) => ({ problem, response })));
    const verdicts: boolean[] = [];
    for (let i = 0; i < texts.length; i++) {
      const one = scored[i];
      const paid =
        one !== null && (bound === null ? one.reward === null : one.reward !== null && one.reward >= bound - 1e-9);
      verdicts.push(paid && (await check(problem, texts[i])) === verdict);
    }
    return verdicts;
  };
  const slow = problem.kind === "code" || baseline.kind === "code";
  const response = await shrink(finding.response, holds, slow ? 60 : 400);
  if (response === finding.response) return finding;
  const [scored] = await evaluator.score([{ problem, response }]);
  return scored ? { ...finding, response, reward: scored.reward, error: scored.error } : finding;
}
