import { ContractError, messageOf } from "./error.ts";

/** A file cannot be written. */
export class OutputError extends ContractError {
  /** The disk is full: no mistake in how it was asked for. */
  readonly full: boolean;

  constructor(path: string, thrown: unknown) {
    const code = (thrown as { code?: unknown } | null)?.code;
    const full = code === "ENOSPC" || code === "EDQUOT" || /no space left|quota exceeded/i.test(messageOf(thrown));
    const why = full ? "no space left on the disk" : code === "EPIPE" ? "nobody reads it any more" : messageOf(thrown);
    super(path, `cannot be written (${why})`);
    this.full = full;
    this.name = "OutputError";
  }
}
