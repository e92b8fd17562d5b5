import type { SingleBar } from "cli-progress";

export interface Progress {
  /** `rows` of the `read` are scored, or known to have no reward. */
  update(state: { rows: number; unscored: number; read: number }): void;
  stop(): void;
}

const silent: Progress = { update: () => {}, stop: () => {} };

/**
 * A progress bar on standard error, when that is a terminal. `share` is how much of the input has been
 * read (null: unknown, as of a pipe); of what was read, the scored rows count.
 */
export async function createProgress(share: () => number | null): Promise<Progress> {
  if (process.stderr.isTTY !== true) return silent;
  const { default: progress } = await import("cli-progress");
  const began = performance.now();
  let before: { rows: number; done: number } | null = null;
  const known = share() !== null;
  const bar: SingleBar = new progress.SingleBar({
    stream: process.stderr,
    format: known
      ? "{bar} {percentage} % · {rows} rollouts · {rate}/s · {left} left · {unscored} unscored"
      : "{rows} rollouts · {rate}/s · {unscored} unscored",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    fps: 8,
    hideCursor: null,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  bar.start(1000, 0, { rows: 0, rate: 0, left: "?", unscored: 0 });
  return {
    update({ rows, unscored, read }) {
      const done = ((share() ?? 0) * rows) / Math.max(1, read);
      before ??= { rows, done };
      const seconds = (performance.now() - began) / 1000;
      const gained = done - before.done;
      bar.update(Math.min(1000, Math.floor(1000 * done)), {
        rows,
        rate: Math.round((rows - before.rows) / Math.max(seconds, 0.001)),
        left: gained > 0 ? clock(((1 - done) * seconds) / gained) : "?",
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
