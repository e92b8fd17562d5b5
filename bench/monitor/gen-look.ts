import { allRuns } from "./runs.ts";

const runs = allRuns((n) => console.log(n, new Date().toISOString()), process.argv[2] ? [process.argv[2]] : null);
const count: Record<string, number> = {};
for (const r of runs) {
  const k = `${r.variant.half} ${r.variant.bed} ${r.label}`;
  count[k] = (count[k] ?? 0) + 1;
  console.log(r.variant.half.slice(0, 3), r.variant.kind, r.variant.name, r.label, r.onset, r.trace.truth.length);
}
console.log(count);
