/**
 * A scorer whose batches are scored by other processes. State stays here: each batch carries the state that it begins
 * with, so that workers hold none and any of them can score it, again if need be, with the same result.
 */
import { setMaxListeners } from "node:events";
import { ContractError, messageOf, type ScoreError, scoreError } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import { planOf } from "../pipeline/define.ts";
import {
  checkWiring,
  type Reward,
  type ScoredBatch,
  type Scorer,
  type ScorerCounters,
  type ScorerOptions,
} from "../pipeline/index.ts";
import { checkSnapshot, initialStates, type ScorerState, turnstile } from "../pipeline/state.ts";
import { Problem } from "./problem.ts";
import type { Queue } from "./queue.ts";
import type { Refusal, Result } from "./queue-messages.ts";

export function createQueueScorer(queue: Queue, name: string, reward: Reward, options: ScorerOptions = {}): Scorer {
  const plan = planOf(reward);
  const seed = options.seed ?? 0;
  const ordered = plan.stateful || plan.draws;
  const signals = plan.signals.map((signal) => signal.name);
  const held = queue.hold(name, reward.hash);
  const counters: ScorerCounters = {
    scored: 0,
    unscored: 0,
    errors: {},
    signals: Object.fromEntries(
      signals.map((signal) => [
        signal,
        { calls: 0, cacheHits: 0, retries: 0, timeouts: 0, fallbacks: 0, milliseconds: 0 },
      ]),
    ),
  };
  let state: ScorerState = { rollouts: 0, states: initialStates(plan) };
  let submitted = 0;
  let closed = false;
  const turns = turnstile();
  const underWay = new Set<AbortController>();
  const snapshotOf = ({ rollouts, states }: ScorerState) => ({
    version: 1,
    reward: reward.hash,
    seed,
    rollouts,
    states,
  });

  const stateAfter = ({ snapshot }: Result): ScorerState => {
    try {
      return checkSnapshot(snapshot, reward.hash, plan);
    } catch (thrown) {
      throw new Problem(502, "queue", `what came back from the queue is no result: ${messageOf(thrown)}`);
    }
  };

  const score = async (
    batch: RolloutBatch,
    credit: boolean,
    first: number,
    stop: AbortSignal,
    come: () => Promise<void>,
  ) => {
    // Who keeps state waits for the batch before; who only draws needs to know how many rollouts came before.
    if (plan.stateful) await orAborted(come(), stop);
    const snapshot = ordered ? snapshotOf({ rollouts: first, states: state.states }) : null;
    const answer = await queue.score({ reward: reward.hash, batch, credit, snapshot }, signals, stop);
    if ("kind" in answer && answer.kind !== "failed") throw asThrown(answer);
    if (ordered) await orAborted(come(), stop);
    if ("kind" in answer) {
      if (ordered) state = { rollouts: first + batch.size, states: state.states };
      return { scored: unscored(batch.size, signals, answer), after: state };
    }
    if (ordered) {
      const states = plan.stateful ? stateAfter(answer).states : state.states;
      state = { rollouts: first + batch.size, states };
    }
    count(counters, answer);
    return { scored: answer.scored, after: state };
  };

  return {
    async score(batch, { signal, credit = true } = {}) {
      if (closed) throw new Error("the scorer was closed");
      checkWiring(reward, new Set(Object.keys(batch.fields)), { credit });
      for (const [field, column] of Object.entries(batch.fields)) {
        if (column.length !== batch.size)
          throw new ContractError(
            `fields.${field}`,
            `expected ${batch.size} entries, one a rollout, got ${column.length}`,
          );
      }
      const controller = new AbortController();
      const passOn = () => controller.abort(signal?.reason);
      // A file has many batches under way, all of them stopped by the same signal.
      if (signal) setMaxListeners(0, signal);
      if (signal?.aborted) passOn();
      else signal?.addEventListener("abort", passOn, { once: true });
      underWay.add(controller);
      const first = submitted;
      submitted += batch.size;
      const turn = turns.enter();
      try {
        controller.signal.throwIfAborted();
        const { scored, after } = await score(batch, credit, first, controller.signal, () => turn.come());
        for (let i = 0; i < scored.size; i++) {
          if (scored.rewards[i] !== null) counters.scored++;
          else {
            counters.unscored++;
            const key = `${scored.errors[i]?.code ?? "no-value"}:${blameOf(scored.errors[i], signals)}`;
            counters.errors[key] = (counters.errors[key] ?? 0) + 1;
          }
        }
        return {
          ...scored,
          get snapshot() {
            return snapshotOf(after);
          },
        };
      } finally {
        signal?.removeEventListener("abort", passOn);
        underWay.delete(controller);
        turn.leave();
      }
    },
    snapshot: () => snapshotOf(state),
    restore(snapshot) {
      state = checkSnapshot(snapshot, reward.hash, plan);
      submitted = state.rollouts;
    },
    counters: () => structuredClone(counters),
    waits: false,
    async close() {
      closed = true;
      for (const controller of underWay) controller.abort(new Error("the scorer was closed"));
      await held.release();
    },
  };
}

/** What a worker says of a whole batch, as the embedded scorer would have thrown it. */
function asThrown({ kind, path, message }: Refusal): Error {
  if (kind === "input") return new ContractError(path, message);
  return new Problem(502, "queue", `a worker refused the batch: ${message}`);
}

/** A batch that no worker lived through: a reason for every rollout, and no number. */
function unscored(size: number, signals: readonly string[], { message }: Refusal): ScoredBatch {
  const error = scoreError("crashed", message);
  const nothing = () => new Array<null>(size).fill(null);
  return {
    size,
    rewards: nothing(),
    errors: new Array<ScoreError>(size).fill(error),
    combined: nothing(),
    signals: Object.fromEntries(
      signals.map((name) => [
        name,
        {
          values: nothing(),
          errors: new Array<ScoreError>(size).fill(error),
          evidence: nothing(),
          cached: new Array<boolean>(size).fill(false),
          milliseconds: 0,
        },
      ]),
    ),
    fields: {},
  };
}

/** The counters of the workers are theirs; what can be told from a result is counted here. */
function count(counters: ScorerCounters, { scored, retries }: Result): void {
  for (const [name, column] of Object.entries(scored.signals)) {
    const own = counters.signals[name];
    own.retries += retries[name] ?? 0;
    own.milliseconds += column.milliseconds * scored.size;
    for (let i = 0; i < scored.size; i++) {
      if (column.cached[i]) own.cacheHits++;
      else own.calls++;
      const error = column.errors[i];
      if (!error) continue;
      if (error.code === "timeout") own.timeouts++;
      if (column.values[i] !== null) own.fallbacks++;
    }
  }
}

/** An error's message begins with who failed. */
function blameOf(error: ScoreError | null, signals: readonly string[]): string {
  const who = error?.message.slice(0, error.message.indexOf(": ")) ?? "";
  return signals.includes(who) || who === "combine" || /^(shaping|credit)\//.test(who) ? who : "reward";
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
