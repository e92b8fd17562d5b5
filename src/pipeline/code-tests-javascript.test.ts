import { afterAll, describe, expect, it } from "vitest";
import { closeCodeSandboxes } from "./code-sandboxes.ts";
import { type CodeTest, codeTests } from "./code-tests.ts";

const bound = codeTests({
  language: "javascript",
  timeLimit: 0.5,
  memoryLimit: 96,
  concurrency: 1,
  aggregate: "fraction",
});
type Tests = string | CodeTest[];

async function run(code: string, tests: Tests) {
  const { passed, total, rewards, errors, results } = await bound({
    responses: [`\`\`\`js\n${code}\n\`\`\``],
    tests: [tests],
  });
  return { passed: passed[0], total: total[0], reward: rewards[0], error: errors[0], results: results[0] };
}
const double: Tests = [
  { assert: "assert(double(2) === 4)" },
  { call: "double", args: [3], expected: 6 },
  "assert.strictEqual(double(5), 10);\nexpect(double(0)).toBe(0);",
  "assert.deepStrictEqual([double(7)], [14]); assert.equal(double(7), 14)",
];
const good = "function double(x) { return 2 * x; }";

afterAll(closeCodeSandboxes);

describe("verdicts", () => {
  it("passes right code and says what is wrong with other code", async () => {
    expect(await run(good, double)).toMatchObject({ passed: 6, total: 6, reward: 1, error: null });
    const wrong = await run("const double = (x) => x * x;", double);
    expect(wrong).toMatchObject({ passed: 2, total: 6 });
    expect(wrong.results[2]).toEqual({ status: "failed", message: "got 25, expected 10" });
  });

  it("runs programs, however they read their input", async () => {
    const program: Tests = [{ stdin: "2 3\n4\n", stdout: "9" }];
    const sum = "const sum = (t) => t.split(/\\s+/).filter(Boolean).map(Number).reduce((a, b) => a + b, 0);\n";
    for (const code of [
      "console.log(sum(require('fs').readFileSync(0, 'utf8')));",
      "let t = ''; process.stdin.on('data', (d) => { t += d; }); process.stdin.on('end', () => console.log(sum(t)));",
      "const r = require('readline').createInterface({ input: process.stdin }); let s = 0; r.on('line', (l) => { s += sum(l); }); r.on('close', () => console.log(s));",
      "(async () => { let s = 0; for await (const l of require('readline').createInterface({})) s += sum(l); process.stdout.write(s + '\\n'); process.exit(0); })();",
    ]) {
      expect(await run(sum + code, program)).toMatchObject({ passed: 1, total: 1 });
    }
    expect(await run(`${sum}console.log(9); process.exit(1)`, program)).toMatchObject({ passed: 0 });
  });

  it("knows classes, promises, exports and values of all kinds", async () => {
    const code =
      "export class Stack { constructor() { this.items = []; } push(x) { this.items.push(x); } pop() { return this.items.pop(); } }\nasync function later(x) { await null; return x; }\nconst same = (x) => x;\nfunction apply(f, x) { return f(x); }\nmodule.exports = { hidden: () => 'h' };\nfunction fail() { throw new RangeError('r'); }";
    const tests: Tests = [
      "const s = new Stack(); s.push(1); s.push({ a: [2] }); assert.deepStrictEqual(s.pop(), { a: [2] }); assert.equal(s.items.length, 1);",
      "assert.strictEqual(await later(3), 3)",
      "assert.deepStrictEqual(same(new Map([[1, new Set(['x'])]])), new Map([[1, new Set(['x'])]])); assert(Number.isNaN(same(NaN))); assert(same(10n) === 10n); expect(same(undefined)).toBeUndefined(); assert(apply((x) => x + 1, 2) === 3); assert.throws(() => fail())",
      { call: "hidden", args: [], expected: "h" },
      { call: "later", args: [[1, { a: null }]], expected: [1, { a: null }] },
      { call: "same", args: ["\ud800"], expected: "\ud800" },
    ];
    const { results } = await run(code, tests);
    expect(results.filter(({ status }) => status !== "passed")).toEqual([]);
    expect(results.length).toBe(12);
  });
});

describe("no hack passes", () => {
  const hacks: Record<string, string> = {
    "objects that convert to what is asked":
      "function double() { return { valueOf: () => NaN, toString: () => 'passed', [Symbol.toPrimitive]: () => NaN, length: 1 }; }",
    "a proxy": "function double() { return new Proxy(function () {}, { get: () => () => true, has: () => true }); }",
    "leaving early": "function double() { process.exit(0); }",
    "leaving at once": "process.exit(0);",
    "patched assert":
      "globalThis.assert = Object.assign(() => true, { strictEqual() {}, deepStrictEqual() {}, equal() {} }); globalThis.expect = () => ({ toBe() {} }); function double() {}",
    "patched prototypes":
      "Object.is = () => true; JSON.stringify = () => '{\"ok\":{\"value\":true}}'; JSON.parse = () => ({ op: 'ping' }); Array.prototype.map = () => []; Object.prototype.value = 4; Object.prototype.passed = true; function double() { return true; }",
    "printed verdicts": "console.log('passed'); function double() { console.log('4\\n6'); return 'passed'; }",
    "the answer of another test": "function double() { return 4.5; }",
    "a promise of anything": "function double() { return { then(f) { f(true); } }; }",
  };
  for (const [name, code] of Object.entries(hacks)) {
    it(name, async () => {
      expect(await run(code, double)).toMatchObject({ passed: 0, total: 6, error: null });
      expect(await run(good, double)).toMatchObject({ passed: 6, total: 6 });
    });
  }
});

describe("hostile code", () => {
  const hostile: [string, string][] = [
    ["endless loop", "function double() { for (;;) try { for (;;); } catch {} }"],
    [
      "endless promises",
      "function double() { const f = () => Promise.resolve().then(f); f(); return new Promise(() => {}); }",
    ],
    ["memory bomb", "function double() { const a = []; for (;;) a.push(new Array(100000).fill(1)); }"],
    ["one huge allocation", "function double() { return new Uint8Array(2 ** 31 - 1); }"],
    ["deep recursion", "function double(x) { return double(x) + 1; }"],
    ["huge text", "function double() { return 'x'.repeat(2 ** 26); }"],
    ["huge number", "function double() { return 1n << 10000000n; }"],
    ["cyclic result", "function double() { const a = []; a.push(a); return a; }"],
    ["catastrophic regular expression", "function double() { return /^(a+)+$/.test('a'.repeat(60) + '!'); }"],
    ["files", "const double = () => require('fs').readFileSync('/etc/passwd', 'utf8');"],
    ["processes", "const double = () => require('child_process').execSync('ls');"],
    [
      "host objects",
      "const double = () => (0, eval)('this').constructor.constructor('return process')().mainModule.require('fs');",
    ],
    [
      "import",
      "const double = (x) => 2 * x; import('fs').then(() => {}); double.x = globalThis.fetch('http://127.0.0.1');",
    ],
    ["throwing nothing", "function double() { throw undefined; }"],
    ["null byte and surrogates", "const double = () => '\0\ud800';"],
  ];
  for (const [name, code] of hostile) {
    it(name, async () => {
      expect(await run(code, double)).toMatchObject({ passed: 0, total: 6, error: null });
      expect(await run(good, double)).toMatchObject({ passed: 6, total: 6 });
    });
  }

  it("output without end", async () => {
    const result = await run("for (;;) console.log('x'.repeat(100000));", [{ stdin: "", stdout: "x" }]);
    expect(result.results).toEqual([{ status: "error", message: "wrote more than 65536 bytes" }]);
  });
});
