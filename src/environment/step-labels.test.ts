import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { firstError, verifierVote } from "./step-labels.ts";

const { world, truth } = verifierVote({}, createRandom("labels"));

/** Within 0.02: three deviations of what is drawn. */
const near = (value: number, wanted: number) => expect(Math.abs(value - wanted)).toBeLessThan(0.02);

/** Share of labels of steps that are true, over all solutions. */
function accuracy(of: (solution: number) => readonly number[]): number {
  let right = 0;
  for (const [i, labels] of truth.labels.entries()) {
    const given = of(i);
    right += labels.filter((label, s) => label === given[s]).length;
  }
  return right / (world.solutions * world.steps);
}

test("accuracies are those computed by hand from the settings", () => {
  const random = createRandom("verifier");
  const single = Array.from(truth.labels, (_, i) => world.verify(i, random));
  // 0.75 · 0.8 + 0.25 · 0.45, then 0.35 of the wrong repaired and 0.08 of the right broken.
  near(
    accuracy((i) => single[i].stepLabels),
    0.7125,
  );
  const critic = createRandom("critic");
  const merged = single.map((one, i) => world.critique(i, one, critic));
  near(
    accuracy((i) => merged[i].stepLabels),
    0.7125 * 0.92 + 0.2875 * 0.35,
  );
  const verdicts = single.filter(({ verdict }, i) => verdict === (truth.firstErrors[i] < 0 ? 1 : -1)).length;
  near(verdicts / world.solutions, 0.8);
  near(truth.firstErrors.filter((index) => index < 0).length / world.solutions, 0.82 ** 6);
});

test("errors on tricky steps are shared: many verifications together stay wrong on some", () => {
  const random = createRandom("many");
  const means = Array.from({ length: 300 }, (_, i) => {
    const sums = new Float64Array(world.steps);
    for (let k = 0; k < 200; k++)
      for (const [s, label] of world.verify(i, random).stepLabels.entries()) sums[s] += label * truth.labels[i][s];
    return Array.from(sums, (sum) => sum / 200);
  }).flat();
  // Mean agreement 2 · 0.8 − 1 on ordinary steps and 2 · 0.45 − 1 on tricky ones.
  const wrong = means.filter((mean) => mean < 0.25);
  expect(wrong.length / means.length).toBeCloseTo(0.25, 1);
  expect(wrong.reduce((a, b) => a + b, 0) / wrong.length).toBeCloseTo(-0.1, 1);
});

test("first errors, and the same seed gives the same bed", () => {
  expect([firstError([1, -1, 1]), firstError([1, 1]), firstError([])]).toEqual([1, -1, -1]);
  expect(verifierVote({}, createRandom("labels")).truth).toEqual(truth);
});
