/** What every route works with: the rewards, the way in, the clock of a request, and the one way to score. */
import type { Logger } from "pino";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch } from "../pipeline/index.ts";
import type { Admission } from "./admission.ts";
import type { Host, LoadedReward } from "./host.ts";
import type { Measures } from "./measures.ts";
import type { Limits } from "./options.ts";
import type { PartRunner } from "./part-runner.ts";
import { Problem } from "./problem.ts";
import type { Queue } from "./queue.ts";
import type { Redact } from "./redact.ts";
import { noteBatch } from "./request.ts";
import { wantsCredit } from "./reward-facts.ts";
import { type Store, storedBatch } from "./store.ts";
import { summaryOf } from "./summary.ts";

export interface Service {
  readonly host: Host;
  readonly admission: Admission;
  readonly measures: Measures;
  readonly limits: Limits;
  readonly redact: Redact;
  readonly log: Logger;
  readonly parts: PartRunner;
  readonly version: string;
  /** Keeps what was scored; null without `--store`. */
  readonly store: Store | null;
  /** Where batches go to be scored; null when they are scored here. */
  readonly queue: Queue | null;
  /** Told to stop: nothing new is accepted. */
  readonly draining: boolean;
}

/** What a request has on its way: its id, its clock, and what the log says of it at the end. */
export interface Visit {
  readonly id: string;
  /** Aborts at the deadline, or when the client has gone. */
  readonly signal: AbortSignal;
  readonly noted: Record<string, unknown>;
  /** Step of the policy that wrote the rollouts, where the trainer says it. */
  readonly policyStep: number | null;
}

/**
 * Scores one batch in its turn. Credit is computed when the reward has it and the batch brings the groups (and
 * whatever else only credit wants); `credit: false` never asks for it.
 */
export async function scoreBatch(
  { admission, measures, store, redact }: Pick<Service, "admission" | "measures" | "store" | "redact">,
  loaded: LoadedReward,
  batch: RolloutBatch,
  visit: Visit,
  { credit = true }: { readonly credit?: boolean } = {},
): Promise<ScoredBatch> {
  // A store that falls behind slows the requests down; it neither grows without bound nor loses rows.
  if (store) await store.room(visit.signal);
  const leave = await admission.turn(visit.signal);
  try {
    const began = performance.now();
    const scored = await loaded.scorer.score(batch, {
      signal: visit.signal,
      credit: wantsCredit(loaded, batch, credit),
    });
    const summary = summaryOf(scored);
    measures.scored(loaded.name, summary);
    loaded.lane?.observe(summary);
    if (store) {
      const { name: rewardName, reward } = loaded;
      const facts = { rewardName, rewardHash: reward.hash, request: visit.id, policyStep: visit.policyStep };
      store.add(storedBatch(batch, scored, { ...facts, milliseconds: performance.now() - began }, redact));
    }
    noteBatch(visit.noted, summary);
    return scored;
  } finally {
    leave();
  }
}

/** The answer of protocols that cannot say "unscored": an error with the first reason, never a number. */
export function rejectUnscored({ rewards, errors }: ScoredBatch, redact: Redact): readonly number[] {
  for (let i = 0; i < rewards.length; i++) {
    if (rewards[i] !== null) continue;
    const unscored = rewards.filter((reward) => reward === null).length;
    const error = errors[i];
    const reason = error ? `${error.code}: ${redact(error.message)}` : "no reason given";
    const which = rewards.length === 1 ? "" : ` (${unscored} of ${rewards.length} rollouts, the first is ${i})`;
    const retryable = errors.some((one) => one?.retryable === true);
    throw new Problem(retryable ? 503 : 422, "unscored", `unscored${which}: ${reason}`, {
      field: `rollouts[${i}]`,
      retryable,
      retryAfter: retryable ? 1 : undefined,
    });
  }
  return rewards as readonly number[];
}
