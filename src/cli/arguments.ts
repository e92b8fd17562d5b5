/** Numbers on the command line. An empty text is no number: `Number("")` would be 0. */
import { InvalidArgumentError } from "commander";

function numberOf(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

/** An integer from `least` (to `most`). */
export function integer(least: number, most?: number): (text: string) => number {
  return (text) => {
    const value = numberOf(text);
    if (Number.isSafeInteger(value) && value >= least && (most === undefined || value <= most)) return value;
    throw new InvalidArgumentError(
      most === undefined
        ? `expected an integer of at least ${least}.`
        : `expected an integer from ${least} to ${most}.`,
    );
  };
}

export function anyNumber(text: string): number {
  const value = numberOf(text);
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number.");
}

export function positiveNumber(text: string): number {
  const value = numberOf(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a positive number.");
}

/** Between 0 and 1, both excluded. */
export function openShare(text: string): number {
  const value = numberOf(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError("expected a number between 0 and 1.");
}
