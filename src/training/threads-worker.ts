/** The thread of a policy engine: answers one question after the other. */
import { parentPort, workerData } from "node:worker_threads";
import { ContractError, messageOf } from "../core/error.ts";
import { splitKernels } from "./threads-kernels.ts";
import { type EngineAnswer, type EngineRequest, type EngineStart, sign } from "./threads-protocol.ts";

const port = parentPort;
if (port) {
  const start = workerData as EngineStart;
  const signs = new Int32Array(start.shared);
  const answer = (compute: () => unknown) => {
    let message: EngineAnswer;
    try {
      message = { value: compute() };
    } catch (thrown) {
      message = { error: described(thrown) };
    }
    start.port.postMessage(message);
    Atomics.add(signs, sign.answers, 1);
    Atomics.notify(signs, sign.answers);
  };
  try {
    const counts = splitKernels(start.threads - 1, (calls) => {
      signs[sign.kernels] = calls;
    });
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
          case "kernels":
            return counts;
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
