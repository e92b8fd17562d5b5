/** What commands share in writing to a terminal: colour only where one is looking, nothing after a closed pipe. */
import pc from "picocolors";

/** NO_COLOR switches colour off, FORCE_COLOR on; otherwise only a terminal gets it. */
export function wantsColor(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return stream.isTTY === true && TERM !== "dumb";
}

export const colors = pc.createColors(wantsColor(process.stdout));

/** Columns of the terminal, or of COLUMNS; null where lines need not fit anything. */
export function terminalWidth(): number | null {
  const given = Number(process.env.COLUMNS);
  if (Number.isInteger(given) && given > 0) return given;
  return process.stdout.isTTY ? process.stdout.columns : null;
}

/** Cuts a line to `width` code points with an ellipsis. */
export function truncate(text: string, width: number): string {
  const points = [...text];
  return points.length <= width ? text : `${points.slice(0, Math.max(0, width - 1)).join("")}…`;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
