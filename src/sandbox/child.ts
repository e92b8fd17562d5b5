/**
 * The sandbox process. It runs under Node's permission model without any permission but to read the
 * interpreters' files, without code generation from strings and with an empty environment; while untrusted code
 * runs, what is left of Node's powers is out of the global scope too. All that is the second wall: the
 * interpreters themselves give code no JavaScript to reach.
 */
import fs from "node:fs";
import Module from "node:module";
import process from "node:process";
import { createJavaScript, type QuickJsModule } from "./javascript.ts";
import { createPython } from "./python.ts";
import { type LoadPyodide, takeSnapshot } from "./python-instance.ts";
import type { FromChild, Interpreter, ToChild } from "./types.ts";
import { installGate } from "./wasm-gate.ts";

const [, , language, memoryLimit, moduleUrl, snapshotSize] = process.argv;
const send = process.send?.bind(process);
if (!send) throw new Error("expected to be started by createSandbox");
const exit = process.exit.bind(process);
const tell = (message: FromChild) => send(message);

// Registered finalisers would act on memory that a reset has given to others.
class NoFinalization {
  register() {}
  unregister() {}
}
Object.assign(globalThis, { FinalizationRegistry: NoFinalization });
// Emscripten asks for constants in a way that the permission model refuses.
Object.assign(process, { binding: () => ({ fs: fs.constants }) });

const powers = [
  "process",
  "fetch",
  "WebSocket",
  "EventSource",
  "XMLHttpRequest",
  "BroadcastChannel",
  "navigator",
  "require",
  "module",
];
const loader = Module as unknown as { _load: unknown };
const loadModule = loader._load;
const kept = new Map(powers.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));

function dropPowers(): void {
  for (const name of powers) Reflect.deleteProperty(globalThis, name);
  loader._load = () => {
    throw new Error("not in the sandbox");
  };
}

function takePowers(): void {
  for (const [name, descriptor] of kept) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
  }
  loader._load = loadModule;
}

limitMemory(Number(memoryLimit));
/** Bytes of the snapshot that this process took and wrote to standard output. */
let taken = 0;
const interpreter = await load().catch(giveUp);
dropPowers();
let queue = Promise.resolve();
process.on("message", (message: ToChild) => {
  queue = queue.then(() => serve(message)).catch(giveUp);
});
process.on("disconnect", () => exit());
tell({ type: "ready", snapshot: taken });

/** Node itself would print the line of the minified source before the message. */
function giveUp(thrown: unknown): never {
  fs.writeSync(2, `${thrown instanceof Error ? thrown.stack?.split("\n").slice(0, 4).join("\n") : String(thrown)}\n`);
  return exit(70);
}

async function load(): Promise<Interpreter> {
  if (language === "python") {
    const { loadPyodide } = (await import(moduleUrl)) as { loadPyodide: LoadPyodide };
    installGate();
    const given = await readInput(Number(snapshotSize));
    if (given) return createPython(loadPyodide, given);
    const snapshot = await takeSnapshot(loadPyodide);
    await new Promise((resolve) => process.stdout.write(snapshot, resolve));
    taken = snapshot.length;
    return createPython(loadPyodide, snapshot);
  }
  const quickjs = (await import(moduleUrl)) as QuickJsModule;
  return createJavaScript(quickjs, Number(memoryLimit));
}

async function readInput(size: number): Promise<Uint8Array | null> {
  if (size === 0) return null;
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at !== size) throw new Error("the snapshot did not arrive");
  return bytes;
}

async function serve({ id, request }: ToChild): Promise<void> {
  takePowers();
  await interpreter.prepare(request);
  dropPowers();
  tell({ type: "started", id });
  interpreter.run(request, {
    check: (step, index, check) => tell({ type: "check", id, step, index, check }),
    outcome: (step, outcome) => tell({ type: "outcome", id, step, outcome }),
  });
  tell({ type: "done", id, retire: interpreter.retired() });
}

/** WebAssembly memory may grow to the limit and no further; the allocator inside then fails. */
function limitMemory(megabytes: number): void {
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(delta: number): number;
  }
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: Memory } } }).WebAssembly
    .Memory;
  const { grow } = prototype;
  prototype.grow = function (this: Memory, delta: number) {
    if (this.buffer.byteLength + delta * 65536 > megabytes * 1024 * 1024) throw new RangeError("memory limit");
    return grow.call(this, delta);
  };
}
