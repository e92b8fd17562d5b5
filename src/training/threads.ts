/**
 * A policy engine in a thread of its own, whose kernels are spread over further threads (see
 * `threads-kernels.ts`). Calls wait for their answers, so that a trainer is used as if it were here.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ContractError } from "../core/error.ts";
import { workerUrl } from "../core/worker-url.ts";
import { dispose, fromHost, type HostParameters, type Parameters, toHost } from "../model/networks/parameters.ts";
import type { PolicyEngine, PolicyEngineOptions, PolicyState } from "./policy-engine.ts";
import type { EngineAnswer, EngineRequest, EngineStart } from "./threads-worker.ts";

/** How often a waiting caller looks whether the thread still lives. */
const lookMilliseconds = 200;

/** Copies parameters and reference (which stay alive) to a thread of its own; `threads` compute in all. */
export function threadedEngine(
  options: PolicyEngineOptions,
  parameters: Parameters,
  reference: Parameters | null,
  threads: number,
): PolicyEngine {
  if (!Number.isInteger(threads) || threads < 1)
    throw new ContractError("threads", `expected a whole number of at least 1, got ${threads}`);
  const thread = startThread({
    options,
    parameters: toHost(parameters),
    reference: reference && toHost(reference),
    threads,
  });
  const ask = <Name extends Question>(name: Name, ...args: Arguments<Name>) =>
    thread.ask({ name, args } as EngineRequest) as ReturnType<PolicyEngine[Name]>;
  let lent: Parameters | null = null;
  const takeBack = () => {
    if (lent !== null) dispose(lent);
    lent = null;
  };
  return {
    get parameters() {
      lent ??= fromHost(thread.ask({ name: "parameters", args: [] }) as HostParameters);
      return lent;
    },
    sample: (prompts, uniforms) => ask("sample", prompts, uniforms),
    values: (tokens) => ask("values", tokens),
    update(batch, rows) {
      takeBack();
      return ask("update", batch, rows);
    },
    state: (): PolicyState => ask("state"),
    dispose() {
      takeBack();
      thread.end();
    },
  };
}

type Question = "sample" | "values" | "update" | "state";
type Arguments<Name extends Question> = Parameters_<PolicyEngine[Name]>;
type Parameters_<F> = F extends (...args: infer A) => unknown ? A : never;

interface Thread {
  ask(request: EngineRequest): unknown;
  end(): void;
}

function startThread(begin: Omit<EngineStart, "answered" | "port">): Thread {
  const shared = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  /** Answers given; 1 when the thread has ended. */
  const answered = new Int32Array(shared);
  const { port1, port2 } = new MessageChannel();
  const start: EngineStart = { ...begin, answered: shared, port: port2 };
  const worker = new Worker(workerUrl(import.meta.url, "./threads-worker"), {
    workerData: start,
    transferList: [port2],
    execArgv: [],
  });
  let failure: string | null = null;
  worker.on("error", (thrown: unknown) => {
    failure ??= thrown instanceof Error ? thrown.message : String(thrown);
  });
  worker.on("exit", (code) => {
    failure ??= `exit code ${code}`;
  });
  worker.unref();
  port1.unref();

  let expected = 0;
  const answer = (): unknown => {
    for (;;) {
      const received = receiveMessageOnPort(port1);
      if (received !== undefined) {
        expected++;
        const { value, error } = received.message as EngineAnswer;
        if (error === undefined) return value;
        throw error.path === undefined ? new Error(error.message) : new ContractError(error.path, error.message);
      }
      if (failure === null && hasEnded()) failure = "it has ended";
      if (failure !== null) throw new Error(`the training thread died (${failure})`);
      Atomics.wait(answered, 0, expected, lookMilliseconds);
    }
  };
  // The thread's own events wait until this one is free; these two do not.
  const hasEnded = () => Atomics.load(answered, 1) === 1 || worker.performance.eventLoopUtilization().idle < 0;
  const end = () => {
    failure ??= "it was disposed of";
    port1.close();
    void worker.terminate();
  };
  try {
    answer();
  } catch (thrown) {
    end();
    throw thrown;
  }
  // Known only while it lives, and what `hasEnded` compares with.
  worker.performance.eventLoopUtilization();
  return {
    ask(request) {
      if (failure !== null) throw new Error(`the training thread died (${failure})`);
      worker.postMessage(request);
      return answer();
    },
    end,
  };
}
