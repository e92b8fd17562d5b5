/** Worker thread that runs single parts for `POST /v1/parts/…`, so that one that never ends can be stopped. */
import { parentPort } from "node:worker_threads";
import { loadPart } from "../catalogue/index.ts";
import { ContractError, messageOf } from "../core/error.ts";
import { callPart } from "../core/part.ts";

export interface PartRequest {
  readonly part: string;
  readonly params: unknown;
  readonly inputs: unknown;
}

export type PartReply =
  | { readonly outputs: Record<string, unknown> }
  /** `path` of a broken contract; null when the part itself threw. */
  | { readonly path: string | null; readonly message: string };

const port = parentPort;
if (port) {
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  port.on("message", async ({ part, params, inputs }: PartRequest) => {
    try {
      const outputs = await callPart(await loadPart(part), { params, inputs });
      port.postMessage({ outputs } satisfies PartReply);
    } catch (thrown) {
      const path = thrown instanceof ContractError ? thrown.path : null;
      port.postMessage({ path, message: messageOf(thrown) } satisfies PartReply);
    }
  });
}
