/** Results as they come: one line of JSON a rollout (NDJSON), in any order, each with its index; then one line that ends it. */
import { type ScoreErrorCode, scoreError } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch } from "../pipeline/index.ts";
import { cleaner, plainEvidence } from "./answer.ts";
import type { LoadedReward } from "./host.ts";
import { type Problem, problemOf } from "./problem.ts";
import type { Redact } from "./redact.ts";
import { type Service, scoreBatch, type Visit } from "./service.ts";

/** Rollouts scored at once: small enough that the first lines come soon. */
const pieceSize = 64;

/** Row numbers of each piece. Groups stay whole where the reward reads groups; a reward that may not be cut is one piece. */
export function pieces(loaded: Pick<LoadedReward, "mayCut" | "needs">, { size, fields }: RolloutBatch): number[][] {
  const all = Array.from({ length: size }, (_, i) => i);
  if (!loaded.mayCut) return [all];
  if (!loaded.needs.wholeGroups) {
    return Array.from({ length: Math.ceil(size / pieceSize) }, (_, k) => all.slice(k * pieceSize, (k + 1) * pieceSize));
  }
  const column = fields.groups;
  // Groups under another name, or none: nothing says where a cut is safe.
  if (column === undefined || Object.keys(loaded.needs.fields).every((name) => name !== "groups")) return [all];
  const members = new Map<unknown, number[]>();
  for (const row of all) {
    const group = column[row];
    const list = members.get(group);
    if (list) list.push(row);
    else members.set(group, [row]);
  }
  const cut: number[][] = [];
  let piece: number[] = [];
  for (const rows of members.values()) {
    for (const row of rows) piece.push(row);
    if (piece.length >= pieceSize) {
      cut.push(piece);
      piece = [];
    }
  }
  if (piece.length > 0) cut.push(piece);
  return cut;
}

export function streamScores(
  service: Service,
  loaded: LoadedReward,
  batch: RolloutBatch,
  visit: Visit,
  options: { readonly evidence: boolean; readonly credit: boolean },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const cut = pieces(loaded, batch);
  let next = 0;
  let scored = 0;
  let unscored = 0;
  const tell = (line: unknown) => `${JSON.stringify(line)}\n`;

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const rows = cut[next++];
      if (rows === undefined) {
        controller.enqueue(encoder.encode(tell({ done: true, scored, unscored, requestId: visit.id })));
        controller.close();
        return;
      }
      let text = "";
      try {
        const fields = Object.fromEntries(
          Object.entries(batch.fields).map(([name, column]) => [name, rows.map((row) => column[row])]),
        );
        const result = await scoreBatch(service, loaded, { size: rows.length, fields }, visit, options);
        rows.forEach((row, i) => {
          if (result.rewards[i] === null) unscored++;
          else scored++;
          text += tell(line(result, i, row, service.redact, options.evidence));
        });
      } catch (thrown) {
        // What has been accepted gets a reason, whatever happens to its piece.
        const problem = problemOf(thrown);
        if (problem.code === "internal") service.log.error({ requestId: visit.id, err: thrown }, "a piece failed");
        const code = codeOf(problem);
        const error = scoreError(code, service.redact(problem.message), problem.retryable);
        for (const row of rows) text += tell({ index: row, reward: null, error });
        unscored += rows.length;
      }
      controller.enqueue(encoder.encode(text));
    },
  });
}

function codeOf({ code, status }: Problem): ScoreErrorCode {
  if (code === "deadline") return "timeout";
  if (code === "queue") return "unavailable";
  return status === 422 ? "bad-input" : "cancelled";
}

function line(scored: ScoredBatch, i: number, index: number, redact: Redact, evidence: boolean): unknown {
  const clean = cleaner(redact);
  return {
    index,
    reward: scored.rewards[i],
    error: clean(scored.errors[i]),
    combined: scored.combined[i],
    advantage: scored.advantages?.[i],
    signals: Object.fromEntries(
      Object.entries(scored.signals).map(([name, column]) => [
        name,
        {
          value: column.values[i],
          error: clean(column.errors[i]),
          evidence: evidence ? plainEvidence(column.evidence[i]) : undefined,
          cached: column.cached[i],
        },
      ]),
    ),
  };
}
