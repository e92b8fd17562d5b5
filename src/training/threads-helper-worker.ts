/** A helping thread: runs the part of a kernel that it is handed, and sleeps when none has come for a while. */
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { type HelperModule, type HelperStart, type KernelFunction, phase, place, wasm } from "./threads-helper.ts";

/** Longer than the pauses within a step: waking up costs more than a small kernel. */
const spinMilliseconds = 0.2;

const { control: shared, port } = workerData as HelperStart & { readonly port: MessagePort };
const control = new Int32Array(shared);
const kernels: KernelFunction[] = [];

function kernelOf(id: number): KernelFunction {
  while (kernels[id] === undefined) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) continue;
    const { id: arrived, module, memory } = received.message as HelperModule;
    kernels[arrived] = new wasm.Instance(module, { env: { memory } }).exports.kernel as KernelFunction;
  }
  return kernels[id];
}

let last = 0;
for (;;) {
  const state = next();
  // The other side takes it back when it has nothing else left to do.
  if (Atomics.compareExchange(control, place.state, state, state - phase.posted + phase.taken) !== state) continue;
  const args = Array.from(control.subarray(place.arguments, place.arguments + control[place.count]));
  kernelOf(control[place.module])(...args);
  Atomics.store(control, place.state, state - phase.posted + phase.done);
}

/** Waits for a ticket. */
function next(): number {
  let until = performance.now() + spinMilliseconds;
  for (let turn = 1; ; turn++) {
    const state = Atomics.load(control, place.state);
    if ((state & 3) === phase.posted && state !== last) {
      last = state;
      return state;
    }
    if (turn % 256 !== 0 || performance.now() < until) continue;
    Atomics.store(control, place.sleeping, 1);
    Atomics.wait(control, place.state, state);
    Atomics.store(control, place.sleeping, 0);
    until = performance.now() + spinMilliseconds;
  }
}
