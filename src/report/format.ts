/** How the report writes numbers. "–" stands for an undefined one. */

/** Up to `digits` significant digits (never fewer than the integer part), thousands separated, a true minus sign. */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e-12) return "0"; // what is left of sums that cancel
  const whole = Math.floor(Math.log10(size)) + 1;
  const text =
    size < 1e-4 || size >= 1e9
      ? value.toExponential(Math.max(0, digits - 2))
      : value.toLocaleString("en-US", { maximumSignificantDigits: Math.min(21, Math.max(digits, whole)) });
  return text.replaceAll("-", "−");
}

export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

/** A share as a percentage; never rounds something to 0 % or 100 % that is not. */
export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  if (share < 1 && share > 0.9995) return "> 99.9 %";
  return `${(share * 100).toFixed(1).replace(/\.0$/, "")} %`;
}

export function formatDuration(seconds: number | undefined): string | null {
  if (seconds === undefined || !Number.isFinite(seconds)) return null;
  if (seconds < 60) return `${formatNumber(seconds, 3)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
