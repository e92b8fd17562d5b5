/**
 * What Python can reach of JavaScript is what its WebAssembly module imports, and nothing else: not by
 * Pyodide's proxies, not by a pointer into the wrong place. After `seal`, an instance may call only the imports
 * listed here; any other call throws through the interpreter, which is then given up.
 */
type Import = (...args: unknown[]) => unknown;
type Imports = Record<string, Record<string, unknown>>;

export interface Gate {
  /**
   * From now on only listed imports work, and random bytes come from `fill`: the system's source is out of reach,
   * and the same code is to give the same result.
   */
  seal(fill: (pointer: number, size: number) => void): void;
}

/** Files (sealed and in memory), clocks, random numbers, memory, calls of function pointers. */
const system =
  /^(?:__syscall_(?!socket|connect|bind|listen|accept|send|recv|shutdown|setsockopt|getsockopt|getsockname|getpeername)\w+|invoke_\w+|fd_\w+|clock_\w+|environ_\w+|proc_exit|exit|emscripten_date_now|emscripten_get_now|emscripten_resize_heap|emscripten_get_heap_max|emscripten_runtime_keepalive_\w+|_emscripten_runtime_keepalive_clear|_emscripten_get_progname|_emscripten_throw_longjmp|_emscripten_system|_tzset_js|_timegm_js|_mktime_js|_localtime_js|_gmtime_js|_mmap_js|_munmap_js|_msync_js|_abort_js|__assert_fail|_setitimer_js|__call_sighandler|_Py_emscripten_runtime|_Py_CheckEmscriptenSignals_Helper|_PyEM_TrampolineCall_JS|_try_fcntl64|throw_no_gil|hiwire_invalid_ref_js)$/;

const compiled = new Map<number, Promise<object>>();

interface WasmApi {
  compile(bytes: ArrayBufferView): Promise<object>;
  instantiate(source: unknown, imports?: Imports): Promise<unknown>;
}

/** Must come before Pyodide is loaded. */
export function installGate(): void {
  const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
  const { instantiate } = wasm;
  wasm.instantiate = async (source, imports) => {
    if (!imports || !ArrayBuffer.isView(source) || source.byteLength < 1 << 20) {
      return instantiate.call(wasm, source, imports);
    }
    // Two interpreters of one process share the compiled module.
    const known = compiled.get(source.byteLength) ?? wasm.compile(source);
    compiled.set(source.byteLength, known);
    const module = await known;
    return { module, instance: await instantiate.call(wasm, module, guarded(imports)) };
  };
}

let allowed: ReadonlySet<string> = new Set();
interface State {
  now: boolean;
  fill: (pointer: number, size: number) => void;
}
const open = (): State => ({ now: false, fill: () => {} });
let sealed = open();

/** Loads an interpreter whose imports besides the system's are limited to `boundary` once it is sealed. */
export async function withGate<T>(
  boundary: readonly string[],
  load: () => Promise<T>,
): Promise<{ loaded: T; gate: Gate }> {
  allowed = new Set(boundary);
  const state = open();
  sealed = state;
  const loaded = await load();
  return {
    loaded,
    gate: {
      seal(fill) {
        state.fill = fill;
        state.now = true;
      },
    },
  };
}

function guarded(imports: Imports): Imports {
  const state = sealed;
  const permitted = allowed;
  const wrap = (table: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(table).map(([name, value]) => {
        if (name === "random_get" && typeof value === "function") {
          const original = value as Import;
          const random = (pointer: unknown, size: unknown) => {
            if (!state.now) return original(pointer, size);
            state.fill(Number(pointer) >>> 0, Number(size) >>> 0);
            return 0;
          };
          return [name, random];
        }
        if (typeof value !== "function" || system.test(name) || permitted.has(name)) return [name, value];
        const original = value as Import;
        const guard = (...args: unknown[]) => {
          if (state.now) throw new Error(`${name} is not in the sandbox`);
          return original(...args);
        };
        return [name, guard];
      }),
    );
  const result: Imports = { ...imports };
  for (const space of ["env", "wasi_snapshot_preview1"]) {
    if (imports[space]) result[space] = wrap(imports[space]);
  }
  return result;
}
