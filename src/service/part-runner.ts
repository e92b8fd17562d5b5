/** Runs single parts on one worker thread, one after another; a call that takes too long costs its thread, not the service. */
import { Worker } from "node:worker_threads";
import { ContractError } from "../core/error.ts";
import { workerUrl } from "../core/worker-url.ts";
import type { PartReply, PartRequest } from "./part-worker.ts";
import { Problem } from "./problem.ts";

export interface PartRunner {
  run(request: PartRequest, signal: AbortSignal): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A fresh thread has to load the part and what it needs first. */
const warmUp = 5_000;

export function createPartRunner(timeLimit: number): PartRunner {
  let worker: Worker | null = null;
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  const drop = async () => {
    const old = worker;
    worker = null;
    old?.ref();
    await old?.terminate();
  };

  const once = async (request: PartRequest, signal: AbortSignal): Promise<Record<string, unknown>> => {
    signal.throwIfAborted();
    if (closed) throw new Problem(503, "stopping", "the service is stopping", { retryable: true, retryAfter: 5 });
    const fresh = worker === null;
    worker ??= new Worker(workerUrl(import.meta.url, "./part-worker"), {
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    const thread = worker;
    thread.ref();
    let timer: NodeJS.Timeout | undefined;
    const listeners = new AbortController();
    try {
      const reply = await new Promise<PartReply>((resolve, reject) => {
        timer = setTimeout(
          () => reject(new Problem(422, "timeout", `the part did not finish within ${timeLimit} ms`)),
          timeLimit + (fresh ? warmUp : 0),
        );
        signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: listeners.signal });
        thread.once("message", resolve);
        thread.once("error", (thrown) => reject(new Problem(422, "crashed", crash(thrown))));
        thread.once("exit", () => reject(new Problem(422, "crashed", "the part ended its thread")));
        thread.postMessage(request);
      });
      if ("outputs" in reply) return reply.outputs;
      if (reply.path === null) throw new Problem(422, "part", reply.message);
      throw new ContractError(reply.path, stripped(reply.message, reply.path));
    } catch (thrown) {
      // A reply in time leaves the thread sound; anything else does not.
      const sound = thrown instanceof ContractError || (thrown instanceof Problem && thrown.code === "part");
      if (!sound) await drop();
      throw thrown;
    } finally {
      clearTimeout(timer);
      listeners.abort();
      thread.removeAllListeners("message").removeAllListeners("error").removeAllListeners("exit");
      // A thread that dies between calls must not take the process along.
      thread.on("error", () => {});
      thread.once("exit", () => {
        if (worker === thread) worker = null;
      });
      thread.unref();
    }
  };

  return {
    run(request, signal) {
      const result = last.then(() => once(request, signal));
      last = result.catch(() => {});
      return result;
    },
    async close() {
      closed = true;
      await drop();
    },
  };
}

function crash(thrown: unknown): string {
  const code = (thrown as { code?: unknown }).code;
  return code === "ERR_WORKER_OUT_OF_MEMORY" ? "the part ran out of memory" : "the part's thread died";
}

function stripped(message: string, path: string): string {
  return message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
}
