import { expect, test } from "vitest";
import { renderSvg } from "../figure/svg.ts";
import { defineExperiment } from "./define.ts";
import { figureSpec } from "./figure.ts";
import { judge } from "./judge.ts";

const experiment = defineExperiment({
  paper: "made-up",
  question: "?",
  bed: "none",
  seeds: 3,
  budgets: { quick: {}, full: {} },
  arms: {
    low: { role: "baseline", label: "far below", settings: {} },
    none: { role: "control", label: "undefined", settings: {} },
  },
  run: () => ({ metrics: { x: 0 } }),
  claims: [],
  figure: {
    title: "A <figure> & its title",
    panels: [
      { kind: "lines", curve: "y", x: "t", y: "y", domain: [-1, 1] },
      { kind: "dots", metric: "x", x: "x", domain: [-1, 1] },
    ],
  },
});

test("the figure names its arms, cuts at its domain but prints the number, and leaves undefined arms out", async () => {
  const result = judge(
    experiment,
    (arm) =>
      arm === "low"
        ? { metrics: { x: -777 }, curves: { y: { x: [0, 1], y: [0, null] } } }
        : { metrics: { x: null }, curves: {} },
    { budget: "full", seeds: [0, 1, 2], hash: "", versions: {} },
  );
  const spec = figureSpec(experiment, result);
  expect(spec).not.toBeNull();
  const svg = spec ? await renderSvg(spec) : "";
  expect(svg).toContain("far below");
  expect(svg).toContain("−777");
  expect(svg).not.toContain(">undefined<");
  expect(svg).toContain("A &lt;figure&gt; &amp; its title");
  expect(svg).not.toMatch(/NaN|Infinity/);
});
