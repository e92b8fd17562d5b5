/**
 * Small dense linear programmes: minimise c·x subject to A x ≥ b, x ≥ 0, with c ≥ 0.
 *
 * Non-negative costs make x = 0 dual feasible, so the dual simplex method needs no first phase: it repairs one
 * violated row at a time until none is left (optimal) or one cannot be repaired (infeasible). Meant for a few
 * hundred rows and columns; the optimum is never unbounded.
 */
export interface LinearProgram {
  /** n non-negative costs. */
  readonly costs: Float64Array;
  /** m×n, row-major. */
  readonly rows: Float64Array;
  /** m right-hand sides. */
  readonly bounds: Float64Array;
}

const zero = 1e-10;

/** An optimal x; null when the rows contradict each other. Throws when a cost is negative. */
export function minimize({ costs, rows, bounds }: LinearProgram): Float64Array | null {
  const n = costs.length;
  const m = bounds.length;
  if (costs.some((cost) => !(cost >= 0))) throw new RangeError("minimize expects non-negative costs");
  // Dictionary: slack_i = −bound_i + Σ_j row_ij · x_j; x and slacks change places in pivots.
  const table = Float64Array.from(rows);
  const value = Float64Array.from(bounds, (bound) => -bound);
  const reduced = Float64Array.from(costs);
  const inColumn = Int32Array.from({ length: n }, (_, j) => j);
  const inRow = Int32Array.from({ length: m }, (_, i) => n + i);
  let stalled = 0;
  for (;;) {
    // The usual rules are fast; Bland's, once the objective stands still for long, cannot cycle.
    const careful = stalled > m + n;
    const leaving = violatedRow(value, inRow, careful);
    if (leaving < 0) break;
    const entering = repairingColumn(table, reduced, inColumn, leaving, careful);
    if (entering < 0) return null;
    stalled = reduced[entering] > zero ? 0 : stalled + 1;
    pivot(table, value, reduced, leaving, entering);
    const held = inRow[leaving];
    inRow[leaving] = inColumn[entering];
    inColumn[entering] = held;
  }
  const x = new Float64Array(n);
  for (let i = 0; i < m; i++) if (inRow[i] < n) x[inRow[i]] = Math.max(0, value[i]);
  return x;
}

/** The most negative row, or under Bland's rule the negative one of smallest variable; −1 when all are satisfied. */
function violatedRow(value: Float64Array, inRow: Int32Array, careful: boolean): number {
  let row = -1;
  for (let i = 0; i < value.length; i++) {
    if (value[i] >= -1e-9) continue;
    if (row < 0 || (careful ? inRow[i] < inRow[row] : value[i] < value[row])) row = i;
  }
  return row;
}

/** The column that repairs a row at the least rise of the objective; −1 when none does. */
function repairingColumn(
  table: Float64Array,
  reduced: Float64Array,
  inColumn: Int32Array,
  row: number,
  careful: boolean,
): number {
  const n = reduced.length;
  let column = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let j = 0; j < n; j++) {
    const coefficient = table[row * n + j];
    if (coefficient <= 1e-9) continue;
    const ratio = reduced[j] / coefficient;
    const tied = column >= 0 && Math.abs(ratio - least) <= zero;
    const preferred = careful
      ? column >= 0 && inColumn[j] < inColumn[column]
      : column >= 0 && coefficient > table[row * n + column];
    if (column < 0 || (tied ? preferred : ratio < least)) {
      column = j;
      least = Math.min(least, ratio);
    }
  }
  return column;
}

/** Solves row `leaving` for the variable of column `entering` and puts it into every other row. */
function pivot(table: Float64Array, value: Float64Array, reduced: Float64Array, leaving: number, entering: number) {
  const n = reduced.length;
  const m = value.length;
  const start = leaving * n;
  const coefficient = table[start + entering];
  // x_e = (slack − value − Σ_{j≠e} row_j x_j) / coefficient
  for (let j = 0; j < n; j++) table[start + j] = j === entering ? 1 / coefficient : -table[start + j] / coefficient;
  value[leaving] = -value[leaving] / coefficient;
  for (let i = 0; i < m; i++) {
    if (i === leaving) continue;
    const factor = table[i * n + entering];
    if (factor === 0) continue;
    table[i * n + entering] = 0;
    for (let j = 0; j < n; j++) table[i * n + j] += factor * table[start + j];
    value[i] += factor * value[leaving];
  }
  const cost = reduced[entering];
  if (cost === 0) return;
  reduced[entering] = 0;
  for (let j = 0; j < n; j++) reduced[j] = Math.max(0, reduced[j] + cost * table[start + j]);
}
