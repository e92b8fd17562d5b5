/** The limits of the step under way, as an interpreter asks for them from inside a running program. */
export interface Clock {
  /** Why the program was told to stop; null while it may run. */
  fired: "timeout" | "output" | null;
  /** Starts the time of the next step or assertion. */
  start(milliseconds: number): void;
  /** No limit: trusted code runs. */
  stop(): void;
  /** Told to stop, for a reason other than time. */
  fire(reason: "output"): void;
  /** True when the running program is to be interrupted now; again every 20 ms, should it go on. */
  due(): boolean;
}

export function createClock(now: () => number = () => performance.now()): Clock {
  let deadline = Number.POSITIVE_INFINITY;
  return {
    fired: null,
    start(milliseconds) {
      this.fired = null;
      deadline = now() + milliseconds;
    },
    stop() {
      deadline = Number.POSITIVE_INFINITY;
    },
    fire(reason) {
      this.fired ??= reason;
      deadline = now();
    },
    due() {
      if (now() < deadline) return false;
      this.fired ??= "timeout";
      deadline = now() + 20;
      return true;
    },
  };
}
