import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { lengthMode } from "./bandit-length-mode.ts";
import { noisyCopy } from "./bandit-noisy-copy.ts";
import { reasonOrDirect } from "./bandit-reason-or-direct.ts";
import { retrievalSkill } from "./bandit-retrieval-skill.ts";
import { thinkingBudget } from "./bandit-thinking-budget.ts";

/** Probabilities, contexts × arms, all on one arm. */
const always = (contexts: number, arms: number, choose: (context: number) => number) =>
  Float64Array.from({ length: contexts * arms }, (_, i) => (i % arms === choose(Math.floor(i / arms)) ? 1 : 0));

test("thinking-budget: needs lie in their class's range, and time enough gives the class's ceiling", () => {
  const { world, truth } = thinkingBudget({}, createRandom("budget"));
  expect(world.prompts).toBe(36);
  for (const [prompt, low, high, ceiling] of [
    [3, 0.5, 1.5, 0.98],
    [14, 3, 5, 0.9],
    [30, 6, 11, 0.6],
  ]) {
    // Half the ceiling is reached at the need itself.
    expect(truth.successProbability(prompt, low)).toBeLessThanOrEqual(ceiling / 2);
    expect(truth.successProbability(prompt, high)).toBeGreaterThanOrEqual(ceiling / 2);
    expect(truth.successProbability(prompt, 16)).toBeCloseTo(ceiling, 6);
  }
});

test("thinking-budget: a policy of one length is evaluated exactly, and attempts agree", () => {
  const { world, truth } = thinkingBudget({}, createRandom("budget"));
  const eight = truth.evaluate(always(36, 16, () => 7));
  expect(eight.length).toBe(8);
  expect(eight.accuracyOf.easy).toBeCloseTo(0.98, 6);
  let sum = 0;
  for (let prompt = 0; prompt < 36; prompt++) sum += truth.successProbability(prompt, 8) / 36;
  expect(eight.accuracy).toBeCloseTo(sum, 12);
  const p = truth.successProbability(30, 8);
  expect(world.attempt(30, 8, p - 1e-9)).toBe(true);
  expect(world.attempt(30, 8, p)).toBe(false);
});

test("thinking-budget: the start is the card's, and a class moves as one", () => {
  const { world } = thinkingBudget({}, createRandom("budget"));
  const policy = world.policy();
  const before = policy.logits();
  // Length 10 has logit 0; length 5 −½.
  expect([before[9], before[4]]).toEqual([0, -0.5]);
  const gradient = new Float64Array(36 * 16);
  gradient[0] = 1;
  policy.ascend(gradient, 0.5);
  const moved = policy.logits().map((logit, i) => logit - before[i]);
  for (let i = 0; i < moved.length; i++) expect(moved[i]).toBeCloseTo(i % 16 === 0 && i < 12 * 16 ? 0.5 : 0, 12);
});

test("thinking-budget: the same seed gives the same world", () => {
  const world = (seed: string) => thinkingBudget({}, createRandom(seed)).truth.successProbability(20, 4);
  expect(world("a")).toBe(world("a"));
  expect(world("a")).not.toBe(world("b"));
});

test("length-mode: reward and length of a policy, and answers of a mode", () => {
  const { world, truth } = lengthMode("long");
  expect(truth.expectedReward([0.25, 0.75])).toBeCloseTo(0.25 * 0.5 + 0.75 * 0.65, 12);
  expect(truth.expectedLength([0.25, 0.75])).toBeCloseTo(0.25 * 5.5 + 0.75 * 13.5, 12);
  expect(truth.bestReward).toBe(0.65);
  expect(lengthMode("short").truth.expectedReward([1, 0])).toBe(0.65);
  expect(lengthMode("neutral").truth.expectedReward([0.3, 0.7])).toBeCloseTo(0.6, 12);
  const random = createRandom("answers");
  const answers = Array.from({ length: 4000 }, (_, i) => world.answer(i % 2, random));
  const mean = (mode: number, value: (answer: (typeof answers)[number]) => number) =>
    answers.reduce((sum, answer, i) => sum + (i % 2 === mode ? value(answer) : 0), 0) / 2000;
  expect(Math.abs(mean(1, ({ correct }) => (correct ? 1 : 0)) - 0.65)).toBeLessThan(0.04);
  expect(Math.abs(mean(0, ({ length }) => length) - 5.5)).toBeLessThan(0.1);
  expect(new Set(answers.filter((_, i) => i % 2 === 1).map(({ length }) => length))).toEqual(new Set([12, 13, 14, 15]));
});

test("length-mode: the policy is one logit for the long mode", () => {
  const policy = lengthMode("neutral").world.policy();
  expect(Array.from(policy.logits())).toEqual([0, 0]);
  policy.ascend(Float64Array.of(-1, 1), 0.5);
  expect(Array.from(policy.logits())).toEqual([0, 0.5]);
});

test("reason-or-direct: accuracy mixes the modes, and the start is the card's", () => {
  const { world, truth } = reasonOrDirect({ noise: 0 }, createRandom("modes"));
  const { prompts, answers } = world;
  const modes = world.modePolicy().logits();
  expect(1 / (1 + Math.exp(modes[0] - modes[1]))).toBeCloseTo(0.08, 12);
  const logits = world.answerPolicy().logits();
  const policy = logits.map((logit, i) => {
    const row = logits.subarray(i - (i % answers), i - (i % answers) + answers);
    return Math.exp(logit) / row.reduce((sum, value) => sum + Math.exp(value), 0);
  });
  const direct = Math.exp(-0.5) / (Math.exp(-0.5) + 7);
  const reason = Math.exp(3.2) / (Math.exp(3.2) + 7);
  expect(truth.accuracy([1, 0], policy)).toBeCloseTo(direct, 12);
  expect(truth.accuracy([0.25, 0.75], policy)).toBeCloseTo(0.25 * direct + 0.75 * reason, 12);
  // The gold answer is the one that starts with the largest logit where reasoning.
  const row = Array.from(logits.subarray(prompts * answers, (prompts + 1) * answers));
  expect(world.correct(0, row.indexOf(Math.max(...row)))).toBe(true);
});

test("reason-or-direct: phrases and misjudgements follow the mode", () => {
  const { world } = reasonOrDirect({}, createRandom("modes"));
  const random = createRandom("replies");
  const share = (correct: boolean, mode: number) => {
    let judged = 0;
    for (let i = 0; i < 4000; i++) if (world.judgedCorrect(correct, mode, random)) judged++;
    return judged / 4000;
  };
  expect(Math.abs(share(true, 0) - 0.85)).toBeLessThan(0.03);
  expect(Math.abs(share(true, 1) - 0.45)).toBeLessThan(0.03);
  expect(Math.abs(share(false, 1) - 0.3)).toBeLessThan(0.03);
  const counts = (mode: number) => new Set(Array.from({ length: 100 }, () => world.phrases(mode, random)));
  expect([...counts(0)].sort()).toEqual([0, 1, 2]);
  expect([...counts(1)].sort()).toEqual([5, 6, 7]);
});

test("noisy-copy: three thoughts of every prompt are informative, and the start has the card's log-probability", () => {
  const { world, truth } = noisyCopy({}, createRandom("copies"));
  for (let prompt = 0; prompt < 16; prompt++) {
    let informative = 0;
    for (let thought = 0; thought < 16; thought++) if (world.kind(prompt, thought) === 0) informative++;
    expect(informative).toBe(3);
  }
  const start = truth.evaluate(new Float64Array(256).fill(1 / 16), world.headStart);
  // 3/16 · (.9 log h + .1 log m) + 13/16 · (.3 log h + .7 log m), h and m at κ 1.5 and 0.5.
  const token = (right: number, kappa: number) => right * kappa - Math.log(Math.exp(kappa) + 9);
  expect(start.logprob).toBeCloseTo((3 * token(0.9, 1.5) + 13 * token(0.3, 0.5)) / 16, 12);
  expect(start.logprob).toBeCloseTo(-2.035, 3);
  expect(start.greedy).toBeCloseTo((3 * 0.9 + 13 * 0.3) / 16, 12);
  // Without thoughts, κ = 1: half of the copies are right.
  const e = Math.E;
  expect(truth.evaluate(null, [0, 0, 1]).sampled).toBeCloseTo((0.5 * (e + 1)) / (e + 9), 12);
});

test("noisy-copy: the exact values agree with sampled copies and answers", () => {
  const { world, truth } = noisyCopy({}, createRandom("copies"));
  const random = createRandom("samples");
  const kappa = [2, 0.7, 1];
  const { copied: likely, other } = world.head(kappa[0]);
  expect(Math.exp(likely) + 9 * Math.exp(other)).toBeCloseTo(1, 12);
  const exact = truth.evaluate(null, kappa);
  const target = world.target(40_000, random);
  const copies = world.copy(2, target, random);
  const head = world.head(kappa[2]);
  expect(new Set(copies).size).toBe(10);
  let hits = 0;
  let logprob = 0;
  for (let t = 0; t < target.length; t++) {
    if (copies[t] === target[t]) hits++;
    logprob += (copies[t] === target[t] ? head.copied : head.other) / target.length;
  }
  expect(Math.abs(hits / target.length - exact.greedy)).toBeLessThan(0.01);
  expect(Math.abs(logprob - exact.logprob)).toBeLessThan(0.01);
});

test("retrieval-skill: recall and skill move logits as said, and accuracy is per half", () => {
  const { world, truth } = retrievalSkill({ noise: 0 }, createRandom("recall"));
  const { prompts, answers } = world;
  const policy = world.policy();
  const start = policy.logits();
  const goldOf = (prompt: number) => {
    for (let answer = 0; answer < answers; answer++) if (world.correct(prompt, answer)) return answer;
    return -1;
  };
  const row = (logits: Float64Array, prompt: number) =>
    Array.from(logits.subarray(prompt * answers, (prompt + 1) * answers));
  // A leaked question, a clean one that is known, and one that is not; the last two have a distractor.
  expect(
    row(start, 0)
      .toSorted((a, b) => b - a)
      .slice(0, 2),
  ).toEqual([2.6, 0]);
  expect(
    row(start, 119)
      .toSorted((a, b) => b - a)
      .slice(0, 3),
  ).toEqual([2.6, 2.2, 0]);
  expect(
    row(start, 120)
      .toSorted((a, b) => b - a)
      .slice(0, 3),
  ).toEqual([2.2, 1, 0]);
  expect(row(start, 120)[goldOf(120)]).toBe(1);
  policy.parameters[0][0] = Math.log(2);
  policy.parameters[1][0] = 0.5;
  expect(row(policy.logits(), 120)[goldOf(120)]).toBeCloseTo(2.5, 12);
  const right = Float64Array.from({ length: prompts * answers }, (_, i) =>
    i % answers === goldOf(Math.floor(i / answers)) ? (i < 100 * answers ? 0.75 : 0.2) : 0,
  );
  const { leaked, clean } = truth.accuracy(right);
  expect([leaked, clean]).toEqual([expect.closeTo(0.75, 12), expect.closeTo(0.2, 12)]);
});

test("retrieval-skill: parameters stay within their bounds", () => {
  const { world } = retrievalSkill({}, createRandom("recall"));
  const policy = world.policy();
  policy.ascend(policy.logits(), 1e6);
  expect(policy.parameters.map(([value]) => value)).toEqual([4, 4]);
  policy.ascend(policy.logits(), -1e6);
  expect(policy.parameters.map(([value]) => value)).toEqual([-3, -3]);
});
