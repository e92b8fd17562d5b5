import { z } from "zod";
import { messageOf } from "../core/error.ts";
import { fields, integers, nullableStrings, nullableVector, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { equalsJson, equalsOutput, showWire } from "../sandbox/compare.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Check, Failure, Outcome, Step } from "../sandbox/types.ts";
import { codeBlock } from "./code-block.ts";
import { sharedSandbox } from "./code-sandboxes.ts";
import { completeCode } from "./complete-code.ts";

const test = z.union([
  z.string(),
  z.strictObject({ assert: z.string(), setup: z.string().optional() }),
  z.strictObject({ call: z.string(), args: z.array(z.unknown()).default([]), expected: z.unknown() }),
  z.strictObject({ stdin: z.string().default(""), stdout: z.string() }),
  // Rows of HumanEval have more keys.
  z.object({
    test: z.string(),
    entryPoint: z.string().optional(),
    entry_point: z.string().optional(),
    prompt: z.string().optional(),
  }),
]);
const testList = z.array(test);
type Test = z.output<typeof test>;

/** One test of a response, as `signal/code-tests` takes it. */
export type CodeTest = z.input<typeof test>;

export interface TestResult {
  readonly status: "passed" | "failed" | "error" | "timeout";
  readonly message: string;
}

/**
 * Runs the code of each response against its tests, in a sandbox (card verifiers).
 *
 * The code is the last fenced block of the language, else the whole text when it looks like code. A test is
 * `{call, args, expected}` (a function, or a method of a class `Solution`, on JSON values), `{stdin, stdout}` (a
 * program), `{assert}` with an optional `setup`, or test code: a string of assertions (MBPP) or
 * `{test, entryPoint}` with a `check(candidate)` or unittest classes (HumanEval). In test code each `assert` counts as one test. With `prompt` beside `test`, a response may be the mere
 * body of the function that the prompt begins.
 * Gives `passed` of `total` tests; `rewards`: 1 when all passed and 0 otherwise, or with `aggregate: "fraction"` passed / total.
 * `results` has the verdict of each test with its message.
 *
 * What the code does wrong (raising, running out of time, memory or output, killing its interpreter) fails the
 * test. What is not its doing (tests that are broken or missing, a sandbox that cannot start) is in `errors`, and
 * the reward is null.
 *
 * Results are compared where the code cannot reach: returned values in this process, assertions in an
 * interpreter of their own, which gets values and no objects. So operators that the code overrides, modules that
 * it patches, exits and printed verdicts do not pass anything. Expected values never enter the code's
 * interpreter. Output is compared by lines without trailing white space.
 */
export const codeTests = definePart({
  id: "signal/code-tests",
  papers: ["verifiers"],
  params: z.object({
    language: z.enum(["python", "javascript"]).default("python").describe("language of the code and of its tests"),
    timeLimit: z.number().positive().default(5).describe("seconds per test"),
    memoryLimit: z.number().min(64).max(4096).default(256).describe("megabytes for the interpreter"),
    outputLimit: z.number().int().positive().default(65_536).describe("bytes of standard output per test"),
    aggregate: z.enum(["all", "fraction"]).default("all").describe("reward from several tests"),
    floatTolerance: z
      .number()
      .nonnegative()
      .nullable()
      .default(null)
      .describe("absolute or relative, for numbers in output and results; null: exact"),
    concurrency: z.number().int().positive().max(64).default(2).describe("interpreters at once"),
  }),
  inputs: z.object({
    responses: fields.responses,
    tests: shaped(z.array(z.union([z.string(), z.array(test)])), "N", "tests of each response"),
  }),
  outputs: z.object({
    passed: integers("N", "tests passed"),
    total: integers("N", "tests"),
    rewards: nullableVector("N", "1 or 0, or passed / total; null: not scored, see errors"),
    errors: nullableStrings("N", "why a response is not scored"),
    results: shaped(
      z.array(z.array(z.object({ status: z.enum(["passed", "failed", "error", "timeout"]), message: z.string() }))),
      "N",
      "verdict of each test",
    ),
  }),
  example: {
    inputs: {
      responses: ["```python\ndef double(x):\n    return 2 * x\n```"],
      tests: [[{ call: "double", args: [3], expected: 6 }, { assert: "assert double('a') == 'aa'" }]],
    },
  },
  async compute(params, inputs) {
    return runCodeTests(sharedSandbox(params.language, params.memoryLimit, params.concurrency), params, inputs);
  },
});

interface Params {
  readonly language: "python" | "javascript";
  readonly timeLimit: number;
  readonly outputLimit: number;
  readonly aggregate: "all" | "fraction";
  readonly floatTolerance: number | null;
}

interface Inputs {
  readonly responses: readonly string[];
  readonly tests: readonly unknown[];
}

/** What `signal/code-tests` computes, in a given sandbox. */
export async function runCodeTests(sandbox: Sandbox, params: Params, { responses, tests }: Inputs) {
  const scored = await Promise.all(
    responses.map(async (response, i): Promise<Verdicts> => {
      const { list, error } = readTests(tests[i]);
      if (error !== null) return { results: [], error };
      try {
        return await runTests(sandbox, response, list, params);
      } catch (thrown) {
        return { results: [], error: messageOf(thrown) };
      }
    }),
  );
  const passed = scored.map(({ results }) => results.filter(({ status }) => status === "passed").length);
  const total = scored.map(({ results }) => results.length);
  return {
    passed,
    total,
    rewards: scored.map(({ error }, i) => {
      if (error !== null) return null;
      if (params.aggregate === "fraction") return passed[i] / total[i];
      return passed[i] === total[i] ? 1 : 0;
    }),
    errors: scored.map(({ error }) => error),
    results: scored.map(({ results }) => results),
  };
}

interface Verdicts {
  readonly results: TestResult[];
  /** Why there is no reward; not the response's doing. */
  readonly error: string | null;
}

/** Tests as they stand in a row: a list, test code, or either of them as JSON text. */
function readTests(row: unknown): { list: Test[]; error: null } | { list: null; error: string } {
  let given = row;
  if (typeof row === "string" && /^\s*[[{]/.test(row)) {
    try {
      given = JSON.parse(row);
    } catch {
      // Test code may begin with a bracket, too.
    }
  }
  const parsed = testList.safeParse(Array.isArray(given) ? given : [given]);
  if (!parsed.success) {
    const { path } = parsed.error.issues[0];
    const kinds = "{assert}, {call, args, expected}, {stdin, stdout}, {test, entryPoint, prompt} or test code";
    return { list: null, error: `tests[${path.map(String).join(".")}]: expected ${kinds}` };
  }
  if (parsed.data.length === 0) return { list: null, error: "no tests" };
  return { list: parsed.data, error: null };
}

function codeOf(response: string, tests: readonly Test[], language: Params["language"]): string | null {
  for (const one of tests) {
    if (typeof one === "string" || !("test" in one) || one.prompt === undefined) continue;
    return completeCode(response, { prompt: one.prompt, entryPoint: entryPointOf(one) ?? null, language });
  }
  return codeBlock(response, language);
}

function entryPointOf(one: { entryPoint?: string | undefined; entry_point?: string | undefined }): string | undefined {
  return one.entryPoint ?? one.entry_point;
}

async function runTests(sandbox: Sandbox, response: string, tests: readonly Test[], params: Params): Promise<Verdicts> {
  const code = codeOf(response, tests, params.language);
  if (code === null) {
    const results = tests.flatMap((one) =>
      failures(one, { code: "threw", message: "no code in the response" }, params.language),
    );
    return { results, error: null };
  }
  const { outcomes } = await sandbox.run({
    code,
    steps: tests.map(stepOf),
    timeLimit: params.timeLimit * 1000,
    outputLimit: params.outputLimit,
    maxTimeouts: params.aggregate === "all" ? 1 : 3,
  });
  const results = tests.flatMap((one, t) => judge(one, outcomes[t], params));
  const broken = outcomes
    .flatMap(({ failure, checks }) => [failure, ...(checks ?? [])])
    .find((item) => item?.code === "tests");
  return { results, error: broken ? `the tests are broken: ${broken.message}` : null };
}

function stepOf(one: Test): Step {
  if (typeof one === "string") return { kind: "assertions", source: one };
  if ("assert" in one) {
    return { kind: "assertions", source: one.setup ? `${one.setup}\n${one.assert}` : one.assert };
  }
  if ("call" in one) return { kind: "call", name: one.call, args: one.args };
  if ("stdout" in one) return { kind: "program", stdin: one.stdin };
  return { kind: "assertions", source: one.test, entryPoint: entryPointOf(one) };
}

function judge(one: Test, outcome: Outcome, params: Params): TestResult[] {
  if (outcome.failure) return failures(one, outcome.failure, params.language, outcome.checks);
  if (outcome.checks) {
    if (outcome.checks.length === 0) return [{ status: "error", message: "the tests check nothing" }];
    return outcome.checks.map(resultOf);
  }
  if (typeof one === "object" && "call" in one) {
    if (equalsJson(outcome.value, one.expected, params.floatTolerance ?? 0)) return [{ status: "passed", message: "" }];
    const expected = JSON.stringify(one.expected) ?? "undefined";
    return [{ status: "failed", message: `got ${showWire(outcome.value)}, expected ${expected.slice(0, 200)}` }];
  }
  if (typeof one === "object" && "stdout" in one) {
    if (equalsOutput(outcome.stdout ?? "", one.stdout, params.floatTolerance)) {
      return [{ status: "passed", message: "" }];
    }
    const [got, expected] = [outcome.stdout ?? "", one.stdout].map((text) => JSON.stringify(text.slice(0, 200)));
    return [{ status: "failed", message: `printed ${got}, expected ${expected}` }];
  }
  return [{ status: "error", message: "no verdict" }];
}

function resultOf(check: Check): TestResult {
  if (check.passed) return { status: "passed", message: "" };
  const status = check.code === undefined ? "failed" : check.code === "timeout" ? "timeout" : "error";
  return { status, message: check.message };
}

/** What counts as one test in test code. */
const assertion = {
  python: /^[ \t]*assert\b/gm,
  javascript: /(?<![.\w$])(?:assert|expect|console\.assert)\s*[.(]/g,
};

/** A failure of the whole step counts against each assertion that it should have decided. */
function failures(
  one: Test,
  failure: Failure,
  language: Params["language"],
  checks: readonly Check[] = [],
): TestResult[] {
  const source = typeof one === "string" ? one : "assert" in one ? one.assert : "test" in one ? one.test : "";
  const count = Math.max(1, source.match(assertion[language])?.length ?? 0);
  const status = failure.code === "timeout" ? "timeout" : "error";
  return Array.from({ length: Math.max(count, checks.length) }, (_, i) =>
    checks[i] ? resultOf(checks[i]) : { status, message: failure.message },
  );
}
