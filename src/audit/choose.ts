/** What to audit with: problems that fit the reward, and the reward without what does not answer. */
import { isBoundPart } from "../core/part.ts";
import { needsOf, type Reward, type SignalSpec } from "../pipeline/index.ts";
import { calibrate } from "./calibrate.ts";
import type { Evaluator } from "./evaluate.ts";
import { builtinProblems } from "./problems.ts";
import { honest, stylesOf } from "./styles.ts";
import type { AuditOptions, Problem, ProblemKind } from "./types.ts";

/** A reward that waits is asked in smaller batches, so that a budget can end between them. */
export function isSlow(reward: Reward): boolean {
  return sources(reward).some(([, source]) => waits(source));
}

function sources(reward: Reward): [string, unknown][] {
  return Object.entries(reward.definition.signals).map(([name, spec]) => [
    name,
    typeof spec === "object" && "use" in spec ? spec.use : spec,
  ]);
}

function waits(source: unknown): boolean {
  if (typeof source === "object") return true;
  return typeof source === "function" && source.constructor.name === "AsyncFunction";
}

/** The reward with every signal that waits held at 1 (null where nothing else is left); null when there is none. */
export function withoutWaiting(
  reward: Reward,
): { readonly reward: Reward | null; readonly names: readonly string[] } | null {
  const names = sources(reward).flatMap(([name, source]) => (waits(source) ? [name] : []));
  if (names.length === 0) return null;
  const signals: Record<string, SignalSpec> = { ...reward.definition.signals };
  if (names.length === Object.keys(signals).length) return { reward: null, names };
  for (const name of names) signals[name] = () => 1;
  const definition = { ...reward.definition, signals };
  return { reward: { ...reward, definition, module: undefined, hash: `${reward.hash}-held` }, names };
}

/** Does a judge answer at all? One honest response, and little patience. */
export async function answersAtAll(
  problems: readonly Problem[],
  evaluator: Evaluator,
): Promise<{ ok: boolean; reason: string }> {
  try {
    const [style] = stylesOf(problems[0].kind);
    const [scored] = await evaluator.score([{ problem: problems[0], response: honest(problems[0], style, true) }]);
    if (scored === null) return { ok: false, reason: "out of time" };
    return { ok: !/^(?:unavailable|timeout|unreadable)/.test(scored.error ?? ""), reason: scored.error ?? "" };
  } finally {
    await evaluator.close();
  }
}

function meantFor(reward: Reward): ProblemKind | null {
  const ids = sources(reward).flatMap(([, source]) => (isBoundPart(source) ? [source.part.id] : []));
  if (ids.some((id) => /math-answer|numeric/.test(id))) return "math";
  if (ids.some((id) => /choice/.test(id))) return "choice";
  return ids.includes("signal/exact-match") ? "text" : null;
}

export async function chooseProblems(
  { kind = "auto", problems }: AuditOptions,
  reward: Reward,
  open: () => Evaluator,
  notes: string[],
): Promise<{ problems: readonly Problem[]; chosen: boolean }> {
  if (problems && problems.length > 0) return { problems, chosen: false };
  if (kind !== "auto") return { problems: builtinProblems(kind), chosen: false };
  if ("tests" in needsOf(reward, { credit: false }).fields) return { problems: builtinProblems("code"), chosen: true };
  // A comparison of texts tells answers of every kind apart; a part says which it is meant for.
  const meant = meantFor(reward);
  const usual: ProblemKind[] = ["math", "choice", "text", "format", "chat"];
  const order = meant === null ? usual : [meant, ...usual.filter((one) => one !== meant)];
  let best: { kind: ProblemKind; share: number } = { kind: "math", share: 0 };
  for (const candidate of order) {
    const evaluator = open();
    try {
      const set = builtinProblems(candidate);
      const { rightOf, wrongOf, scale, discriminates } = await calibrate(evaluator, set.slice(0, 4), true);
      const told =
        set.slice(0, 4).filter(({ id }) => (rightOf.get(id) ?? 0) - (wrongOf.get(id) ?? 0) > 0.5 * scale).length / 4;
      if (discriminates && told > best.share + 1e-9) best = { kind: candidate, share: told };
      if (told === 1) break;
    } finally {
      await evaluator.close();
    }
  }
  notes.push(
    best.share > 0
      ? `problems chosen by what the reward can tell apart: ${best.kind} (--problems says otherwise)`
      : "the reward tells right from wrong on none of the built-in problems: audited on math (--problems or --data says otherwise)",
  );
  return { problems: builtinProblems(best.kind), chosen: true };
}
