/** Dense linear algebra on row-major buffers: what exact solvers of small problems need. */

/** LU factors of an n×n matrix with partial pivoting; `singular` when a pivot vanishes. */
export interface Factors {
  readonly n: number;
  readonly lu: Float64Array;
  readonly pivots: Int32Array;
  readonly singular: boolean;
}

/** Factors a row-major n×n matrix (copied). A pivot below 1e-13 of the largest entry counts as zero. */
export function factor(matrix: Float64Array, n: number): Factors {
  const lu = Float64Array.from(matrix);
  const pivots = new Int32Array(n);
  let largest = 0;
  for (let i = 0; i < lu.length; i++) largest = Math.max(largest, Math.abs(lu[i]));
  const smallest = largest * 1e-13;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(lu[i * n + k]) > Math.abs(lu[pivot * n + k])) pivot = i;
    pivots[k] = pivot;
    if (pivot !== k) {
      for (let j = 0; j < n; j++) {
        const held = lu[k * n + j];
        lu[k * n + j] = lu[pivot * n + j];
        lu[pivot * n + j] = held;
      }
    }
    const diagonal = lu[k * n + k];
    if (!(Math.abs(diagonal) > smallest)) return { n, lu, pivots, singular: true };
    for (let i = k + 1; i < n; i++) {
      const ratio = lu[i * n + k] / diagonal;
      if (ratio === 0) continue;
      lu[i * n + k] = ratio;
      for (let j = k + 1; j < n; j++) lu[i * n + j] -= ratio * lu[k * n + j];
    }
  }
  return { n, lu, pivots, singular: false };
}

/** x with A x = b, from the factors of A; null when A is singular. */
export function solveFactored({ n, lu, pivots, singular }: Factors, b: ArrayLike<number>): Float64Array | null {
  if (singular) return null;
  const x = Float64Array.from(b);
  for (let k = 0; k < n; k++) {
    const pivot = pivots[k];
    if (pivot === k) continue;
    const held = x[k];
    x[k] = x[pivot];
    x[pivot] = held;
  }
  for (let i = 1; i < n; i++) {
    let sum = x[i];
    for (let j = 0; j < i; j++) sum -= lu[i * n + j] * x[j];
    x[i] = sum;
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i];
    for (let j = i + 1; j < n; j++) sum -= lu[i * n + j] * x[j];
    x[i] = sum / lu[i * n + i];
  }
  return x;
}

/** x with A x = b for a row-major n×n matrix A; null when A is singular. */
export function solve(matrix: Float64Array, b: ArrayLike<number>): Float64Array | null {
  return solveFactored(factor(matrix, b.length), b);
}
