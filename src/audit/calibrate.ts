/** Finds out how the reward wants to be answered: the honest style and form of reference in which being right pays most. */
import type { Evaluator } from "./evaluate.ts";
import { honest, type ReferenceForm, referenceFormsOf, type Style, stylesOf } from "./styles.ts";
import type { Problem, ProblemKind } from "./types.ts";

export interface Baseline {
  readonly kind: ProblemKind;
  readonly style: Style;
  readonly form: ReferenceForm;
  /** Median rewards over the problems. */
  readonly right: number | null;
  readonly wrong: number | null;
  /** Rewards by problem. */
  readonly rightOf: ReadonlyMap<string, number>;
  readonly wrongOf: ReadonlyMap<string, number>;
  /** What a full step from wrong to right is worth; where being right pays nothing, the size of the reward. */
  readonly scale: number;
  /** Being right pays. */
  readonly discriminates: boolean;
  /** Why nothing could be scored. */
  readonly errors: readonly string[];
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

interface Choice {
  readonly style: Style;
  readonly form: ReferenceForm;
  readonly gap: number;
  readonly right: number;
}

export async function calibrate(
  evaluator: Evaluator,
  problems: readonly Problem[],
  builtin: boolean,
): Promise<Baseline> {
  const kind = problems[0].kind;
  const few = problems.slice(0, 3);
  const choices: Choice[] = [];
  const errors = new Set<string>();
  for (const form of referenceFormsOf(kind, builtin)) {
    evaluator.setForm(form);
    for (const style of stylesOf(kind)) {
      const asks = few.flatMap((problem) =>
        [true, false].map((right) => ({ problem, response: honest(problem, style, right) })),
      );
      const scored = await evaluator.score(asks);
      const rewards = scored.map((one) => one?.reward ?? null);
      for (const one of scored) if (one?.error) errors.add(one.error);
      const rights = rewards.filter((reward, i) => i % 2 === 0 && reward !== null) as number[];
      const wrongs = rewards.filter((reward, i) => i % 2 === 1 && reward !== null) as number[];
      const right = median(rights);
      if (right === null) continue;
      // A wrong answer without a reward is no worse than one with the least.
      choices.push({ style, form, right, gap: right - (median(wrongs) ?? right) });
    }
    // The usual form works: other forms are not needed.
    if (choices.some(({ gap, right }) => gap > 1e-9 && right > 0)) break;
  }
  // The largest gap, then the largest reward, then styles with room for reasoning, then the usual one.
  let best: Choice | null = null;
  for (const choice of choices) {
    const better =
      best === null ||
      choice.gap > best.gap + 1e-9 ||
      (Math.abs(choice.gap - best.gap) <= 1e-9 && choice.right > best.right + 1e-9);
    if (better) best = choice;
  }
  const style = best?.style ?? stylesOf(kind)[0];
  const form = best?.form ?? referenceFormsOf(kind, builtin)[0];
  evaluator.setForm(form);
  const rightOf = new Map<string, number>();
  const wrongOf = new Map<string, number>();
  const asks = problems.flatMap((problem) =>
    [true, false].map((right) => ({ problem, right, response: honest(problem, style, right) })),
  );
  const scored = await evaluator.score(asks);
  asks.forEach(({ problem, right }, i) => {
    const reward = scored[i]?.reward;
    if (reward !== null && reward !== undefined) (right ? rightOf : wrongOf).set(problem.id, reward);
  });
  const right = median([...rightOf.values()]);
  const wrong = median([...wrongOf.values()]);
  const gap = right !== null && wrong !== null ? right - wrong : 0;
  const discriminates = gap > 0.02 * Math.max(Math.abs(right ?? 0), Math.abs(wrong ?? 0), 1e-6);
  const scale = discriminates ? gap : Math.max(Math.abs(right ?? 0), Math.abs(wrong ?? 0)) || 1;
  return { kind, style, form, right, wrong, rightOf, wrongOf, scale, discriminates, errors: [...errors] };
}
