/** Runs with known truth, for measuring monitors. */
import type { MonitorRecord } from "../../src/audit/monitor/types.ts";
import type { Random } from "../../src/core/random.ts";

export type Kind = "healthy" | "shifting" | "noisy" | "collapsing" | "hackable";
export type Half = "development" | "held-out";

/** A run as a log has it, and beside it what no log has: the exact true value of the policy at each record. */
export interface Trace {
  readonly records: readonly MonitorRecord[];
  readonly truth: readonly number[];
}

/** One way to generate runs. A variant belongs to one half only, so that the halves share neither seeds nor settings. */
export interface Variant {
  readonly bed: string;
  readonly name: string;
  /** What the variant was meant to be; the label comes from the truth (label.ts). */
  readonly kind: Kind;
  readonly half: Half;
  readonly seeds: number;
  /** Width of the range of true values, the unit of the labels. */
  readonly range: number;
  readonly generate: (random: Random) => Trace;
}

/** Every how many records the probe is asked. */
export const probeEvery = 5;
