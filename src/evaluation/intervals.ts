import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { betaQuantile, logChoose, normalQuantile } from "../core/special-functions.ts";
import { meanDefined, wilson } from "../core/statistics.ts";

/**
 * Confidence interval of a (rare) rate (for the 1-in-10,000 events of arXiv 2406.10162): "none observed" is not zero.
 *
 * `wilson`: score interval with the two-sided normal quantile. `clopper-pearson`: exact, Beta(α/2; k, n−k+1) to
 * Beta(1−α/2; k+1, n−k). `jeffreys`: quantiles of Beta(k + ½, n − k + ½). The last two end at 0 for k = 0 and at 1 for
 * k = n. Without trials the rate is null and the interval all of [0, 1]. More successes than trials: `ContractError`.
 */
export const proportionInterval = definePart({
  id: "evaluation/proportion-interval",
  papers: ["reward-tampering"],
  params: z.object({
    method: z.enum(["wilson", "clopper-pearson", "jeffreys"]).default("wilson").describe("kind of interval"),
    confidence: z.number().gt(0).lt(1).default(0.95).describe("coverage"),
  }),
  inputs: z.object({ successes: z.int().min(0).describe("events"), trials: z.int().min(0).describe("trials") }),
  outputs: z.object({ rate: z.number().nullable(), lower: z.number(), upper: z.number() }),
  compute({ method, confidence }, { successes: k, trials: n }) {
    if (!(k <= n)) throw new ContractError("inputs.successes", `expected at most ${n} (trials), got ${k}`);
    if (n === 0) return { rate: null, lower: 0, upper: 1 };
    const tail = (1 - confidence) / 2;
    if (method === "wilson") {
      const { lower, upper } = wilson(k, n, -normalQuantile(tail));
      return { rate: k / n, lower: k === 0 ? 0 : lower, upper: k === n ? 1 : upper };
    }
    const half = method === "jeffreys" ? 0.5 : 0;
    const one = 1 - half;
    // The upper quantile from the other side, so that it keeps its digits near 1.
    return {
      rate: k / n,
      lower: k === 0 ? 0 : betaQuantile(tail, k + half, n - k + one),
      upper: k === n ? 1 : betaQuantile(1 - tail, k + one, n - k + half),
    };
  },
});

/**
 * Does gaming early stages of a curriculum generalise to later ones (arXiv 2406.10162)?
 *
 * Rows are checkpoints, the first the untrained base; columns the stages of the curriculum. `rates` = successes/trials
 * (null without trials); `lift` = rate − base rate; `zeroShotLift` = mean lift over the stages ≥ `trainedThrough` (the
 * number of stages trained on), null when none is left. For the last stage: `logOddsRatio` against the base with ½ added
 * to every cell, and `pValues`, Fisher's exact test, one-sided (checkpoint > base).
 */
export const curriculumGeneralization = definePart({
  id: "evaluation/curriculum-generalization",
  papers: ["reward-tampering"],
  params: z.object({}),
  inputs: z.object({
    successes: ragged("K×S", "gamed episodes per checkpoint and stage"),
    trials: ragged("K×S", "episodes per checkpoint and stage"),
    trainedThrough: integers("K", "stages the checkpoint was trained on"),
  }),
  outputs: z.object({
    rates: shaped(z.array(z.array(z.number().nullable())), "K×S", "share of gamed episodes"),
    lift: shaped(z.array(z.array(z.number().nullable())), "K×S", "rate above the base"),
    zeroShotLift: nullableVector("K", "mean lift over stages not trained on"),
    logOddsRatio: nullableVector("K", "last stage, against the base"),
    pValues: vector("K", "last stage, one-sided Fisher"),
  }),
  compute(_, inputs) {
    const successes = toRagged(inputs.successes);
    const trials = toRagged(inputs.trials);
    const checkpoints = rowCount(successes);
    const stages = checkpoints > 0 ? successes.offsets[1] : 0;
    const rates: (number | null)[][] = [];
    for (let c = 0; c < checkpoints; c++) {
      const won = rowOf(successes, c);
      const tried = rowOf(trials, c);
      if (won.length !== stages || tried.length !== stages || stages === 0)
        throw new ContractError(`inputs.successes[${c}]`, `expected as many stages as in row 0, at least one`);
      for (let s = 0; s < stages; s++)
        if (!(won[s] >= 0 && won[s] <= tried[s]))
          throw new ContractError(`inputs.successes[${c}][${s}]`, `expected 0 to ${tried[s]} (trials), got ${won[s]}`);
      rates.push(Array.from(won, (value, s) => (tried[s] > 0 ? value / tried[s] : null)));
    }
    const lift = rates.map((row) =>
      row.map((rate, s) => {
        const base = rates[0][s];
        return rate === null || base === null ? null : rate - base;
      }),
    );
    const last = stages - 1;
    const cells = (c: number) => ({ won: rowOf(successes, c)[last], tried: rowOf(trials, c)[last] });
    const logOdds = ({ won, tried }: Cells) => Math.log((won + 0.5) / (tried - won + 0.5));
    return {
      rates,
      lift,
      zeroShotLift: lift.map((row, c) => meanDefined(row.slice(inputs.trainedThrough[c]))),
      logOddsRatio: rates.map((_, c) => logOdds(cells(c)) - logOdds(cells(0))),
      pValues: Float64Array.from(rates, (_, c) => fisherGreater(cells(c), cells(0))),
    };
  },
});

interface Cells {
  readonly won: number;
  readonly tried: number;
}

/** P(X ≥ a.won) when the successes of both rows fall at random on their trials (hypergeometric). */
function fisherGreater(a: Cells, b: Cells): number {
  const won = a.won + b.won;
  const whole = logChoose(a.tried + b.tried, won);
  const most = Math.min(won, a.tried);
  let sum = 0;
  for (let k = a.won; k <= most; k++) sum += Math.exp(logChoose(a.tried, k) + logChoose(b.tried, won - k) - whole);
  return Math.min(1, sum);
}
