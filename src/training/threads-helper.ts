/**
 * What a helping thread and the engine's thread (`threads-kernels.ts`) say to each other: a few integers in
 * shared memory, since a kernel takes microseconds. The state is a ticket (a multiple of 4) and its phase.
 */

export const phase = { posted: 1, taken: 2, done: 3 } as const;

/** Places in the shared integers. */
export const place = { state: 0, sleeping: 1, module: 2, count: 3, arguments: 4 } as const;

/** Arrays a kernel may have (`maxArgs` of jax-js), and its output, begin and end. */
export const mostArguments = 64 + 3;

export const controlBytes = (place.arguments + mostArguments) * Int32Array.BYTES_PER_ELEMENT;

export interface HelperStart {
  readonly control: SharedArrayBuffer;
}

/** Sent before a ticket first names the module. */
export interface HelperModule {
  readonly id: number;
  readonly module: object;
  readonly memory: WasmMemory;
}

export interface WasmMemory {
  readonly buffer: object;
}

export type WasmImports = { readonly env?: { readonly memory?: unknown } };

/** The little of WebAssembly that is needed: TypeScript has its types only beside those of the browser. */
export interface Wasm {
  readonly Memory: abstract new () => WasmMemory;
  readonly Module: abstract new () => object;
  Instance: new (module: object, imports?: WasmImports) => { readonly exports: { readonly kernel?: unknown } };
}

export const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

export type KernelFunction = (...args: number[]) => void;
