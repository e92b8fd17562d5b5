/** Calls that wait: functions and judges, each with a limit on time, tries and how many run at once. */
import { messageOf, type ScoreError, type ScoreErrorCode, scoreError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import type { SignalContext, SignalResult } from "./types.ts";

export function isThenable(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && typeof (value as Promise<unknown>).then === "function";
}

const codes: Readonly<Record<ScoreErrorCode, true>> = {
  timeout: true,
  "not-finite": true,
  threw: true,
  crashed: true,
  unreadable: true,
  "no-value": true,
  unavailable: true,
  "bad-input": true,
  "incomplete-group": true,
  cancelled: true,
};

export function isErrorCode(code: unknown): code is ScoreErrorCode {
  return typeof code === "string" && Object.hasOwn(codes, code);
}

export interface Outcome {
  readonly value: number;
  readonly error?: ScoreError;
  readonly evidence?: unknown;
  readonly retryAfter?: number;
}

/** Reads what a function returned; anything but a finite number is an error, never a number. */
export function normalizeResult(result: unknown): Outcome {
  if (typeof result === "number") return finite(result);
  if (typeof result === "boolean") return { value: result ? 1 : 0 };
  if (result === null || result === undefined) {
    return failure(
      scoreError("no-value", result === null ? "had nothing to say about this rollout" : "returned undefined"),
    );
  }
  if (typeof result === "object" && "error" in result) {
    const { error, retryAfter } = result as { error: Partial<ScoreError>; retryAfter?: number };
    if (typeof error === "object" && error !== null) {
      return {
        ...failure(
          scoreError(
            isErrorCode(error.code) ? error.code : "threw",
            String(error.message ?? "no message"),
            error.retryable === true,
          ),
        ),
        retryAfter,
      };
    }
    return failure(scoreError("threw", String(error)));
  }
  if (typeof result === "object" && "value" in result) {
    const { value, evidence } = result as { value: unknown; evidence?: unknown };
    if (typeof value === "number" || typeof value === "boolean" || value === null)
      return { ...normalizeResult(value), evidence };
  }
  return failure(
    scoreError("threw", `returned ${describe(result)}, expected a number, a boolean, null or { value, evidence }`),
  );
}

function describe(value: unknown): string {
  if (typeof value === "object") return `an object with ${Object.keys(value as object).join(", ") || "no keys"}`;
  return typeof value === "string" ? `the text ${JSON.stringify(value.slice(0, 40))}` : `a ${typeof value}`;
}

function finite(value: number): Outcome {
  return Number.isFinite(value) ? { value } : failure(scoreError("not-finite", `returned ${value}`));
}

function failure(error: ScoreError): Outcome {
  return { value: Number.NaN, error };
}

const networkCodes = /^(ECONN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|ENETUNREACH|EHOSTUNREACH|UND_ERR)/;

/** The error that something thrown stands for. Network failures and busy servers may be tried again. */
export function fromThrown(thrown: unknown): ScoreError {
  const message = messageOf(thrown);
  const { code, status, retryable, cause } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as {
    code?: unknown;
    status?: unknown;
    retryable?: unknown;
    cause?: { code?: unknown };
  };
  const network =
    networkCodes.test(String(code ?? "")) || networkCodes.test(String(cause?.code ?? "")) || message === "fetch failed";
  const busy = typeof status === "number" && (status === 408 || status === 409 || status === 429 || status >= 500);
  if (network || busy) return scoreError("unavailable", message, true);
  return scoreError("threw", message, retryable === true);
}

/** At most `size` at once, first come, first served. */
export interface Limiter {
  acquire(): Promise<void>;
  release(): void;
}

export function createLimiter(size: number): Limiter {
  let free = size;
  const waiting: (() => void)[] = [];
  return {
    acquire() {
      if (free > 0) {
        free--;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    release() {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
  };
}

export interface CallPolicy {
  readonly timeLimit: number;
  readonly retries: number;
  readonly limiter: Limiter;
  /** For the jitter of the backoff. */
  readonly random: Random;
  readonly onRetry: () => void;
  readonly onTimeout: () => void;
}

const firstDelay = 250;
const longestDelay = 30_000;

/** One call with its tries. Never rejects, unless `stop` says that the run is over. */
export async function callWithRetries(
  call: (context: SignalContext) => SignalResult | Promise<SignalResult>,
  { timeLimit, retries, limiter, random, onRetry, onTimeout }: CallPolicy,
  stop: AbortSignal | undefined,
): Promise<Outcome> {
  for (let tries = 0; ; tries++) {
    await limiter.acquire();
    let outcome: Outcome;
    try {
      stop?.throwIfAborted();
      outcome = await withTimeLimit(call, timeLimit, stop);
    } finally {
      limiter.release();
    }
    if (outcome.error?.code === "timeout") onTimeout();
    if (!outcome.error?.retryable || tries >= retries) return outcome;
    onRetry();
    const backoff = Math.min(longestDelay, firstDelay * 2 ** tries) * (0.5 + random.uniform());
    await sleep(Math.max(backoff, outcome.retryAfter ?? 0), stop);
  }
}

async function withTimeLimit(
  call: (context: SignalContext) => SignalResult | Promise<SignalResult>,
  timeLimit: number,
  stop: AbortSignal | undefined,
): Promise<Outcome> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let stopped: (() => void) | undefined;
  const over = new Promise<Outcome>((resolve, reject) => {
    timer = setTimeout(() => {
      resolve(failure(scoreError("timeout", `took longer than ${timeLimit} ms`, true)));
      controller.abort(new Error(`took longer than ${timeLimit} ms`));
    }, timeLimit);
    stopped = () => {
      reject(stop?.reason);
      controller.abort(stop?.reason);
    };
    stop?.addEventListener("abort", stopped, { once: true });
  });
  const answer = (async () => {
    try {
      return normalizeResult(await call({ signal: controller.signal }));
    } catch (thrown) {
      return failure(fromThrown(thrown));
    }
  })();
  try {
    return await Promise.race([answer, over]);
  } finally {
    clearTimeout(timer);
    if (stopped) stop?.removeEventListener("abort", stopped);
  }
}

function sleep(milliseconds: number, stop: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    const aborted = () => {
      clearTimeout(timer);
      reject(stop?.reason);
    };
    if (stop?.aborted) aborted();
    else stop?.addEventListener("abort", aborted, { once: true });
  });
}
