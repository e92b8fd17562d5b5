/** Eigenvalues of a symmetric row-major n×n matrix, ascending, by cyclic Jacobi rotations. */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  return diagonalized(Float64Array.from(matrix), n, null).sort();
}

/** Eigenvalues of a symmetric row-major n×n matrix, ascending, and its unit eigenvectors: vector k is column k of row-major `vectors`. */
export function symmetricEigenvectors(
  matrix: Float64Array,
  n: number,
): { values: Float64Array; vectors: Float64Array } {
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  const found = diagonalized(Float64Array.from(matrix), n, basis);
  const order = Array.from(found, (_, k) => k).sort((a, b) => found[a] - found[b]);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) vectors[i * n + k] = basis[i * n + order[k]];
  return { values: Float64Array.from(order, (k) => found[k]), vectors };
}

/** Diagonal of `a` after rotating it to diagonal form in place; `basis`, if given, is rotated along. */
function diagonalized(a: Float64Array, n: number, basis: Float64Array | null): Float64Array {
  let scale = 0;
  for (let i = 0; i < a.length; i++) scale += a[i] * a[i];
  for (let sweep = 0; sweep < 100; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) off += a[i * n + j] * a[i * n + j];
    if (off <= 1e-30 * scale) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, n, p, q, basis);
  }
  const values = new Float64Array(n);
  for (let i = 0; i < n; i++) values[i] = a[i * n + i];
  return values;
}

/** One rotation that zeroes the entries (p, q) and (q, p). */
function rotate(a: Float64Array, n: number, p: number, q: number, basis: Float64Array | null): void {
  const apq = a[p * n + q];
  if (apq === 0) return;
  const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const kp = a[k * n + p];
    const kq = a[k * n + q];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (let k = 0; k < n; k++) {
    const pk = a[p * n + k];
    const qk = a[q * n + k];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
  }
  if (basis === null) return;
  for (let k = 0; k < n; k++) {
    const kp = basis[k * n + p];
    const kq = basis[k * n + q];
    basis[k * n + p] = c * kp - s * kq;
    basis[k * n + q] = s * kp + c * kq;
  }
}
