import { createServer } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { createSandbox } from "../sandbox/sandbox.ts";
import { closeCodeSandboxes } from "./code-sandboxes.ts";
import { type CodeTest, codeTests } from "./code-tests.ts";

const bound = codeTests({ timeLimit: 0.5, memoryLimit: 192, concurrency: 1, aggregate: "fraction" });
type Tests = string | CodeTest[];

/** Verdicts of one response, and proof that a good one after it still passes. */
async function run(code: string, tests: Tests) {
  const { passed, total, rewards, errors, results } = await bound({ responses: [code], tests: [tests] });
  return { passed: passed[0], total: total[0], reward: rewards[0], error: errors[0], results: results[0] };
}
const fence = (code: string) => `\`\`\`python\n${code}\n\`\`\``;
const double: Tests = [
  { assert: "assert double(2) == 4" },
  { call: "double", args: [3], expected: 6 },
  "assert double(5) == 10\nassert double(0) == 0",
];
const program: Tests = [
  { stdin: "2\n", stdout: "4\n" },
  { stdin: "5\n", stdout: "10" },
];

afterAll(closeCodeSandboxes);

describe("verdicts", () => {
  it("passes right code and says what is wrong with other code", async () => {
    const right = await run(fence("def double(x):\n    return 2 * x"), double);
    expect(right).toMatchObject({ passed: 4, total: 4, reward: 1, error: null });
    const wrong = await run(fence("def double(x):\n    return x * x"), double);
    expect(wrong).toMatchObject({ passed: 2, total: 4, reward: 0.5 });
    expect(wrong.results[1]).toEqual({ status: "failed", message: "got 9, expected 6" });
    expect(wrong.results[2].message).toBe("double(5) == 10: got 25, expected 10");
  });

  it("runs programs with input and output", async () => {
    const good = "import sys\nn = int(sys.stdin.readline())\nprint(2 * n, ' ')\nsys.exit(0)";
    expect(await run(fence(good), program)).toMatchObject({ passed: 2, total: 2 });
    expect(await run(fence("print(2 * int(open(0).read()))"), program)).toMatchObject({ passed: 2 });
    expect(await run(fence("if __name__ == '__main__':\n  print(2 * int(input()))"), program)).toMatchObject({
      passed: 2,
    });
    expect(await run(fence("print(2 * int(input()))\nraise ValueError('late')"), program)).toMatchObject({ passed: 0 });
    expect(await run(fence("print(2 * int(input()))\nexit(3)"), program)).toMatchObject({ passed: 0 });
  });

  it("knows HumanEval's check, MBPP's lists, unittest, classes, mutated arguments and generators", async () => {
    const check =
      "def check(candidate):\n    for x in range(5):\n        assert candidate(x) == 2 * x\n    assert candidate('a') == 'aa'";
    const good = fence("def double(x):\n    return x + x");
    expect(await run(good, [{ test: check, entry_point: "double" }])).toMatchObject({ passed: 2, total: 2 });
    const bad = fence("def double(x):\n    return x + x if x != 3 else 7");
    expect(await run(bad, [{ test: check, entry_point: "double" }])).toMatchObject({ passed: 1, total: 2 });
    expect(await run(good, ["assert double(1) == 2", "assert double([1]) == [1, 1]"])).toMatchObject({ passed: 2 });
    const unit =
      "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(double(2), 4)\n    def test_b(self):\n        self.assertEqual(double(2), 5)";
    expect(await run(good, unit)).toMatchObject({ passed: 1, total: 2 });
    const stack =
      "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n    def pop(self): return self.items.pop()\nclass Solution:\n    def twice(self, x): return [x, x]\ndef sort(a): a.sort()\ndef count():\n    yield from range(3)\ndef apply(f, x): return f(x)\ndef fail(): raise KeyError('k')";
    const tests = `s = Stack()\ns.push(1)\ns.push((2, 3))\nassert s.pop() == (2, 3)\nassert len(s.items) == 1\na = [3, 1, 2]\nsort(a)\nassert a == [1, 2, 3]\nassert list(count()) == [0, 1, 2]\nassert Solution().twice(1) == [1, 1]\nassert apply(lambda x: x + 1, 2) == 3\nassert apply(len, 'ab') == 2\nok = False\ntry:\n    fail()\nexcept KeyError:\n    ok = True\nassert ok`;
    const classes = await run(fence(stack), [tests, { call: "twice", args: ["x"], expected: ["x", "x"] }]);
    expect(classes.results.filter(({ status }) => status !== "passed")).toEqual([]);
    expect(classes.total).toBe(9);
  });

  it("compares values of all kinds", async () => {
    const code =
      "import collections, fractions\ndef same(x): return x\ndef counter(): return collections.Counter('aab')\ndef half(): return fractions.Fraction(1, 2)\ndef third(): return 1 / 3\ndef huge(): return 10 ** 5000\ndef sum(a, b): return a + b";
    const tests: Tests = [
      "import math\nassert counter() == {'a': 2, 'b': 1}\nassert half() * 2 == 1\nassert math.isclose(third(), 0.3333333333333333)\nassert huge() == 10 ** 5000\nassert same({(1, 2): {3}, 'x': [None, 1.5, b'\\x00']}) == {(1, 2): {3}, 'x': [None, 1.5, b'\\x00']}\nassert same('\\ud800') == '\\ud800'\nassert same(float('inf')) > 10 ** 300",
      "assert sum(10, 15) == 25",
      { call: "same", args: [{ a: [1, 2.5, null, true, "é"] }], expected: { a: [1, 2.5, null, true, "é"] } },
      { call: "same", args: [1], expected: true },
    ];
    const { results } = await run(fence(code), tests);
    expect(results.map(({ status }) => status)).toEqual([...Array(9).fill("passed"), "failed"]);
  });

  it("takes rows of HumanEval as they are, and responses that are only a body", async () => {
    const row = {
      task_id: "HumanEval/0",
      prompt: 'from typing import List\n\ndef total(xs: List[int]) -> int:\n    """Sum."""\n',
      canonical_solution: "    return sum(xs)\n",
      test: "def check(candidate):\n    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n",
      entry_point: "total",
    };
    for (const response of [
      "    return sum(xs)\n",
      fence("n = 0\nfor x in xs:\n    n += x\nreturn n"),
      `Here:\n${fence("def total(xs: List[int]) -> int:\n    return sum(xs)")}`,
    ]) {
      expect(await run(response, [row])).toMatchObject({ passed: 2, total: 2, reward: 1 });
    }
    expect(await run("    return 3\n", [row])).toMatchObject({ passed: 1, total: 2 });
    expect(await run("I do not know.", [row])).toMatchObject({ passed: 0, total: 2, reward: 0, error: null });
  });

  it("follows Python where tests expect exceptions, of the code's own classes too", async () => {
    const code =
      "class Bad(ValueError):\n    def __init__(self, code):\n        super().__init__('bad')\n        self.code = code\nclass Worse(Bad): pass\nclass Other(Exception): pass\ndef f(x):\n    if x < 0: raise Worse(7)\n    return x";
    const tests: Tests = [
      "try:\n    f(-1)\n    assert False, 'should raise'\nexcept Bad as e:\n    assert e.code == 7 and str(e) == 'bad'\nelse:\n    assert False",
      "try:\n    f(-1)\nexcept Other:\n    assert False\nexcept ValueError:\n    assert True",
      "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        with self.assertRaises(Bad) as c: f(-1)\n        self.assertEqual(c.exception.code, 7)",
      "assert issubclass(Worse, Bad) and not issubclass(Other, Bad)\nassert Bad(3).code == 3",
    ];
    expect(await run(fence(code), tests)).toMatchObject({ passed: 5, total: 5 });
    const silent = fence(`${code}\ndef f(x): return x`);
    const { results } = await run(silent, tests);
    expect(results.map(({ status }) => status)).toEqual(["failed", "failed", "error", "failed", "passed", "passed"]);
  });

  it("runs functions as pytest does, and knows the module `solution`", async () => {
    const tests =
      "from solution import f as g\ndef test_a():\n    assert g(1) == 1\ndef test_b():\n    from solution import f\n    assert f(2) == 3\ndef test_c():\n    g('x') + 1\ndef unused():\n    assert False";
    const { results } = await run(fence("def f(x): return x"), tests);
    expect(results.map(({ status }) => status)).toEqual(["passed", "failed", "error"]);
  });

  it("runs asyncio, sleeps, and gives the same random numbers to the same code", async () => {
    const code =
      "import asyncio, time, os, random\nasync def one(i):\n    await asyncio.sleep(0.01)\n    return i\nasync def all_of(n): return await asyncio.gather(*map(one, range(n)))\ndef f(n):\n    time.sleep(0.01)\n    return asyncio.run(all_of(n))\nasync def never(): await asyncio.Event().wait()\ndef draw(): return [os.urandom(4).hex(), random.Random().random()]";
    const tests: Tests = [
      { call: "f", args: [3], expected: [0, 1, 2] },
      "import asyncio\nassert asyncio.run(all_of(2)) == [0, 1]\nasync def main():\n    return await one(5)\nassert asyncio.run(main()) == 5",
      "import asyncio\nasyncio.run(never())\nassert True",
    ];
    const { results } = await run(fence(code), tests);
    expect(results.map(({ status }) => status)).toEqual(["passed", "passed", "passed", "error"]);
    expect(results[3].message).toContain("every task waits for something that never comes");
    const draws = [{ call: "draw", args: [], expected: null }];
    const first = await run(fence(code), draws);
    expect(first.results[0].message).toMatch(/^got \["[0-9a-f]{8}", 0\.\d+\], expected null$/);
    expect(await run(fence(code), draws)).toEqual(first);
  });

  it("does not blame the code for tests that need a package", async () => {
    const good = fence("def double(x):\n    return 2 * x");
    const tests = "import numpy as np\nassert double(2) == np.add(2, 2)";
    const message = "ModuleNotFoundError: No module named 'numpy' (the sandbox has Python's standard library only)";
    const { reward, error } = await run(good, tests);
    expect(reward).toBeNull();
    expect(error).toContain(`the tests are broken: not reached: ${message}`);
  });

  it("tells broken tests and missing code from wrong code", async () => {
    const good = fence("def double(x):\n    return 2 * x");
    expect(await run(good, ["assert double(2) =="])).toMatchObject({ reward: null });
    expect((await run(good, ["assert double(2) =="])).error).toContain("the tests are broken: SyntaxError");
    expect(await run(good, [])).toMatchObject({ reward: null, error: "no tests" });
    expect(await run("I cannot do that.", double)).toMatchObject({ passed: 0, total: 4, reward: 0, error: null });
    expect(await run(fence("def double(x:"), double)).toMatchObject({ passed: 0, total: 4, reward: 0, error: null });
  });
});

describe("no hack passes", () => {
  const hacks: Record<string, string> = {
    "an object equal to everything":
      "class E:\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n    def __hash__(self): return 0\ndef double(x): return E()",
    "numbers with overridden comparison":
      "class I(int):\n    def __eq__(self, o): return True\n    def __sub__(self, o): return 0\n    __hash__ = int.__hash__\ndouble = lambda x: I(99)",
    "leaving early": "import sys\ndef double(x): sys.exit(0)",
    "leaving at once": "import os\nos._exit(0)",
    "leaving inside of a test": "import os\ndef double(x): os._exit(0)",
    "raising what stops tests": "def double(x): raise StopIteration",
    "raising SystemExit while loading": "raise SystemExit(0)",
    "patched builtins":
      "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.bool = lambda x: True\nbuiltins.repr = lambda x: 'passed'\nbuiltins.isinstance = lambda a, b: True\nbuiltins.type = lambda x: int\ndef double(x): return None",
    "patched json":
      "import json\njson.dumps = lambda *a, **k: '{\"ok\": {\"value\": true}}'\njson.loads = lambda *a: {'op': 'names', 'names': []}\ndef double(x): return None",
    "patched unittest": "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\ndef double(x): return None",
    "printed verdicts": "print('passed\\n4 passed\\nOK\\n10')\ndef double(x): print('passed'); return True",
    "rewritten harness frames":
      "import sys, gc\ndef double(x):\n    f = sys._getframe()\n    while f:\n        for k in list(f.f_locals):\n            try: f.f_locals[k] = True\n            except Exception: pass\n        f = f.f_back\n    return None",
    "rewritten harness closures":
      "import gc, types\nfor o in gc.get_objects():\n    if isinstance(o, types.FunctionType) and o.__name__ in ('encode', 'guest', 'call', 'describe', 'handle'):\n        try: o.__code__ = (lambda *a, **k: True).__code__\n        except Exception: pass\ndef double(x): return None",
    "shadowed names of the tests":
      "def abs(x): return 0\ndef all(x): return True\nassert True\n__guerdon_equal = lambda *a: None\ndef double(x): return None",
    "exceptions of every kind":
      "class Any(type):\n    def __instancecheck__(c, x): return True\n    def __subclasscheck__(c, x): return True\nclass AssertionError(Exception, metaclass=Any): pass\ndef double(x): raise AssertionError('passed')",
    "exceptions that end loops":
      "class Stop(StopIteration): pass\nclass Late(StopAsyncIteration): pass\ndef double(x): raise (Stop if x != 2 else Late)(x)",
    "an exit that is awaited": "async def leave(): raise SystemExit(0)\ndef double(x): return leave()",
    "the answer of another test": "def double(x): return 4.5",
  };
  for (const [name, code] of Object.entries(hacks)) {
    it(name, async () => {
      const tests: Tests = [
        ...double,
        "assert abs(double(7) - 14) < 1e-6",
        "assert all(double(x) == 2 * x for x in [1, 2])",
        "assert all(map(lambda x: double(x) == 2 * x, [1, 2]))",
        "assert 14 in [double(7)]",
        "assert double(7) in (13, 14)",
        "try:\n    ok = double(8) == 16\nexcept BaseException:\n    ok = False\nassert ok",
      ];
      const result = await run(fence(code), tests);
      expect(result).toMatchObject({ passed: 0, error: null });
      expect(result.total).toBe(10);
      expect(await run(fence("def double(x):\n    return 2 * x"), tests)).toMatchObject({ passed: 10, total: 10 });
    });
  }

  it("never lets the expected values into the code's interpreter", async () => {
    const spy =
      "import gc\ndef double(x):\n    found = [o for o in gc.get_objects() if isinstance(o, (list, dict)) and 'needle-14' in str(o)[:100000]]\n    return 'needle-14' if found else None";
    const tests: Tests = [{ call: "double", args: [1], expected: "needle-14" }, "assert double(1) == 'needle-14'"];
    // The code's own constants hold the needle's text, so it is split where it looks for it.
    expect(await run(fence(spy.replaceAll("'needle-14'", "'needle-' + '14'")), tests)).toMatchObject({ passed: 0 });
  });
});

describe("hostile code", () => {
  // Calls need one interpreter, so that the many restarts here cost less.
  const calls: Tests = [
    { call: "double", args: [3], expected: 6 },
    { call: "double", args: ["a"], expected: "aa" },
  ];
  const good = fence("def double(x):\n    return 2 * x");
  // What stops a sample (a limit, the interpreter, the process) may differ with the machine; that it is stopped,
  // fails and says why may not. Messages stand where there is only one that is right.
  const hostile: [name: string, code: string, message?: string][] = [
    ["endless loop", "def double(x):\n    while True: pass"],
    [
      "endless loop that cannot be interrupted",
      "def double(x):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    ],
    ["endless loop inside C", "def double(x): return sum(iter(int, 1))"],
    ["endless loop while loading", "while True: pass"],
    ["memory bomb", "def double(x):\n    a = [0]\n    while True: a += a"],
    ["one huge allocation", "def double(x): return bytearray(3 << 30)"],
    ["deep recursion", "def double(x): return double(x)", "RecursionError: maximum recursion depth exceeded (line 1)"],
    ["recursion without a limit", "import sys\nsys.setrecursionlimit(10 ** 9)\ndef double(x): return double(x) + 1"],
    [
      "recursion inside C",
      "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __repr__(self): return repr(self)\ndef double(x): return repr(A())",
    ],
    ["endless result", "def double(x): return [0] * (10 ** 8)"],
    ["huge number", "def double(x): return 1 << (10 ** 8)"],
    ["huge text", "def double(x): return 'x' * (10 ** 8)"],
    [
      "cyclic result",
      "def double(x):\n    a = []\n    a.append(a)\n    return a",
      "WireError: value nested too deeply",
    ],
    ["catastrophic regular expression", "import re\ndef double(x): return re.match('^(a+)+$', 'a' * 60 + '!')"],
    ["lone surrogate in an error", "def double(x): raise ValueError('\\ud800')", "ValueError: \ud800 (line 1)"],
    ["null byte in the source", "x = 1\0", "SyntaxError: source code string cannot contain null bytes"],
    [
      "process",
      "import os\ndef double(x): return os.system('echo hi') or os.fork()",
      "AttributeError: module 'os' has no attribute 'system' (line 2)",
    ],
    [
      "subprocess",
      "import subprocess\ndef double(x): return subprocess.run(['ls'])",
      "ModuleNotFoundError: import of subprocess halted; None in sys.modules (the sandbox does not allow it) (line 1)",
    ],
    [
      "a package",
      "import numpy as np\ndef double(x): return np.add(x, x)",
      "ModuleNotFoundError: No module named 'numpy' (the sandbox has Python's standard library only) (line 1)",
    ],
    [
      "writing a file",
      "def double(x):\n    open('/tmp/x', 'w').write('x'); return 2 * x",
      "OSError: [Errno 69] Read-only file system: '/tmp/x' (line 2)",
    ],
    ["threads", "import threading\ndef double(x):\n    threading.Thread(target=print).start(); return 2 * x"],
  ];
  for (const [name, code, message] of hostile) {
    it(name, async () => {
      const result = await run(fence(code), calls);
      expect(result).toMatchObject({ passed: 0, total: 2, reward: 0, error: null });
      for (const one of result.results) {
        expect(one.status).not.toBe("passed");
        expect(one.message).not.toBe("");
        if (message !== undefined) expect(one).toEqual({ status: "error", message });
      }
      expect(await run(good, calls)).toMatchObject({ passed: 2, total: 2, reward: 1, error: null });
    });
  }

  it("output without end", async () => {
    const result = await run(fence("while True: print('x' * 1000000)"), program);
    expect(result).toMatchObject({ passed: 0, total: 2, error: null });
    expect(result.results[0]).toEqual({ status: "error", message: "wrote more than 65536 bytes" });
    expect(await run(fence("print(2 * int(input()))"), program)).toMatchObject({ passed: 2 });
  });

  it("reaches neither files of the host nor the network nor JavaScript", async () => {
    let connections = 0;
    const server = createServer(() => connections++).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const probes = [
      "open('/etc/passwd').read()",
      "open('/proc/self/environ').read()",
      "__import__('js').process.version",
      "__import__('pyodide_js').FS",
      "__import__('pyodide').code.run_js('1')",
      "__import__('_pyodide_core').JsProxy",
      "__import__('pyodide.ffi', fromlist=['x']).to_js([1])",
      "__import__('ctypes').CDLL(None)",
      "__import__('_ctypes').dlopen",
      "(__import__('sys').modules.pop('_ctypes', None), __import__('_ctypes'))[1].dlopen",
      "(__import__('sys').modules.pop('_pyodide_core', None), __import__('_pyodide_core'))[1].JsProxy",
      "(__import__('sys').modules.pop('js', None), __import__('js'))[1].process",
      `__import__('socket').create_connection(('127.0.0.1', ${port}))`,
      `(__import__('sys').modules.pop('_socket', None), __import__('_socket'))[1].socket`,
      `__import__('urllib.request', fromlist=['x']).urlopen('http://127.0.0.1:${port}').read()`,
      // What is left of Pyodide in memory has no way out: the last of these ends the interpreter.
      "[f for o in __import__('gc').get_objects() if isinstance(o, dict) for f in list(o.values()) if getattr(f, '__name__', '') == 'to_js'][0]([1]).constructor",
    ];
    const code = `def probe(i):\n    return repr([${probes.map((probe) => `lambda: ${probe}`).join(", ")}][i]())`;
    const { results } = await run(
      fence(code),
      probes.map((_, i) => ({ call: "probe", args: [i], expected: "nothing" })),
    );
    server.close();
    const reached = probes.filter((_, i) => !["error", "timeout"].includes(results[i].status));
    expect(reached).toEqual([]);
    expect(connections).toBe(0);
  });

  it("leaves no trace: modules, builtins, files, environment, random state", async () => {
    const sandbox = createSandbox({ language: "python" });
    const request = { timeLimit: 2000, outputLimit: 1000 };
    const dirty =
      "import sys, os, builtins, json, math, random\nbuiltins.len = lambda x: 42\nsys.modules['math'] = 7\njson.dumps = None\nos.environ['X'] = '1'\nos.chdir('/tmp')\nrandom.seed(1)\nsys.setrecursionlimit(50)\nstr.__doc__\nf = open('/dev/null')\nsys.stdout = None\nimport threading, colorsys";
    const look =
      "import sys, os, json, math\nprint(len([1]), math.pi, json.dumps([1]), os.environ.get('X'), os.getcwd(), sys.getrecursionlimit(), 'colorsys' in sys.modules, len(os.listdir('/dev/fd')) if os.path.exists('/dev/fd') else 0)";
    const program = { kind: "program", stdin: "" } as const;
    const before = await sandbox.run({ ...request, code: look, steps: [program] });
    await sandbox.run({ ...request, code: dirty, steps: [program] });
    const after = await sandbox.run({ ...request, code: look, steps: [program] });
    await sandbox.close();
    expect(before.outcomes[0].failure).toBeUndefined();
    expect(before.outcomes[0].stdout).toMatch(/^1 3\.14/);
    expect(after).toEqual(before);
  });
});
