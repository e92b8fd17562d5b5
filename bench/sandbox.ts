/** Sandboxes: cold start, and samples a second once warm. `npm run build && npx tsx bench/sandbox.ts` */
import { performance } from "node:perf_hooks";
import { createSandbox } from "../src/sandbox/sandbox.ts";
import type { Step } from "../src/sandbox/types.ts";

const samples = 100;
const work = {
  python: {
    code: "def f(n):\n    return sum(i * i for i in range(n))",
    assertion: "assert f(10) == 285",
    program: "print(int(input()) + 1)",
  },
  javascript: {
    code: "function f(n) { let s = 0; for (let i = 0; i < n; i++) s += i * i; return s; }",
    assertion: "assert(f(10) === 285)",
    program: "console.log(Number(require('fs').readFileSync(0, 'utf8')) + 1)",
  },
} as const;

for (const language of ["python", "javascript"] as const) {
  const { code, assertion, program } = work[language];
  const sandbox = createSandbox({ language });
  const begin = performance.now();
  await sandbox.warm();
  console.log(`${language}: cold start ${(performance.now() - begin).toFixed(0)} ms`);
  const steps: Record<string, [string, Step]> = {
    call: [code, { kind: "call", name: "f", args: [10] }],
    program: [program, { kind: "program", stdin: "41\n" }],
    assertion: [code, { kind: "assertions", source: assertion }],
  };
  for (const [name, [source, step]] of Object.entries(steps)) {
    const request = { code: source, steps: [step], timeLimit: 5000, outputLimit: 65_536 };
    const first = performance.now();
    await sandbox.run(request);
    const start = performance.now();
    for (let i = 0; i < samples; i++) await sandbox.run(request);
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `${language}: ${name}: first ${(start - first).toFixed(0)} ms, then ${(samples / seconds).toFixed(0)} samples/s`,
    );
  }
  await sandbox.close();
}
