/** Principal components and planar convex hulls of a few points. */
import { symmetricEigenvectors } from "../core/eigenvalues.ts";

/** A point in the plane. */
export type Point = readonly [number, number];

/**
 * Coordinates of the rows of a row-major count×width matrix on its first one or two principal directions (signs arbitrary; 0 on a
 * direction that is not asked for). The second direction comes from what the first leaves, not from one spectrum: the root of an
 * eigenvalue that ought to be 0 would be noise of 1e-8.
 */
export function principalComponents(values: Float64Array, count: number, width: number, components: number): Point[] {
  const rows = Float64Array.from(values);
  for (let d = 0; d < width; d++) {
    let mean = 0;
    for (let i = 0; i < count; i++) mean += values[i * width + d] / count;
    for (let i = 0; i < count; i++) rows[i * width + d] -= mean;
  }
  const first = removePrincipal(rows, count, width);
  const second = components > 1 ? removePrincipal(rows, count, width) : new Float64Array(count);
  return Array.from({ length: count }, (_, i): Point => [first[i], second[i]]);
}

/** Coordinates of the rows on their principal direction, which is taken out of the rows. */
function removePrincipal(rows: Float64Array, count: number, width: number): Float64Array {
  const gram = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let product = 0;
      for (let d = 0; d < width; d++) product += rows[i * width + d] * rows[j * width + d];
      gram[i * count + j] = product;
      gram[j * count + i] = product;
    }
  }
  const { vectors } = symmetricEigenvectors(gram, count);
  const direction = new Float64Array(width);
  for (let i = 0; i < count; i++)
    for (let d = 0; d < width; d++) direction[d] += vectors[i * count + count - 1] * rows[i * width + d];
  const length = Math.sqrt(direction.reduce((sum, x) => sum + x * x, 0));
  const coordinates = new Float64Array(count);
  if (length === 0) return coordinates;
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < width; d++) coordinates[i] += (direction[d] / length) * rows[i * width + d];
    for (let d = 0; d < width; d++) rows[i * width + d] -= (direction[d] / length) * coordinates[i];
  }
  return coordinates;
}

/**
 * Sorted indices of the corners of the convex hull (monotone chain). Points on an edge are none; of points closer than 1e-9 of the
 * extent the first counts; collinear points have their two ends.
 */
export function hullVertices(points: readonly Point[]): number[] {
  const extent = points.reduce((largest, [x, y]) => Math.max(largest, Math.abs(x), Math.abs(y)), 0);
  const slack = 1e-9 * extent;
  const same = (a: Point, b: Point) => Math.abs(a[0] - b[0]) <= slack && Math.abs(a[1] - b[1]) <= slack;
  const distinct: number[] = [];
  for (const [i, point] of points.entries()) if (!distinct.some((j) => same(points[j], point))) distinct.push(i);
  if (distinct.length < 2) return distinct;
  // Coordinates within the slack count as equal, so that rounding does not reorder points of one column.
  const order = distinct.sort((i, j) => {
    const across = points[i][0] - points[j][0];
    return Math.abs(across) > slack ? across : points[i][1] - points[j][1];
  });
  const lower = chain(points, order, slack);
  const upper = chain(points, order.slice().reverse(), slack);
  return [...new Set([...lower, ...upper])].sort((a, b) => a - b);
}

/** One side of the hull, turning left at every corner by more than the slack. */
function chain(points: readonly Point[], order: readonly number[], slack: number): number[] {
  const corners: number[] = [];
  for (const i of order) {
    while (corners.length >= 2) {
      const [ax, ay] = points[corners[corners.length - 2]];
      const [bx, by] = points[corners[corners.length - 1]];
      const [cx, cy] = points[i];
      const turn = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
      // Twice the triangle's area over its base: how far b stands out from the line a–c.
      if (turn > slack * Math.hypot(cx - ax, cy - ay)) break;
      corners.pop();
    }
    corners.push(i);
  }
  return corners;
}
