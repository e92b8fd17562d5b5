import type { SingleBar } from "cli-progress";

export interface Progress {
  update(rows: number, unscored: number): void;
  stop(): void;
}

const silent: Progress = { update: () => {}, stop: () => {} };

/** A progress bar on standard error, when that is a terminal. `done` and `total` are in the units of the source. */
export async function createProgress(total: number | null, done: () => number): Promise<Progress> {
  if (process.stderr.isTTY !== true) return silent;
  const { default: progress } = await import("cli-progress");
  const began = performance.now();
  let before: number | null = null;
  const bar: SingleBar = new progress.SingleBar({
    stream: process.stderr,
    format:
      total === null
        ? "{rows} rollouts · {rate}/s · {unscored} unscored"
        : "{bar} {percentage} % · {rows} rollouts · {rate}/s · {left} left · {unscored} unscored",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    fps: 8,
    hideCursor: null,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  const start = done();
  bar.start(total ?? 1, start, { rows: 0, rate: 0, left: "?", unscored: 0 });
  return {
    update(rows, unscored) {
      before ??= rows;
      const seconds = (performance.now() - began) / 1000;
      const now = Math.min(done(), total ?? Number.POSITIVE_INFINITY);
      const left = total === null || now <= start ? null : ((total - now) * seconds) / (now - start);
      bar.update(total === null ? 0 : now, {
        rows,
        rate: Math.round((rows - before) / Math.max(seconds, 0.001)),
        left: left === null ? "?" : clock(left),
        unscored,
      });
    },
    stop: () => bar.stop(),
  };
}

/** 75 → 1:15 */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
