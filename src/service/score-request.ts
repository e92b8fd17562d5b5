/** `POST /v1/score`: the request, read strictly. */
import { readColumns, readRows } from "./columns.ts";
import { badField } from "./problem.ts";

export interface ScoreRequest {
  readonly reward?: string;
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
  readonly size: number;
  readonly evidence: boolean;
  readonly credit: boolean;
}

const known = ["reward", "fields", "rollouts", "evidence", "credit"];

export function readScoreRequest(body: Readonly<Record<string, unknown>>, mostRollouts: number): ScoreRequest {
  checkKeys(body, known);
  const { reward, fields, rollouts } = body;
  if (reward !== undefined && typeof reward !== "string") throw badField("reward", "expected the name of a reward");
  if ((fields === undefined) === (rollouts === undefined)) {
    throw badField(
      fields === undefined ? "fields" : "rollouts",
      "expected either fields (lists, one entry a rollout) or rollouts (a list of objects)",
    );
  }
  const columns =
    fields === undefined ? readRows(rollouts, "rollouts", mostRollouts) : readColumns(fields, "fields", mostRollouts);
  const size = Object.values(columns)[0]?.length ?? 0;
  if (size === 0) throw badField("rollouts", "expected objects with at least one field");
  return { reward, columns, size, evidence: flag(body, "evidence", true), credit: flag(body, "credit", true) };
}

export function checkKeys(body: Readonly<Record<string, unknown>>, names: readonly string[], at = ""): void {
  for (const key of Object.keys(body)) {
    if (!names.includes(key)) throw badField(`${at}${key.slice(0, 64)}`, `unknown; there are ${names.join(", ")}`);
  }
}

function flag(body: Readonly<Record<string, unknown>>, name: string, otherwise: boolean): boolean {
  const value = body[name];
  if (value === undefined) return otherwise;
  if (typeof value !== "boolean") throw badField(name, "expected true or false");
  return value;
}
