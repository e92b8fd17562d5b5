/** Tells an address of an alarm: JSON by POST, with a time limit and a few tries. */
import { setTimeout as wait } from "node:timers/promises";
import { messageOf } from "../../core/error.ts";

export interface WebhookOptions {
  /** Milliseconds that one try may take. Default 5,000. */
  readonly timeLimit?: number;
  /** Default 3. */
  readonly tries?: number;
  /** Milliseconds before the second try; doubled before each further one. Default 500. */
  readonly pause?: number;
}

export type WebhookResult = { readonly delivered: true } | { readonly delivered: false; readonly reason: string };

/** Resolves, never throws: a monitor goes on when nobody listens. Answers of 400 to 499 are final, but for 408 and 429. */
export async function postWebhook(
  url: string,
  body: unknown,
  { timeLimit = 5000, tries = 3, pause = 500 }: WebhookOptions = {},
): Promise<WebhookResult> {
  let reason = "";
  for (let attempt = 0; attempt < tries; attempt++) {
    if (attempt > 0) await wait(pause * 2 ** (attempt - 1));
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        redirect: "error",
        signal: AbortSignal.timeout(timeLimit),
      });
      await answer.body?.cancel();
      if (answer.ok) return { delivered: true };
      reason = `answered ${answer.status}`;
      if (answer.status < 500 && answer.status !== 408 && answer.status !== 429) break;
    } catch (thrown) {
      const timedOut = thrown instanceof Error && thrown.name === "TimeoutError";
      const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
      reason = timedOut ? `no answer within ${timeLimit} ms` : messageOf(cause);
    }
  }
  return { delivered: false, reason };
}
