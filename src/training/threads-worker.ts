/** The thread of a policy engine: answers one question after the other. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { ContractError, messageOf } from "../core/error.ts";
import type { HostParameters } from "../model/networks/parameters.ts";
import type { HostBatch, PolicyEngineOptions } from "./policy-engine.ts";
import { splitKernels } from "./threads-kernels.ts";

export interface EngineStart {
  readonly options: PolicyEngineOptions;
  readonly parameters: HostParameters;
  readonly reference: HostParameters | null;
  readonly threads: number;
  /** Int32: answers given; 1 when the thread has ended. */
  readonly answered: SharedArrayBuffer;
  readonly port: MessagePort;
}

export type EngineRequest =
  | { readonly name: "sample"; readonly args: readonly [Int32Array, Float32Array] }
  | { readonly name: "values"; readonly args: readonly [Int32Array] }
  | { readonly name: "update"; readonly args: readonly [HostBatch, number] }
  | { readonly name: "state" | "parameters"; readonly args: readonly [] };

export interface EngineAnswer {
  readonly value?: unknown;
  /** `path`: of a ContractError. */
  readonly error?: { readonly message: string; readonly path?: string };
}

const port = parentPort;
if (port) {
  const start = workerData as EngineStart;
  const answered = new Int32Array(start.answered);
  const signal = (at: number) => {
    Atomics.add(answered, at, 1);
    Atomics.notify(answered, at === 1 ? 0 : at);
  };
  process.on("exit", () => signal(1));
  const answer = (compute: () => unknown) => {
    let message: EngineAnswer;
    try {
      message = { value: compute() };
    } catch (thrown) {
      message = { error: described(thrown) };
    }
    start.port.postMessage(message);
    signal(0);
  };
  try {
    splitKernels(start.threads - 1);
    // Not before: it looks around when it is loaded.
    const { policyEngine } = await import("./policy-engine.ts");
    const { fromHost, toHost } = await import("../model/networks/parameters.ts");
    const { options, parameters, reference } = start;
    const engine = policyEngine(options, fromHost(parameters), reference && fromHost(reference));
    port.on("message", (request: EngineRequest) =>
      answer(() => {
        switch (request.name) {
          case "sample":
            return engine.sample(...request.args);
          case "values":
            return engine.values(...request.args);
          case "update":
            return engine.update(...request.args);
          case "state":
            return engine.state();
          case "parameters":
            return toHost(engine.parameters);
        }
      }),
    );
    answer(() => undefined);
  } catch (thrown) {
    answer(() => {
      throw thrown;
    });
  }
}

function described(thrown: unknown): { message: string; path?: string } {
  if (!(thrown instanceof ContractError)) return { message: messageOf(thrown) };
  const { path, message } = thrown;
  // Its message begins with the path, which the error made of this adds again.
  return { path, message: path ? message.slice(path.length + 2) : message };
}
