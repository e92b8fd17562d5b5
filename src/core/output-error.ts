import { ContractError, messageOf } from "./error.ts";

/** A file cannot be written. */
export class OutputError extends ContractError {
  constructor(path: string, thrown: unknown) {
    const code = (thrown as { code?: unknown } | null)?.code;
    const why =
      code === "ENOSPC" || code === "EDQUOT"
        ? "no space left on the disk"
        : code === "EPIPE"
          ? "nobody reads it any more"
          : messageOf(thrown);
    super(path, `cannot be written (${why})`);
    this.name = "OutputError";
  }
}
