import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { mixtureVelocity } from "./flow-sampler.ts";
import { ring } from "./ring.ts";

const random = createRandom("ring");
const points = Float64Array.from({ length: 60 }, () => 2 * random.normal());
const prompts = Int32Array.from({ length: 30 }, (_, i) => i % 8);
const rows = Array.from({ length: 30 }, (_, i) => [points[2 * i], points[2 * i + 1]]);

test("the field is that of the part, from pure noise to data", () => {
  for (const params of [{}, { modes: 5, radius: 2.5, deviation: 0.05 }]) {
    const { world } = ring(params);
    for (const sigma of [1, 0.7, 0.2, 0.01, 0]) {
      const exact = mixtureVelocity()({ samples: rows, sigma, ...world.mixture }).velocities;
      const fast = world.velocities(points, sigma);
      for (let k = 0; k < fast.length; k++) expect(Math.abs(fast[k] - exact.values[k])).toBeLessThan(1e-9);
    }
  }
});

test("reward is 1 on the wanted mode, and has the values of its formula", () => {
  const { world } = ring();
  expect(world.rewards(Float64Array.of(2, 0, -2, 0), Int32Array.of(0, 4))).toEqual(Float64Array.of(1, 1));
  // 0.6 away: exp(−½)
  expect(world.rewards(Float64Array.of(2.6, 0), Int32Array.of(0))[0]).toBeCloseTo(Math.exp(-0.5), 12);
  const fine = ring({ fineWidth: 0.1 }).world;
  expect(fine.rewards(Float64Array.of(2, 0), Int32Array.of(0))[0]).toBeCloseTo(2, 12);
  // On mode 4, 4 away from mode 0 and 0.1 from its own centre.
  const [off] = fine.rewards(Float64Array.of(-2.1, 0), Int32Array.of(0));
  expect(off).toBeCloseTo(Math.exp(-(4.1 ** 2) / 0.72) + Math.exp(-0.5), 12);
});

test.each([null, 0.3])("gradients of the reward are those of finite differences (fine term: %s)", (fineWidth) => {
  const { world } = ring({ fineWidth });
  const gradients = world.rewardGradients(points, prompts);
  for (let k = 0; k < points.length; k++) {
    const shifted = (by: number) => {
      const moved = points.slice();
      moved[k] += by;
      return world.rewards(moved, prompts)[k >> 1];
    };
    expect(gradients[k]).toBeCloseTo((shifted(1e-6) - shifted(-1e-6)) / 2e-6, 7);
  }
});

test("mode shares, distance and spread of a few points, by hand", () => {
  const { truth } = ring();
  const few = Float64Array.of(2.3, 0, 2, 0.4, -2, 0, -2, 0);
  const { shares, rms } = truth.modes(few);
  expect([shares[0], shares[4]]).toEqual([0.5, 0.5]);
  // √((0.09 + 0.16)/8)
  expect(rms).toBeCloseTo(Math.sqrt(0.25 / 8), 12);
  expect(truth.quality(few)).toBeCloseTo((Math.exp(-0.18) + Math.exp(-0.32) + 2) / 4, 12);
  // Prompt 0: deviations (±0.15, ∓0.2), prompt 4: none.
  expect(truth.spread(few, Int32Array.of(0, 0, 4, 4))).toBeCloseTo(Math.sqrt((2 * 0.15 ** 2 + 2 * 0.2 ** 2) / 8), 12);
});

test("samples of the data have the stated quality, shares and deviation", () => {
  const { world, truth } = ring();
  const count = 40_000;
  const labels = Int32Array.from({ length: count }, (_, i) => i % 8);
  const { means } = world.mixture;
  const samples = new Float64Array(2 * count);
  for (let i = 0; i < count; i++)
    for (let d = 0; d < 2; d++) {
      const centre = (means as readonly Float64Array[])[labels[i]][d];
      samples[2 * i + d] = centre + 0.25 * random.normal();
    }
  // E exp(−|z|²·0.25²/(2·0.5²)) = 1/(1 + 0.25) for two coordinates.
  expect(truth.quality(samples)).toBeCloseTo(0.8, 2);
  expect(truth.modes(samples).rms).toBeCloseTo(0.25, 2);
  expect(truth.spread(samples, labels)).toBeCloseTo(0.25, 2);
  // A Gaussian bump over a mode D away: 0.36/(0.36 + 0.0625)·exp(−D²/(2(0.36 + 0.0625))).
  const expected = Array.from({ length: 8 }, (_, k) => {
    const square = 16 * Math.sin((Math.PI * k) / 8) ** 2;
    return ((0.36 / 0.4225) * Math.exp(-square / 0.845)) / 8;
  }).reduce((sum, share) => sum + share, 0);
  const mixed = Int32Array.from(labels, (_, i) => (i >> 3) % 8);
  const mean = world.rewards(samples, mixed).reduce((sum, reward) => sum + reward / count, 0);
  expect(mean).toBeCloseTo(expected, 2);
});
