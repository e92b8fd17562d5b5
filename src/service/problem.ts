/** What a request is answered with when it gets no result: a status, a code, a message, and the field it is about. */
import { ContractError, messageOf } from "../core/error.ts";

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** Place in the request, such as `fields.responses[3]`. */
  readonly field?: string;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** Seconds. */
  readonly retryAfter?: number;

  constructor(
    status: number,
    code: string,
    message: string,
    { field, retryable = false, retryAfter }: { field?: string; retryable?: boolean; retryAfter?: number } = {},
  ) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryable = retryable;
    this.retryAfter = retryAfter;
  }
}

/** A field of the request that is not what it should be. */
export function badField(field: string, message: string): Problem {
  return new Problem(422, "bad-field", message, { field });
}

/** The problem that something thrown stands for. What nobody foresaw is `internal`: its message stays in the log. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof ContractError) {
    const { path } = thrown;
    const message = messageOf(thrown);
    return badField(path, path && message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message);
  }
  return new Problem(500, "internal", "something went wrong here; the log has it under this request id");
}
