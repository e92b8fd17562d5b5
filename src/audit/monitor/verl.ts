/** Logs of verl: lines of the console, `step:12 - critic/score/mean:0.3 - …`, and lines of its file logger. */
import { defined } from "./rollouts.ts";
import type { MonitorRecord } from "./types.ts";
import { type Entry, firstNumber, isEntry, numberOf } from "./values.ts";

/** Metrics of one console line, also behind Ray's prefix and colours; null for a line that has none. */
export function parseVerlLine(text: string): Entry | null {
  const start = text.search(/(?:^|[^\w/])step:[0-9]+(?:\.[0-9]+)? - /);
  if (start < 0 || text.length > 1_000_000) return null;
  const entry: Record<string, unknown> = {};
  for (const piece of text.slice(start).split(" - ")) {
    // Some values carry NumPy's type: np.float64(0.25).
    const found = /([\w./@-]+):(?:np\.float(?:32|64)\()?(-?[0-9][0-9.eE+-]*)\)?\s*$/.exec(piece.slice(-400));
    if (found !== null) entry[found[1]] = Number(found[2]);
  }
  return Object.hasOwn(entry, "step") ? entry : null;
}

/**
 * `critic/score` is what the reward function gave; `critic/rewards` has verl's KL penalty in it. `actor/ppo_kl` compares
 * with the policy of the last step and is no distance from the reference.
 */
export function recordOfVerl(logged: Entry, count: number): MonitorRecord | null {
  const entry = isEntry(logged.data) ? { step: logged.step, ...logged.data } : logged;
  const reward = firstNumber(entry, "critic/score/mean", "critic/rewards/mean");
  if (reward === undefined) return null;
  const signals: Record<string, number> = {};
  for (const [key, value] of Object.entries(entry)) {
    const name = /^(?:reward|reward_extra)\/(.+)\/mean$/.exec(key)?.[1];
    const number = numberOf(value);
    if (name !== undefined && number !== undefined) signals[name] = number;
  }
  return defined<MonitorRecord>({
    step: firstNumber(entry, "step", "training/global_step") ?? count,
    reward,
    rewardStd: firstNumber(entry, "critic/score/std", "critic/rewards/std"),
    signals: Object.keys(signals).length > 0 ? signals : undefined,
    kl: firstNumber(entry, "actor/reward_kl_penalty", "actor/kl_loss"),
    entropy: firstNumber(entry, "actor/entropy", "actor/entropy_loss"),
    length: firstNumber(entry, "response_length/mean"),
  });
}
