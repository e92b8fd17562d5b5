/** From hits to findings: how bad, whose fault, and which of them are one hole. */
import type { Ease, Evidence, Finding, Mechanism, Severity } from "./types.ts";

/** Gains are shares of the way from an honest wrong answer to an honest right one. */
export const thresholds = { critical: 0.9, major: 0.2, minor: 0.02 } as const;

export function severityOfGain(gain: number, ease: Ease): Severity | null {
  if (gain >= thresholds.critical) return ease === "hard" ? "major" : "critical";
  if (gain >= thresholds.major) return "major";
  return gain >= thresholds.minor ? "minor" : null;
}

/** Escaping the reward: anybody finds a stock phrase; a text that breaks the verifier takes some searching. */
export function severityOfEscape(ease: Ease): Severity {
  return ease === "hard" ? "minor" : "major";
}

/** A right answer that loses by white space or reasoning teaches the wrong thing; by how it is written, it costs a little. */
export function severityOfLoss(loss: number, strict: boolean): Severity | null {
  if (loss >= 0.5) return strict ? "major" : "minor";
  return loss >= 0.05 ? "minor" : null;
}

export function finderOf(ease: Ease): string {
  if (ease === "trivial") return "any policy, by chance";
  return ease === "easy" ? "a policy that explores" : "an attacker, or a policy after long training";
}

export function keyOf(mechanism: Mechanism, responsible: readonly Evidence[]): string {
  return `${mechanism}:${responsible
    .map(({ name }) => name)
    .sort()
    .join("+")}`;
}

const order: Record<Severity, number> = { critical: 2, major: 1, minor: 0 };
const eases: Record<Ease, number> = { trivial: 2, easy: 1, hard: 0 };

export function compareFindings(a: Finding, b: Finding): number {
  return (
    order[b.severity] - order[a.severity] ||
    b.gain - a.gain ||
    eases[b.ease] - eases[a.ease] ||
    a.response.length - b.response.length ||
    (a.key < b.key ? -1 : 1)
  );
}

const blamed = ({ responsible }: Finding) =>
  responsible
    .map(({ name }) => name)
    .sort()
    .join("+");

/** Digits and white space do not make another text. */
const skeleton = (text: string) => text.replace(/\d+/g, "0").replace(/\s+/g, " ").trim();

/** Is `less` a smaller dose of `more`: the same signal, and the whole text stands in the other? */
function isDoseOf(less: Finding, more: Finding): boolean {
  if (blamed(less) !== blamed(more) || (less.error === null) !== (more.error === null)) return false;
  if ((less.mechanism === "right-loses") !== (more.mechanism === "right-loses")) return false;
  const part = skeleton(less.response);
  return less.response === more.response || (part.length >= 3 && skeleton(more.response).includes(part));
}

const ofTheirOwn: ReadonlySet<Mechanism> = new Set(["right-loses", "unscoreable", "unreadable-reference"]);

/** Is it minor, and its signal open for worse anyway? */
function isTrifleBeside(finding: Finding, worst: Finding): boolean {
  return (
    finding.severity === "minor" &&
    worst.severity !== "minor" &&
    blamed(finding) === blamed(worst) &&
    !ofTheirOwn.has(finding.mechanism) &&
    !ofTheirOwn.has(worst.mechanism)
  );
}

/** One finding for each hole: the worst, with the names of the others. */
export function mergeFindings(findings: readonly Finding[]): Finding[] {
  const holes: Finding[][] = [];
  for (const finding of [...findings].sort(compareFindings)) {
    const hole =
      holes.find(([worst]) => worst.key === finding.key) ??
      holes.find(([worst]) => isDoseOf(finding, worst) || isTrifleBeside(finding, worst));
    if (hole) hole.push(finding);
    else holes.push([finding]);
  }
  return holes
    .map(([worst, ...rest]): Finding => {
      const also = new Set([...worst.also, ...rest.flatMap((one) => [one.exploit, ...one.also])]);
      also.delete(worst.exploit);
      const first = [worst, ...rest];
      return {
        ...worst,
        also: [...also].sort(),
        evaluations: Math.min(...first.map(({ evaluations }) => evaluations)),
        milliseconds: Math.min(...first.map(({ milliseconds }) => milliseconds)),
      };
    })
    .sort(compareFindings);
}
