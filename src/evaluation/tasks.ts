import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, nullableStrings, nullableVector, shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { mean, meanDefined, meanOrNull, share, standardDeviation } from "../core/statistics.ts";

/**
 * Completion, modification and resolution rate of software agents (G-RA, arXiv 2508.10548).
 *
 * Shares of all episodes: submitted; submitted with the repository modified before; tests pass. null without episodes.
 */
export const agentRates = definePart({
  id: "evaluation/agent-rates",
  papers: ["gated-rewards"],
  params: z.object({}),
  inputs: z.object({
    submitted: flags("N", "the agent called submit"),
    modified: flags("N", "the repository was changed"),
    resolved: flags("N", "the tests pass"),
  }),
  outputs: z.object({
    completionRate: z.number().nullable(),
    modificationRate: z.number().nullable(),
    resolutionRate: z.number().nullable(),
  }),
  compute(_, { submitted, modified, resolved }) {
    return {
      completionRate: share(submitted),
      modificationRate: share(Array.from(submitted, (flag, i) => flag && modified[i])),
      resolutionRate: share(resolved),
    };
  },
});

/**
 * Accuracy by number of hops, and pooled over the hop counts seen and unseen in training (arXiv 2601.15160).
 *
 * `hops` lists the distinct counts, ascending, `accuracy` theirs. `seen` and `unseen` pool questions; null if none.
 */
export const hopAccuracy = definePart({
  id: "evaluation/hop-accuracy",
  papers: ["kg-implicit-rm"],
  params: z.object({ trainHops: z.array(z.int()).default([1, 2, 3]).describe("hop counts that training contained") }),
  inputs: z.object({ correct: flags("N", "verified outcome"), hops: integers("N", "hops each question needs") }),
  outputs: z.object({
    hops: integers("H", "distinct hop counts, ascending"),
    accuracy: vector("H", "accuracy at each"),
    seen: z.number().nullable(),
    unseen: z.number().nullable(),
  }),
  compute({ trainHops }, inputs) {
    const counts = Array.from(inputs.hops);
    const hops = [...new Set(counts)].sort((a, b) => a - b);
    const over = (wanted: (hop: number) => boolean) =>
      share(Array.from(inputs.correct).filter((_, i) => wanted(counts[i])));
    return {
      hops,
      accuracy: hops.map((hop) => over((other) => other === hop) ?? 0),
      seen: over((hop) => trainHops.includes(hop)),
      unseen: over((hop) => !trainHops.includes(hop)),
    };
  },
});

/**
 * Accuracy of majority-vote labels for questions, their rephrasings, and either of the two (Co-Reward, arXiv
 * 2508.00410).
 *
 * Answers are compared as strings; a null label is wrong. null without questions.
 */
export const votingAccuracy = definePart({
  id: "evaluation/voting-accuracy",
  papers: ["co-reward"],
  params: z.object({}),
  inputs: z.object({
    labels: nullableStrings("N", "voted answer to the original question"),
    pairedLabels: nullableStrings("N", "voted answer to its rephrasing"),
    gold: strings("N", "right answer"),
  }),
  outputs: z.object({
    original: z.number().nullable(),
    rephrased: z.number().nullable(),
    either: z.number().nullable(),
  }),
  compute(_, { labels, pairedLabels, gold }) {
    const original = gold.map((answer, i) => labels[i] === answer);
    const rephrased = gold.map((answer, i) => pairedLabels[i] === answer);
    return {
      original: share(original),
      rephrased: share(rephrased),
      either: share(original.map((right, i) => right || rephrased[i])),
    };
  },
});

/**
 * Human-normalised score of designed rewards, (method − sparse)/|human − sparse| per task (Eureka, arXiv 2310.12931).
 *
 * null where the human reward equals the sparse one; `mean` over the tasks with a score; `outperformShare` = share of
 * all tasks with method > human. null without tasks.
 */
export const humanNormalizedScore = definePart({
  id: "evaluation/human-normalized-score",
  papers: ["eureka"],
  params: z.object({}),
  inputs: z.object({
    method: vector("M", "task metric reached with the method's reward"),
    human: vector("M", "with the human-written reward"),
    sparse: vector("M", "with the sparse task reward"),
  }),
  outputs: z.object({
    scores: nullableVector("M", "normalised score per task"),
    mean: z.number().nullable(),
    outperformShare: z.number().nullable(),
  }),
  compute(_, { method, human, sparse }) {
    const scores = Array.from({ length: method.length }, (_, i) => {
      const span = Math.abs(human[i] - sparse[i]);
      return span > 0 ? (method[i] - sparse[i]) / span : null;
    });
    return {
      scores,
      mean: meanDefined(scores),
      outperformShare: share(scores.map((_, i) => method[i] > human[i])),
    };
  },
});

/**
 * CARLA leaderboard driving score: route completion times a penalty factor per infraction (as in CaRL, arXiv
 * 2504.17838; coefficients of the leaderboard).
 *
 * `infractionScores` = Π_kind coefficient^count; `drivingScores` = routeCompletion (percent) × that; means over routes,
 * null without any. An infraction kind without a coefficient: `ContractError`.
 */
export const drivingScore = definePart({
  id: "evaluation/driving-score",
  papers: ["carl"],
  params: z.object({
    penalties: z
      .record(z.string(), z.number())
      .default({
        pedestrianCollision: 0.5,
        vehicleCollision: 0.6,
        staticCollision: 0.65,
        redLight: 0.7,
        stopSign: 0.8,
        scenarioTimeout: 0.7,
        yieldEmergency: 0.7,
      })
      .describe("factor per infraction of each kind"),
  }),
  inputs: z.object({
    routeCompletion: vector("N", "percent of the route driven"),
    infractions: shaped(z.array(z.record(z.string(), z.number().min(0))), "N", "count per kind of infraction"),
  }),
  outputs: z.object({
    infractionScores: vector("N", "product of penalty factors"),
    drivingScores: vector("N", "percent"),
    drivingScore: z.number().nullable(),
    routeCompletionMean: z.number().nullable(),
  }),
  compute({ penalties }, { routeCompletion, infractions }) {
    const infractionScores = Float64Array.from(infractions, (counts, i) => {
      let score = 1;
      for (const [kind, count] of Object.entries(counts)) {
        if (!Object.hasOwn(penalties, kind))
          throw new ContractError(
            `inputs.infractions[${i}].${kind}`,
            `expected one of ${Object.keys(penalties).join(", ")}`,
          );
        score *= penalties[kind] ** count;
      }
      return score;
    });
    const drivingScores = infractionScores.map((score, i) => score * routeCompletion[i]);
    return {
      infractionScores,
      drivingScores,
      drivingScore: meanOrNull(drivingScores),
      routeCompletionMean: meanOrNull(routeCompletion),
    };
  },
});

/**
 * Contact-force statistics and violations of a limit (MoDem-V2, arXiv 2309.14236).
 *
 * A step's force is |f| of a number or the Euclidean norm of a vector. A contact has force > `contact`; `mean` and `std`
 * (population) are of the contacts' forces, `max` is the contacts' largest component in size (as the release has it, so
 * for vectors it may lie below `mean`); `violations` = share of all steps with force > `limit`. Without a contact
 * (without a step, for `violations`): `undefined` (null; the official code has 0).
 */
export const safetyViolations = definePart({
  id: "evaluation/safety-violations",
  papers: ["modem-v2"],
  params: z.object({
    contact: z.number().default(1e-5).describe("force above which there is contact"),
    limit: z.number().describe("force that must not be exceeded, same unit"),
    undefined: z.number().nullable().default(null).describe("value of a statistic without data"),
  }),
  inputs: z.object({
    forces: shaped(z.array(z.union([z.number(), z.array(z.number())])), "T", "force at each step, scalar or vector"),
  }),
  outputs: z.object({
    contacts: z.int(),
    mean: z.number().nullable(),
    std: z.number().nullable(),
    max: z.number().nullable(),
    violations: z.number().nullable(),
  }),
  compute(params, { forces }) {
    const sizes = Float64Array.from(forces, (force) =>
      typeof force === "number" ? Math.abs(force) : Math.hypot(...force),
    );
    const touching = sizes.filter((size) => size > params.contact);
    const touched = touching.length > 0;
    let largest = 0;
    for (const [t, force] of forces.entries())
      if (sizes[t] > params.contact)
        for (const part of typeof force === "number" ? [force] : force) largest = Math.max(largest, Math.abs(part));
    return {
      contacts: touching.length,
      mean: touched ? mean(touching) : params.undefined,
      std: touched ? standardDeviation(touching, 0) : params.undefined,
      max: touched ? largest : params.undefined,
      violations: share(Array.from(sizes, (size) => size > params.limit)) ?? params.undefined,
    };
  },
});

/**
 * Rates of indicator costs against their thresholds (direct behaviour specification, arXiv 2412.07177).
 *
 * `costs` T×K, null where a constraint does not apply; `averages` ignore nulls. `lower`: average > threshold; `upper`:
 * average < threshold (strict). A constraint never observed has null; `all` = every constraint was observed and holds.
 * Double bounds are two constraints.
 */
export const constraintSatisfaction = definePart({
  id: "evaluation/constraint-satisfaction",
  papers: ["reward-specification-thesis"],
  params: z.object({
    thresholds: z.array(z.number()).describe("K thresholds"),
    bounds: z.array(z.enum(["lower", "upper"])).describe("K: the average must lie above, or below"),
  }),
  inputs: z.object({
    costs: shaped(
      z.array(z.array(z.number().nullable())),
      "T×K",
      "indicator per step and constraint, null: not applicable",
    ),
  }),
  outputs: z.object({
    averages: nullableVector("K", "average over the steps it applies to"),
    satisfied: shaped(z.array(z.boolean().nullable()), "K", "whether the bound holds"),
    all: z.boolean(),
  }),
  compute({ thresholds, bounds }, { costs }) {
    if (bounds.length !== thresholds.length)
      throw new ContractError(
        "params.bounds",
        `expected ${thresholds.length} entries, as in thresholds, got ${bounds.length}`,
      );
    for (const [t, row] of costs.entries())
      if (row.length !== thresholds.length)
        throw new ContractError(`inputs.costs[${t}]`, `expected ${thresholds.length} entries, got ${row.length}`);
    const averages = thresholds.map((_, k) => meanDefined(costs.map((row) => row[k])));
    const satisfied = averages.map((average, k) => {
      if (average === null) return null;
      return bounds[k] === "lower" ? average > thresholds[k] : average < thresholds[k];
    });
    return { averages, satisfied, all: satisfied.every((holds) => holds === true) };
  },
});

/**
 * Content, style, fluency and joint score of style transfer (RLPrompt, arXiv 2205.12548), in percent, unrounded.
 *
 * content = mean max(content, 0); style, fluency = shares; `joint` = mean of the three multiplied per sentence;
 * `geometricMean` of the three averages (0 if one is 0). null without sentences.
 */
export const styleTransferJoint = definePart({
  id: "evaluation/style-transfer-joint",
  papers: ["rl-prompt"],
  params: z.object({}),
  inputs: z.object({
    content: vector("N", "content preservation of each sentence, at most 1; negative counts as 0"),
    styleCorrect: flags("N", "the sentence has the target style"),
    fluencyCorrect: flags("N", "the sentence is fluent"),
  }),
  outputs: z.object({
    content: z.number().nullable(),
    style: z.number().nullable(),
    fluency: z.number().nullable(),
    joint: z.number().nullable(),
    geometricMean: z.number().nullable(),
  }),
  compute(_, inputs) {
    const n = inputs.content.length;
    if (n === 0) return { content: null, style: null, fluency: null, joint: null, geometricMean: null };
    let content = 0;
    let style = 0;
    let fluency = 0;
    let joint = 0;
    for (let i = 0; i < n; i++) {
      const kept = Math.max(0, inputs.content[i]);
      content += kept;
      if (inputs.styleCorrect[i]) style++;
      if (inputs.fluencyCorrect[i]) fluency++;
      if (inputs.styleCorrect[i] && inputs.fluencyCorrect[i]) joint += kept;
    }
    const percent = 100 / n;
    return {
      content: content * percent,
      style: style * percent,
      fluency: fluency * percent,
      joint: joint * percent,
      geometricMean: Math.cbrt(content * style * fluency) * percent,
    };
  },
});

/**
 * Overlap of found with annotated steps: intersection over union of their frames (arXiv 1612.06699).
 *
 * A split is the first frame of the next step; steps are half-open. `mean` over steps; a step that is empty on both
 * sides is null and left out. Different numbers of splits, or splits that do not ascend within [0, length]:
 * `ContractError`.
 */
export const stepJaccard = definePart({
  id: "evaluation/step-jaccard",
  papers: ["perceptual-rewards"],
  params: z.object({}),
  inputs: z.object({
    splits: integers("S", "first frames of the found steps but the first"),
    targetSplits: integers("S", "the same, annotated"),
    length: z.int().min(0).describe("frames of the video"),
  }),
  outputs: z.object({ perStep: nullableVector("K", "overlap of each step"), mean: z.number().nullable() }),
  compute(_, { splits, targetSplits, length }) {
    if (splits.length !== targetSplits.length)
      throw new ContractError("inputs.targetSplits", `expected ${splits.length} splits, got ${targetSplits.length}`);
    const found = stepBounds(splits, length, "splits");
    const target = stepBounds(targetSplits, length, "targetSplits");
    const perStep = Array.from({ length: splits.length + 1 }, (_, k) => {
      const shared = Math.max(0, Math.min(found[k + 1], target[k + 1]) - Math.max(found[k], target[k]));
      const union = found[k + 1] - found[k] + target[k + 1] - target[k] - shared;
      return union > 0 ? shared / union : null;
    });
    return { perStep, mean: meanDefined(perStep) };
  },
});

function stepBounds(splits: ArrayLike<number>, length: number, field: string): number[] {
  const bounds = [0, ...Array.from(splits), length];
  for (let k = 1; k < bounds.length; k++)
    if (bounds[k] < bounds[k - 1])
      throw new ContractError(`inputs.${field}`, `expected ascending frames from 0 to ${length}`);
  return bounds;
}

/**
 * Answer options with the distractors permuted and the right answer left in place (arXiv 2601.15160): does accuracy
 * survive?
 *
 * `permutation` has one entry per distractor: the i-th free place gets the old distractor number permutation[i].
 * Anything that is no permutation, or an answer out of range: `ContractError`.
 */
export const optionShuffle = definePart({
  id: "evaluation/option-shuffle",
  papers: ["kg-implicit-rm"],
  params: z.object({}),
  inputs: z.object({
    options: strings("O", "answer options"),
    answer: z.int().min(0).describe("index of the right one"),
    permutation: integers("R", "order of the distractors"),
  }),
  outputs: z.object({ options: strings("O", "options in the new order"), answer: z.int() }),
  compute(_, { options, answer, permutation }) {
    if (!(answer >= 0 && answer < options.length))
      throw new ContractError("inputs.answer", `expected an index below ${options.length}, got ${answer}`);
    const distractors = options.filter((_, i) => i !== answer);
    const order = Array.from(permutation);
    const valid = order.length === distractors.length && new Set(order).size === order.length;
    if (!valid || !order.every((i) => Number.isInteger(i) && i >= 0 && i < distractors.length))
      throw new ContractError("inputs.permutation", `expected a permutation of 0 … ${distractors.length - 1}`);
    const shuffled = order.map((i) => distractors[i]);
    shuffled.splice(answer, 0, options[answer]);
    return { options: shuffled, answer };
  },
});
