import type { ScorerCounters } from "../pipeline/index.ts";

export function sumCounters(a: ScorerCounters, b: ScorerCounters): ScorerCounters {
  const errors = { ...a.errors };
  for (const [cause, count] of Object.entries(b.errors)) errors[cause] = (errors[cause] ?? 0) + count;
  const signals = { ...a.signals };
  for (const [name, other] of Object.entries(b.signals)) {
    const own = signals[name];
    signals[name] = own
      ? {
          calls: own.calls + other.calls,
          cacheHits: own.cacheHits + other.cacheHits,
          retries: own.retries + other.retries,
          timeouts: own.timeouts + other.timeouts,
          fallbacks: own.fallbacks + other.fallbacks,
          milliseconds: own.milliseconds + other.milliseconds,
        }
      : other;
  }
  return { scored: a.scored + b.scored, unscored: a.unscored + b.unscored, errors, signals };
}
