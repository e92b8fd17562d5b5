import { expect, it } from "vitest";
import { symmetricEigenvalues, symmetricEigenvectors } from "./eigenvalues.ts";

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

it("finds orthonormal eigenvectors that rebuild the matrix", () => {
  const matrix = Float64Array.of(4, 1, -2, 1, 3, 0.5, -2, 0.5, 1);
  const { values, vectors } = symmetricEigenvectors(matrix, 3);
  expect(Array.from(values)).toEqual(Array.from(symmetricEigenvalues(matrix, 3)));
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      let rebuilt = 0;
      let product = 0;
      for (let k = 0; k < 3; k++) {
        rebuilt += values[k] * vectors[i * 3 + k] * vectors[j * 3 + k];
        product += vectors[k * 3 + i] * vectors[k * 3 + j];
      }
      expect(rebuilt).toBeCloseTo(matrix[i * 3 + j], 12);
      expect(product).toBeCloseTo(i === j ? 1 : 0, 12);
    }
});
