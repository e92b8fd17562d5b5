import { z } from "zod";
import { entropy } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Which question is expected to tell the most about what a user wants (Nous, arXiv 2510.27410).
 *
 * `belief` holds weights over the values of each attribute (normalised here). A question is about one attribute, with an answer
 * model `likelihood` (answers × values), p(answer|value), columns of possible values summing to 1. Gain = H(b) − Σ_a p(a)·H(b|a) in units of log
 * `base` (2: bits), never below 0. `selected` is the largest gain, the first within 1e-12; null without questions.
 * An unknown attribute, a belief without mass, or a possible value whose column does not sum to 1: `ContractError`.
 */
export const expectedInformationGain = definePart({
  id: "search/expected-information-gain",
  papers: ["nous"],
  params: z.object({
    base: z.number().gt(1).default(2).describe("of the logarithm"),
    ties: z.enum(["first"]).default("first").describe("rule for equal gains"),
  }),
  inputs: z.object({
    belief: ragged("A×V", "weight per attribute and value"),
    questions: shaped(
      z.array(z.object({ attribute: z.int().nonnegative(), likelihood: z.array(z.array(z.number().nonnegative())) })),
      "M",
      "attribute asked about, and p(answer|value) as answers × values",
    ),
  }),
  outputs: z.object({
    gains: vector("M", "expected gain per question"),
    selected: z.int().nullable().describe("question to ask"),
  }),
  compute({ base }, { belief, questions }) {
    const weights = toRagged(belief);
    const beliefs = Array.from({ length: rowCount(weights) }, (_, i) => {
      const row = rowOf(weights, i);
      const mass = row.reduce((sum, weight) => sum + weight, 0);
      if (!(mass > 0) || row.some((weight) => weight < 0))
        throw new ContractError(`inputs.belief[${i}]`, "expected weights with a positive sum");
      return row.map((weight) => weight / mass);
    });
    const gains = Float64Array.from(questions, ({ attribute, likelihood }, m) => {
      const own = beliefs[attribute];
      const path = `questions[${m}]`;
      if (!own)
        throw new ContractError(`inputs.${path}.attribute`, `expected one below ${beliefs.length}, got ${attribute}`);
      const columns = new Float64Array(own.length);
      let left = 0;
      likelihood.forEach((row, a) => {
        expectLength(row, own.length, `${path}.likelihood[${a}]`);
        const joint = own.map((weight, v) => weight * row[v]);
        const answer = joint.reduce((sum, share) => sum + share, 0);
        row.forEach((share, v) => {
          columns[v] += share;
        });
        if (answer > 0) left += answer * entropy(joint.map((share) => share / answer));
      });
      columns.forEach((sum, v) => {
        if (own[v] > 0 && Math.abs(sum - 1) > 1e-6)
          throw new ContractError(`inputs.${path}.likelihood`, `expected column ${v} to sum to 1, got ${sum}`);
      });
      return Math.max(0, entropy(own) - left) / Math.log(base);
    });
    let selected: number | null = null;
    for (let m = 0; m < gains.length; m++) if (selected === null || gains[m] > gains[selected] + 1e-12) selected = m;
    return { gains, selected };
  },
});
