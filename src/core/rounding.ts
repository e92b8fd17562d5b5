/** The nearest number with `digits` decimals; exact binary halves go to the even digit, as in Python's `round`. */
export function roundHalfEven(x: number, digits = 0): number {
  const scale = 10 ** digits;
  const scaled = x * scale;
  // x·10^digits is exact where x is a multiple of 2^−(digits + 1); only there can a tie be exact.
  const dyadic = Number.isInteger(x * 2 ** (digits + 1));
  if (dyadic && Math.abs(scaled - Math.trunc(scaled)) === 0.5) return (2 * Math.round(scaled / 2)) / scale;
  return Math.abs(x) < 1e15 ? Number(x.toFixed(digits)) : x;
}
