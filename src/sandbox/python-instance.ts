/** One Python interpreter (Pyodide): started from a snapshot of its memory, locked, and reset to how it was then. */
import { guestSource, lockdownSource } from "./python-guest.ts";
import { testerSource } from "./python-tester.ts";
import { installGate, withGate } from "./wasm-gate.ts";

/** Modules that reach out of the interpreter or into its memory. */
const blocked = [
  "js",
  "pyodide_js",
  "pyodide",
  "_pyodide",
  "_pyodide_core",
  "ctypes",
  "_ctypes",
  "_testcapi",
  "_testinternalcapi",
  "_testlimitedcapi",
  "_testclinic",
  "_testclinic_limited",
  "_testbuffer",
  "_xxtestfuzz",
  "_remote_debugging",
  "_posixsubprocess",
  "subprocess",
  "_socket",
  "socket",
  "_ssl",
  "ssl",
  "_sqlite3",
  "mmap",
  "fcntl",
  "termios",
  "faulthandler",
];

/** Imports that a call with text in and text out needs, and the tests' calls back; see wasm-gate.ts. */
const textCall = ["JsvArray_Get", "js2python_js", "_python2js_ascii", "JsvError_Check", "JsvNoValue_Check"];
const boundary = {
  guest: textCall,
  tester: [
    ...textCall,
    "JsvArray_New",
    "JsvArray_Push",
    "JsvFunction_CallBound",
    "JsvPromise_Check",
    "JsvGenerator_Check",
    "JsvAsyncGenerator_Check",
    "pyproxy_Check",
    "destroy_proxies",
    "JsvUTF8ToString",
  ],
};

const warmUp = {
  guest: [
    { op: "load", code: "def f(x):\n    return [x, 1.5, {'a': (1,)}]" },
    { op: "call", name: "f", args: [1] },
    { op: "load", code: "raise ValueError('x')" },
    { op: "load", code: "x = (" },
  ],
  tester: [
    {
      source:
        "import math\ndef check(c):\n    assert c(1) == 2, 'm'\nassert [1] == [1]\nassert all(x > 0 for x in [1])\nassert 1 < 0\ncheck(lambda x: x)",
    },
    { source: "1 +" },
  ],
};

export type PythonFunction = (text: string) => unknown;

/** What is used of Pyodide's module; it has no types for this. */
interface Pyodide {
  runPython(code: string): unknown;
  globals: { get(name: string): unknown };
  setInterruptBuffer(buffer: unknown): void;
  setStdin(options: { read: (buffer: Uint8Array) => number; isatty: boolean }): void;
  setStdout(options: { write: (buffer: Uint8Array) => number; isatty: boolean }): void;
  setStderr(options: { write: (buffer: Uint8Array) => number; isatty: boolean }): void;
  FS: Record<string, unknown> & {
    streams: (({ shared?: object } & object) | undefined | null)[];
    currentPath: string;
    ErrnoError: new (code: number) => Error;
  };
  makeMemorySnapshot(): Uint8Array;
  _module: {
    HEAPU8: Uint8Array;
    HEAPU32: Uint32Array;
    SOCKFS?: Record<string, unknown>;
    _malloc(bytes: number): number;
  };
}

export type LoadPyodide = (options: Record<string, unknown>) => Promise<Pyodide>;

export interface Instance {
  readonly function: PythonFunction;
  /** Back to the state before any code ran. */
  reset(): void;
  /** Bytes that the memory grew since. */
  grown(): number;
}

/** Imported before the snapshot: what samples use most, and what takes longest. */
const preloaded = `
import sys, json, types, collections, decimal, fractions, builtins, marshal, importlib, operator, math, itertools
import functools, re, heapq, bisect, copy, string, random, datetime, typing, dataclasses, enum, statistics, ast, unittest, asyncio
`;

const quiet = { stdin: () => null, stdout: () => {}, stderr: () => {} };
const environment = { HOME: "/", PYTHONHASHSEED: "0" };

/**
 * Python's memory once it has started and imported what most samples use. Starting from it takes a tenth of the
 * time. It is taken in a process that has run nothing else.
 */
export async function takeSnapshot(load: LoadPyodide): Promise<Uint8Array> {
  const pyodide = await load({ ...quiet, env: environment, jsglobals: Object.freeze({}), _makeSnapshot: true });
  pyodide.runPython(preloaded);
  const known = String(pyodide.runPython("' '.join(sys.builtin_module_names)")).split(" ");
  strikeModules(pyodide, known);
  return pyodide.makeMemorySnapshot();
}

export interface Streams {
  read(buffer: Uint8Array): number;
  write(buffer: Uint8Array): number;
}

interface BootOptions {
  readonly load: LoadPyodide;
  readonly snapshot: Uint8Array;
  readonly name: "guest" | "tester";
  readonly streams: Streams;
  /** Whether the running code is to be interrupted now. */
  readonly due: () => boolean;
  /** For the tester: its way to the guest. */
  readonly callout?: (text: string) => string;
}

/** Starts an interpreter, loads the agent that answers requests in it, and shuts every way out. */
export async function boot({ load, snapshot, name, streams, due, callout }: BootOptions): Promise<Instance> {
  installGate();
  const host = callout ? { callout: (text: unknown) => callout(String(text)) } : {};
  const { loaded: pyodide, gate } = await withGate(boundary[name], () =>
    load({
      ...quiet,
      env: environment,
      jsglobals: Object.freeze(Object.assign(Object.create(null), host)),
      _loadSnapshot: snapshot,
    }),
  );
  const discard = (buffer: Uint8Array) => buffer.length;
  pyodide.setStdin({ read: streams.read, isatty: false });
  pyodide.setStdout({ write: name === "guest" ? streams.write : discard, isatty: false });
  pyodide.setStderr({ write: discard, isatty: false });
  pyodide.setInterruptBuffer({
    get 0() {
      return due() ? 2 : 0;
    },
    set 0(_value) {},
  });
  const source = name === "guest" ? guestSource : testerSource;
  // Pyodide's own runPython does not outlive the lock.
  pyodide.runPython(
    `_space = {"__name__": "sandbox"}\nexec(${JSON.stringify(`${source}\n${lockdownSource}`)}, _space)`,
  );
  pyodide.runPython("lock = _space['lock']");
  if (name === "tester") {
    pyodide.runPython(
      "from js import callout\ntester = _space['make_tester'](lambda text, call=callout: str(call(text)))",
    );
  } else pyodide.runPython("guest = _space['make_guest']()");
  const entry = pyodide.globals.get(name) as PythonFunction;
  // What the first use imports belongs into the image: it would be imported anew after every reset.
  for (const request of warmUp[name]) entry(JSON.stringify(request));
  sealFiles(pyodide.FS);
  (pyodide.globals.get("lock") as PythonFunction)(blocked.join(" "));
  const { _module: module, FS } = pyodide;
  let randomState = 1;
  gate.seal((pointer, size) => {
    const bytes = module.HEAPU8;
    for (let i = pointer; i < Math.min(pointer + size, bytes.length); i++) {
      // Numerical Recipes' generator, its high byte.
      randomState = (Math.imul(randomState, 1664525) + 1013904223) >>> 0;
      bytes[i] = randomState >>> 24;
    }
  });
  if (typeof entry("{}") !== "string") throw new Error("the interpreter does not answer");
  const image = module.HEAPU8.slice();
  const open = FS.streams.map((stream) => stream && { stream, own: { ...stream }, shared: { ...stream.shared } });
  const directory = FS.currentPath;
  return {
    function: entry,
    reset() {
      randomState = 1;
      module.HEAPU8.set(image);
      module.HEAPU8.fill(0, image.length);
      FS.streams.length = open.length;
      for (let fd = 0; fd < open.length; fd++) {
        const saved = open[fd];
        FS.streams[fd] = saved?.stream;
        // Closing a stream clears its number.
        if (saved) Object.assign(Object.assign(saved.stream, saved.own).shared ?? {}, saved.shared);
      }
      FS.currentPath = directory;
    },
    grown: () => module.HEAPU8.length - image.length,
  };
}

/**
 * Strikes blocked modules from the table of modules compiled into the interpreter (`PyImport_Inittab`),
 * so that no trick of the import system brings them back: each entry is a pointer to its name and one
 * to its initialiser, and the name pointer is turned to a name that nothing asks for.
 */
function strikeModules({ _module: module }: Pyodide, names: readonly string[]): void {
  const { HEAPU8: bytes, HEAPU32: words } = module;
  const known = new Set(names);
  const struck = new Set(blocked);
  const nameAt = (pointer: number): string => {
    if (pointer < 1024 || pointer >= bytes.length) return "";
    const first = bytes[pointer];
    if (first !== 95 && (first < 97 || first > 122)) return "";
    const end = bytes.indexOf(0, pointer);
    return end - pointer > 32 ? "" : String.fromCharCode(...bytes.subarray(pointer, end));
  };
  const nowhere = module._malloc(2);
  module.HEAPU8[nowhere] = 33;
  module.HEAPU8[nowhere + 1] = 0;
  const hits: number[] = [];
  let found = 0;
  for (let i = 2; i + 3 < words.length; i++) {
    if (words[i + 1] === 0 || words[i + 1] > 200_000) continue;
    const name = nameAt(words[i]);
    if (name === "" || !known.has(name)) continue;
    if (!known.has(nameAt(words[i + 2])) && !known.has(nameAt(words[i - 2]))) continue;
    found++;
    if (struck.has(name)) hits.push(i);
  }
  if (found < known.size / 2) throw new Error("the interpreter's table of modules was not found");
  for (const i of hits) words[i] = nowhere;
}

/** Makes Pyodide's in-memory file system read-only, and lets no socket open. Nothing of the host is mounted in it. */
function sealFiles(FS: Pyodide["FS"]): void {
  const refuse = () => {
    throw new FS.ErrnoError(69); // EROFS
  };
  const { open } = FS as unknown as { open: (path: unknown, flags: unknown, mode?: unknown) => unknown };
  const isWrite = (flags: unknown) =>
    typeof flags === "string" ? /[wa+x]/.test(flags) : (Number(flags) & (3 | 64 | 512)) !== 0;
  FS.open = (path: unknown, flags: unknown, mode?: unknown) => {
    const name = typeof path === "string" ? path : "";
    if (isWrite(flags) && !/^\/dev\/(?:null|stdout|stderr|tty)$/.test(name)) refuse();
    return open.call(FS, path, flags, mode);
  };
  for (const name of [
    "mknod",
    "mkdir",
    "mkdirTree",
    "mkdev",
    "create",
    "symlink",
    "rename",
    "rmdir",
    "unlink",
    "chmod",
    "fchmod",
    "lchmod",
    "chown",
    "fchown",
    "lchown",
    "truncate",
    "ftruncate",
    "utime",
    "mount",
    "unmount",
    "writeFile",
    "createPath",
    "createFile",
    "createDataFile",
    "createDevice",
    "createLazyFile",
    "createPreloadedFile",
    "doTruncate",
    "doChmod",
    "doChown",
    "doSetAttr",
  ]) {
    if (typeof FS[name] === "function") FS[name] = refuse;
  }
}
