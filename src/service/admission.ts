/** Who may come in: a bounded number of requests and bytes; the rest is told when to come back. */
import { Problem } from "./problem.ts";

export interface Admission {
  /** Takes a place, or throws 429. Call before the body is read; the returned function gives the place back. */
  enter(bytes: number): () => void;
  /** Waits for a turn to be scored; rejects with the signal's reason. The returned function ends the turn. */
  turn(signal: AbortSignal): Promise<() => void>;
  /** The same without a promise: `start` gets the function that ends the turn, perhaps before this returns. */
  whenTurn(start: (end: () => void) => void): void;
  readonly running: number;
  readonly waiting: number;
  readonly inside: number;
  readonly bytes: number;
  /** Resolves when nobody is inside. */
  empty(): Promise<void>;
}

export interface AdmissionLimits {
  readonly running: number;
  readonly waiting: number;
  readonly memory: number;
}

export function createAdmission(limits: AdmissionLimits): Admission {
  const queue: (() => void)[] = [];
  let emptied: (() => void)[] = [];
  let inside = 0;
  let running = 0;
  let bytes = 0;
  /** Milliseconds that a turn takes, smoothed. */
  let typical = 100;

  /** Seconds until about half of those inside are through. */
  const retryAfter = () => {
    const rounds = Math.max(1, inside / (2 * limits.running));
    return Math.min(60, Math.max(1, Math.ceil((typical * rounds) / 1000)));
  };

  const startNext = () => {
    while (running < limits.running) {
      const next = queue.shift();
      if (!next) return;
      next();
    }
  };

  const begin = () => {
    running++;
    const started = performance.now();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      running--;
      typical += 0.1 * (performance.now() - started - typical);
      startNext();
    };
  };

  return {
    whenTurn(start) {
      queue.push(() => start(begin()));
      startNext();
    },
    get running() {
      return running;
    },
    get waiting() {
      return queue.length;
    },
    get inside() {
      return inside;
    },
    get bytes() {
      return bytes;
    },
    enter(size) {
      const full = inside >= limits.running + limits.waiting;
      if (full || (inside > 0 && bytes + size > limits.memory)) {
        const what = full ? `${inside} requests are under way` : `${bytes} bytes are under way`;
        throw new Problem(429, "busy", `${what}, as many as this service takes`, {
          retryable: true,
          retryAfter: retryAfter(),
        });
      }
      inside++;
      bytes += size;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        inside--;
        bytes -= size;
        if (inside === 0) {
          for (const resolve of emptied) resolve();
          emptied = [];
        }
      };
    },
    turn(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const start = () => {
          signal.removeEventListener("abort", abandoned);
          resolve(begin());
        };
        const abandoned = () => {
          const at = queue.indexOf(start);
          if (at >= 0) queue.splice(at, 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", abandoned, { once: true });
        queue.push(start);
        startNext();
      });
    },
    empty() {
      return inside === 0 ? Promise.resolve() : new Promise((resolve) => emptied.push(resolve));
    },
  };
}
