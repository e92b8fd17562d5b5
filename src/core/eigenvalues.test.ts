import { expect, it } from "vitest";
import { symmetricEigenvalues } from "./eigenvalues.ts";

it("finds the spectra of a 2×2 matrix, a path Laplacian and a diagonal", () => {
  expect(Array.from(symmetricEigenvalues(Float64Array.of(2, 1, 1, 2), 2))).toEqual([
    expect.closeTo(1, 14),
    expect.closeTo(3, 14),
  ]);
  const path = Float64Array.of(1, -1, 0, 0, -1, 2, -1, 0, 0, -1, 2, -1, 0, 0, -1, 1);
  const values = symmetricEigenvalues(path, 4);
  for (const [i, expected] of [0, 2 - Math.SQRT2, 2, 2 + Math.SQRT2].entries())
    expect(values[i]).toBeCloseTo(expected, 12);
  expect(Array.from(symmetricEigenvalues(Float64Array.of(3, 0, 0, -1), 2))).toEqual([-1, 3]);
  expect(symmetricEigenvalues(new Float64Array(0), 0)).toHaveLength(0);
});
