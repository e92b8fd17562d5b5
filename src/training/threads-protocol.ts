/** What a trainer and the thread of its engine say to each other. */
import type { MessagePort } from "node:worker_threads";
import type { HostParameters } from "../model/networks/parameters.ts";
import type { HostBatch, PolicyEngineOptions } from "./policy-engine.ts";

/** Places in the shared integers: answers given, kernels called, and 1 when the thread has ended by itself. */
export const sign = { answers: 0, kernels: 1, ended: 2 } as const;
export const signsBytes = 3 * Int32Array.BYTES_PER_ELEMENT;

/** How often kernels were called, and how often one was cut. */
export interface KernelCounts {
  readonly calls: number;
  readonly cut: number;
}

export interface EngineStart {
  readonly options: PolicyEngineOptions;
  readonly parameters: HostParameters;
  readonly reference: HostParameters | null;
  readonly threads: number;
  readonly shared: SharedArrayBuffer;
  readonly port: MessagePort;
}

export type EngineRequest =
  | { readonly name: "sample"; readonly args: readonly [Int32Array, Float32Array] }
  | { readonly name: "values"; readonly args: readonly [Int32Array] }
  | { readonly name: "update"; readonly args: readonly [HostBatch, number] }
  | { readonly name: "state" | "parameters" | "kernels"; readonly args: readonly [] };

export interface EngineAnswer {
  readonly value?: unknown;
  /** `path`: of a ContractError. */
  readonly error?: { readonly message: string; readonly path?: string };
}
