/** What every request has, whichever way it goes: its id, its deadline, its line in the log. */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Measures } from "./measures.ts";
import { Problem } from "./problem.ts";
import type { BatchSummary } from "./summary.ts";

/** Headers of every answer. */
export const answerHeaders = { "x-content-type-options": "nosniff", "cache-control": "no-store" } as const;

/** `X-Request-Id`, or a new one. */
export function requestIdOf(given: string | undefined): string {
  return given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID();
}

/** `X-Deadline-Ms`: the client's own limit, never more than the service's. */
export function deadlineOf(given: string | undefined, most: number): number {
  if (given === undefined) return most;
  const wanted = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (wanted < 1)
    throw new Problem(400, "deadline", "expected a positive number of milliseconds", { field: "X-Deadline-Ms" });
  return Math.min(most, wanted);
}

/** `X-Policy-Step`: which step of the policy wrote the rollouts. */
export function policyStepOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  if (!/^\d{1,15}$/.test(given))
    throw new Problem(400, "bad-field", "expected a whole number of at least 0", { field: "X-Policy-Step" });
  return Number(given);
}

export function late(milliseconds: number): Problem {
  return new Problem(504, "deadline", `not finished within ${milliseconds} ms`, { retryable: true, retryAfter: 1 });
}

export interface Clock {
  readonly signal: AbortSignal;
  /** The client has closed the connection. */
  readonly gone: () => void;
  readonly stop: () => void;
}

/** One signal for both ways in which a request can end early. `since`: when it came in, if that was before now. */
export function startClock(milliseconds: number, since = performance.now()): Clock {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(late(milliseconds)),
    Math.max(0, since + milliseconds - performance.now()),
  );
  return {
    signal: controller.signal,
    gone: () => controller.abort(new Problem(499, "gone", "the client closed the connection")),
    stop: () => clearTimeout(timer),
  };
}

export interface AnsweredRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** The declared route; "other" where there is none. */
  readonly route: string;
  readonly status: number;
  /** `performance.now()` when it came in. */
  readonly started: number;
  /** What else there is to say of it. */
  readonly noted: Readonly<Record<string, unknown>>;
}

/** Asked by probes and scrapers, many times a minute. */
const quiet = new Set(["/healthz", "/readyz", "/metrics"]);

/** Counts a request, and gives it its line in the log. */
export function noteRequest(
  { measures, log }: { readonly measures: Measures; readonly log: Logger },
  { id, method, path, route, status, started, noted }: AnsweredRequest,
): void {
  const seconds = (performance.now() - started) / 1000;
  measures.request(route, status, seconds);
  const level = status >= 500 ? "warn" : quiet.has(path) ? "debug" : "info";
  if (!log.isLevelEnabled(level)) return;
  const milliseconds = Math.round(seconds * 1e5) / 100;
  log[level]({ requestId: id, method, path: path.slice(0, 200), status, milliseconds, ...noted }, "request");
}

export function noteBatch(noted: Record<string, unknown>, { size, unscored }: BatchSummary): void {
  noted.rollouts = Number(noted.rollouts ?? 0) + size;
  noted.unscored = Number(noted.unscored ?? 0) + unscored;
}
