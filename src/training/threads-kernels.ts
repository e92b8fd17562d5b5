/**
 * Kernels of jax-js on several threads, in Node. In browsers jax-js itself spreads a kernel over workers:
 * each computes a range of the outputs. Its synchronous calls, which are all that training makes, never do.
 * Here they do, and the numbers stay the same bit by bit, whatever the number of threads: an output is
 * computed by the same instructions wherever the range is cut, as long as the cut is where jax-js may cut.
 *
 * `splitKernels` must run before jax-js is loaded, in a thread of its own, since it stands in for three
 * globals there: `Worker` (without it jax-js takes memory that cannot be shared), `WebAssembly.Instance`
 * (asked for at each call of each kernel: now one a kernel, which saves 10 to 20 µs a call) and
 * `Map.prototype.set` (through which jax-js says where a kernel may be cut). Should a later jax-js do any of
 * it differently, kernels stay whole: slower, not wrong.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { workerUrl } from "../core/worker-url.ts";
import {
  controlBytes,
  type HelperModule,
  type HelperStart,
  type KernelFunction,
  mostArguments,
  phase,
  place,
  type Wasm,
  type WasmImports,
  wasm,
} from "./threads-helper.ts";
import type { KernelCounts } from "./threads-protocol.ts";

/** Below this a kernel stays whole: handing over costs about 2 µs. */
const worthMilliseconds = 0.01;
/** Calls over which a kernel is timed first; the fastest counts. */
const timedCalls = 8;
/** After this long a helper counts as lost. */
const lostMilliseconds = 60_000;

interface Helper {
  readonly control: Int32Array;
  readonly port: MessagePort;
  ticket: number;
}

/** `onKernel` is told of each call, with the number of calls so far. */
export function splitKernels(helpers: number, onKernel: (calls: number) => void): KernelCounts {
  const counts = { calls: 0, cut: 0 };
  const scope = globalThis as { Worker?: unknown };
  scope.Worker ??= class Worker {};

  const alignments = new WeakMap<object, number>();
  const set = Map.prototype.set;
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    if (typeof value === "object" && value !== null && "chunkAlignment" in value && "module" in value) {
      if (value.module instanceof wasm.Module) alignments.set(value.module, Number(value.chunkAlignment));
    }
    return set.call(this, key, value);
  };

  const threads = Array.from({ length: helpers }, startHelper);
  const { Instance } = wasm;
  const instances = new WeakMap<object, InstanceType<Wasm["Instance"]>>();
  let modules = 0;
  const instantiate = (module: object, imports?: WasmImports) => {
    const known = instances.get(module);
    if (known !== undefined) return known;
    const instance = new Instance(module, imports);
    const { kernel } = instance.exports;
    const memory = imports?.env?.memory;
    if (typeof kernel !== "function" || !(memory instanceof wasm.Memory)) return instance;
    const alignment = memory.buffer instanceof SharedArrayBuffer ? alignments.get(module) : undefined;
    const whole = kernel as KernelFunction;
    const share = { id: modules++, module, memory };
    const standIn = {
      exports: {
        kernel: counted(alignment === undefined || threads.length === 0 ? whole : cutKernel(whole, alignment, share)),
      },
    };
    instances.set(module, standIn);
    return standIn;
  };
  wasm.Instance = new Proxy(Instance, { construct: (_, [module, imports]) => instantiate(module, imports) });
  return counts;

  function counted(kernel: KernelFunction): KernelFunction {
    return (...args) => {
      onKernel(++counts.calls);
      kernel(...args);
    };
  }

  function cutKernel(kernel: KernelFunction, alignment: number, share: HelperModule): KernelFunction {
    let left = timedCalls;
    let fastest = Number.POSITIVE_INFINITY;
    let known = false;
    return (...args) => {
      const size = args[args.length - 1];
      // A multiple of this is a multiple of what jax-js's fast loops ask for, in both parts.
      const grain = divisor(alignment, size);
      if (
        left > 0 ||
        fastest < worthMilliseconds ||
        grain % 4 !== 0 ||
        size < 2 * grain ||
        args.length > mostArguments
      ) {
        if (left === 0) return kernel(...args);
        left--;
        const started = performance.now();
        kernel(...args);
        fastest = Math.min(fastest, performance.now() - started);
        return;
      }
      if (!known) for (const { port } of threads) port.postMessage(share);
      known = true;
      counts.cut++;
      const grains = size / grain;
      const begin = (part: number) => Math.floor((part * grains) / (threads.length + 1)) * grain;
      threads.forEach((thread, i) => {
        post(thread, share.id, args, begin(i + 1), begin(i + 2));
      });
      args[args.length - 2] = 0;
      args[args.length - 1] = begin(1);
      kernel(...args);
      threads.forEach((thread, i) => {
        if (takeBack(thread)) {
          args[args.length - 2] = begin(i + 1);
          args[args.length - 1] = begin(i + 2);
          kernel(...args);
        } else finish(thread);
      });
    };
  }
}

function startHelper(): Helper {
  const shared = new SharedArrayBuffer(controlBytes);
  const { port1, port2 } = new MessageChannel();
  const start: HelperStart & { port: MessagePort } = { control: shared, port: port2 };
  const worker = new Worker(workerUrl(import.meta.url, "./threads-helper-worker"), {
    workerData: start,
    transferList: [port2],
    execArgv: [],
  });
  worker.unref();
  port1.unref();
  return { control: new Int32Array(shared), port: port1, ticket: 0 };
}

function post(helper: Helper, module: number, args: readonly number[], begin: number, end: number): void {
  const { control } = helper;
  const last = args.length - 1;
  control[place.module] = module;
  control[place.count] = args.length;
  for (let i = 0; i < last - 1; i++) control[place.arguments + i] = args[i];
  control[place.arguments + last - 1] = begin;
  control[place.arguments + last] = end;
  helper.ticket = (helper.ticket + 4) | 0;
  Atomics.store(control, place.state, helper.ticket + phase.posted);
  if (Atomics.load(control, place.sleeping) === 1) Atomics.notify(control, place.state);
}

/** True when the helper has not begun. */
function takeBack({ control, ticket }: Helper): boolean {
  const posted = ticket + phase.posted;
  return Atomics.compareExchange(control, place.state, posted, ticket) === posted;
}

function finish({ control, ticket }: Helper): void {
  const taken = ticket + phase.taken;
  for (let turn = 0; turn < 20_000; turn++) if (Atomics.load(control, place.state) !== taken) return;
  // It may wait for this very core.
  const until = performance.now() + lostMilliseconds;
  while (Atomics.load(control, place.state) === taken) {
    Atomics.wait(control, place.state, taken, 0.05);
    if (performance.now() > until) throw new Error("a helping thread has stopped");
  }
}

function divisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
