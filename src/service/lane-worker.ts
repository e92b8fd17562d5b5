/** Worker thread of a lane: bodies of `POST /v1/score` in, answers out. See lane.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { AsynchronousSignal } from "../pipeline/execute.ts";
import { createScorer, type Reward, type ScorerCounters } from "../pipeline/index.ts";
import { isClean, type ScoreAnswer, toAnswer } from "./answer.ts";
import { parseBody } from "./body.ts";
import { toBatch } from "./columns.ts";
import { factsOf, wantsCredit } from "./reward-facts.ts";
import { readScoreRequest } from "./score-request.ts";
import { type BatchSummary, summaryOf } from "./summary.ts";

export interface LaneStart {
  readonly module: string;
  /** Name and hash of the reward, as the service knows them. */
  readonly name: string;
  readonly hash: string;
  readonly seed: string | number;
  readonly mostRollouts: number;
  /** Int32: sequence, 1 while a call of a signal is under way, signal, from, to. */
  readonly progress: SharedArrayBuffer;
  readonly cells: SharedArrayBuffer;
}

/** The body comes along, or lies in the cells. */
export type LaneRequest = { readonly id: number; readonly requestId: string } & (
  | { readonly body: Uint8Array }
  | { readonly from: number; readonly bytes: number }
);

export type LaneReply =
  | { readonly id: number; readonly kind: "text"; readonly summary: BatchSummary; readonly text: string }
  /** Something failed: the service cleans the messages, since only it knows what is secret. */
  | { readonly id: number; readonly kind: "answer"; readonly summary: BatchSummary; readonly answer: FullAnswer }
  /** To be done the ordinary way. `waits`: always, since a function waits for something. */
  | { readonly id: number; readonly kind: "ordinary"; readonly waits: boolean };

export interface FullAnswer extends ScoreAnswer {
  readonly reward: { readonly name: string; readonly hash: string };
  readonly requestId: string;
}

/**
 * The same text as `JSON.stringify`. Most of an answer in which nothing failed says just that, and without shaping, or
 * with one signal alone, the rest says the same several times.
 */
function cleanText({ reward, rewards, combined, advantages, signals, requestId }: FullAnswer): string {
  const all = (word: string) => `[${`${word},`.repeat(rewards.length - 1)}${word}]`;
  const nothing = all("null");
  const rewardsText = JSON.stringify(rewards);
  const numbers = (list: readonly (number | null)[]) => {
    for (let i = 0; i < list.length; i++) if (list[i] !== rewards[i]) return JSON.stringify(list);
    return rewardsText;
  };
  const columns = Object.entries(signals).map(([name, { values, evidence, cached }]) => {
    const seen = evidence === undefined ? "" : `"evidence":${JSON.stringify(evidence)},`;
    const known = cached.includes(true) ? JSON.stringify(cached) : all("false");
    return `${JSON.stringify(name)}:{"values":${numbers(values)},"errors":${nothing},${seen}"cached":${known}}`;
  });
  const credit = advantages === undefined ? "" : `"advantages":${JSON.stringify(advantages)},`;
  return `{"reward":${JSON.stringify(reward)},"rewards":${rewardsText},"errors":${nothing},"combined":${numbers(combined)},${credit}"signals":{${columns.join(",")}},"requestId":${JSON.stringify(requestId)}}`;
}

export type LaneWorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "replies"; readonly replies: readonly LaneReply[]; readonly counters?: ScorerCounters };

/** Milliseconds for which an answer may wait for the next one. */
const patience = 2;
/** Milliseconds for which the counters may be behind. */
const countEvery = 200;

const port = parentPort;
if (port) {
  // Standard output belongs to results; what a reward file prints is for people.
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  const { module, name, hash, seed, mostRollouts, progress, cells } = workerData as LaneStart;
  const place = new Int32Array(progress);
  const { default: reward } = (await import(module)) as { default: Reward };
  const facts = factsOf(reward);
  const scorer = createScorer(reward, {
    workers: 0,
    seed,
    onCall(signal, from, to) {
      place[2] = signal;
      place[3] = from;
      place[4] = to;
      place[1] = from < to ? 1 : 0;
      Atomics.add(place, 0, 1);
    },
  });

  const answer = async (waiting: LaneRequest): Promise<LaneReply> => {
    const { id, requestId } = waiting;
    const ordinary: LaneReply = { id, kind: "ordinary", waits: false };
    try {
      const body = "body" in waiting ? waiting.body : new Uint8Array(cells, waiting.from, waiting.bytes);
      const request = readScoreRequest(parseBody(body), mostRollouts);
      if (request.reward !== undefined && request.reward !== name) return ordinary;
      const batch = toBatch(request.columns, request.size, facts.needs);
      const scored = await scorer.score(batch, { credit: wantsCredit(facts, batch, request.credit) });
      const full = { reward: { name, hash }, ...toAnswer(scored, request.evidence), requestId };
      const summary = summaryOf(scored);
      if (!isClean(full)) return { id, kind: "answer", summary, answer: full };
      return { id, kind: "text", summary, text: cleanText(full) };
    } catch (thrown) {
      return thrown instanceof AsynchronousSignal ? { ...ordinary, waits: true } : ordinary;
    }
  };

  const send = (message: LaneWorkerMessage) => port.postMessage(message);
  let countersDue = false;
  const tellCounters = () => {
    countersDue = false;
    send({ kind: "replies", replies: [], counters: scorer.counters() });
  };

  /** One after another: `place` tells of one request. */
  const waiting: LaneRequest[] = [];
  let working = false;
  const work = async () => {
    working = true;
    let replies: LaneReply[] = [];
    let sent = performance.now();
    for (let request = waiting.shift(); request; request = waiting.shift()) {
      replies.push(await answer(request));
      Atomics.add(place, 0, 1);
      if (waiting.length > 0 && performance.now() - sent < patience) continue;
      send({ kind: "replies", replies });
      replies = [];
      sent = performance.now();
      if (!countersDue) setTimeout(tellCounters, countEvery);
      countersDue = true;
    }
    working = false;
  };
  port.on("message", (requests: readonly LaneRequest[]) => {
    waiting.push(...requests);
    if (!working) void work();
  });
  send({ kind: "ready" });
}
