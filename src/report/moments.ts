/** Count, mean and sum of squared deviations of a stream (Welford 1962), as plain JSON. */
export interface Moments {
  count: number;
  mean: number;
  /** Σ (x − mean)². */
  squares: number;
  minimum: number;
  maximum: number;
  /** Values of at least 10⁻¹² in size: what is left of sums that cancel is zero. */
  nonZero: number;
}

export function emptyMoments(): Moments {
  return { count: 0, mean: 0, squares: 0, minimum: 0, maximum: 0, nonZero: 0 };
}

export function addToMoments(moments: Moments, x: number): void {
  const value = x + 0; // −0 → 0: JSON has no −0
  moments.count++;
  const delta = value - moments.mean;
  moments.mean += delta / moments.count;
  moments.squares += delta * (value - moments.mean);
  if (moments.count === 1 || value < moments.minimum) moments.minimum = value;
  if (moments.count === 1 || value > moments.maximum) moments.maximum = value;
  if (Math.abs(value) >= 1e-12) moments.nonZero++;
}

/** Adds all of `other` (Chan, Golub & LeVeque 1983). */
export function mergeMoments(moments: Moments, other: Moments): void {
  if (other.count === 0) return;
  if (moments.count === 0) {
    Object.assign(moments, other);
    return;
  }
  const count = moments.count + other.count;
  const delta = other.mean - moments.mean;
  moments.squares += other.squares + delta * delta * ((moments.count * other.count) / count);
  moments.mean += delta * (other.count / count);
  moments.minimum = Math.min(moments.minimum, other.minimum);
  moments.maximum = Math.max(moments.maximum, other.maximum);
  moments.nonZero += other.nonZero;
  moments.count = count;
}

/** Sample standard deviation (n − 1); null below two values. */
export function momentsDeviation(moments: Moments): number | null {
  return moments.count < 2 ? null : Math.sqrt(Math.max(0, moments.squares) / (moments.count - 1));
}

/** Standard error of the mean of independent values; null below two values. */
export function momentsError(moments: Moments): number | null {
  const deviation = momentsDeviation(moments);
  return deviation === null ? null : deviation / Math.sqrt(moments.count);
}

/** Joint moments of pairs (x, y), as plain JSON. */
export interface Comoments {
  count: number;
  meanX: number;
  meanY: number;
  xx: number;
  yy: number;
  xy: number;
}

export function emptyComoments(): Comoments {
  return { count: 0, meanX: 0, meanY: 0, xx: 0, yy: 0, xy: 0 };
}

export function addToComoments(pair: Comoments, x: number, y: number): void {
  pair.count++;
  const dx = x - pair.meanX;
  const dy = y - pair.meanY;
  pair.meanX += dx / pair.count;
  pair.meanY += dy / pair.count;
  const afterY = y - pair.meanY;
  pair.xx += dx * (x - pair.meanX);
  pair.yy += dy * afterY;
  pair.xy += dx * afterY;
}

/**
 * Pearson correlation; null below two pairs or where a side has no spread (rounding alone leaves a
 * constant a spread of about 10⁻¹⁶ of its size, which is none).
 */
export function correlation(pair: Comoments): number | null {
  if (pair.count < 2 || !spreads(pair.xx, pair.meanX, pair.count) || !spreads(pair.yy, pair.meanY, pair.count)) {
    return null;
  }
  const r = pair.xy / (Math.sqrt(pair.xx) * Math.sqrt(pair.yy));
  return Number.isFinite(r) ? Math.max(-1, Math.min(1, r)) : null;
}

function spreads(squares: number, mean: number, count: number): boolean {
  return squares > 0 && Math.sqrt(squares / count) > Math.abs(mean) * 1e-13;
}
