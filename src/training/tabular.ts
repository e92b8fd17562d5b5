/**
 * Policies that are tables of softmax logits, and what it takes to train them: probabilities by row, the gradient of
 * log π, and Adam on typed arrays. Small enough that an experiment's learner reads top to bottom beside them.
 */

/** softmax of every row of `logits` (rows × columns, row after row), into `into` if given. Length must be a multiple of `columns`. */
export function softmaxRows(logits: ArrayLike<number>, columns: number, into?: Float64Array): Float64Array {
  if (!(columns > 0) || logits.length % columns !== 0)
    throw new RangeError(`softmaxRows: ${logits.length} logits are not whole rows of ${columns}`);
  const probabilities = into ?? new Float64Array(logits.length);
  for (let row = 0; row < logits.length; row += columns) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let a = row; a < row + columns; a++) if (logits[a] > highest) highest = logits[a];
    let total = 0;
    for (let a = row; a < row + columns; a++) total += probabilities[a] = Math.exp(logits[a] - highest);
    for (let a = row; a < row + columns; a++) probabilities[a] /= total;
  }
  return probabilities;
}

/** Adds weight · ∇ log π(action) of one row to `gradient`: weight · (1[a = action] − π(a)). */
export function addScoreGradient(
  gradient: Float64Array,
  probabilities: Float64Array,
  columns: number,
  row: number,
  action: number,
  weight: number,
): void {
  const start = row * columns;
  for (let a = 0; a < columns; a++) gradient[start + a] -= weight * probabilities[start + a];
  gradient[start + action] += weight;
}

/** Index in [0, columns) drawn from one row of probabilities with a uniform number in [0, 1). */
export function drawAction(probabilities: Float64Array, columns: number, row: number, uniform: number): number {
  const start = row * columns;
  let left = uniform;
  for (let a = 0; a < columns - 1; a++) {
    left -= probabilities[start + a];
    if (left < 0) return a;
  }
  return columns - 1;
}

/** Adam (arXiv 1412.6980, algorithm 1) on a typed array, in place; `ascend` follows the gradient uphill. */
export function adam(length: number, learningRate: number, { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = {}) {
  const first = new Float64Array(length);
  const second = new Float64Array(length);
  let step = 0;
  const move = (parameters: Float64Array, gradient: ArrayLike<number>, sign: number) => {
    step++;
    const scale1 = 1 / (1 - beta1 ** step);
    const scale2 = 1 / (1 - beta2 ** step);
    for (let i = 0; i < length; i++) {
      const g = gradient[i];
      first[i] = beta1 * first[i] + (1 - beta1) * g;
      second[i] = beta2 * second[i] + (1 - beta2) * g * g;
      parameters[i] += (sign * learningRate * first[i] * scale1) / (Math.sqrt(second[i] * scale2) + epsilon);
    }
  };
  return {
    ascend: (parameters: Float64Array, gradient: ArrayLike<number>) => move(parameters, gradient, 1),
    descend: (parameters: Float64Array, gradient: ArrayLike<number>) => move(parameters, gradient, -1),
  };
}
