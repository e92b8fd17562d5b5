import { expect, it } from "vitest";
import { renderSvg } from "./svg.ts";

const chart = (values: readonly number[]) => ({
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  width: 60,
  height: 40,
  data: { values: values.map((y, x) => ({ x, y })) },
  mark: { type: "line" as const, clip: true },
  encoding: {
    x: { field: "x", type: "quantitative" as const, scale: { domain: [0, 1] } },
    y: { field: "y", type: "quantitative" as const, scale: { domain: [0, 1] } },
  },
});

it("the same figure has the same bytes, and two figures share no id", async () => {
  const first = await renderSvg(chart([0, 1, 5]));
  const other = await renderSvg(chart([1, 0, 3]));
  expect(await renderSvg(chart([0, 1, 5]))).toBe(first);
  const ids = (svg: string) => [...svg.matchAll(/id="([^"]+)"/g)].map(([, id]) => id);
  expect(ids(first).length).toBeGreaterThan(0);
  expect(ids(other).some((id) => ids(first).includes(id))).toBe(false);
  for (const [, id] of first.matchAll(/url\(#([^)]+)\)/g)) expect(ids(first)).toContain(id);
});
