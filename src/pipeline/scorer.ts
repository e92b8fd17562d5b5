import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { ContractError, messageOf, type ScoreError, scoreError } from "../core/error.ts";
import { toPlain } from "../core/plain.ts";
import { createRandom } from "../core/random.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import { createCache } from "./cache.ts";
import { createLimiter } from "./calls.ts";
import { holdCodeSandboxes } from "./code-sandboxes.ts";
import { codeTests } from "./code-tests.ts";
import { type Column, columnKey, signalKey, viewer } from "./columns.ts";
import { planOf } from "./define.ts";
import type { InputPlan, Plan } from "./plan.ts";
import { createPool } from "./pool.ts";
import { type Runner, runLevel } from "./run-signals.ts";
import { emptyRun, type SignalRun, worthColumn } from "./signal-run.ts";
import { checkSnapshot, initialStates, type ScorerState, type Turn, turnstile } from "./state.ts";
import { runStatefulSignal } from "./stateful-signal.ts";
import { runSteps } from "./steps.ts";
import type { Reward, ScoredBatch, Scorer, ScorerCounters, ScorerOptions, SignalColumn } from "./types.ts";
import { checkWiring } from "./wiring.ts";

/**
 * Makes a scorer: batches in, scored batches out. Signals run concurrently (synchronous ones on worker
 * threads when the reward comes from a file), then `combine`, shaping and credit.
 *
 * Parts with state see batches in the order in which `score` was called, whatever finishes first.
 */
export function createScorer(reward: Reward, options: ScorerOptions = {}): Scorer {
  const plan = planOf(reward);
  const seed = options.seed ?? 0;
  const workers = options.workers ?? availableParallelism();
  if (!Number.isInteger(workers) || workers < 0)
    throw new ContractError("workers", `expected an integer of at least 0, got ${workers}`);
  const counters: ScorerCounters = {
    scored: 0,
    unscored: 0,
    errors: {},
    signals: Object.fromEntries(
      plan.signals.map(({ name }) => [
        name,
        { calls: 0, cacheHits: 0, retries: 0, timeouts: 0, fallbacks: 0, milliseconds: 0 },
      ]),
    ),
  };
  const threaded = plan.signals.some((signal) => signal.thread === "worker");
  const runner: Runner = {
    // Always the workers, however cheap the signals: copying a short rollout costs about a microsecond, and
    // only a thread can be stopped when a signal that is cheap on all others never ends on one (bench/pipeline.ts).
    pool: reward.module !== undefined && workers > 0 && threaded ? createPool(reward.module, workers) : null,
    cache: options.cacheFolder === undefined ? null : createCache(options.cacheFolder),
    random: createRandom(seed).stream("backoff"),
    limiters: new Map(plan.signals.map((signal) => [signal.name, createLimiter(signal.concurrency)])),
    counters,
    asynchronous: new Set(),
    rewardHash: reward.hash,
    onCall: options.onCall,
  };
  let state: ScorerState = { rollouts: 0, states: initialStates(plan) };
  let submitted = 0;
  let closed = false;
  const runsCode = plan.signals.some((signal) => signal.kind === "part" && signal.bound.part.id === codeTests.id);
  const releaseSandboxes = runsCode ? holdCodeSandboxes() : null;
  const turns = turnstile();
  const ordered = plan.stateful || plan.draws;
  /** One a call under way: signals derived from a long-lived one would be remembered by it for good. */
  const underWay = new Set<AbortController>();

  async function scoreBatch(
    batch: RolloutBatch,
    firstRollout: number,
    turn: Turn,
    stop: AbortSignal | undefined,
    credit: boolean,
  ): Promise<ScoredBatch> {
    const { size } = batch;
    const columns: Record<string, Column> = { ...batch.fields };
    drawInto(columns, plan, size, firstRollout, seed);
    const runs = new Map(plan.signals.map((signal) => [signal.name, emptyRun(size)]));
    let states: Record<string, unknown> | null = null;
    for (const level of plan.levels) {
      const plain = level.filter((signal) => !(signal.kind === "part" && signal.stateful));
      const stateful = level.filter((signal) => signal.kind === "part" && signal.stateful);
      await runLevel(plain, columns, size, runs, runner, stop);
      for (const signal of stateful) {
        await turn.come();
        states ??= { ...state.states };
        if (signal.kind === "part") await runStatefulSignal(signal, columns, size, runs, counters, states);
      }
      for (const { name, fallback } of level) {
        const run = runs.get(name);
        if (!run) continue;
        counters.signals[name].fallbacks += settle(run, fallback);
        for (const [output, column] of Object.entries(run.outputs)) columns[signalKey(name, output)] = column;
        columns[signalKey(name, "value")] = worthColumn(run);
      }
    }
    const errors = new Array<ScoreError | null>(size).fill(null);
    const blame = new Array<string | null>(size).fill(null);
    const fail = (row: number, who: string, error: ScoreError) => {
      errors[row] ??= scoreError(error.code, `${who}: ${error.message}`, error.retryable);
      blame[row] ??= who;
    };
    const combined = combine(plan, batch, runs, fail);
    if (plan.stateful) await turn.come();
    stop?.throwIfAborted();
    states ??= { ...state.states };
    const steps = credit ? plan.steps : plan.steps.filter(({ stage }) => stage !== "credit");
    const components: Record<string, Column> = {};
    if (steps.length > 0) for (const [name, { values }] of runs) components[name] = values.slice();
    const result = await runSteps({ steps, columns, components, rewards: combined, states, fail });
    stop?.throwIfAborted();
    if (ordered) {
      if (!plan.stateful) await turn.come();
      stop?.throwIfAborted();
      state = { rollouts: firstRollout + size, states: result.states };
    }
    const after = state;
    for (let i = 0; i < size; i++) {
      if (result.rewards[i] !== null) counters.scored++;
      else {
        counters.unscored++;
        const key = `${errors[i]?.code ?? "no-value"}:${blame[i] ?? "reward"}`;
        counters.errors[key] = (counters.errors[key] ?? 0) + 1;
      }
    }
    return {
      size,
      rewards: result.rewards,
      errors,
      advantages: result.advantages,
      combined,
      signals: Object.fromEntries([...runs].map(([name, run]) => [name, signalColumn(run, plan, name)])),
      fields: result.fields,
      get snapshot() {
        return snapshotOf(after);
      },
    };
  }

  const snapshotOf = ({ rollouts, states }: ScorerState) => ({
    version: 1,
    reward: reward.hash,
    seed,
    rollouts,
    states: toPlain(states, "state"),
  });

  return {
    async score(batch, { signal, credit = true } = {}) {
      if (closed) throw new Error("the scorer was closed");
      checkBatch(reward, batch, credit);
      const first = submitted;
      submitted += batch.size;
      // Nothing waits and nothing has to come in order: nothing can be stopped either.
      if (options.onCall && !signal && !ordered) return scoreBatch(batch, first, anyTurn, undefined, credit);
      const controller = new AbortController();
      const stop = controller.signal;
      setMaxListeners(0, stop);
      const passOn = () => controller.abort(signal?.reason);
      if (signal?.aborted) passOn();
      else signal?.addEventListener("abort", passOn, { once: true });
      underWay.add(controller);
      const turn = turns.enter();
      let abandon: (() => void) | undefined;
      const aborted = new Promise<never>((_, reject) => {
        abandon = () => reject(stop.reason);
        stop.addEventListener("abort", abandon, { once: true });
      });
      try {
        stop.throwIfAborted();
        return await Promise.race([scoreBatch(batch, first, turn, stop, credit), aborted]);
      } finally {
        if (abandon) stop.removeEventListener("abort", abandon);
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
    get waits() {
      return runner.asynchronous.size > 0;
    },
    async close() {
      closed = true;
      for (const controller of underWay) controller.abort(new Error("the scorer was closed"));
      await Promise.all([runner.pool?.close(), releaseSandboxes?.()]);
    },
  };
}

const anyTurn: Turn = { come: () => Promise.resolve(), leave: () => {} };

function checkBatch(reward: Reward, { size, fields }: RolloutBatch, credit: boolean): void {
  checkWiring(reward, new Set(Object.keys(fields)), { credit });
  for (const [name, column] of Object.entries(fields)) {
    if (column.length !== size)
      throw new ContractError(`fields.${name}`, `expected ${size} entries, one a rollout, got ${column.length}`);
  }
}

/** Random inputs that parts ask for and the input does not bring: one stream a rollout, so that cutting the input into other batches changes nothing. */
function drawInto(
  columns: Record<string, Column>,
  plan: Plan,
  size: number,
  first: number,
  seed: string | number,
): void {
  if (!plan.draws) return;
  const inputs: InputPlan[] = [
    ...plan.signals.flatMap((signal) => (signal.kind === "part" ? signal.inputs : [])),
    ...plan.steps.flatMap((step) => step.inputs),
  ];
  for (const { source } of inputs) {
    if (source.from !== "draw" || columnKey(source, (key) => key in columns) !== null) continue;
    columns[source.names[0]] = Float64Array.from({ length: size }, (_, i) => {
      const random = createRandom(`${seed}/${source.names[0]}/${first + i}`);
      return source.normal ? random.normal() : random.uniform();
    });
  }
}

/** What failed has no value, or the fallback that the reward file names. Returns how often that was. */
function settle({ values, errors }: SignalRun, fallback: number | undefined): number {
  let fallbacks = 0;
  for (let i = 0; i < values.length; i++) {
    if (!errors[i]) continue;
    values[i] = fallback ?? Number.NaN;
    if (fallback !== undefined) fallbacks++;
  }
  return fallbacks;
}

/** Signals' worths → rewards; null where a required signal has none. */
function combine(
  { signals, combine: given }: Plan,
  batch: RolloutBatch,
  runs: ReadonlyMap<string, SignalRun>,
  fail: (row: number, who: string, error: ScoreError) => void,
): (number | null)[] {
  const { size } = batch;
  const combined = new Array<number | null>(size).fill(null);
  const columns = signals.map((signal) => ({ signal, run: runs.get(signal.name) ?? emptyRun(size) }));
  for (const { signal, run } of columns) {
    if (!signal.required) continue;
    for (let i = 0; i < size; i++) {
      const error = run.errors[i];
      if (error && Number.isNaN(run.values[i])) fail(i, signal.name, error);
    }
  }
  const view = given && given.length > 1 ? viewer(batch.fields) : null;
  rows: for (let i = 0; i < size; i++) {
    let sum = 0;
    const values: Record<string, number> | null = given ? {} : null;
    for (const { signal, run } of columns) {
      const value = run.values[i];
      if (Number.isNaN(value)) {
        if (signal.required) continue rows;
        continue;
      }
      sum += value;
      if (values) values[signal.name] = value;
    }
    if (!given || !values) {
      combined[i] = sum;
      continue;
    }
    try {
      const value = given(values, view ? view(i) : (undefined as never));
      if (typeof value === "number" && Number.isFinite(value)) combined[i] = value;
      else if (typeof value === "number") fail(i, "combine", scoreError("not-finite", `gave ${value}`));
      else fail(i, "combine", scoreError("threw", `gave ${value === null ? "null" : typeof value}, expected a number`));
    } catch (thrown) {
      fail(i, "combine", scoreError("threw", messageOf(thrown)));
    }
  }
  return combined;
}

function signalColumn(run: SignalRun, plan: Plan, name: string): SignalColumn {
  const signal = plan.signals.find((one) => one.name === name);
  const worth = signal?.kind === "part" ? signal.worth.name : null;
  const values = worthColumn(run);
  const others = Object.keys(run.outputs).filter((output) => output !== worth && output !== "state");
  let evidence: unknown[] | null = null;
  return {
    values,
    errors: run.errors,
    // Made when somebody asks: most runs look at the evidence of a few rollouts only.
    get evidence() {
      evidence ??= Array.from(values, (_, i) => evidenceOf(run, others, signal?.kind === "part", i));
      return evidence;
    },
    cached: run.cached,
    milliseconds: run.values.length === 0 ? 0 : run.milliseconds / run.values.length,
  };
}

function evidenceOf(run: SignalRun, names: readonly string[], part: boolean, i: number): unknown {
  if (!part) return run.outputs.evidence?.[i] ?? null;
  if (names.length === 0) return null;
  return Object.fromEntries(names.map((name) => [name, run.outputs[name][i]]));
}
