/** Which signal a reward came from: each is put back to what the honest response gets, and the reward looked at again. */
import type { Explanation, Reward } from "../pipeline/index.ts";
import type { Evidence, Scored } from "./types.ts";

type Values = Record<string, number | null>;

/** The reward before shaping for given worths; null where combine has none. */
export function combineOf(reward: Reward, values: Values, rollout: Readonly<Record<string, unknown>>): number | null {
  const { combine } = reward.definition;
  const present = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as Record<
    string,
    number
  >;
  if (!combine) return Object.values(present).reduce((sum, value) => sum + value, 0);
  try {
    const value = combine(present, rollout as never);
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  } catch {
    return null;
  }
}

/** Signals (or shaping parts) that make the difference between two scored responses to one problem, the largest first. */
export function responsibleFor(
  reward: Reward,
  here: Scored,
  honest: Scored,
  rollout: Readonly<Record<string, unknown>>,
  explained: Explanation | null,
): Evidence[] {
  const names = Object.keys(here.signals);
  const what = (name: string) => explained?.signals.find((signal) => signal.name === name)?.what ?? "signal";
  const evidence = (name: string): Evidence => {
    const signal = explained?.signals.find((one) => one.name === name);
    const detail = signal?.error ? `${signal.error.code}: ${signal.error.message}` : shownEvidence(signal?.evidence);
    return { name, what: what(name), here: here.signals[name] ?? null, honest: honest.signals[name] ?? null, detail };
  };
  if (here.reward === null) {
    const failing = names.filter((name) => here.signals[name] === null);
    return (failing.length > 0 ? failing : names.slice(0, 1)).map(evidence);
  }
  const combined = here.combined ?? 0;
  const differing = names.filter((name) => here.signals[name] !== honest.signals[name]);
  const effects = differing.map((name) => {
    const without = combineOf(reward, { ...here.signals, [name]: honest.signals[name] ?? null }, rollout);
    return { name, effect: without === null ? 0 : Math.abs(combined - without) };
  });
  const total = Math.abs((here.reward ?? 0) - (honest.reward ?? 0));
  const shaped = Math.abs((here.reward ?? 0) - combined - ((honest.reward ?? 0) - (honest.combined ?? 0)));
  const found: Evidence[] = [];
  if (shaped > 0.5 * total && shaped > 1e-9) {
    for (const step of explained?.steps ?? []) {
      found.push({
        name: step.what,
        what: step.what.split("#")[0],
        here: here.reward - combined,
        honest: (honest.reward ?? 0) - (honest.combined ?? 0),
        detail: shownEvidence(step.outputs),
      });
    }
    if (found.length > 0) return found.slice(0, 2);
  }
  const largest = Math.max(0, ...effects.map(({ effect }) => effect));
  const main = effects
    .filter(({ effect }) => effect > 1e-9 && effect >= 0.5 * largest)
    .sort((a, b) => b.effect - a.effect);
  const chosen = main.length > 0 ? main.map(({ name }) => name) : differing.length > 0 ? differing : names;
  return chosen.slice(0, 3).map(evidence);
}

function shownEvidence(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = JSON.stringify(value) ?? "";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
