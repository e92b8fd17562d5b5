/** Python (Pyodide) as an interpreter of a sandbox process: two instances, reset from a copy of their memory. */
import { createClock } from "./clock.ts";
import { boot, type Instance, type LoadPyodide } from "./python-instance.ts";
import type { Check, Failure, FailureCode, Interpreter, Outcome, Report, SandboxRequest, Step, Wire } from "./types.ts";

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

export async function createPython(load: LoadPyodide, snapshot: Uint8Array): Promise<Interpreter> {
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
  };

  const due = () => clock.due();
  const guest = await boot({ load, snapshot, name: "guest", streams, due });
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
      tester = await boot({ load, snapshot, name: "tester", streams, due, callout: (text) => callout(text) });
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
