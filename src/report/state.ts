/** Everything a report remembers, as plain JSON: what is written to disk for resuming. */

import type { ScoreErrorCode } from "../core/error.ts";
import type { GroupStatistics } from "./group-statistics.ts";
import { emptyLengthBins, type LengthBins } from "./length-bins.ts";
import { type Comoments, emptyMoments, type Moments } from "./moments.ts";
import type { RankedSample, Sample } from "./samples.ts";
import { emptySketch, type Sketch } from "./sketch.ts";

export interface Track {
  moments: Moments;
  sketch: Sketch;
}

interface SignalTrack extends Track {
  name: string;
  /** Errors by code, also those that a fallback covered. */
  errors: Partial<Record<ScoreErrorCode, number>>;
  cached: number;
  milliseconds: number;
}

export interface CauseState {
  code: ScoreErrorCode;
  signal: string | null;
  count: number;
  examples: { message: string; sample: Sample }[];
}

export interface ReportState {
  version: 1;
  rollouts: number;
  reward: Track;
  combined: Track;
  advantage: Track | null;
  signals: SignalTrack[];
  success: { count: number; known: number };
  lengthUnit: "tokens" | "code points" | null;
  length: Track;
  lengthBins: LengthBins;
  /** Upper triangle, row by row, over the first signals, the reward and the length. */
  correlations: Comoments[];
  groups: GroupStatistics | null;
  causes: CauseState[];
  /** Reservoir of [length, reward]. */
  scatter: { seen: number; points: [number, number][] };
  best: RankedSample[];
  worst: RankedSample[];
}

export function emptyTrack(): Track {
  return { moments: emptyMoments(), sketch: emptySketch() };
}

export function emptyState(): ReportState {
  return {
    version: 1,
    rollouts: 0,
    reward: emptyTrack(),
    combined: emptyTrack(),
    advantage: null,
    signals: [],
    success: { count: 0, known: 0 },
    lengthUnit: null,
    length: emptyTrack(),
    lengthBins: emptyLengthBins(),
    correlations: [],
    groups: null,
    causes: [],
    scatter: { seen: 0, points: [] },
    best: [],
    worst: [],
  };
}
