/** What a sandbox is asked and what it answers. Nothing here depends on the language. */

/**
 * A value that crossed the wall, by value. JSON as far as it goes; else an object with one key:
 * `i` big integer (hexadecimal), `f` float, `c` complex [re, im], `t` tuple, `s` set, `z` frozen set,
 * `d` dictionary [[key, value], …], `b` bytes (hexadecimal), `a` bytearray, `q` deque, `D` decimal, `F` fraction,
 * `r` range, `u` undefined, `o` something that has no value (an object, a function): its number and its type.
 */
export type Wire =
  | null
  | boolean
  | number
  | string
  | readonly Wire[]
  | { readonly i: string }
  | { readonly f: string }
  | { readonly t: readonly Wire[] }
  | { readonly s: readonly Wire[] }
  | { readonly z: readonly Wire[] }
  | { readonly d: readonly (readonly [Wire, Wire])[] }
  | { readonly o: number; readonly type: string };

/** One thing to do with the code. */
export type Step =
  /** Run it as a program, in a fresh interpreter. */
  | { readonly kind: "program"; readonly stdin: string }
  /** Call a function (or the method of a class `Solution`) with JSON arguments. */
  | { readonly kind: "call"; readonly name: string; readonly args: readonly unknown[] }
  /** Run test code that refers to the names the code defines. It runs behind a wall of its own. */
  | { readonly kind: "assertions"; readonly source: string; readonly entryPoint?: string };

export interface SandboxRequest {
  readonly code: string;
  readonly steps: readonly Step[];
  /** Milliseconds for a step (for assertions: for each of them). */
  readonly timeLimit: number;
  /** Bytes that a step may write to standard output. */
  readonly outputLimit: number;
  /** Steps or assertions that may run out of time before the rest is not tried. Default 1. */
  readonly maxTimeouts?: number;
}

export type FailureCode =
  | "threw" // the code raised, or does not compile
  | "timeout"
  | "memory"
  | "output" // wrote more than the limit
  | "exited" // ended the program with a status other than 0, or where it should not end at all
  | "crashed" // the interpreter died or spoke nonsense
  | "skipped" // not tried, after too many timeouts or a dead interpreter
  | "tests"; // the test code itself is at fault

export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
}

/** The verdict of one assertion. */
export interface Check {
  readonly passed: boolean;
  readonly message: string;
  /** Present when it could not be decided. */
  readonly code?: FailureCode;
}

/** What became of a step. `stdout` of programs, `value` of calls, `checks` of assertions. */
export interface Outcome {
  readonly failure?: Failure;
  readonly stdout?: string;
  readonly value?: Wire;
  readonly checks?: readonly Check[];
}

export interface SandboxResult {
  /** One per step. */
  readonly outcomes: readonly Outcome[];
}

/** Messages from a sandbox process. */
export type FromChild =
  /** `snapshot`: bytes on standard output from which the next process can start faster. */
  | { readonly type: "ready"; readonly snapshot: number }
  /** The request's own time begins. */
  | { readonly type: "started"; readonly id: number }
  /** A sign of life: starts the clock of the next assertion; carries its verdict in case the process dies later. */
  | {
      readonly type: "check";
      readonly id: number;
      readonly step: number;
      readonly index: number;
      readonly check: Check;
    }
  | { readonly type: "outcome"; readonly id: number; readonly step: number; readonly outcome: Outcome }
  /** The process is to be replaced when `retire` is set. */
  | { readonly type: "done"; readonly id: number; readonly retire: boolean };

export interface ToChild {
  readonly id: number;
  readonly request: SandboxRequest;
}

/** What an interpreter in the sandbox process offers. */
export interface Interpreter {
  /** Loads what the request needs; not on its time. */
  prepare(request: SandboxRequest): Promise<void>;
  run(request: SandboxRequest, report: Report): void;
  /** True when it is no longer fit for use. */
  retired(): boolean;
}

export interface Report {
  check(step: number, index: number, check: Check): void;
  outcome(step: number, outcome: Outcome): void;
}
