/** Python (Pyodide) as an interpreter of a sandbox process: two instances, reset from a copy of their memory. */
import { createClock } from "./clock.ts";
import { guestSource, lockdownSource } from "./python-guest.ts";
import { testerSource } from "./python-tester.ts";
import type { Check, Failure, FailureCode, Interpreter, Outcome, Report, SandboxRequest, Step, Wire } from "./types.ts";
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

type PythonFunction = (text: string) => unknown;

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
  _module: {
    HEAPU8: Uint8Array;
    HEAPU32: Uint32Array;
    SOCKFS?: Record<string, unknown>;
    _malloc(bytes: number): number;
  };
}

export type LoadPyodide = (options: Record<string, unknown>) => Promise<Pyodide>;

interface Instance {
  readonly pyodide: Pyodide;
  readonly function: PythonFunction;
  /** Back to the state before any code ran. */
  reset(): void;
  /** Bytes that the memory grew since. */
  grown(): number;
}

interface Reply {
  readonly ok?: { readonly value?: Wire };
  readonly error?: {
    readonly kind: string;
    readonly type?: string;
    readonly message: string;
    readonly line?: number | null;
    readonly status?: number;
  };
}

/** Replies longer than this are refused: a result must not flood the host. */
const replyLimit = 32 * 1024 * 1024;
/** More growth than this is not worth wiping. */
const growthLimit = 128 * 1024 * 1024;

export async function createPython(load: LoadPyodide): Promise<Interpreter> {
  const clock = createClock();
  const decoder = new TextDecoder();
  let stdin = new Uint8Array();
  let stdinAt = 0;
  let chunks: Uint8Array[] = [];
  let written = 0;
  let outputLimit = 0;
  let dead = false;
  let callout: (text: string) => string = () => '{"ok": {}}';

  const streams = {
    read(buffer: Uint8Array) {
      const part = stdin.subarray(stdinAt, stdinAt + buffer.length);
      buffer.set(part);
      stdinAt += part.length;
      return part.length;
    },
    write(buffer: Uint8Array) {
      const room = outputLimit - written;
      if (room > 0) chunks.push(buffer.slice(0, room));
      written += buffer.length;
      if (written > outputLimit) clock.fire("output");
      return buffer.length;
    },
    discard: (buffer: Uint8Array) => buffer.length,
  };

  installGate();
  const boot = async (source: string, name: "guest" | "tester", host: object): Promise<Instance> => {
    const { loaded: pyodide, gate } = await withGate(boundary[name], () =>
      load({
        jsglobals: Object.freeze(host),
        env: { HOME: "/", PYTHONHASHSEED: "0" },
        stdin: () => null,
        stdout: () => {},
        stderr: () => {},
      }),
    );
    pyodide.setStdin({ read: streams.read, isatty: false });
    pyodide.setStdout({ write: name === "guest" ? streams.write : streams.discard, isatty: false });
    pyodide.setStderr({ write: streams.discard, isatty: false });
    pyodide.setInterruptBuffer({
      get 0() {
        return clock.due() ? 2 : 0;
      },
      set 0(_value) {},
    });
    // Pyodide's own runPython does not outlive the lock.
    pyodide.runPython(
      `_space = {"__name__": "sandbox"}\nexec(${JSON.stringify(`${source}\n${lockdownSource}`)}, _space)`,
    );
    const known = String(pyodide.runPython("import sys; ' '.join(sys.builtin_module_names)")).split(" ");
    pyodide.runPython("lock = _space['lock']");
    if (name === "tester") {
      pyodide.runPython(
        "from js import callout\ntester = _space['make_tester'](lambda text, call=callout: str(call(text)))",
      );
    } else pyodide.runPython("guest = _space['make_guest']()");
    const entry = pyodide.globals.get(name) as PythonFunction;
    // What the first use imports belongs into the image: it would be imported anew after every reset.
    for (const request of warmUp[name]) entry(JSON.stringify(request));
    strikeModules(pyodide, known);
    sealFiles(pyodide.FS);
    (pyodide.globals.get("lock") as PythonFunction)(blocked.join(" "));
    gate.seal();
    if (typeof entry("{}") !== "string") throw new Error("the interpreter does not answer");
    const { _module: module, FS } = pyodide;
    const image = module.HEAPU8.slice();
    const open = FS.streams.map((stream) => stream && { stream, own: { ...stream }, shared: { ...stream.shared } });
    const directory = FS.currentPath;
    return {
      pyodide,
      function: entry,
      reset() {
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
  };

  const guest = await boot(guestSource, "guest", Object.create(null));
  let tester: Instance | null = null;

  /** One request to the guest. What does not come back as text in good form kills the interpreter. */
  const ask = (request: object): Reply => {
    let text: unknown;
    try {
      text = guest.function(JSON.stringify(request));
    } catch (thrown) {
      // An interrupt inside the guest's own frames; anything else means that the interpreter is gone.
      if (clock.fired === null || !isPythonError(thrown)) {
        dead = true;
        return { error: { kind: "crashed", message: crashMessage(thrown) } };
      }
    }
    if (clock.fired !== null) return { error: { kind: clock.fired, message: "" } };
    if (typeof text !== "string" || text.length > replyLimit) {
      if (typeof text !== "string") dead = true;
      return { error: { kind: "crashed", message: "the interpreter's reply is not readable" } };
    }
    try {
      return JSON.parse(text) as Reply;
    } catch {
      return { error: { kind: "crashed", message: "the interpreter's reply is not readable" } };
    }
  };

  const failureOf = (error: NonNullable<Reply["error"]>, request: SandboxRequest): Failure => {
    const codes: Record<string, FailureCode> = { exit: "exited", interrupt: "threw" };
    const code = codes[error.kind] ?? (error.kind as FailureCode);
    if (code === "timeout") return { code, message: `not finished after ${request.timeLimit} ms` };
    if (code === "output") return { code, message: `wrote more than ${request.outputLimit} bytes` };
    if (code === "exited") return { code, message: `exited with status ${error.status ?? "unknown"}` };
    const where = error.line ? ` (line ${error.line})` : "";
    return { code, message: error.type ? `${error.type}: ${error.message}${where}` : error.message };
  };

  const begin = (request: SandboxRequest, input: string) => {
    guest.reset();
    stdin = new TextEncoder().encode(input);
    stdinAt = 0;
    chunks = [];
    written = 0;
    outputLimit = request.outputLimit;
  };
  const output = () => decoder.decode(Buffer.concat(chunks));

  const program = (request: SandboxRequest, step: Step & { kind: "program" }): Outcome => {
    begin(request, step.stdin);
    clock.start(request.timeLimit);
    const reply = ask({ op: "program", code: request.code });
    clock.stop();
    return { stdout: output(), ...(reply.error ? { failure: failureOf(reply.error, request) } : {}) };
  };

  const loadCode = (request: SandboxRequest): Failure | null => {
    begin(request, "");
    clock.start(request.timeLimit);
    const reply = ask({ op: "load", code: request.code });
    clock.stop();
    return reply.error ? failureOf(reply.error, request) : null;
  };

  const call = (request: SandboxRequest, step: Step & { kind: "call" }): Outcome => {
    chunks = [];
    written = 0;
    clock.start(request.timeLimit);
    const reply = ask({ op: "call", name: step.name, args: step.args.map(toWire) });
    clock.stop();
    return reply.error ? { failure: failureOf(reply.error, request) } : { value: reply.ok?.value ?? null };
  };

  const assertions = (
    request: SandboxRequest,
    step: Step & { kind: "assertions" },
    onCheck: (index: number, check: Check) => void,
    allowedTimeouts: number,
  ): Outcome => {
    if (!tester) return { failure: { code: "crashed", message: "no interpreter for the tests" } };
    tester.reset();
    chunks = [];
    written = 0;
    let timeouts = 0;
    callout = (text) => {
      const message = JSON.parse(text) as { op: string; index: number; check: Check };
      if (message.op === "check") {
        onCheck(message.index, message.check);
        clock.start(request.timeLimit);
        return '{"ok": null}';
      }
      if (dead || timeouts >= allowedTimeouts) {
        const reason = dead ? "the interpreter died" : "too many timeouts";
        return JSON.stringify({ error: { kind: "skipped", message: `not tried: ${reason}` } });
      }
      const reply = ask(message);
      if (!reply.error) return JSON.stringify(reply);
      if (reply.error.kind === "timeout") timeouts++;
      if (!["timeout", "output", "crashed", "memory", "exit"].includes(reply.error.kind)) return JSON.stringify(reply);
      // The tests go on, on time of their own.
      clock.start(request.timeLimit);
      return JSON.stringify({ error: { ...reply.error, ...failureOf(reply.error, request), kind: reply.error.kind } });
    };
    // Reading and rewriting the tests is not the code's time.
    clock.start(request.timeLimit + 1000);
    try {
      const text = tester.function(JSON.stringify({ source: step.source, entryPoint: step.entryPoint }));
      return { checks: JSON.parse(String(text)) as Check[] };
    } catch (thrown) {
      if (clock.fired !== null) {
        return { failure: { code: "timeout", message: `the tests did not finish within ${request.timeLimit} ms` } };
      }
      dead = true;
      return { failure: { code: "crashed", message: crashMessage(thrown) } };
    } finally {
      clock.stop();
    }
  };

  return {
    async prepare(request) {
      if (tester || !request.steps.some((step) => step.kind === "assertions")) return;
      tester = await boot(
        testerSource,
        "tester",
        Object.assign(Object.create(null), { callout: (text: unknown) => callout(String(text)) }),
      );
    },
    run(request: SandboxRequest, report: Report) {
      let loaded = false;
      let broken: Failure | null = null;
      let timeouts = 0;
      const maxTimeouts = request.maxTimeouts ?? 1;
      request.steps.forEach((step, s) => {
        if (dead || timeouts >= maxTimeouts) {
          const reason = dead ? "the interpreter died" : "too many timeouts";
          report.outcome(s, { failure: { code: "skipped", message: `not tried: ${reason}` } });
          return;
        }
        let outcome: Outcome;
        if (step.kind === "program") {
          loaded = false;
          outcome = program(request, step);
        } else {
          if (!loaded) {
            broken = loadCode(request);
            loaded = true;
          }
          if (broken) outcome = { failure: broken };
          else if (step.kind === "call") outcome = call(request, step);
          else outcome = assertions(request, step, (i, check) => report.check(s, i, check), maxTimeouts - timeouts);
        }
        if (outcome.failure?.code === "timeout") timeouts++;
        timeouts += outcome.checks?.filter((check) => check.code === "timeout").length ?? 0;
        report.outcome(s, outcome);
      });
    },
    retired: () => dead || guest.grown() > growthLimit || (tester?.grown() ?? 0) > growthLimit,
  };
}

/** JSON into the guest: floats keep being floats only where they have a fraction, as JSON writes them. */
function toWire(value: unknown): unknown {
  if (typeof value === "number") {
    return Number.isSafeInteger(value)
      ? value
      : { f: Object.is(value, -0) ? "-0.0" : String(value).replace("Infinity", "inf") };
  }
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value === "object" && value !== null) {
    return { d: Object.entries(value).map(([key, item]) => [key, toWire(item)]) };
  }
  return value;
}

function isPythonError(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.constructor.name === "PythonError";
}

function crashMessage(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return `the interpreter died: ${text.slice(0, 200)}`;
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
