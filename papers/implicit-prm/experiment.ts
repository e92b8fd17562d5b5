/**
 * A reward model that is a log-ratio, trained on outcomes alone, as a process reward model, beside one from Monte-Carlo
 * step labels with the same count of rollouts; on the bed `factored-tokens`, layout `bad-symbols`.
 */
import { createRandom, type Ragged, type Random, toRagged } from "guerdon/core";
import { type BadSymbolsWorld, badSymbols, chainedTokens, type TokenTable, tokenTable } from "guerdon/environment";
import { auroc } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { klOptimalPolicy } from "guerdon/model";
import { bestOfN, majorityVote, weightedMajorityVote } from "guerdon/search";
import { stepAggregation } from "guerdon/shaping";
import { implicitReward } from "guerdon/signal";
import { drawAction, softmaxRows } from "guerdon/training";
import {
  beta,
  logsOf,
  lossErrors,
  outcomeTerms,
  pairTerms,
  prefixTerms,
  type Response,
  respond,
  train,
} from "./log-ratio.ts";

const rolloutBudgets = [384, 1536, 6144] as const;
const completions = 8;
const candidates = 16;

/** Step scores from completions: a step is good if any of them is right; smoothed means per (position, previous, symbol). */
function monteCarlo(world: BadSymbolsWorld, reference: Float64Array, budget: number, random: Random): Float64Array {
  const { table, symbols, positions } = world;
  const good = new Float64Array(table.blockSize).fill(1);
  const seen = new Float64Array(table.blockSize).fill(2);
  // A response, and completions of all of its proper prefixes.
  const cost = 1 + completions * (positions - 1);
  for (let spent = 0; spent + cost <= budget; spent += cost) {
    const response = respond(world, reference, random);
    for (let t = 0; t < positions; t++) {
      let label = t === positions - 1 && response.correct;
      for (let k = 0; k < completions && t < positions - 1; k++) {
        const sequence = response.sequence.slice();
        for (let u = t + 1; u < positions; u++)
          sequence[u] = drawAction(reference, symbols, table.rowOf(u, sequence[u - 1]), random.uniform());
        if (world.correct(sequence)) label = true;
      }
      const cell = response.rows[t] * symbols + response.sequence[t];
      seen[cell]++;
      if (label) good[cell]++;
    }
  }
  return good.map((value, i) => value / seen[i]);
}

/** What the arms of a seed share. */
function prepare(random: Random, testSize: number, groupCount: number) {
  const { world, truth } = badSymbols({}, random.stream("world"));
  const reference = softmaxRows(world.referenceLogits(), world.symbols);
  const many = (name: string, count: number) => {
    const draws = random.stream(name);
    return Array.from({ length: count }, () => respond(world, reference, draws));
  };
  return {
    world,
    truth,
    reference,
    training: many("training", rolloutBudgets[2]),
    labelled: many("labelled", rolloutBudgets[0]),
    test: many("test", testSize),
    choice: many("choice", groupCount * candidates),
  };
}
type Prepared = ReturnType<typeof prepare>;

type Scorer = (responses: readonly Response[]) => Ragged;
const everyStep = (responses: readonly Response[]) => responses.map(({ sequence }) => Array.from(sequence.keys()));

function implicitScorer(policy: Float64Array, { world, reference }: Prepared): Scorer {
  const reward = implicitReward({ beta });
  return (responses) =>
    toRagged(
      reward({
        logprobs: logsOf(policy, responses, world.symbols),
        refLogprobs: logsOf(reference, responses, world.symbols),
        stepEnds: everyStep(responses),
      }).stepRewards ?? [],
    );
}

/** Right steps against first wrong ones; later steps do not count. */
function stepAuc(score: Scorer, { test, truth }: Prepared): number {
  const { values, offsets } = score(test);
  const positives: number[] = [];
  const negatives: number[] = [];
  for (const [i, { sequence }] of test.entries()) {
    const first = truth.firstError(sequence);
    const rightUntil = first < 0 ? sequence.length : first;
    for (let t = 0; t < rightUntil; t++) positives.push(values[offsets[i] + t]);
    if (first >= 0) negatives.push(values[offsets[i] + first]);
  }
  return auroc()({ positives, negatives }).auroc ?? Number.NaN;
}

const groupsOf = (choice: readonly Response[]) => Int32Array.from(choice, (_, i) => Math.floor(i / candidates));

/** Share of groups whose best candidate is right. */
function bestOfGroups(score: Scorer, aggregate: "min" | "sum", { choice }: Prepared): number {
  const scores = stepAggregation({ aggregate })({ stepRewards: score(choice) }).rewards;
  const { selected } = bestOfN()({ scores, groups: groupsOf(choice) });
  return selected.filter((i) => i !== null && choice[i].correct).length / selected.length;
}

/** Accuracy of a plain and of a weighted vote. The answer of a wrong response is its first mistake. */
function votes(score: Scorer, { choice, truth }: Prepared) {
  const answers = choice.map(({ sequence }) => {
    const first = truth.firstError(sequence);
    return first < 0 ? "right" : `${first}/${sequence[first]}`;
  });
  const rows = Array.from({ length: choice.length / candidates }, (_, g) =>
    answers.slice(g * candidates, (g + 1) * candidates),
  );
  const share = (winners: readonly (string | number | boolean | null)[]) =>
    winners.filter((winner) => winner === "right").length / winners.length;
  const scores = stepAggregation({ aggregate: "sum" })({ stepRewards: score(choice) }).rewards;
  return {
    plainVote: share(majorityVote()({ votes: rows }).choices),
    weightedVote: share(weightedMajorityVote()({ answers, scores, groups: groupsOf(choice) }).answers),
  };
}

/** The proposition, by enumeration: largest deviation of the running sum from the soft value, over all prefixes. */
function softValueDeviation(random: Random): number {
  const table: TokenTable = tokenTable(chainedTokens(4, 3));
  const rows = (sequence: readonly number[]) => sequence.map((_, t) => table.rowOf(t, t === 0 ? 0 : sequence[t - 1]));
  const every = (length: number) =>
    Array.from({ length: 3 ** length }, (_, code) => Array.from({ length }, (_, t) => Math.floor(code / 3 ** t) % 3));
  let worst = 0;
  for (let trial = 0; trial < 5; trial++) {
    const policies = [0, 1].map(() =>
      softmaxRows(
        Float64Array.from({ length: table.blockSize }, () => random.normal()),
        3,
      ),
    );
    const scale = 0.05 + random.uniform();
    const logs = (policy: Float64Array, sequences: readonly number[][]) =>
      sequences.map((sequence) => rows(sequence).map((row, t) => Math.log(policy[row * 3 + sequence[t]])));
    for (let length = 1; length <= 4; length++) {
      for (const prefix of every(length)) {
        const full = every(4 - length).map((rest) => [...prefix, ...rest]);
        const refLogprobs = logs(policies[1], full);
        const { rewards, stepValues } = implicitReward({ beta: scale })({
          logprobs: logs(policies[0], full),
          refLogprobs,
          stepEnds: full.map(() => [0, 1, 2, 3]),
        });
        const reference = refLogprobs.map((row) => Math.exp(row.slice(length).reduce((sum, log) => sum + log, 0)));
        const { value } = klOptimalPolicy({ beta: scale })({ rewards, reference });
        worst = Math.max(worst, Math.abs((value ?? Number.NaN) - toRagged(stepValues ?? []).values[length - 1]));
      }
    }
  }
  return worst;
}

type Method = "ce" | "dpo" | "ce-steps" | "monte-carlo" | "reference" | "exact";
const arm = (role: Role, label: string, method: Method): Arm<{ method: Method }> => ({
  role,
  label,
  settings: { method },
});
const undefinedMetrics = {
  auc384: null,
  auc1536: null,
  auc6144: null,
  best384: null,
  best1536: null,
  best6144: null,
  bestBySum6144: null,
  plainVote: null,
  weightedVote: null,
  baseRate: null,
  passAt16: null,
  deviation: null,
  partError: null,
  gradientError: null,
};

export default defineExperiment({
  paper: "implicit-prm",
  question: "Does a log-ratio trained on outcomes score steps, as well as a model of Monte-Carlo step labels?",
  bed: "factored-tokens/bad-symbols",
  seeds: 5,
  budgets: { quick: { steps: 40, test: 300, groups: 60 }, full: { steps: 300, test: 2000, groups: 300 } },
  prepare: ({ budget, random }) => prepare(random, budget.test, budget.groups),
  arms: {
    ce: arm("method", "implicit, CE", "ce"),
    dpo: arm("method", "implicit, DPO", "dpo"),
    ceSteps: arm("ablation", "implicit, CE + step labels", "ce-steps"),
    monteCarlo: arm("baseline", "Monte-Carlo labels", "monte-carlo"),
    reference: arm("control", "reference log-probability", "reference"),
    exact: arm("control", "exact checks", "exact"),
  },
  run({ settings: { method }, budget, prepared, seed, random, progress }) {
    const { world, truth, reference, training, labelled, choice } = prepared;
    if (method === "exact") {
      const groups = Array.from({ length: choice.length / candidates }, (_, g) =>
        choice.slice(g * candidates, (g + 1) * candidates).some(({ correct }) => correct),
      );
      return {
        metrics: {
          ...undefinedMetrics,
          baseRate: truth.success(reference),
          passAt16: groups.filter(Boolean).length / groups.length,
          deviation: softValueDeviation(random.stream("soft-value")),
          ...lossErrors(world, reference, training.slice(0, 64), random.stream("losses")),
        },
      };
    }
    const scorers = rolloutBudgets.map((rollouts, i): Scorer => {
      progress(i / 3);
      if (method === "reference")
        return (responses) =>
          toRagged(
            implicitReward({ beta: 1 })({
              logprobs: logsOf(reference, responses, world.symbols),
              stepEnds: everyStep(responses),
            }).stepRewards ?? [],
          );
      if (method === "monte-carlo") {
        const table = monteCarlo(world, reference, rollouts, createRandom(`implicit-prm/${seed}/completions`));
        return (responses) =>
          toRagged(
            responses.map(({ sequence, rows }) =>
              Array.from(sequence, (symbol, t) => table[rows[t] * world.symbols + symbol]),
            ),
          );
      }
      const given = training.slice(0, rollouts);
      const terms = method === "dpo" ? pairTerms(given) : outcomeTerms(given);
      if (method === "ce-steps")
        terms.push(
          ...prefixTerms(
            labelled,
            labelled.map(({ sequence }) => truth.firstError(sequence)),
          ),
        );
      return implicitScorer(train(terms, world, budget.steps), prepared);
    });
    const auc = scorers.map((score) => stepAuc(score, prepared));
    const best = scorers.map((score) => bestOfGroups(score, "min", prepared));
    const voting = method === "ce" || method === "dpo" ? votes(scorers[2], prepared) : null;
    return {
      metrics: {
        ...undefinedMetrics,
        ...voting,
        auc384: auc[0],
        auc1536: auc[1],
        auc6144: auc[2],
        best384: best[0],
        best1536: best[1],
        best6144: best[2],
        bestBySum6144: bestOfGroups(scorers[2], "sum", prepared),
      },
      curves: { auc: { x: rolloutBudgets, y: auc }, best: { x: rolloutBudgets, y: best } },
    };
  },
  gates: [
    { text: "own losses against the parts'", value: ({ exact }) => exact.partError, atMost: 1e-5 },
    { text: "own gradient against differences", value: ({ exact }) => exact.gradientError, atMost: 1e-7 },
    {
      text: "best of 16 can fail and can succeed: pass@16 − base rate",
      value: ({ exact }) => exact.passAt16 - exact.baseRate,
      atLeast: 0.3,
      claims: [2],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Outcome labels alone give a working process reward model",
      paper: "best of same-size PRMs in best-of-N (figure only)",
      checks: [
        { text: "step AUC from 384 outcomes", value: ({ ce }) => ce.auc384, atLeast: 0.95 },
        {
          text: "step AUC of the reference's log-probability",
          value: ({ reference }) => reference.auc384,
          atMost: 0.65,
        },
      ],
    },
    {
      card: 2,
      text: "It beats a Monte-Carlo model with a fraction of the data",
      paper: "less than 1/38 of the data (abstract)",
      checks: [
        {
          text: "step AUC, implicit at 384 − Monte-Carlo at 6,144 rollouts",
          value: ({ ce, monteCarlo }) => ce.auc384 - monteCarlo.auc6144,
          atLeast: -0.01,
        },
        {
          text: "best-of-16 accuracy, the same",
          value: ({ ce, monteCarlo }) => ce.best384 - monteCarlo.best6144,
          atLeast: 0,
        },
      ],
    },
    {
      card: 3,
      text: "Any loss works; cross-entropy does without pairs and balance",
      paper: "text",
      checks: [
        {
          text: "step AUC, CE − DPO, 384",
          value: ({ ce, dpo }) => ce.auc384 - dpo.auc384,
          atLeast: -0.01,
          atMost: 0.01,
        },
        { text: "1,536", value: ({ ce, dpo }) => ce.auc1536 - dpo.auc1536, atLeast: -0.01, atMost: 0.01 },
        { text: "6,144", value: ({ ce, dpo }) => ce.auc6144 - dpo.auc6144, atLeast: -0.01, atMost: 0.01 },
        { text: "CE on single responses, 384", value: ({ ce }) => ce.auc384, atLeast: 0.95 },
      ],
    },
    {
      card: 4,
      text: "The running sum is the exact soft value of the prefix",
      paper: "proposition",
      checks: [{ text: "largest deviation over all prefixes", value: ({ exact }) => exact.deviation, atMost: 1e-9 }],
    },
    {
      card: 5,
      text: "Step labels on top add nothing",
      paper: "abstract",
      reportOnly: true,
      checks: [
        {
          text: "384 step-labelled responses more, step AUC at 384",
          value: ({ ceSteps, ce }) => ceSteps.auc384 - ce.auc384,
        },
        { text: "at 6,144", value: ({ ceSteps, ce }) => ceSteps.auc6144 - ce.auc6144 },
      ],
    },
    {
      card: 6,
      text: "Voting adds to it",
      paper: "figure",
      reportOnly: true,
      checks: [
        { text: "CE: weighted − plain vote of 16", value: ({ ce }) => ce.weightedVote - ce.plainVote },
        { text: "CE: weighted vote − best of 16", value: ({ ce }) => ce.weightedVote - ce.best6144 },
      ],
    },
  ],
  figure: {
    title: "Scores of steps, learnt from outcomes",
    panels: [
      {
        kind: "lines",
        curve: "auc",
        x: "rollouts",
        y: "AUC of right against first wrong steps",
        arms: ["ce", "dpo", "ceSteps", "monteCarlo", "reference"],
        logX: true,
        domain: [0.4, 1],
      },
      {
        kind: "lines",
        curve: "best",
        x: "rollouts",
        y: "accuracy of the best of 16",
        arms: ["ce", "dpo", "ceSteps", "monteCarlo", "reference"],
        logX: true,
        domain: [0, 1],
      },
    ],
  },
});
