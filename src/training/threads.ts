/**
 * A policy engine in a thread of its own, whose kernels are spread over further threads (see
 * `threads-kernels.ts`). Calls wait for their answers, so that a trainer is used as if it were here.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ContractError } from "../core/error.ts";
import { workerUrl } from "../core/worker-url.ts";
import { dispose, fromHost, type HostParameters, type Parameters, toHost } from "../model/networks/parameters.ts";
import type { PolicyEngine, PolicyEngineOptions, PolicyState } from "./policy-engine.ts";
import {
  type EngineAnswer,
  type EngineRequest,
  type EngineStart,
  type KernelCounts,
  sign,
  signsBytes,
} from "./threads-protocol.ts";

/** How often a waiting caller looks whether the thread still lives. */
const lookMilliseconds = 200;
/** After so long without an answer, or a kernel, it does not. One kernel takes milliseconds, a compilation seconds. */
const silentMilliseconds = 60_000;

export interface ThreadedEngine extends PolicyEngine {
  /** So far. */
  kernels(): KernelCounts;
}

/** Copies parameters and reference (which stay alive) to a thread of its own; `threads` compute in all. */
export function threadedEngine(
  options: PolicyEngineOptions,
  parameters: Parameters,
  reference: Parameters | null,
  threads: number,
  silence = silentMilliseconds,
): ThreadedEngine {
  if (!Number.isInteger(threads) || threads < 1)
    throw new ContractError("threads", `expected a whole number of at least 1, got ${threads}`);
  const { ask, end } = startThread(
    { options, parameters: toHost(parameters), reference: reference && toHost(reference), threads },
    silence,
  );
  let lent: Parameters | null = null;
  const takeBack = () => {
    if (lent !== null) dispose(lent);
    lent = null;
  };
  return {
    get parameters() {
      lent ??= fromHost(ask({ name: "parameters", args: [] }) as HostParameters);
      return lent;
    },
    sample: (prompts, uniforms) =>
      ask({ name: "sample", args: [prompts, uniforms] }) as ReturnType<PolicyEngine["sample"]>,
    values: (tokens) => ask({ name: "values", args: [tokens] }) as ReturnType<PolicyEngine["values"]>,
    update(batch, rows) {
      takeBack();
      return ask({ name: "update", args: [batch, rows] }) as ReturnType<PolicyEngine["update"]>;
    },
    state: () => ask({ name: "state", args: [] }) as PolicyState,
    kernels: () => ask({ name: "kernels", args: [] }) as KernelCounts,
    dispose() {
      takeBack();
      end();
    },
  };
}

interface Thread {
  ask(request: EngineRequest): unknown;
  end(): void;
}

function startThread(begin: Omit<EngineStart, "shared" | "port">, silence: number): Thread {
  const shared = new SharedArrayBuffer(signsBytes);
  const signs = new Int32Array(shared);
  const { port1, port2 } = new MessageChannel();
  const start: EngineStart = { ...begin, shared, port: port2 };
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

  let expected = 0;
  const answer = (): unknown => {
    let kernels = signs[sign.kernels];
    let since = performance.now();
    for (;;) {
      const received = receiveMessageOnPort(port1);
      if (received !== undefined) {
        expected++;
        const { value, error } = received.message as EngineAnswer;
        if (error === undefined) return value;
        throw error.path === undefined ? new Error(error.message) : new ContractError(error.path, error.message);
      }
      // Its events wait until this thread is free; what it left in shared memory does not.
      if (failure === null && Atomics.load(signs, sign.ended) === 1) failure = "it has ended";
      if (failure === null && performance.now() - since > silence) failure = `silent for ${silence / 1000} s`;
      if (failure !== null) throw new Error(`the training thread died (${failure})`);
      Atomics.wait(signs, sign.answers, expected, lookMilliseconds);
      if (signs[sign.kernels] === kernels) continue;
      kernels = signs[sign.kernels];
      since = performance.now();
    }
  };
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
  return {
    ask(request) {
      if (failure !== null) throw new Error(`the training thread died (${failure})`);
      worker.postMessage(request);
      return answer();
    },
    end,
  };
}
