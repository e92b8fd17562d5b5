/** Guerdon's own logs: `metrics.jsonl` of a training run, rollouts scored by `guerdon score`, and records as they are. */
import { repeatedNgramShare } from "../../signal/repetition.ts";
import { defined, type MonitorRollout } from "./rollouts.ts";
import type { MonitorRecord } from "./types.ts";
import { type Entry, firstNumber, isEntry, numberOf, valueAt } from "./values.ts";

/** A line with the names of `MonitorRecord` or of metrics.jsonl. `rolloutsBefore`: the total of the line before. */
export function recordOfEntry(entry: Entry, count: number, rolloutsBefore = 0): MonitorRecord | null {
  const reward = firstNumber(entry, "reward", "mean_reward", "reward_mean");
  const gold = firstNumber(entry, "gold", "success");
  // The first line of a training run evaluates the start; it has no rollouts.
  if (reward === undefined && gold === undefined) return null;
  const signals = isEntry(entry.signals) ? numbersOf(entry.signals) : undefined;
  const drawn = (firstNumber(entry, "rollouts") ?? 0) - rolloutsBefore;
  const unscored = firstNumber(entry, "unscored");
  return defined<MonitorRecord>({
    step: firstNumber(entry, "step", "global_step", "iteration", "update") ?? count,
    reward,
    rewardStd: firstNumber(entry, "rewardStd", "reward_std"),
    signals,
    gold,
    correlation: firstNumber(entry, "correlation"),
    kl: firstNumber(entry, "kl"),
    chi2: firstNumber(entry, "chi2"),
    entropy: firstNumber(entry, "entropy"),
    length: firstNumber(entry, "length", "mean_length"),
    correctLength: firstNumber(entry, "correctLength"),
    repetition: firstNumber(entry, "repetition"),
    ensembleStd: firstNumber(entry, "ensembleStd"),
    groupSpread: firstNumber(entry, "groupSpread"),
    // A training run counts them (one of them is no share of 1), a record has their share.
    unscored:
      unscored === undefined
        ? undefined
        : drawn > 0 && Number.isInteger(unscored)
          ? Math.min(1, unscored / drawn)
          : unscored <= 1
            ? unscored
            : undefined,
  });
}

/** Names that a line of scored rollouts has and a record has not. */
export function isRollout(entry: Entry): boolean {
  return ["response", "responses", "completion", "advantage", "messages"].some((key) => Object.hasOwn(entry, key));
}

const repeatedShare = repeatedNgramShare({ n: 4 });
/** Of a response, in code units: repetition shows within it. */
const textRead = 20_000;

/** A scored rollout; `gold` or `success` is its true quality where it is known. */
export function rolloutOf(entry: Entry): MonitorRollout {
  const response = [entry.response, entry.responses, entry.completion].find((text) => typeof text === "string");
  const group = entry.group ?? entry.groups ?? entry.group_id ?? entry.prompt_id;
  const length = firstNumber(entry, "length", "lengths", "completion_length");
  return defined<MonitorRollout>({
    reward: numberOf(entry.reward) ?? null,
    group: typeof group === "string" || typeof group === "number" ? group : undefined,
    signals: isEntry(entry.signals) ? numbersOf(entry.signals) : undefined,
    gold: firstNumber(entry, "gold", "success"),
    length: length ?? (response === undefined ? undefined : [...(response as string)].length),
    repetition:
      response === undefined
        ? undefined
        : repeatedShare({ texts: [(response as string).slice(0, textRead)] }).shares[0],
    logRatio: firstNumber(entry, "logRatio", "kl"),
    entropy: firstNumber(entry, "entropy"),
    ensembleStd: firstNumber(entry, "ensembleStd"),
  });
}

/** `reward: "metrics.mean"` and `"signals.format": "fmt"`: an entry with the fields that a map finds added. */
export function mapped(entry: Entry, map: Readonly<Record<string, string>>): Entry {
  const signals: Record<string, unknown> = isEntry(entry.signals) ? { ...entry.signals } : {};
  const added: Record<string, unknown> = {};
  for (const [field, column] of Object.entries(map)) {
    const value = valueAt(entry, column);
    if (value === undefined) continue;
    if (field.startsWith("signals.")) signals[field.slice(8)] = value;
    else added[field] = value;
  }
  return { ...entry, ...added, ...(Object.keys(signals).length > 0 && { signals }) };
}

function numbersOf(entry: Entry): Record<string, number> | undefined {
  const numbers = Object.entries(entry).flatMap(([name, value]) => {
    const number = numberOf(value);
    return number === undefined ? [] : [[name, number] as const];
  });
  return numbers.length === 0 ? undefined : Object.fromEntries(numbers);
}
