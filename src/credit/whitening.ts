import { ContractError } from "../core/error.ts";

/**
 * Masked whitening in place: (x − μ) / √(σ² + 1e-8) with μ = Σx / (n + 1e-8) and σ² the mean squared
 * deviation (same denominator) times n/(n−1), over the n unmasked tokens of the whole batch, as verl's
 * `masked_whiten`. Masked tokens are shifted and scaled too; callers zero them where they should be.
 * Nothing unmasked: left as it is. A single unmasked token has no variance: `ContractError`.
 */
export function whiten(values: Float64Array, mask: Float64Array | null): void {
  let n = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask && mask[i] === 0) continue;
    n++;
    sum += values[i];
  }
  if (n === 0) return;
  if (n === 1) throw new ContractError("inputs.mask", "whitening needs at least two unmasked tokens, got 1");
  const mean = sum / (n + 1e-8);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask && mask[i] === 0) continue;
    const deviation = values[i] - mean;
    squares += deviation * deviation;
  }
  const scale = 1 / Math.sqrt((squares / (n + 1e-8)) * (n / (n - 1)) + 1e-8);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] - mean) * scale;
}
