/** Limits of the service. Every one of them can be given on the command line. */
export interface Limits {
  /** Bytes of one request's body. */
  readonly body: number;
  /** Rollouts in one request. */
  readonly batch: number;
  /** Requests that are scored at once. */
  readonly running: number;
  /** Further requests that wait; beyond them the answer is 429. */
  readonly waiting: number;
  /** Bytes of all bodies under way together; beyond them the answer is 429. */
  readonly memory: number;
  /** Milliseconds from the last byte of a request to its answer; a client may ask for less. */
  readonly deadline: number;
  /** Milliseconds that accepted requests get when the service is told to stop. */
  readonly drain: number;
  /** Milliseconds that one call of a single part may take. */
  readonly part: number;
}

export const defaultLimits: Limits = {
  body: 32 * 2 ** 20,
  batch: 4096,
  running: 64,
  waiting: 512,
  memory: 512 * 2 ** 20,
  deadline: 120_000,
  drain: 60_000,
  part: 10_000,
};
