import { expect, it } from "vitest";
import { completeCode } from "./complete-code.ts";

const prompt =
  'from typing import List\n\ndef helper(x):\n    return x\n\ndef total(xs: List[int]) -> int:\n    """Sum."""\n';
const complete = (response: string, entryPoint: string | null = "total") =>
  completeCode(response, { prompt, entryPoint, language: "python" });

it("joins a body to its prompt, with the indentation it should have", () => {
  expect(complete("    return sum(xs)\n")).toBe(`${prompt}    return sum(xs)\n`);
  expect(complete("return sum(xs)")).toBe(`${prompt}    return sum(xs)`);
  expect(complete("```python\n    return sum(xs)\n```")).toBe(`${prompt}    return sum(xs)\n`);
  expect(complete("    return sum(xs)\n```\nThis adds them.")).toBe(`${prompt}    return sum(xs)\n`);
  // Only the first line lost its indentation.
  expect(complete("n = 0\n    return n")).toBe(`${prompt}    n = 0\n    return n`);
  expect(complete("for x in xs:\n        n = x\n    return n")).toBe(
    `${prompt}    for x in xs:\n        n = x\n    return n`,
  );
  // All of it did.
  expect(complete("n = 0\nfor x in xs:\n    n += x\n\nreturn n")).toBe(
    `${prompt}    n = 0\n    for x in xs:\n        n += x\n\n    return n`,
  );
  expect(complete("while True:\n    return sum(xs)")).toBe(`${prompt}    while True:\n        return sum(xs)`);
});

it("gives a whole function what stands before it in the prompt", () => {
  const before = "from typing import List\n\ndef helper(x):\n    return x\n\n";
  const whole = "def total(xs: List[int]):\n    return sum(map(helper, xs))\n";
  expect(complete(`Sure:\n\`\`\`python\n${whole}\`\`\``)).toBe(before + whole);
  expect(complete(`from __future__ import annotations\n${whole}`)).toBe(`from __future__ import annotations\n${whole}`);
  expect(complete("def totally(xs):\n    return 1", "total")).toContain("    def totally");
  expect(complete("  \n")).toBeNull();
});

it("joins JavaScript, too", () => {
  const task = { prompt: "const one = 1;\nconst add = (x) => {\n", entryPoint: "add", language: "javascript" } as const;
  expect(completeCode("  return x + one;\n}", task)).toBe(`${task.prompt}  return x + one;\n}`);
  expect(completeCode("```js\nfunction add(x) { return x + one; }\n```", task)).toBe(
    "const one = 1;\n\nfunction add(x) { return x + one; }\n",
  );
});
