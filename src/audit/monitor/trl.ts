/** Logs of TRL and of Hugging Face's Trainer: entries of `log_history`, JSON lines of a callback, lines of the console. */
import { defined } from "./rollouts.ts";
import type { MonitorRecord } from "./types.ts";
import { type Entry, firstNumber, numberOf } from "./values.ts";

const signalKey = /^rewards\/(.+)\/mean$/;

/** An entry as `GRPOTrainer`, `RLOOTrainer` and `PPOTrainer` write it; null for one that says nothing of rewards. */
export function recordOfTrl(logged: Entry, count: number): MonitorRecord | null {
  const entry = withoutPrefix(logged);
  const reward = firstNumber(entry, "reward", "objective/scores", "objective/rlhf_reward", "env/reward_mean");
  const signals: Record<string, number> = {};
  for (const [key, value] of Object.entries(entry)) {
    const name = signalKey.exec(key)?.[1];
    const number = numberOf(value);
    if (name !== undefined && number !== undefined) signals[name] = number;
  }
  if (reward === undefined && Object.keys(signals).length === 0) return null;
  const flat = firstNumber(entry, "frac_reward_zero_std");
  return defined<MonitorRecord>({
    step: firstNumber(entry, "step", "global_step", "_step") ?? count,
    reward,
    rewardStd: firstNumber(entry, "reward_std", "env/reward_std"),
    signals: Object.keys(signals).length > 0 ? signals : undefined,
    kl: firstNumber(entry, "kl", "objective/kl"),
    entropy: firstNumber(entry, "entropy", "objective/entropy", "policy/entropy_avg"),
    length: firstNumber(entry, "completions/mean_length", "completion_length"),
    groupSpread: flat === undefined ? undefined : 1 - flat,
  });
}

/** Trackers write `train/reward`. */
function withoutPrefix(entry: Entry): Entry {
  if (!Object.keys(entry).some((key) => key.startsWith("train/"))) return entry;
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [key.startsWith("train/") ? key.slice(6) : key, value]),
  );
}

/** `{'loss': 0.01, 'reward': 0.4}`: a flat Python dictionary, as the console has it; null for anything else. */
export function parsePythonDictionary(text: string): Entry | null {
  const line = text.trim();
  if (!line.startsWith("{'") || !line.endsWith("}") || line.length > 100_000) return null;
  const entry: Record<string, unknown> = {};
  const pair = /'([^'\\]{1,200})': (?:'([^'\\]*)'|(-?[0-9][0-9.eE+-]*|-?inf|nan|None|True|False))(?:, |\}$)/gy;
  pair.lastIndex = 1;
  for (let at = 1; at < line.length; at = pair.lastIndex) {
    const found = pair.exec(line);
    if (found === null) return null;
    const [, key, quoted, bare] = found;
    entry[key] = quoted ?? (bare === "True" ? true : bare === "False" ? false : Number(bare));
  }
  return entry;
}
