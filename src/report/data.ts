import { ContractError, type ScoreError } from "../core/error.ts";
import { createRandom } from "../core/random.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import { codePointLength } from "../core/text.ts";
import type { ScoredBatch, SignalColumn } from "../pipeline/types.ts";
import { addGroups, emptyGroupStatistics } from "./group-statistics.ts";
import { addToLengthBins } from "./length-bins.ts";
import { addToComoments, addToMoments, emptyComoments } from "./moments.ts";
import { drawAt, insertRanked, ranksAmong, shortened, takeSample } from "./samples.ts";
import { addToSketch } from "./sketch.ts";
import { type CauseState, emptyState, emptyTrack, type ReportState, type Track } from "./state.ts";
import type { ReportData, ReportOptions, SuccessRule } from "./types.ts";

const scatterLimit = 1500;
const examplesPerCause = 3;
/** Signals beyond these have no row in the correlation matrix (its cost is their square). */
export const correlatedSignals = 24;

/** An empty accumulator; see `ReportData`. */
export function createReportData(options: ReportOptions = {}): ReportData {
  const settings = {
    seed: options.seed ?? 0,
    success: options.success,
    wholeGroups: options.wholeGroups ?? false,
    samples: options.samples ?? 5,
  };
  const seed = createRandom(settings.seed)
    .stream("report")
    .integer(2 ** 32);
  let state = emptyState();
  return {
    options: settings,
    get state() {
      return state;
    },
    add(batch, scored) {
      addBatch(state, settings, seed, batch, scored);
    },
    snapshot: () => structuredClone(state),
    restore(snapshot) {
      const candidate = snapshot as Partial<ReportState> | null;
      if (typeof candidate !== "object" || candidate === null || candidate.version !== state.version) {
        throw new ContractError("snapshot", `expected a report snapshot of version ${state.version}`);
      }
      for (const key of Object.keys(emptyState())) {
        if (!(key in candidate)) throw new ContractError(`snapshot.${key}`, "missing from the report snapshot");
      }
      state = structuredClone(candidate as ReportState);
    },
  };
}

function addBatch(
  state: ReportState,
  settings: ReportData["options"],
  seed: number,
  batch: RolloutBatch,
  scored: ScoredBatch,
): void {
  if (scored.size !== batch.size) {
    throw new ContractError("scored.size", `expected ${batch.size} (the batch's size), got ${scored.size}`);
  }
  const columns = signalColumns(state, scored);
  const size = batch.size;
  const values = columns.map((column) => finiteColumn(column.values, size));
  const rewards = finiteColumn(scored.rewards, size);
  const outcomes = settings.success ? batchOutcomes(settings.success, scored) : null;
  const lengths = batchLengths(state, batch);
  const advantages = scored.advantages ? batchAdvantages(scored.advantages, size) : null;

  addColumn(state.reward, rewards);
  addColumn(state.combined, finiteColumn(scored.combined, size));
  if (advantages) {
    state.advantage ??= emptyTrack();
    addColumn(state.advantage, advantages);
  }
  for (let s = 0; s < columns.length; s++) addSignal(state, s, columns[s], values[s]);
  if (lengths) addColumn(state.length, lengths);
  if (outcomes) addOutcomes(state, outcomes);
  addCorrelations(state, values, rewards, lengths, size);
  const groups = batch.fields.groups as ArrayLike<string | number> | undefined;
  if (groups && size > 0) {
    state.groups ??= emptyGroupStatistics();
    addGroups(state.groups, groups, rewards, outcomes);
  }

  for (let i = 0; i < size; i++) {
    const index = state.rollouts + i;
    const reward = rewards[i];
    const error = scored.errors[i];
    if (error) addCause(state, batch, scored, i, error, lengths, advantages);
    if (reward === null) continue;
    if (lengths && lengths[i] !== null) addPoint(state, seed, lengths[i] as number, reward);
    const priority = drawAt(seed, index);
    for (const [list, sign] of [
      [state.best, 1],
      [state.worst, -1],
    ] as const) {
      if (!ranksAmong(list, settings.samples, sign, reward, priority)) continue;
      const sample = takeSample(batch, scored, i, index, lengths?.[i] ?? null, advantages?.[i] ?? null);
      insertRanked(list, settings.samples, sign, { reward, priority, sample });
    }
  }
  state.rollouts += size;
}

/** The batch's signals in the order of the first batch. */
function signalColumns(state: ReportState, scored: ScoredBatch): SignalColumn[] {
  const names = Object.keys(scored.signals);
  if (state.rollouts === 0 && state.signals.length === 0) {
    state.signals = names.map((name) => ({ name, ...emptyTrack(), errors: {}, cached: 0, milliseconds: 0 }));
  }
  if (names.length !== state.signals.length) {
    throw new ContractError("scored.signals", `expected the signals of the first batch, got ${names.join(", ")}`);
  }
  return state.signals.map(({ name }) => {
    if (!Object.hasOwn(scored.signals, name)) {
      throw new ContractError("scored.signals", `expected a signal ${name} as in the first batch`);
    }
    return scored.signals[name];
  });
}

function batchOutcomes(rule: SuccessRule, scored: ScoredBatch): (number | null)[] {
  if ("above" in rule) {
    return Array.from(scored.rewards, (reward) => (reward === null ? null : Number(reward > rule.above)));
  }
  const columns = rule.signals.map((name) => {
    if (!Object.hasOwn(scored.signals, name)) {
      const known = Object.keys(scored.signals).join(", ");
      throw new ContractError("success.signals", `expected a signal of the reward (${known}), got ${name}`);
    }
    return scored.signals[name].values;
  });
  return Array.from({ length: scored.size }, (_, i) => {
    let success = 1;
    for (const values of columns) {
      const value = values[i];
      if (value === null || value === undefined) return null;
      if (value < 1) success = 0;
    }
    return success;
  });
}

/** Tokens where the input counts them, else code points of the response. */
function batchLengths(state: ReportState, batch: RolloutBatch): (number | null)[] | null {
  const given = batch.fields.lengths;
  const responses = batch.fields.responses;
  const unit = given ? "tokens" : responses ? "code points" : null;
  if (unit === null) return null;
  state.lengthUnit ??= unit;
  if (unit !== state.lengthUnit) {
    throw new ContractError("fields.lengths", `lengths were ${state.lengthUnit} in the first batch, now ${unit}`);
  }
  return Array.from({ length: batch.size }, (_, i) => {
    const value = given ? given[i] : responses?.[i];
    if (typeof value === "string") return codePointLength(value);
    return typeof value === "number" && value >= 0 && value <= largest ? value : null;
  });
}

/** One number per rollout: the mean over tokens where there is one per token. */
function batchAdvantages(advantages: NonNullable<ScoredBatch["advantages"]>, size: number): (number | null)[] {
  const means = Array.from({ length: size }, (_, i) => {
    const value = advantages[i];
    if (value === null || value === undefined || typeof value === "number") return value;
    if (value.length === 0) return null;
    let sum = 0;
    for (let t = 0; t < value.length; t++) sum += value[t];
    return sum / value.length;
  });
  return finiteColumn(means, size);
}

/** Beyond this the sums of squares would overflow. */
const largest = 1e150;

/** Numbers or null, N; clamped to a size whose squares can be summed. */
function finiteColumn(values: ArrayLike<number | null | undefined>, size: number): (number | null)[] {
  return Array.from({ length: size }, (_, i) => {
    const value = values[i] ?? null;
    if (value === null) return null;
    if (!Number.isFinite(value)) throw new ContractError("scored", `expected finite numbers or null, got ${value}`);
    return Math.max(-largest, Math.min(largest, value));
  });
}

function addColumn(track: Track, values: readonly (number | null)[]): void {
  for (const value of values) {
    if (value === null) continue;
    addToMoments(track.moments, value);
    addToSketch(track.sketch, value);
  }
}

function addSignal(state: ReportState, s: number, column: SignalColumn, values: readonly (number | null)[]): void {
  const track = state.signals[s];
  addColumn(track, values);
  track.milliseconds += column.milliseconds * values.length;
  for (let i = 0; i < values.length; i++) {
    if (column.cached[i]) track.cached++;
    const error = column.errors[i];
    if (error) track.errors[error.code] = (track.errors[error.code] ?? 0) + 1;
  }
}

function addOutcomes(state: ReportState, outcomes: readonly (number | null)[]): void {
  for (const outcome of outcomes) {
    if (outcome === null) continue;
    state.success.known++;
    state.success.count += outcome;
  }
}

function addCorrelations(
  state: ReportState,
  signals: readonly (readonly (number | null)[])[],
  rewards: readonly (number | null)[],
  lengths: readonly (number | null)[] | null,
  size: number,
): void {
  const missing = new Array<null>(lengths ? 0 : size).fill(null);
  const columns = [...signals.slice(0, correlatedSignals), rewards, lengths ?? missing];
  let pair = 0;
  for (let a = 0; a < columns.length; a++) {
    for (let b = a + 1; b < columns.length; b++, pair++) {
      if (state.correlations.length === pair) state.correlations.push(emptyComoments());
      const comoments = state.correlations[pair];
      const x = columns[a];
      const y = columns[b];
      for (let i = 0; i < size; i++) {
        const left = x[i];
        const right = y[i];
        if (left !== null && right !== null) addToComoments(comoments, left, right);
      }
    }
  }
}

/** Reservoir sampling (Vitter's algorithm R) with draws that depend on the position only. */
function addPoint(state: ReportState, seed: number, length: number, reward: number): void {
  addToLengthBins(state.lengthBins, length, reward);
  const { scatter } = state;
  const seen = scatter.seen++;
  if (scatter.points.length < scatterLimit) {
    scatter.points.push([length, reward]);
    return;
  }
  const at = Math.floor((drawAt(seed ^ 0x5bd1e995, seen) / 2 ** 32) * (seen + 1));
  if (at < scatterLimit) scatter.points[at] = [length, reward];
}

function addCause(
  state: ReportState,
  batch: RolloutBatch,
  scored: ScoredBatch,
  i: number,
  error: ScoreError,
  lengths: (number | null)[] | null,
  advantages: (number | null)[] | null,
): void {
  const signal = failedSignal(scored, i, error);
  let cause = state.causes.find((known) => known.code === error.code && known.signal === signal);
  if (!cause) {
    cause = { code: error.code, signal, count: 0, examples: [] } satisfies CauseState;
    state.causes.push(cause);
  }
  cause.count++;
  if (cause.examples.length >= examplesPerCause) return;
  const message = shortened(error.message, 500);
  if (cause.count > 50 && cause.examples.some((example) => example.message === message)) return;
  cause.examples.push({
    message,
    sample: takeSample(batch, scored, i, state.rollouts + i, lengths?.[i] ?? null, advantages?.[i] ?? null),
  });
}

/** The signal whose error is the rollout's; null when it came from elsewhere. */
function failedSignal(scored: ScoredBatch, i: number, error: ScoreError): string | null {
  let byCode: string | null = null;
  for (const [name, column] of Object.entries(scored.signals)) {
    const own = column.errors[i];
    if (!own) continue;
    if (own === error || own.message === error.message) return name;
    if (own.code === error.code) byCode ??= name;
  }
  return byCode;
}
