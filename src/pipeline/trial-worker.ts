/** Worker thread of a trial: imports a module and says what came of it. See trial.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../core/error.ts";

export interface TrialStart {
  readonly module: string;
}

export type TrialReply =
  | { readonly kind: "imported" }
  | { readonly kind: "threw"; readonly message: string; readonly stack: string | undefined };

const port = parentPort;
if (port) {
  // Standard output belongs to results; what a reward file prints is for people.
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  const { module } = workerData as TrialStart;
  // A service has something to do while an import waits; without that Node would end the thread.
  port.on("message", () => {});
  let reply: TrialReply = { kind: "imported" };
  try {
    await import(module);
    // A rejection that nobody handles, which would end the service, comes right after.
    await new Promise((resolve) => setImmediate(resolve));
  } catch (thrown) {
    reply = { kind: "threw", message: messageOf(thrown), stack: thrown instanceof Error ? thrown.stack : undefined };
  }
  port.postMessage(reply);
}
