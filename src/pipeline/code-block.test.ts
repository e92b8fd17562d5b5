import { expect, it } from "vitest";
import { codeBlock } from "./code-block.ts";

it.each([
  ["a\n```python\nx = 1\n```\nb\n```py\nx = 2\n```", "x = 2\n"],
  ["```python\nx = 1\n```\n```\nout\n```\n```js\nlet y\n```", "x = 1\n"],
  ["```\nx = 1\n```", "x = 1\n"],
  ["```python\nx = 1", "x = 1"],
  ["````python\ns = '''\n```\n'''\n````", "s = '''\n```\n'''\n"],
  ["~~~python\nx = 1\n~~~", "x = 1\n"],
  ["def f(x):\n    return x", "def f(x):\n    return x"],
  ["print(input())", "print(input())"],
  ["```js\nlet x\n```", null],
  ["I do not know.", null],
  ["", null],
])("%j", (text, code) => {
  expect(codeBlock(text, "python")).toBe(code);
});

it("knows JavaScript and takes time linear in the text", () => {
  expect(codeBlock("```python\nx\n```\n```javascript\nlet x\n```", "javascript")).toBe("let x\n");
  const start = performance.now();
  for (const text of ["```\n".repeat(5e5), "`".repeat(5e6), "\n".repeat(2e6), " ".repeat(2e6), "a, ".repeat(1e6)])
    codeBlock(text, "python");
  expect(performance.now() - start).toBeLessThan(4000);
});
