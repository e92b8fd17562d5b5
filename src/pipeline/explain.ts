import type { ScoreError } from "../core/error.ts";
import { toPlain } from "../core/plain.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import { planOf } from "./define.ts";
import type { InputPlan, Source } from "./plan.ts";
import type { Reward, ScoredBatch } from "./types.ts";

/** Where a number came from: an input of a signal or a step, and what it held for this rollout. */
export interface ExplainedInput {
  readonly name: string;
  readonly from: string;
  readonly value: unknown;
}

export interface ExplainedSignal {
  readonly name: string;
  /** Part id, "function" or "judge". */
  readonly what: string;
  readonly inputs: readonly ExplainedInput[];
  readonly value: number | null;
  readonly error: ScoreError | null;
  readonly evidence: unknown;
  readonly cached: boolean;
  /** The value is the fallback that the reward file names. */
  readonly fallback: boolean;
}

export interface ExplainedStep {
  readonly what: string;
  readonly inputs: readonly ExplainedInput[];
  /** What it wrote for this rollout. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The path from evidence to number for one rollout. */
export interface Explanation {
  readonly rollout: number;
  readonly id: unknown;
  readonly signals: readonly ExplainedSignal[];
  readonly combined: number | null;
  readonly steps: readonly ExplainedStep[];
  readonly reward: number | null;
  readonly advantage: unknown;
  readonly error: ScoreError | null;
  readonly text: string;
}

/** Explains rollout `i` of a scored batch: as data, and as text to print. */
export function explain(reward: Reward, batch: RolloutBatch, scored: ScoredBatch, i: number): Explanation {
  if (!Number.isInteger(i) || i < 0 || i >= batch.size)
    throw new RangeError(`no rollout ${i} in a batch of ${batch.size}`);
  const plan = planOf(reward);
  const signals = plan.signals.map((signal): ExplainedSignal => {
    const column = scored.signals[signal.name];
    const error = column.errors[i];
    return {
      name: signal.name,
      what: signal.kind === "part" ? signal.bound.part.id : signal.kind,
      inputs: signal.kind === "part" ? explainInputs(signal.inputs, batch, scored, i) : [],
      value: column.values[i],
      error,
      evidence: plainOr(column.evidence[i]),
      cached: column.cached[i],
      fallback: error !== null && column.values[i] !== null,
    };
  });
  const shapings = plan.steps.filter((step) => step.stage === "shaping").length;
  /** Rewards as step k found them; those between two shaping parts are not kept. */
  const rewardsBefore = (k: number) => {
    if (k === 0) return { from: "combine", value: scored.combined[i] };
    return k >= shapings ? { from: "shaping", value: scored.rewards[i] } : null;
  };
  const steps = plan.steps.map((step, k): ExplainedStep => {
    const outputs: Record<string, unknown> = {};
    for (const { name, layout } of step.outputs) {
      if (layout === "rows" && name in scored.fields) outputs[name] = plainOr(scored.fields[name][i]);
    }
    return { what: step.key, inputs: explainInputs(step.inputs, batch, scored, i, rewardsBefore(k)), outputs };
  });
  const explanation = {
    rollout: i,
    id: batch.fields.ids?.[i] ?? null,
    signals,
    combined: scored.combined[i],
    steps,
    reward: scored.rewards[i],
    advantage: scored.advantages?.[i] ?? null,
    error: scored.errors[i],
  };
  return { ...explanation, text: render(explanation, plan.combine !== undefined, scored.advantages !== undefined) };
}

interface Found {
  readonly from: string;
  readonly value: unknown;
}

function explainInputs(
  inputs: readonly InputPlan[],
  batch: RolloutBatch,
  scored: ScoredBatch,
  i: number,
  rewards: Found | null = null,
): ExplainedInput[] {
  return inputs.flatMap(({ name, source }) => {
    const found = source.from === "step" && source.name === "rewards" ? rewards : trace(source, batch, scored, i);
    return found ? [{ name, from: found.from, value: plainOr(found.value) }] : [];
  });
}

function trace(source: Source, batch: RolloutBatch, scored: ScoredBatch, i: number): Found | null {
  switch (source.from) {
    case "field":
    case "draw": {
      const name = source.names.find((candidate) => candidate in batch.fields);
      if (name) return { from: `input ${name}`, value: batch.fields[name][i] };
      return source.from === "draw" ? { from: "drawn from the seed", value: null } : null;
    }
    case "signal": {
      const column = scored.signals[source.signal];
      const evidence = column.evidence[i] as Record<string, unknown> | null;
      const value = evidence && source.output in evidence ? evidence[source.output] : column.values[i];
      return { from: `${source.signal}.${source.output}`, value };
    }
    case "step":
      return { from: "an earlier step", value: scored.fields[source.name]?.[i] ?? null };
    case "constant":
      return { from: "the reward file", value: source.value };
    case "components":
      return {
        from: "the signals",
        value: Object.fromEntries(Object.entries(scored.signals).map(([name, { values }]) => [name, values[i]])),
      };
    case "state":
      return null;
  }
}

function plainOr(value: unknown): unknown {
  try {
    return value === undefined ? null : toPlain(value);
  } catch {
    return String(value);
  }
}

const widest = 160;

/** Control characters, also those that would move a terminal's cursor, are shown as escapes. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const cut = text.length > widest ? `${text.slice(0, widest)}…` : text;
  return cut.replace(
    /[\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function render(explanation: Omit<Explanation, "text">, combines: boolean, credits: boolean): string {
  const { rollout, id, signals, combined, steps, reward, advantage, error } = explanation;
  const lines = [`rollout ${rollout}${id === null ? "" : ` (${shown(id)})`}`];
  const inputLines = (inputs: readonly ExplainedInput[]) => {
    for (const { name, from, value } of inputs) lines.push(`      ${name} ← ${from}: ${shown(value)}`);
  };
  for (const signal of signals) {
    const notes = [signal.cached ? "from the cache" : "", signal.fallback ? "the fallback" : ""]
      .filter(Boolean)
      .join(", ");
    lines.push(`  signal ${signal.name} = ${signal.value ?? "none"}${notes ? ` (${notes})` : ""}  ${signal.what}`);
    inputLines(signal.inputs);
    if (signal.evidence !== null) lines.push(`      evidence: ${shown(signal.evidence)}`);
    if (signal.error) lines.push(`      ${signal.error.code}: ${shown(signal.error.message)}`);
  }
  lines.push(`  combined = ${combined ?? "none"}${combines ? "" : "  (sum of the signals)"}`);
  for (const step of steps) {
    lines.push(`  ${step.what}`);
    inputLines(step.inputs);
    for (const [name, value] of Object.entries(step.outputs)) lines.push(`      → ${name}: ${shown(value)}`);
  }
  lines.push(`  reward = ${reward ?? "none"}`);
  if (credits) lines.push(`  advantage = ${advantage === null ? "none" : shown(advantage)}`);
  if (error) lines.push(`  unscored, ${error.code}: ${shown(error.message)}`);
  return lines.join("\n");
}
