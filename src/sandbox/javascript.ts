import type { Interpreter } from "./types.ts";
export interface QuickJsModule {
  newQuickJSWASMModule(variant: unknown): Promise<unknown>;
}
export async function createJavaScript(_q: QuickJsModule, _v: unknown, _m: number): Promise<Interpreter> {
  throw new Error("work in progress");
}
