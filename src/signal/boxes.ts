/** Geometry of corner boxes [x1, y1, x2, y2], shared by the detection rewards. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** Intersection over union; 0 for empty or inverted boxes. */
export function continuousIou(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (!(width > 0 && height > 0)) return 0;
  const shared = width * height;
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return union > 0 ? shared / union : 0;
}

/**
 * VLM-R1's pixel convention: right and lower edges are reduced by one for the overlap, whose sides then count inclusively,
 * while areas do not; an overlap one pixel wide counts as none.
 */
export function pixelIou(a: Box, b: Box): number {
  const left = Math.max(a[0], b[0]);
  const top = Math.max(a[1], b[1]);
  const right = Math.min(a[2] - 1, b[2] - 1);
  const bottom = Math.min(a[3] - 1, b[3] - 1);
  if (!(left < right && top < bottom)) return 0;
  const shared = (right - left + 1) * (bottom - top + 1);
  const union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared;
  return union > 0 ? shared / union : 0;
}
