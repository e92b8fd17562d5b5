/** Rows on their way through a run, and the batches made of them. */
import { type ScoreError, scoreError } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ColumnPlan } from "./columns.ts";
import type { SourceRow } from "./source.ts";
import { hashOf, type Unit, type WindowRow } from "./window.ts";

export interface Slot extends WindowRow {
  readonly row: SourceRow;
  fields: Readonly<Record<string, unknown>> | null;
  readonly problem: string | null;
  tail: string | null;
}

/** How rows become slots. */
export interface Taking {
  readonly plan: ColumnPlan;
  /** Identical prompts form a group, because the input names none and the reward needs them. */
  readonly implicitGroups: boolean;
  readonly wholeGroups: boolean;
}

export function takeRow(row: SourceRow, index: number, { plan, implicitGroups, wholeGroups }: Taking): Slot {
  if (row.value === null) return { index, group: null, row, fields: null, problem: row.problem, tail: null };
  let { fields, problem } = plan.readRow(row.value);
  let group: string | number | null = null;
  if (implicitGroups) {
    const { prompts } = fields;
    if (prompts === null || prompts === undefined) problem ??= "prompts is missing, which tells its group";
    else {
      group = hashOf(typeof prompts === "string" ? prompts : JSON.stringify(prompts));
      fields = { ...fields, groups: group };
    }
  } else if (fields.groups !== null && fields.groups !== undefined) {
    const { groups } = fields;
    group = typeof groups === "string" || typeof groups === "number" ? groups : JSON.stringify(groups);
  } else if (wholeGroups) problem ??= "groups is missing";
  return { index, group, row, fields, problem, tail: null };
}

/** The columns of a unit's rows; rows that cannot be scored are left out of `good`, with the reason in `refused`. */
export function gatherUnit(
  unit: Unit<Slot>,
  { plan, implicitGroups }: Taking,
): { batch: RolloutBatch; good: RolloutBatch; refused: readonly (ScoreError | null)[] | null } {
  const { rows, kind } = unit;
  const names = implicitGroups ? [...plan.fields, "groups"] : plan.fields;
  const columnsOf = (slots: readonly Slot[]): RolloutBatch => {
    const fields: Record<string, unknown[]> = {};
    for (const name of names) {
      const column = new Array<unknown>(slots.length);
      for (let i = 0; i < slots.length; i++) column[i] = slots[i].fields?.[name] ?? null;
      fields[name] = column;
    }
    return { size: slots.length, fields };
  };
  const batch = columnsOf(rows);
  if (kind === "batch" && rows.every((slot) => slot.problem === null)) return { batch, good: batch, refused: null };
  const refused = rows.map((slot): ScoreError | null => {
    if (slot.problem !== null) return scoreError("bad-input", slot.problem);
    if (kind === "late") {
      return scoreError(
        "incomplete-group",
        "its group was already closed; its rollouts lie further apart than --window, or are more than --group-size",
      );
    }
    if (kind === "short") {
      return scoreError("incomplete-group", `its group has ${rows.length} rollouts within --window, not --group-size`);
    }
    return null;
  });
  return {
    batch,
    good: kind === "batch" ? columnsOf(rows.filter((slot) => slot.problem === null)) : columnsOf([]),
    refused,
  };
}
