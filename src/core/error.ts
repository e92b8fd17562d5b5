/**
 * Errors as values (nothing here ever becomes a reward).
 *
 * A score is either a value or an error with its reason; see `Score`. Code that finds bad *input*
 * throws `ContractError`, whose `path` names the field.
 */

/** Why a rollout, or one signal of it, has no value. `retryable`: the same call may succeed later. */
export interface ScoreError {
  readonly code: ScoreErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

export type ScoreErrorCode =
  | "timeout" // ran out of its time limit
  | "not-finite" // produced NaN or an infinity
  | "threw" // the signal's own code threw
  | "crashed" // its worker or sandbox died
  | "unreadable" // a judge's reply that its parser refuses
  | "no-value" // the signal has nothing to say about this rollout
  | "unavailable" // an endpoint or optional dependency could not be reached
  | "bad-input" // a field of this rollout is missing or has the wrong shape
  | "incomplete-group" // a part over groups met a group that never became complete
  | "cancelled"; // the run was stopped

/** A value, perhaps with the evidence it rests on, or the reason why there is none. */
export type Score = { readonly value: number; readonly evidence?: unknown } | { readonly error: ScoreError };

export function scoreError(code: ScoreErrorCode, message: string, retryable = false): ScoreError {
  return { code, message, retryable };
}

/** Input that breaks a contract. `path` is dotted from the root, e.g. `inputs.groups[3]`. */
export class ContractError extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(path ? `${path}: ${message}` : message);
    this.name = "ContractError";
    this.path = path;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
