import { ContractError } from "../core/error.ts";

/**
 * Masked whitening: (x − μ) / √(σ² + 1e-8) with μ = Σx / (n + 1e-8) and σ² the mean squared deviation
 * (same denominator) times n/(n−1), over the n unmasked tokens of the whole batch, as verl's
 * `masked_whiten`. Writes to `out` (may be `values`). Masked tokens are shifted and scaled too; callers
 * zero them where they should be. Nothing unmasked: copied as it is. A single unmasked token has no
 * variance: `ContractError`.
 */
export function whiten(values: Float64Array, mask: Float64Array | null, out: Float64Array): void {
  const n = mask ? countUnmasked(mask) : values.length;
  if (n === 0) {
    if (out !== values) out.set(values);
    return;
  }
  if (n === 1) throw new ContractError("inputs.mask", "whitening needs at least two unmasked tokens, got 1");
  const mean = sum(values, mask) / (n + 1e-8);
  const squares = sumOfSquares(values, mask, mean);
  const scale = 1 / Math.sqrt((squares / (n + 1e-8)) * (n / (n - 1)) + 1e-8);
  for (let i = 0; i < values.length; i++) out[i] = (values[i] - mean) * scale;
}

function countUnmasked(mask: Float64Array): number {
  let n = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) n++;
  return n;
}

// Without a mask, four running sums: one alone waits for each addition to finish.

function sum(values: Float64Array, mask: Float64Array | null): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  if (mask) {
    for (; i < values.length; i++) if (mask[i] !== 0) a += values[i];
    return a;
  }
  for (; i + 3 < values.length; i += 4) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
  }
  for (; i < values.length; i++) a += values[i];
  return a + b + (c + d);
}

function sumOfSquares(values: Float64Array, mask: Float64Array | null, mean: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  if (mask) {
    for (; i < values.length; i++) if (mask[i] !== 0) a += (values[i] - mean) * (values[i] - mean);
    return a;
  }
  for (; i + 3 < values.length; i += 4) {
    a += (values[i] - mean) * (values[i] - mean);
    b += (values[i + 1] - mean) * (values[i + 1] - mean);
    c += (values[i + 2] - mean) * (values[i + 2] - mean);
    d += (values[i + 3] - mean) * (values[i + 3] - mean);
  }
  for (; i < values.length; i++) a += (values[i] - mean) * (values[i] - mean);
  return a + b + (c + d);
}
