/** Worker thread: imports the reward file's bundle and runs items of it, publishing where it is. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../core/error.ts";
import type { Columns } from "./columns.ts";
import { planOf } from "./define.ts";
import { AsynchronousSignal, execute, type Item, type Segment } from "./execute.ts";
import type { Reward } from "./types.ts";

export interface WorkerStart {
  readonly module: string;
  /** Int32: sequence, 1 while a call is under way, signal, from, to. */
  readonly progress: SharedArrayBuffer;
}

export type WorkerRequest = { readonly columns: Columns; readonly items: readonly Item[] };

export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "segment"; readonly segment: Segment }
  | { readonly kind: "asynchronous"; readonly signal: number }
  /** Every item is finished; the last segments come along. */
  | { readonly kind: "done"; readonly segments: readonly Segment[] };

const flushAfter = 200;

const port = parentPort;
if (port) {
  // Standard output belongs to results; what a reward file prints is for people.
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  const { module, progress } = workerData as WorkerStart;
  const place = new Int32Array(progress);
  const { default: reward } = (await import(module)) as { default: Reward };
  const { signals } = planOf(reward);

  const send = (message: WorkerMessage) => port.postMessage(message);

  port.on("message", ({ columns, items }: WorkerRequest) => {
    // Small results wait here, so that a fast batch costs one message; slow ones are sent as they come.
    let waiting: Segment[] = [];
    let lastSent = performance.now();
    for (const item of items) {
      try {
        execute(signals[item.signal], columns, item, {
          flushAfter,
          publish(from, to) {
            place[2] = item.signal;
            place[3] = from;
            place[4] = to;
            Atomics.store(place, 1, 1);
            Atomics.add(place, 0, 1);
          },
          emit(segment) {
            const clean = cloneable(segment);
            if (performance.now() - lastSent < flushAfter) {
              waiting.push(clean);
              return;
            }
            for (const earlier of [...waiting, clean]) send({ kind: "segment", segment: earlier });
            waiting = [];
            lastSent = performance.now();
          },
        });
      } catch (thrown) {
        if (!(thrown instanceof AsynchronousSignal)) throw thrown;
        for (const earlier of waiting) send({ kind: "segment", segment: earlier });
        waiting = [];
        send({ kind: "asynchronous", signal: item.signal });
      }
      Atomics.store(place, 1, 0);
    }
    send({ kind: "done", segments: waiting });
  });
  send({ kind: "ready" });
}

/** Evidence that cannot leave the thread (functions, symbols) is described instead. */
function cloneable(segment: Segment): Segment {
  const { evidence } = segment.outputs;
  if (!evidence) return segment;
  const safe = Array.from(evidence, (item) => {
    if (typeof item !== "object" && typeof item !== "function" && typeof item !== "symbol") return item;
    try {
      return item === null ? null : structuredClone(item);
    } catch (thrown) {
      return `evidence that cannot be copied: ${messageOf(thrown)}`;
    }
  });
  return { ...segment, outputs: { ...segment.outputs, evidence: safe } };
}
