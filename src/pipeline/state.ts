/** State of stateful parts: one value per part, replaced after each batch, in the order of the batches. */
import { ContractError } from "../core/error.ts";
import type { Plan } from "./plan.ts";

export interface ScorerState {
  /** Rollouts submitted so far; decides the draws of the next batch. */
  readonly rollouts: number;
  readonly states: Readonly<Record<string, unknown>>;
}

export function signalStateKey(name: string): string {
  return `signal ${name}`;
}

export function initialStates(plan: Plan): Record<string, unknown> {
  const states: Record<string, unknown> = {};
  for (const signal of plan.signals) {
    if (signal.kind === "part" && signal.stateful)
      states[signalStateKey(signal.name)] = structuredClone(signal.initialState);
  }
  for (const step of plan.steps) if (step.stateful) states[step.key] = structuredClone(step.initialState);
  return states;
}

/** Reads what `snapshot()` gave; throws `ContractError` for one of another reward or version. */
export function checkSnapshot(snapshot: unknown, rewardHash: string, plan: Plan): ScorerState {
  const { version, reward, rollouts, states } = (typeof snapshot === "object" && snapshot !== null ? snapshot : {}) as {
    version?: unknown;
    reward?: unknown;
    rollouts?: unknown;
    states?: unknown;
  };
  if (version !== 1) throw new ContractError("snapshot.version", `expected 1, got ${JSON.stringify(version)}`);
  if (reward !== rewardHash)
    throw new ContractError("snapshot.reward", "it was taken from a different reward (or another version of it)");
  if (typeof rollouts !== "number" || !Number.isInteger(rollouts) || rollouts < 0)
    throw new ContractError("snapshot.rollouts", "expected a count");
  if (typeof states !== "object" || states === null) throw new ContractError("snapshot.states", "expected an object");
  const given = states as Record<string, unknown>;
  const start = initialStates(plan);
  for (const key of Object.keys(given)) {
    if (!(key in start)) throw new ContractError(`snapshot.states.${key}`, "this reward has no such stateful part");
  }
  return { rollouts, states: { ...start, ...structuredClone(given) } };
}

export interface Turn {
  /** Resolves when everybody who entered earlier has left. */
  come(): Promise<void>;
  leave(): void;
}

/** Whoever enters gets a turn; turns come in the order of entering. */
export function turnstile(): { enter(): Turn } {
  let last: Promise<void> = Promise.resolve();
  return {
    enter() {
      const before = last;
      let left: () => void = () => {};
      const gone = new Promise<void>((resolve) => {
        left = resolve;
      });
      last = before.then(() => gone);
      return { come: () => before, leave: () => left() };
    },
  };
}
