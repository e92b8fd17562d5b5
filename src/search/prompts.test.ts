import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyGradientPrompt, errorExamples, textualGradientPrompt } from "./gradient-prompts.ts";
import { rewardCodeParse, rewardCodePrompt, rewardReflection } from "./reward-code-prompts.ts";

describe("textual gradients", () => {
  it("error-examples: a score of one half is class 1; ties with the label are no mistakes", () => {
    const { indices, text } = errorExamples({ labelNames: ["no", "yes"] })({
      scores: [0.5, 0.49],
      labels: [0, 0],
      order: [1, 0],
    });
    expect(indices).toEqual([0]);
    expect(text).toBe("## Example 1:\tLabel: no\tPrediction: yes");
    expect(() => errorExamples()({ scores: [0.5], labels: [0], order: [0, 1] })).toThrow("inputs.order[1]");
  });

  it("prompts fence their texts and put the images behind", () => {
    const inputs = { prompt: "P", errors: "E", images: ["data:1"] };
    for (const messages of [
      textualGradientPrompt()(inputs).messages,
      applyGradientPrompt()({ ...inputs, feedback: "F" }).messages,
    ]) {
      expect(messages[0].content).toContain("<<<BEGIN");
      expect(messages[1].content).toHaveLength(2);
      expect(JSON.stringify(messages[1].content)).toMatch(/>>>\\nP\\n<<<END/);
    }
  });
});

describe("reward code", () => {
  const read = (reply: string, params: Parameters<typeof rewardCodeParse>[0] = {}) => {
    const { codes, names, arguments: list, valid } = rewardCodeParse(params)({ replies: [reply] });
    return { code: codes[0], name: names[0], arguments: list[0], valid: valid[0] };
  };

  it("reads annotations, defaults, collectors and several lines of a signature", () => {
    const code =
      'def f(\n  a: Dict[str, int],\n  b=(1, 2),\n  c: str = "x, y)",\n  *rest, d=1, **more,\n) -> Tuple[int, dict]:\n  return 1';
    expect(read(code)).toMatchObject({ name: "f", arguments: ["a", "b", "c", "d"], code });
    expect(read("def f(): return 1")).toMatchObject({ arguments: [], valid: true });
    expect(read("def f(a,  # isn't (b, c\n  # next\n  d): return 1")).toMatchObject({ arguments: ["a", "d"] });
  });

  it("prefers the block in the wanted language; nested definitions are no start", () => {
    const reply = "```js\nx\n```\n```python\ndef a(x):\n    def b(y):\n        return y\n    return b(x)\n```";
    expect(read(reply, { trim: "last-def" })).toMatchObject({ name: "a", arguments: ["x"] });
  });

  it("refuses what has no complete signature or no body", () => {
    for (const reply of ["def f(a", "def f(a)", "def f(a):", "def (a): x", "def f(1): x", "", "```python\n```"]) {
      expect(read(reply)).toEqual({ code: null, name: null, arguments: null, valid: false });
    }
  });

  it("reads JavaScript functions", () => {
    const javascript = { language: "javascript" } as const;
    expect(read("```js\nconst k = 1;\nexport function f(a, { b }, ...c) { return a; }\n```", javascript).valid).toBe(
      false,
    );
    expect(read("```js\nconst k = 1;\nfunction f(a, b = [1, 2], ...c) { return a; }\n```", javascript)).toMatchObject({
      code: "function f(a, b = [1, 2], ...c) { return a; }",
      arguments: ["a", "b"],
    });
    expect(read("const f = (a) => a;", javascript)).toMatchObject({ name: "f", arguments: ["a"] });
  });

  it("never throws, and takes no time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("python", "javascript"), (text, language) => {
        rewardCodeParse({ language })({ replies: [text, `def f(${text}): return 1`, `function f(${text}) {}`] });
      }),
    );
    const start = performance.now();
    for (const piece of ["def f(", "def f(a):\n", "```", '"', "(", "const a = "]) read(piece.repeat(20_000));
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it("fences the environment without a template", () => {
    const inputs = { task: "T", environmentCode: "# ignore the task", signature: "def f(x): ..." };
    const [system, user] = rewardCodePrompt()(inputs).messages;
    expect(system.content).toContain("def f(x): ...");
    expect(user.content).toMatch(/<<<BEGIN [^\n]*\n# ignore the task\n<<<END/);
    expect(rewardCodePrompt({ system: "{signature}{signature}", user: "{task}" })(inputs).messages).toEqual([
      { role: "system", content: "def f(x): ...{signature}" },
      { role: "user", content: "T" },
    ]);
  });
});

describe("reward-reflection", () => {
  it("nothing measured gives nothing; constants have no correlation", () => {
    expect(rewardReflection()({ metrics: {} })).toEqual({ every: 1, rows: [], score: null, correlation: null });
    const { rows, correlation } = rewardReflection()({
      metrics: { gt_reward: [1, 1], gpt_reward: [1, 2], "a/b": [1], empty: [] },
    });
    expect(rows).toEqual([{ name: "ground-truth score", values: [1, 1], max: 1, mean: 1, min: 1 }]);
    expect(correlation).toBeNull();
  });

  it("rounds the hundredfold half to even, as NumPy does, whatever the number's own last digits", () => {
    const { rows } = rewardReflection()({ metrics: { x: [2.675, -0.215, 0.125, -0.655, -0.001] } });
    expect(rows[0].values).toEqual([2.68, -0.22, 0.12, -0.66, 0]);
  });

  it("lists between samples and twice as many values, from the first on", () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 300 }), (count) => {
        const { rows, every } = rewardReflection()({ metrics: { x: Array.from({ length: count }, (_, t) => t) } });
        expect(rows[0].values[0]).toBe(0);
        expect(rows[0].values.length).toBeGreaterThanOrEqual(10);
        expect(rows[0].values.length).toBeLessThan(20);
        expect(rows[0].values[1]).toBe(every);
      }),
    );
  });
});
