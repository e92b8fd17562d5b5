/** A look into another Node process through its inspector: forced collections, memory after them, what is on the heap. */
import { WebSocket } from "ws";

export interface Memory {
  readonly heap: number;
  readonly external: number;
}

export interface Inspector {
  /** Megabytes in use on the main thread after a full collection. */
  collected(): Promise<Memory>;
  /** Objects on the heap by class, after a collection. */
  classes(): Promise<Map<string, { readonly count: number; readonly bytes: number }>>;
  close(): void;
}

/** `url` is what Node prints after "Debugger listening on". */
export async function attach(url: string): Promise<Inspector> {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 0 });
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let pieces: string[] = [];
  let id = 0;
  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as {
      id?: number;
      method?: string;
      params?: { chunk?: string };
      result?: unknown;
      error?: { message: string };
    };
    if (message.method === "HeapProfiler.addHeapSnapshotChunk") pieces.push(message.params?.chunk ?? "");
    if (message.id === undefined) return;
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) asked?.reject(new Error(message.error.message));
    else asked?.resolve(message.result);
  });
  socket.on("close", () => {
    for (const { reject } of waiting.values()) reject(new Error("the inspected process has gone"));
    waiting.clear();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  const ask = <T>(method: string, params: object = {}) =>
    new Promise<T>((resolve, reject) => {
      waiting.set(++id, { resolve: (result) => resolve(result as T), reject });
      socket.send(JSON.stringify({ id, method, params }));
    });
  return {
    async collected() {
      await ask("HeapProfiler.collectGarbage");
      const { result } = await ask<{ result: { value: { heapUsed: number; external: number } } }>("Runtime.evaluate", {
        expression: "process.memoryUsage()",
        returnByValue: true,
      });
      return { heap: result.value.heapUsed / 2 ** 20, external: result.value.external / 2 ** 20 };
    },
    async classes() {
      pieces = [];
      await ask("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
      const snapshot = JSON.parse(pieces.join("")) as Snapshot;
      pieces = [];
      return byClass(snapshot);
    },
    close: () => socket.close(),
  };
}

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: string[]; readonly node_types: [string[]] } };
  readonly nodes: number[];
  readonly strings: string[];
}

/** Objects by constructor, everything else by its kind: the texts themselves say nothing. */
function byClass({ snapshot, nodes, strings }: Snapshot): Map<string, { count: number; bytes: number }> {
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, name, size] = ["type", "name", "self_size"].map((field) => fields.indexOf(field));
  const classes = new Map<string, { count: number; bytes: number }>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][nodes[at + type]];
    const label = kind === "object" || kind === "native" ? strings[nodes[at + name]] : `(${kind})`;
    const entry = classes.get(label);
    if (entry) {
      entry.count++;
      entry.bytes += nodes[at + size];
    } else classes.set(label, { count: 1, bytes: nodes[at + size] });
  }
  return classes;
}
