import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import { mlpShapes } from "../model/networks/mlp.ts";
import { type HostParameters, parameterCount } from "../model/networks/parameters.ts";
import { evaluateWithGradient, tensor } from "../objective/engine.ts";
import { dnoLoss, dpoLoss } from "../objective/index.ts";
import {
  fitPairs,
  fitRatings,
  fitRewardModel,
  minibatches,
  type PairSlope,
  pairSlopes,
  scoreItems,
  startMlp,
} from "./preference.ts";

describe("slopes of pair losses", () => {
  const logits = [-3, -0.4, 0.3, 0.999, 1.5, 40];
  it("are the derivatives of objective/dpo", () => {
    for (const [loss, slope] of [
      ["sigmoid", pairSlopes.sigmoid],
      ["ipo-unit", pairSlopes.ipo],
      ["hinge", pairSlopes.hinge],
    ] as const) {
      const rows = [logits.length, 1];
      const zeros = () => tensor(new Float64Array(logits.length), rows);
      const ones = () => tensor(new Float64Array(logits.length).fill(1), rows);
      // β 0.5 and a log-ratio difference of 2z: the logit is z.
      const { gradients } = evaluateWithGradient(
        dpoLoss({ loss, beta: 0.5 }),
        {
          chosenLogprobs: tensor(
            logits.map((z) => 2 * z),
            rows,
          ),
          rejectedLogprobs: zeros(),
          refChosenLogprobs: zeros(),
          refRejectedLogprobs: zeros(),
          chosenMask: ones(),
          rejectedMask: ones(),
        },
        ["chosenLogprobs"],
      );
      logits.forEach((z, i) => {
        expect(gradients.chosenLogprobs[i]).toBeCloseTo((0.5 * slope(z)) / logits.length, 12);
      });
    }
  });

  it("soft targets: the derivative of objective/dno", () => {
    const rewards = [0.9, 0.5, 0.2, 0.4, 0, 1];
    const rows = [logits.length, 1];
    const zeros = () => tensor(new Float64Array(logits.length), rows);
    const ones = () => tensor(new Float64Array(logits.length).fill(1), rows);
    const { gradients, targets } = evaluateWithGradient(
      dnoLoss({ eta: 0.25 }),
      {
        firstLogprobs: tensor(
          logits.map((z) => 4 * z),
          rows,
        ),
        secondLogprobs: zeros(),
        refFirstLogprobs: zeros(),
        refSecondLogprobs: zeros(),
        firstMask: ones(),
        secondMask: ones(),
        firstRewards: tensor(rewards),
        secondRewards: tensor(rewards.map(() => 0.3)),
      },
      ["firstLogprobs"],
    );
    const slope = pairSlopes.soft(targets);
    logits.forEach((z, i) => {
      expect(gradients.firstLogprobs[i]).toBeCloseTo((0.25 * slope(z, i)) / logits.length, 12);
    });
  });
});

describe("fitPairs", () => {
  const differences = Float64Array.of(1, 0, 0.5, -1, -0.3, 2);
  const objective = (w: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < 3; i++) {
      const z = 0.7 * (w[0] * differences[2 * i] + w[1] * differences[2 * i + 1]) + [0.1, 0, -0.2][i];
      sum += Math.log1p(Math.exp(-z)) / 3;
    }
    return sum + 0.05 * (w[0] ** 2 + w[1] ** 2);
  };
  const options = {
    differences,
    dimensions: 2,
    slope: pairSlopes.sigmoid,
    scale: 0.7,
    offsets: [0.1, 0, -0.2],
    ridge: 0.1,
  };

  it("steps down the gradient of its loss (finite differences)", () => {
    const start = [0.4, -0.3];
    const after = fitPairs({ ...options, start, steps: 1, learningRate: 1, optimizer: "gradient" });
    for (let d = 0; d < 2; d++) {
      const at = (h: number) => objective(start.map((w, i) => (i === d ? w + h : w)));
      expect(start[d] - after[d]).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 7);
    }
  });

  it("ends where the loss is least, by either optimiser", () => {
    const ends = [
      fitPairs({ ...options, steps: 3000, learningRate: 0.5, optimizer: "gradient" }),
      fitPairs({ ...options, steps: 3000, learningRate: 0.02 }),
    ];
    for (const end of ends)
      for (const [dx, dy] of [
        [0.01, 0],
        [-0.01, 0],
        [0, 0.01],
        [0, -0.01],
      ])
        expect(objective([end[0] + dx, end[1] + dy])).toBeGreaterThan(objective(end));
  });

  it("shows the weights at every step, the start and the end too", () => {
    const seen: number[] = [];
    const seenPairs: number[] = [];
    const slope: PairSlope = (_, pair) => {
      seenPairs.push(pair);
      return 0;
    };
    fitPairs({ ...options, slope, batch: 2, steps: 3, learningRate: 1, watch: (step) => seen.push(step) });
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(seenPairs).toEqual([0, 1, 2, 0, 1, 2]);
    expect(() => fitPairs({ ...options, dimensions: 4, steps: 1, learningRate: 1 })).toThrow("rows of 4");
  });
});

it("minibatches take every row once an epoch, and keep their size across epochs", () => {
  const next = minibatches(5, 3, createRandom(1));
  const drawn = [next(), next(), next(), next(), next()].flatMap((batch) => [...batch]);
  expect(drawn).toHaveLength(15);
  for (let epoch = 0; epoch < 3; epoch++) expect(drawn.slice(5 * epoch, 5 * epoch + 5).sort()).toEqual([0, 1, 2, 3, 4]);
  expect([...minibatches(2, 10)()]).toEqual([0, 1]);
});

describe("reward networks", () => {
  const model = { inputs: 2, hidden: [16], outputs: 1, activation: "tanh" } as const;
  const random = createRandom("reward networks");
  const items = Float64Array.from({ length: 2 * 256 }, () => random.normal());
  const gold = (i: number) => items[2 * i] - items[2 * i + 1] ** 2;
  const half = (side: (i: number) => number) =>
    Float64Array.from({ length: 2 * 128 }, (_, k) => items[2 * side(Math.floor(k / 2)) + (k % 2)]);
  const better = (i: number) => (gold(i) > gold(i + 128) ? i : i + 128);
  const worse = (i: number) => (gold(i) > gold(i + 128) ? i + 128 : i);
  const optimizer = { learningRate: 0.01, clipNorm: null };

  it("learn an order from pairs, the same one every time, and what centring asks for", () => {
    const trained = (centering: number) =>
      fitRewardModel({
        model,
        start: startMlp(model, createRandom("start")),
        chosen: half(better),
        rejected: half(worse),
        loss: { centering },
        steps: 150,
        batch: 32,
        optimizer,
        random: createRandom("order"),
      });
    const scores = scoreItems(model, trained(0), items);
    expect(scoreItems(model, trained(0), items)).toEqual(scores);
    let right = 0;
    for (let i = 0; i < 128; i++) if (scores[better(i)] > scores[worse(i)]) right++;
    expect(right / 128).toBeGreaterThan(0.9);
    const centre = (of: Float64Array) => Math.abs(of.reduce((sum, score) => sum + score, 0) / of.length);
    expect(centre(scoreItems(model, trained(1), items))).toBeLessThan(0.2);
  });

  it("learn ratings", () => {
    const trained = fitRatings({
      model,
      start: startMlp(model, createRandom("start")),
      items,
      ratings: Float64Array.from({ length: 256 }, (_, i) => gold(i)),
      steps: 400,
      batch: 64,
      optimizer,
      random: createRandom("order"),
    });
    const scores = scoreItems(model, trained, items);
    expect(scores.reduce((sum, score, i) => sum + (score - gold(i)) ** 2, 0) / 256).toBeLessThan(0.3);
  });

  it("start with the parameters of the network's shapes", () => {
    const start: HostParameters = startMlp(model, createRandom(1));
    expect(Object.values(start).reduce((sum, { data }) => sum + data.length, 0)).toBe(parameterCount(mlpShapes(model)));
  });
});
