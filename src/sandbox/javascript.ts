/** JavaScript (QuickJS) as an interpreter of a sandbox process: fresh engines for each request. */
import { createClock } from "./clock.ts";
import { guestSource, testerSource } from "./javascript-source.ts";
import type { Check, Failure, FailureCode, Interpreter, Outcome, SandboxRequest, Step, Wire } from "./types.ts";

/** What is used of quickjs-emscripten. */
interface Handle {
  dispose(): void;
}
interface Result {
  readonly value?: Handle;
  readonly error?: Handle;
}
interface Context {
  readonly undefined: Handle;
  evalCode(code: string, file: string): Result;
  callFunction(f: Handle, self: Handle, ...args: Handle[]): Result;
  newFunction(name: string, f: (...args: Handle[]) => Handle | undefined): Handle;
  newString(text: string): Handle;
  newNumber(value: number): Handle;
  getString(handle: Handle): string;
  getNumber(handle: Handle): number;
  typeof(handle: Handle): string;
  getProp(handle: Handle, key: string): Handle;
  dispose(): void;
}
interface Runtime {
  newContext(): Context;
  setMemoryLimit(bytes: number): void;
  setMaxStackSize(bytes: number): void;
  setInterruptHandler(handler: () => boolean): void;
  executePendingJobs(max?: number): { value?: number; error?: Handle; dispose(): void };
  dispose(): void;
}
interface QuickJs {
  newRuntime(): Runtime;
}
export interface QuickJsModule {
  newQuickJSWASMModule(): Promise<QuickJs>;
}

interface Reply {
  readonly ok?: { readonly value?: Wire & { readonly pending?: boolean }; readonly pending?: boolean };
  readonly error?: {
    readonly kind: string;
    readonly type?: string;
    readonly message: string;
    readonly status?: number;
  };
}

interface Engine {
  readonly context: Context;
  readonly agent: Handle;
  /** Runs what promises wait for. */
  jobs(): void;
  dispose(): void;
}

const replyLimit = 32 * 1024 * 1024;

export async function createJavaScript(quickjs: QuickJsModule, memoryLimit: number): Promise<Interpreter> {
  const clock = createClock();
  // Two modules, hence two memories.
  const guestModule = await quickjs.newQuickJSWASMModule();
  const testerModule = await quickjs.newQuickJSWASMModule();
  let dead = false;
  let stdin = "";
  let output: string[] = [];
  let written = 0;
  let exitStatus: number | null = null;
  let request: SandboxRequest = { code: "", steps: [], timeLimit: 0, outputLimit: 0 };

  const start = (module: QuickJs, source: string, host: (context: Context) => Handle[]): Engine => {
    const runtime = module.newRuntime();
    runtime.setMemoryLimit(memoryLimit * 1024 * 1024 - 24 * 1024 * 1024);
    runtime.setMaxStackSize(512 * 1024);
    runtime.setInterruptHandler(() => exitStatus !== null || clock.fired !== null || clock.due());
    const context = runtime.newContext();
    const made = context.evalCode(source, "sandbox.js");
    if (!made.value) throw new Error("the engine does not start");
    const functions = host(context);
    const called = context.callFunction(made.value, context.undefined, ...functions);
    made.value.dispose();
    for (const handle of functions) handle.dispose();
    const agent = called.value;
    if (!agent) throw new Error("the engine does not start");
    return {
      context,
      agent,
      jobs() {
        for (let round = 0; round < 1_000_000; round++) {
          const result = runtime.executePendingJobs(1000);
          result.error?.dispose();
          if (result.error || !result.value) return;
        }
      },
      dispose() {
        try {
          agent.dispose();
          context.dispose();
          runtime.dispose();
        } catch {
          // A leak in the engine: its module is given up.
          dead = true;
        }
      },
    };
  };

  const startGuest = (input: string): Engine => {
    stdin = input;
    output = [];
    written = 0;
    exitStatus = null;
    return start(guestModule, guestSource, (context) => [
      context.newFunction("write", (text) => {
        // The interrupt comes after some thousand steps; reading long texts until then would take seconds.
        if (exitStatus !== null || clock.fired !== null) return undefined;
        const piece = context.getString(text);
        const room = request.outputLimit - written;
        written += Buffer.byteLength(piece);
        if (room > 0) output.push(piece.slice(0, room));
        if (written > request.outputLimit) clock.fire("output");
        return undefined;
      }),
      context.newFunction("readInput", () => context.newString(stdin)),
      context.newFunction("exit", (status) => {
        exitStatus = context.getNumber(status) & 255;
        return undefined;
      }),
    ]);
  };

  const stopped = (): Reply["error"] | null => {
    if (clock.fired !== null) return { kind: clock.fired, message: "" };
    if (exitStatus !== null) return { kind: "exit", message: "", status: exitStatus };
    return null;
  };

  const guarded = (run: () => Reply): Reply => {
    try {
      const reply = run();
      const error = stopped();
      return error ? { error } : reply;
    } catch (thrown) {
      const error = stopped();
      if (error && !(thrown instanceof Error && thrown.name === "RuntimeError")) return { error };
      dead = true;
      return { error: { kind: "crashed", message: `the engine died: ${String(thrown).slice(0, 200)}` } };
    }
  };

  const describe = (context: Context, error: Handle): NonNullable<Reply["error"]> => {
    const text = (key: string) => {
      const handle = context.getProp(error, key);
      const value = context.typeof(handle) === "string" ? context.getString(handle).slice(0, 500) : "";
      handle.dispose();
      return value;
    };
    const isObject = context.typeof(error) === "object";
    const type = isObject ? text("name") : "Error";
    const message = isObject ? text("message") : context.typeof(error) === "string" ? context.getString(error) : "";
    error.dispose();
    return { kind: /out of memory/.test(message) ? "memory" : "threw", type, message };
  };

  const ask = (guest: Engine, message: object): Reply =>
    guarded(() => {
      const send = (content: object): Reply => {
        const text = guest.context.newString(JSON.stringify(content));
        const result = guest.context.callFunction(guest.agent, guest.context.undefined, text);
        text.dispose();
        if (!result.value) {
          return {
            error: result.error ? describe(guest.context, result.error) : { kind: "crashed", message: "no reply" },
          };
        }
        const reply = guest.context.typeof(result.value) === "string" ? guest.context.getString(result.value) : "";
        result.value.dispose();
        if (reply === "" || reply.length > replyLimit)
          return { error: { kind: "threw", message: "the value is too large" } };
        return JSON.parse(reply) as Reply;
      };
      const reply = send(message);
      if (!reply.ok?.pending) return reply;
      guest.jobs();
      runTimers(guest, send);
      return send({ op: "settled" });
    });

  const runTimers = (guest: Engine, send: (content: object) => Reply): Reply => {
    for (;;) {
      const reply = send({ op: "timer" });
      guest.jobs();
      if (reply.error || stopped()) return reply;
      if (reply.ok?.value !== true) return {};
    }
  };

  const evaluate = (guest: Engine, program: boolean): Reply =>
    guarded(() => {
      const code = request.code.replace(
        /^([ \t]*)export\s+(?:default\s+)?(?=(?:async\s+)?(?:function|class|const|let|var)\b)/gm,
        "$1",
      );
      const result = guest.context.evalCode(code, "solution.js");
      if (result.error) return { error: describe(guest.context, result.error) };
      result.value?.dispose();
      guest.jobs();
      if (!program) return {};
      const once = (content: object): Reply => {
        const text = guest.context.newString(JSON.stringify(content));
        const called = guest.context.callFunction(guest.agent, guest.context.undefined, text);
        text.dispose();
        if (!called.value) return { error: called.error ? describe(guest.context, called.error) : undefined };
        const reply = guest.context.getString(called.value);
        called.value.dispose();
        return JSON.parse(reply) as Reply;
      };
      return runTimers(guest, once);
    });

  const failureOf = (error: NonNullable<Reply["error"]>): Failure => {
    const code: FailureCode = error.kind === "exit" ? "exited" : (error.kind as FailureCode);
    if (code === "timeout") return { code, message: `not finished after ${request.timeLimit} ms` };
    if (code === "output") return { code, message: `wrote more than ${request.outputLimit} bytes` };
    if (code === "exited") return { code, message: `exited with status ${error.status}` };
    return { code, message: error.type ? `${error.type}: ${error.message}` : error.message };
  };

  const program = (step: Step & { kind: "program" }): Outcome => {
    const guest = startGuest(step.stdin);
    clock.start(request.timeLimit);
    const { error } = evaluate(guest, true);
    clock.stop();
    guest.dispose();
    const failed = error && !(error.kind === "exit" && error.status === 0);
    return { stdout: output.join(""), ...(failed ? { failure: failureOf(error) } : {}) };
  };

  const call = (guest: Engine, step: Step & { kind: "call" }): Outcome => {
    output = [];
    written = 0;
    clock.start(request.timeLimit);
    const reply = ask(guest, { op: "call", name: step.name, args: step.args.map(toWire) });
    clock.stop();
    return reply.error ? { failure: failureOf(reply.error) } : { value: reply.ok?.value ?? null };
  };

  const assertions = (
    guest: Engine,
    step: Step & { kind: "assertions" },
    onCheck: (index: number, check: Check) => void,
    allowedTimeouts: number,
  ): Outcome => {
    let timeouts = 0;
    const answer = (text: string): string => {
      const message = JSON.parse(text) as { op: string; index: number; check: Check };
      if (message.op === "check") {
        onCheck(message.index, message.check);
        clock.start(request.timeLimit);
        return '{"ok": {}}';
      }
      if (dead || timeouts >= allowedTimeouts) {
        return JSON.stringify({ error: { kind: "skipped", message: "not tried: the code was stopped before" } });
      }
      const reply = ask(guest, message);
      if (!reply.error) return JSON.stringify(reply);
      if (reply.error.kind === "timeout") timeouts++;
      if (reply.error.kind === "threw") return JSON.stringify(reply);
      clock.start(request.timeLimit);
      exitStatus = null;
      return JSON.stringify({ error: { ...failureOf(reply.error), kind: reply.error.kind } });
    };
    const tester = start(testerModule, testerSource, (context) => [
      context.newFunction("ask", (text) => context.newString(answer(context.getString(text)))),
    ]);
    const { context, agent } = tester;
    const talk = (op: string, ...args: Handle[]): string => {
      const name = context.newString(op);
      const result = context.callFunction(agent, context.undefined, name, ...args);
      for (const handle of [name, ...args]) handle.dispose();
      if (!result.value) {
        const { type, message } = result.error ? describe(context, result.error) : { type: "Error", message: "" };
        throw new Error(`${type}: ${message}`);
      }
      const text = context.getString(result.value);
      result.value.dispose();
      return text;
    };
    clock.start(request.timeLimit);
    try {
      talk("bind", context.newString(`${step.source}\n${step.entryPoint ?? ""}`));
      const hasCheck =
        step.entryPoint && /\bfunction\s+check\s*\(/.test(step.source) && !/^\s*check\s*\(/m.test(step.source);
      const source = hasCheck ? `${step.source}\ncheck(${step.entryPoint});` : step.source;
      const wrapped = /\bawait\b/.test(source) ? `(async () => {\n${source}\n})()` : source;
      const result = context.evalCode(wrapped, "tests.js");
      if (result.error) talk("fault", result.error);
      result.value?.dispose();
      tester.jobs();
      const count = source.match(/(?<![.\w$])(?:assert|expect|console\.assert)\s*[.(]/g)?.length ?? 0;
      return { checks: JSON.parse(talk("end", context.undefined, context.newNumber(count))) as Check[] };
    } catch (thrown) {
      if (clock.fired === "timeout") {
        return { failure: { code: "timeout", message: `the tests did not finish within ${request.timeLimit} ms` } };
      }
      dead ||= thrown instanceof Error && thrown.name === "RuntimeError";
      return { failure: { code: "crashed", message: String(thrown).slice(0, 300) } };
    } finally {
      clock.stop();
      tester.dispose();
    }
  };

  return {
    async prepare() {},
    run(incoming, report) {
      request = incoming;
      let guest: Engine | null = null;
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
        if (step.kind === "program") outcome = program(step);
        else {
          if (!guest) {
            guest = startGuest("");
            clock.start(request.timeLimit);
            const { error } = evaluate(guest, false);
            clock.stop();
            broken = error ? failureOf(error) : null;
          }
          exitStatus = null;
          if (broken) outcome = { failure: broken };
          else if (step.kind === "call") outcome = call(guest, step);
          else outcome = assertions(guest, step, (i, check) => report.check(s, i, check), maxTimeouts - timeouts);
        }
        if (outcome.failure?.code === "timeout") timeouts++;
        timeouts += outcome.checks?.filter((check) => check.code === "timeout").length ?? 0;
        report.outcome(s, outcome);
      });
      (guest as Engine | null)?.dispose();
    },
    retired: () => dead,
  };
}

function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value === "object" && value !== null) {
    return { d: Object.entries(value).map(([key, item]) => [key, toWire(item)]) };
  }
  return value;
}
