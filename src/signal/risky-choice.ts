/** Values of gambles: the expected-value maximiser and prospect theory, as models of an annotator. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { expectLength } from "../core/shapes.ts";

type Gamble = readonly (readonly [probability: number, outcome: number])[];

const gambles = (description: string) =>
  shaped(z.array(z.array(z.tuple([z.number().min(0).max(1), z.number()]))), "N", description);

/**
 * Expected values of two gambles and the choice of a maximiser (arXiv 2406.17055, sec. 3): EV = Σ round(p, digits)·x;
 * A where EV_A > EV_B, else B.
 *
 * A gamble is a list of [probability, outcome]. Ties go to B and are flagged. Exact halves round to even.
 */
export const expectedValue = definePart({
  id: "signal/expected-value",
  papers: ["llm-rationality"],
  params: z.object({
    digits: z.int().min(0).max(100).default(4).describe("decimals that probabilities are rounded to"),
  }),
  inputs: z.object({
    gamblesA: gambles("[probability, outcome] pairs of option A"),
    gamblesB: gambles("[probability, outcome] pairs of option B"),
  }),
  outputs: z.object({
    valuesA: vector("N", "expected value of A"),
    valuesB: vector("N", "expected value of B"),
    choices: shaped(z.array(z.enum(["A", "B"])), "N", "the maximiser's choice"),
    ties: flags("N", "both are worth the same"),
  }),
  compute({ digits }, { gamblesA, gamblesB }) {
    expectLength(gamblesB, gamblesA.length, "gamblesB");
    const valuesA = Float64Array.from(gamblesA, (gamble) => expectation(gamble, digits));
    const valuesB = Float64Array.from(gamblesB, (gamble) => expectation(gamble, digits));
    const choices = Array.from(valuesA, (value, i): "A" | "B" => (value > valuesB[i] ? "A" : "B"));
    const ties = Array.from(valuesA, (value, i) => value === valuesB[i]);
    return { valuesA, valuesB, choices, ties };
  },
});

function expectation(gamble: Gamble, digits: number): number {
  let sum = 0;
  for (const [probability, outcome] of gamble) sum += roundHalfEven(probability, digits) * outcome;
  return sum;
}

/**
 * Value of gambles under cumulative prospect theory (Tversky and Kahneman 1992, as compared in arXiv 2406.17055).
 *
 * v(x) = x^α for gains, −λ(−x)^α for losses; w(p) = p^c / (p^c + (1 − p)^c)^{1/c} with c = `gainGamma` or `lossGamma`,
 * cumulated from the best gain down and from the worst loss up; value = Σ v(x)·(w of the cumulated probability with x −
 * w without it). All params 1 give the expected value.
 */
export const prospectValue = definePart({
  id: "signal/prospect-value",
  papers: ["llm-rationality"],
  params: z.object({
    alpha: z.number().positive().default(0.88).describe("α, curvature of the value function"),
    lossAversion: z.number().nonnegative().default(2.25).describe("λ"),
    gainGamma: z.number().positive().default(0.61).describe("c of gains"),
    lossGamma: z.number().positive().default(0.69).describe("c of losses"),
  }),
  inputs: z.object({ gambles: gambles("[probability, outcome] pairs") }),
  outputs: z.object({ values: vector("N", "prospect value") }),
  compute({ alpha, lossAversion, gainGamma, lossGamma }, { gambles: options }) {
    const values = Float64Array.from(options, (gamble, i) => {
      let total = 0;
      for (const [probability] of gamble) total += probability;
      if (total > 1 + 1e-3)
        throw new ContractError(`inputs.gambles[${i}]`, `expected probabilities that sum to 1, got ${total}`);
      const gains = gamble.filter(([, x]) => x > 0).sort((a, b) => b[1] - a[1]);
      const losses = gamble.filter(([, x]) => x < 0).sort((a, b) => a[1] - b[1]);
      return (
        cumulate(gains, gainGamma, (x) => x ** alpha) +
        cumulate(losses, lossGamma, (x) => -lossAversion * (-x) ** alpha)
      );
    });
    return { values };
  },
});

/** Σ v(x)·(w(P so far) − w(P before)) over outcomes from the most extreme inwards. */
function cumulate(outcomes: Gamble, gamma: number, value: (outcome: number) => number): number {
  let sum = 0;
  let cumulated = 0;
  let before = 0;
  for (const [probability, outcome] of outcomes) {
    cumulated = Math.min(1, cumulated + probability);
    const weight = decisionWeight(cumulated, gamma);
    sum += value(outcome) * (weight - before);
    before = weight;
  }
  return sum;
}

function decisionWeight(p: number, gamma: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  const a = p ** gamma;
  return a / (a + (1 - p) ** gamma) ** (1 / gamma);
}
