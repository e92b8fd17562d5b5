import { solve } from "../core/linear-algebra.ts";

/**
 * Weights w with Σ w_k y_k = the `derivative`-th derivative, at `position` (in samples from the first), of the polynomial
 * of degree `order` fitted to `window` samples by least squares.
 */
function weights(window: number, order: number, derivative: number, position: number): Float64Array {
  const terms = order + 1;
  // Coordinates centred on the position: the derivative there is derivative! times one coefficient.
  const normal = new Float64Array(terms * terms);
  for (let k = 0; k < window; k++) {
    for (let i = 0; i < terms; i++) for (let j = 0; j < terms; j++) normal[i * terms + j] += (k - position) ** (i + j);
  }
  const unit = new Float64Array(terms);
  unit[derivative] = 1;
  const row = solve(normal, unit) ?? unit;
  let factorial = 1;
  for (let k = 2; k <= derivative; k++) factorial *= k;
  return Float64Array.from({ length: window }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < terms; i++) sum += row[i] * (k - position) ** i;
    return factorial * sum;
  });
}

function weigh(values: Float64Array, start: number, by: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < by.length; k++) sum += by[k] * values[start + k];
  return sum;
}

/** Derivative of the fit to the last `window` samples, at the last one. */
export function lastDerivative(
  values: Float64Array,
  window: number,
  order: number,
  derivative: number,
  timeStep: number,
): number {
  const by = weights(window, order, derivative, window - 1);
  return weigh(values, values.length - window, by) / timeStep ** derivative;
}

/**
 * Savitzky–Golay smoothing. Within half a window of the ends the polynomial of the first or last window is evaluated. An
 * even window's fit is evaluated half a sample beyond the middle's left neighbour: the convention of SciPy's `interp` mode.
 */
export function smooth(values: Float64Array, window: number, order: number): Float64Array {
  const n = values.length;
  const half = Math.floor(window / 2);
  const middle = weights(window, order, 0, (window - 1) / 2);
  const lead = window % 2 === 0 ? half - 1 : half;
  return Float64Array.from(values, (_, i) => {
    if (i < half) return weigh(values, 0, weights(window, order, 0, i));
    if (i >= n - half) return weigh(values, n - window, weights(window, order, 0, i - (n - window)));
    return weigh(values, i - lead, middle);
  });
}
