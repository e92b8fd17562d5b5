/** Shaping and credit: parts over the scored rollouts of a batch, in order, on this thread. */
import { messageOf, type ScoreError, scoreError } from "../core/error.ts";
import { comparable } from "../core/groups.ts";
import { hasGroupBaseline } from "../credit/group-baseline.ts";
import { type Column, type Columns, columnKey, entriesOf, gather, shownKey, transpose } from "./columns.ts";
import { common } from "./execute.ts";
import type { InputPlan, StepPlan } from "./plan.ts";

export interface StepsResult {
  /** N; null: unscored. */
  readonly rewards: (number | null)[];
  readonly advantages?: (number | readonly number[] | null)[];
  readonly fields: Record<string, Column>;
  /** State of each stateful step afterwards, by key. */
  readonly states: Readonly<Record<string, unknown>>;
}

export interface StepsInput {
  readonly steps: readonly StepPlan[];
  /** Input fields, signal outputs under "signal.output", draws under their field's name. */
  readonly columns: Columns;
  readonly components: Readonly<Record<string, Column>>;
  readonly rewards: readonly (number | null)[];
  readonly states: Readonly<Record<string, unknown>>;
  /** Marks a rollout as unscored, with the part that is to blame. */
  readonly fail: (row: number, who: string, error: ScoreError) => void;
}

/**
 * Rollouts without a reward are taken out before each part and their places stay null, so that they
 * neither move a group's mean nor a running statistic. Where that leaves one rollout of a larger group, credit that
 * compares within groups passes it over too: its advantage is 0.
 */
export async function runSteps({
  steps,
  columns,
  components,
  rewards: combined,
  states,
  fail,
}: StepsInput): Promise<StepsResult> {
  const size = combined.length;
  let rewards = combined.slice();
  let advantages: StepsResult["advantages"];
  const written: Record<string, Column> = {};
  const next: Record<string, unknown> = { ...states };

  for (const step of steps) {
    const scored = keptRows(rewards, step, columns, fail);
    const kept = comparableRows(step, scored, columns, size);
    const rejectAll = (message: string) => {
      for (const row of kept) {
        rewards[row] = null;
        fail(row, step.key, scoreError("threw", message));
      }
    };
    if (scored.length === 0) continue;
    let outputs: Record<string, unknown>;
    if (kept.length === 0) outputs = Object.fromEntries(step.outputs.map(({ name }) => [name, []]));
    else
      try {
        const inputs = stepInputs(step, { columns, components, rewards, written, states: next, kept });
        outputs = (await (step.bound as unknown as (inputs: unknown) => unknown)(inputs)) as Record<string, unknown>;
        if (typeof outputs !== "object" || outputs === null) throw new Error(`gave ${String(outputs)}`);
      } catch (thrown) {
        rejectAll(messageOf(thrown));
        continue;
      }
    const problem = checkLengths(step, outputs, kept.length);
    if (problem) {
      rejectAll(problem);
      continue;
    }
    if (step.stateful && outputs.state !== undefined) next[step.key] = outputs.state;
    const bad = new Map<number, string>();
    for (const { name, layout, shape } of step.outputs) {
      const output = outputs[name];
      if (output === undefined || name === "state") continue;
      const entries = layout === "rows" ? entriesOf(output) : null;
      if (!entries) {
        written[name] = entriesOf(output) ?? [output];
        continue;
      }
      const full = new Array<unknown>(size).fill(null);
      for (let k = 0; k < kept.length; k++) {
        const entry = plainEntry(entries[k]);
        full[kept[k]] = entry;
        if (!finiteEntry(entry)) bad.set(kept[k], name);
      }
      if (kept.length < scored.length)
        for (const row of scored) full[row] ??= zerosFor(row, shape, step, { columns, written });
      written[name] = full;
    }
    for (const [row, name] of bad) fail(row, step.key, scoreError("not-finite", `${name} is not finite`));
    rewards = shapedRewards(step, outputs, written, rewards, kept, fail);
    for (const row of bad.keys()) rewards[row] = null;
    const shown =
      outputs.advantages !== undefined
        ? "advantages"
        : outputs.tokenAdvantages !== undefined
          ? "tokenAdvantages"
          : null;
    if (step.stage === "credit" && shown)
      advantages = Array.from(written[shown]) as (number | readonly number[] | null)[];
  }

  const credited = steps.some(
    (step) =>
      step.stage === "credit" && step.outputs.some(({ name }) => name === "advantages" || name === "tokenAdvantages"),
  );
  if (credited) advantages ??= new Array<null>(size).fill(null);
  // What failed late is null everywhere, also in what earlier parts wrote for it.
  if (advantages) for (let i = 0; i < size; i++) if (rewards[i] === null) advantages[i] = null;
  const fields: Record<string, Column> = {};
  for (const { outputs } of steps) {
    for (const { name, layout } of outputs) {
      if (layout === "rows" && name in written && name !== "rewards" && name !== "advantages")
        fields[name] = written[name];
    }
  }
  return { rewards, advantages, fields, states: next };
}

/** Rows with a reward and with every required field that the part reads. */
function keptRows(rewards: (number | null)[], step: StepPlan, columns: Columns, fail: StepsInput["fail"]): number[] {
  const has = (key: string) => key in columns;
  const checked: { key: string; column: Column }[] = [];
  for (const { source, layout, nullable, optional } of step.inputs) {
    const key = columnKey(source, has);
    if (key === null && source.from === "signal" && !optional) {
      checked.push({ key: `${source.signal}.${source.output}`, column: [] });
    }
    if (key === null || layout === "whole" || nullable) continue;
    const column = columns[key];
    if (!ArrayBuffer.isView(column)) checked.push({ key: shownKey(key), column });
  }
  const kept: number[] = [];
  for (let i = 0; i < rewards.length; i++) {
    if (rewards[i] === null) continue;
    const missing = checked.find(({ column }) => column[i] === null || column[i] === undefined);
    if (!missing) kept.push(i);
    else {
      rewards[i] = null;
      fail(i, step.key, scoreError("bad-input", `${missing.key}: this rollout has none`));
    }
  }
  return kept;
}

/** Without the only scored rollout of a larger group, where the part compares within groups. */
function comparableRows(step: StepPlan, scored: number[], columns: Columns, size: number): number[] {
  if (step.stage !== "credit" || scored.length === size) return scored;
  if (!hasGroupBaseline(step.bound.part.id, step.bound.params)) return scored;
  const groups = step.inputs.find(({ name }) => name === "groups");
  const key = groups ? columnKey(groups.source, (candidate) => candidate in columns) : null;
  if (key === null) return scored;
  const beside = comparable(scored, columns[key] as ArrayLike<string | number>);
  return beside.includes(0) ? scored.filter((_, k) => beside[k] === 1) : scored;
}

/** 0, or zeros for as many steps or tokens as the rollout's inputs of this shape have. */
function zerosFor(
  row: number,
  shape: string | undefined,
  step: StepPlan,
  { columns, written }: Pick<StepContext, "columns" | "written">,
): number | number[] | null {
  const alternatives = shape?.split(" or ") ?? [];
  for (const { shape: given = "", source } of step.inputs) {
    if (given === "N" || !alternatives.includes(given)) continue;
    const key = source.from === "step" ? source.name : columnKey(source, (name) => name in columns);
    const column = key === null ? undefined : (source.from === "step" ? written : columns)[key];
    const entry = column ? entriesOf(column[row]) : null;
    if (entry) return new Array<number>(entry.length).fill(0);
  }
  return alternatives.includes("N") ? 0 : null;
}

interface StepContext {
  readonly columns: Columns;
  readonly components: Readonly<Record<string, Column>>;
  readonly rewards: readonly (number | null)[];
  readonly written: Readonly<Record<string, Column>>;
  readonly states: Readonly<Record<string, unknown>>;
  readonly kept: readonly number[];
}

function stepInputs(step: StepPlan, context: StepContext): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  for (const input of step.inputs) {
    const value = stepInput(step, input, context);
    if (value !== undefined) inputs[input.name] = value;
  }
  return inputs;
}

function stepInput(
  step: StepPlan,
  { name, source, layout, kind, optional }: InputPlan,
  { columns, components, rewards, written, states, kept }: StepContext,
): unknown {
  switch (source.from) {
    case "constant":
      return source.value;
    case "state":
      return states[step.key];
    case "components": {
      const picked: Record<string, unknown> = {};
      for (const [signal, column] of Object.entries(components)) picked[signal] = numbers(gather(column, kept));
      return picked;
    }
    default: {
      const key = source.from === "step" ? source.name : columnKey(source, (candidate) => candidate in columns);
      if (key === null) return undefined;
      const column: Column | undefined =
        source.from === "step" ? (source.name === "rewards" ? rewards : written[source.name]) : columns[key];
      if (column === undefined) {
        if (optional) return undefined;
        throw new Error(`${name}: the part that gives it gave none`);
      }
      if (layout === "whole") return column;
      const picked = column.length === rewards.length ? gather(column, kept) : column;
      if (layout === "columns") return transpose(picked);
      if (layout === "single") return common(name, picked, 0, picked.length);
      return kind === "number" ? numbers(picked) : picked;
    }
  }
}

function numbers(column: Column): Column {
  const packed = new Float64Array(column.length);
  for (let i = 0; i < column.length; i++) {
    const entry = column[i];
    if (typeof entry === "boolean") packed[i] = entry ? 1 : 0;
    else if (typeof entry === "number") packed[i] = entry;
    else return column;
  }
  return packed;
}

function checkLengths(step: StepPlan, outputs: Record<string, unknown>, size: number): string | null {
  for (const { name, layout } of step.outputs) {
    if (layout !== "rows" || outputs[name] === undefined) continue;
    const entries = entriesOf(outputs[name]);
    if (entries && entries.length !== size) return `outputs.${name}: ${entries.length} entries for ${size} rollouts`;
  }
  return null;
}

function plainEntry(entry: unknown): unknown {
  return ArrayBuffer.isView(entry) && !(entry instanceof DataView) ? Array.from(entry as Float64Array) : entry;
}

function finiteEntry(entry: unknown): boolean {
  if (typeof entry === "number") return Number.isFinite(entry);
  if (Array.isArray(entry)) {
    for (const item of entry) if (typeof item === "number" && !Number.isFinite(item)) return false;
  }
  return true;
}

/** `rewards` replace what was there; `lengthRewards` alone are added to it. */
function shapedRewards(
  step: StepPlan,
  outputs: Record<string, unknown>,
  written: Readonly<Record<string, Column>>,
  rewards: readonly (number | null)[],
  kept: readonly number[],
  fail: StepsInput["fail"],
): (number | null)[] {
  const shaped = rewards.slice();
  if (step.stage !== "shaping") return shaped;
  const rows = (name: string) =>
    outputs[name] !== undefined && step.outputs.some((output) => output.name === name && output.shape === "N");
  if (rows("rewards")) {
    for (const row of kept) {
      const value = written.rewards[row];
      if (typeof value === "number") shaped[row] = value;
      else {
        shaped[row] = null;
        fail(row, step.key, scoreError("no-value", "gave no reward for this rollout"));
      }
    }
  } else if (rows("lengthRewards")) {
    for (const row of kept) {
      const before = shaped[row];
      const term = written.lengthRewards[row];
      if (typeof before === "number" && typeof term === "number") shaped[row] = before + term;
    }
  }
  return shaped;
}
