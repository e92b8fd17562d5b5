/**
 * Runs untrusted code in processes of its own: Python in Pyodide, JavaScript in QuickJS. See child.ts for
 * the walls and python-tester.ts for how tests stay out of the code's reach.
 */
import type { ChildProcess } from "node:child_process";
import { collectSnapshot, type Language, spawnChild } from "./spawn.ts";
import type { Check, FailureCode, FromChild, Outcome, SandboxRequest, SandboxResult, ToChild } from "./types.ts";

export interface SandboxOptions {
  readonly language: Language;
  /** Megabytes for an interpreter's whole memory. Python itself needs some 32. Default 256. */
  readonly memoryLimit?: number;
  /** Processes, hence requests under way at once. Default 1. */
  readonly workers?: number;
  /** Folder of the interpreter's package (`pyodide`, `quickjs-emscripten`). Default: the installed one. */
  readonly interpreter?: string;
}

export interface Sandbox {
  /**
   * Runs code; the result has one outcome a step, whatever the code does. Rejects only when no
   * interpreter can be started, when `signal` aborts or when the sandbox is closed.
   */
  run(request: SandboxRequest, options?: { readonly signal?: AbortSignal }): Promise<SandboxResult>;
  /** Starts all processes now instead of on demand. */
  warm(): Promise<void>;
  close(): Promise<void>;
}

/** A process that a step's own limit did not stop is killed this long after it, in milliseconds. */
const grace = 1500;
/** Silent for this long after its limit, a process will probably be killed: its successor starts already. */
const overdue = 300;
/** A process that has not said that it is ready by then never will. */
const startLimit = 60_000;
/** After so many failed starts in a row, what waits is told instead of trying again for each request. */
const startTries = 3;

interface Job {
  readonly request: SandboxRequest;
  readonly outcomes: (Outcome | undefined)[];
  readonly checks: Check[];
  step: number;
  resolve(result: SandboxResult): void;
  reject(reason: unknown): void;
}

interface Process {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  job: Job | null;
  jobId: number;
  timer: NodeJS.Timeout | undefined;
  overdueTimer: NodeJS.Timeout | undefined;
  isReady: boolean;
  gone: boolean;
  errors: string;
}

export function createSandbox({ language, memoryLimit = 256, workers = 1, interpreter }: SandboxOptions): Sandbox {
  const processes = new Set<Process>();
  const waiting: Job[] = [];
  let closed = false;
  let nextId = 0;
  let failedStarts = 0;
  // The first Python process takes the snapshot from which the others start: sooner than without it.
  let seeded = language !== "python";

  const start = (): Process => {
    const child = spawnChild({ language, memoryLimit, interpreter });
    const snapshot = collectSnapshot(child);
    let settle: { resolve: () => void; reject: (reason: Error) => void } | undefined;
    const ready = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    ready.catch(() => {});
    const self: Process = {
      child,
      ready,
      job: null,
      jobId: -1,
      timer: undefined,
      overdueTimer: undefined,
      isReady: false,
      gone: false,
      errors: "",
    };
    const failed = setTimeout(() => child.kill("SIGKILL"), startLimit);
    child.stderr?.on("data", (data: Buffer) => {
      self.errors = (self.errors + data.toString()).slice(-4000);
    });
    child.on("message", (message: FromChild) => {
      if (message.type === "ready") {
        clearTimeout(failed);
        failedStarts = 0;
        self.isReady = true;
        snapshot.complete(message.snapshot, () => {
          seeded = true;
          pump();
        });
        settle?.resolve();
      } else receive(self, message);
    });
    child.on("error", () => end(self));
    child.on("exit", () => end(self));
    const end = (process: Process) => {
      if (process.gone) return;
      process.gone = true;
      clearTimeout(failed);
      stopClock(process);
      processes.delete(process);
      const reason = new Error(`the ${language} sandbox could not be started: ${lastLines(process.errors)}`);
      settle?.reject(reason);
      if (!process.isReady && ++failedStarts >= startTries) for (const one of waiting.splice(0)) one.reject(reason);
      const { job } = process;
      process.job = null;
      // Of a process that never started, the job hears by `ready`: that is not the code's doing.
      if (job && process.isReady)
        finish(job, "crashed", `the interpreter's process died: ${lastLines(process.errors)}`);
      pump();
    };
    processes.add(self);
    setReferenced(self, false);
    return self;
  };

  const receive = (self: Process, message: FromChild) => {
    const { job } = self;
    if (!job || message.type === "ready" || message.id !== self.jobId) return;
    if (message.type === "started") guard(self);
    else if (message.type === "check") {
      job.checks[message.index] = message.check;
      guard(self);
    } else if (message.type === "outcome") {
      job.outcomes[message.step] = message.outcome;
      job.step = message.step + 1;
      job.checks.length = 0;
      guard(self);
    } else {
      stopClock(self);
      self.job = null;
      setReferenced(self, false);
      finish(job, "crashed", "the interpreter gave no outcome");
      // More than are needed: its successor has started, and then it was not late after all.
      if (message.retire || processes.size > workers) kill(self);
      if (processes.size < workers && message.retire) startQuietly();
      pump();
    }
  };

  /** (Re)starts the clock at whose end the process is killed: the step's own limit should have come first. */
  const guard = (self: Process) => {
    stopClock(self);
    const { job } = self;
    if (!job) return;
    self.overdueTimer = setTimeout(() => {
      if (processes.size <= workers) startQuietly();
    }, job.request.timeLimit + overdue);
    // A step may load the code first and then run: two limits.
    self.timer = setTimeout(
      () => {
        self.job = null;
        kill(self);
        finish(job, "timeout", `not finished after ${job.request.timeLimit} ms, and would not stop`);
        pump();
      },
      2 * job.request.timeLimit + grace,
    );
  };

  const stopClock = (self: Process) => {
    clearTimeout(self.timer);
    clearTimeout(self.overdueTimer);
  };

  /** A successor that cannot be started is missed when it is needed. */
  const startQuietly = () => {
    try {
      start();
    } catch {}
  };

  const kill = (self: Process) => {
    self.gone = true;
    stopClock(self);
    processes.delete(self);
    self.child.kill("SIGKILL");
  };

  const pump = () => {
    if (closed) return;
    while (waiting.length > 0) {
      const running = [...processes];
      if (running.filter((process) => process.job).length >= workers) return;
      // One that is ready before one that still starts.
      let free = running.filter((process) => !process.job).sort((a, b) => Number(b.isReady) - Number(a.isReady))[0];
      if (!free && !seeded && running.length > 0) return;
      try {
        free ??= start();
      } catch (thrown) {
        // Its package is missing: no other try can succeed.
        for (const job of waiting.splice(0)) job.reject(thrown);
      }
      if (!free) return;
      const job = waiting.shift();
      if (job) assign(free, job);
    }
  };

  const assign = (self: Process, job: Job) => {
    self.job = job;
    self.jobId = nextId++;
    const id = self.jobId;
    setReferenced(self, true);
    self.ready.then(
      () => {
        if (self.job !== job || self.gone) return;
        self.timer = setTimeout(() => self.child.kill("SIGKILL"), startLimit);
        self.child.send({ id, request: job.request } satisfies ToChild);
      },
      (reason: unknown) => {
        job.reject(reason);
      },
    );
  };

  /** Completes the outcomes of a job: what the process still owed failed with `code`, what was not begun is skipped. */
  const finish = (job: Job, code: FailureCode, message: string) => {
    const outcomes = job.request.steps.map((_step, s): Outcome => {
      const outcome = job.outcomes[s];
      if (outcome) return outcome;
      if (s > job.step)
        return { failure: { code: "skipped", message: "not tried: the interpreter was stopped before" } };
      const checks = job.checks.filter((check) => check !== undefined);
      return { failure: { code, message }, ...(checks.length > 0 ? { checks } : {}) };
    });
    job.resolve({ outcomes });
  };

  return {
    run(request, options) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(new Error("the sandbox is closed"));
        const signal = options?.signal;
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          const at = waiting.indexOf(job);
          if (at >= 0) waiting.splice(at, 1);
          for (const process of [...processes]) if (process.job === job) kill(process);
          job.reject(signal?.reason);
          pump();
        };
        const job: Job = {
          request,
          outcomes: [],
          checks: [],
          step: 0,
          resolve(result) {
            signal?.removeEventListener("abort", onAbort);
            resolve(result);
          },
          reject(reason) {
            signal?.removeEventListener("abort", onAbort);
            reject(reason);
          },
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        waiting.push(job);
        pump();
      });
    },
    async warm() {
      if (!seeded && processes.size === 0) start();
      for (const process of processes) {
        setReferenced(process, true);
        if (!seeded) await process.ready;
      }
      while (processes.size < workers) start();
      for (const process of processes) setReferenced(process, true);
      await Promise.all([...processes].map((process) => process.ready));
      for (const process of processes) if (!process.job) setReferenced(process, false);
    },
    async close() {
      closed = true;
      for (const job of waiting.splice(0)) job.reject(new Error("the sandbox is closed"));
      for (const process of [...processes]) {
        process.job?.reject(new Error("the sandbox is closed"));
        const exited = new Promise((resolve) => process.child.once("exit", resolve));
        setReferenced(process, true);
        kill(process);
        await exited;
      }
    },
  };
}

/** An idle sandbox does not keep the program alive. */
function setReferenced({ child }: Process, referenced: boolean): void {
  const method = referenced ? "ref" : "unref";
  child[method]();
  child.channel?.[method]();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    if (stream && !stream.destroyed) (stream as unknown as Record<"ref" | "unref", () => void>)[method]();
  }
}

function lastLines(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && line.length < 300);
  return lines.slice(0, 4).join(" ").slice(0, 400) || "it ended without a word";
}
