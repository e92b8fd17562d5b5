/**
 * Reward models that agree on held-out pairs and disagree on what best-of-n finds, on the bed `rm-fit`: single models,
 * ensembles that share their pretraining and ensembles that do not, against gold with a length term that the
 * annotated items hardly cover.
 */
import type { Random } from "guerdon/core";
import { boltzmannAnnotator, narrowLengthItems, rmFit } from "guerdon/environment";
import { bestOfNCurve, ensembleAgreement } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { attributeRegressionLoss, type HostParameters, mlp, preferenceOrientation } from "guerdon/model";
import { bestOfN } from "guerdon/search";
import { ensemble } from "guerdon/shaping";
import { fitNetwork, fitRewardModel, scoreItems, startMlp } from "guerdon/training";

const columns = 16;
const samples = 256;
const body = { inputs: columns, hidden: [64, 64], activation: "tanh" } as const;
const reward = { ...body, outputs: 1 };
const decoder = { ...body, outputs: columns };
const { world, truth } = rmFit(narrowLengthItems(), boltzmannAnnotator({ scale: 1.5 }));

interface Budget {
  readonly members: number;
  readonly pretraining: number;
  readonly finetuning: number;
  readonly prompts: number;
}

/** "Pretraining": the hidden layers learn to restore items of which 30 % is masked. */
function pretrain(steps: number, random: Random): HostParameters {
  const objective = attributeRegressionLoss();
  const batch = 128;
  return fitNetwork({
    start: startMlp(decoder, random.stream("start")),
    steps,
    optimizer: { learningRate: 3e-3, clipNorm: null },
    loss: (parameters, { masked, labels, mask }) =>
      objective({ predictions: mlp(decoder, parameters, masked), labels, mask }),
    batch() {
      const labels = world.items(batch, random);
      return {
        masked: { values: labels.map((value) => (random.uniform() < 0.3 ? 0 : value)), columns },
        labels: { values: labels, columns },
        mask: { values: new Float32Array(labels.length).fill(1), columns },
      };
    },
  });
}

/** A new head on a pretrained body, all layers fitted to the pairs. */
function finetune(pretrained: HostParameters, pairs: Pairs, steps: number, random: Random): HostParameters {
  const fresh = startMlp(reward, random.stream("head"));
  const start = { ...pretrained, "2.weight": fresh["2.weight"], "2.bias": fresh["2.bias"] };
  return fitRewardModel({
    model: reward,
    start,
    ...pairs,
    loss: { centering: 0.01 },
    steps,
    batch: 64,
    optimizer: { learningRate: 2e-3, clipNorm: null },
    random: random.stream("order"),
  });
}

type Pairs = { readonly chosen: Float64Array; readonly rejected: Float64Array };

/** 300 labelled pairs as chosen and rejected items. */
function labelledPairs(random: Random): Pairs {
  const { first, second, strengths } = world.pairs(300, random);
  const row = Array.from(strengths, (_, i) => i);
  const { chosen, rejected } = preferenceOrientation()({ first: row, second: row.map((i) => ~i), strengths });
  const items = (rows: ArrayLike<number>) =>
    Float64Array.from(
      Array.from(rows, (i) =>
        Array.from((i < 0 ? second : first).slice((i < 0 ? ~i : i) * columns).slice(0, columns)),
      ).flat(),
    );
  return { chosen: items(chosen), rejected: items(rejected) };
}

/** Both ensembles (the first member of each is the same model), z-scored on all candidates, and their accuracies. */
function prepare({ budget, random }: { readonly budget: Budget; readonly random: Random }) {
  const pairs = labelledPairs(random.stream("pairs"));
  const bodies = Array.from({ length: budget.members }, (_, s) =>
    pretrain(budget.pretraining, random.stream(`pretrain ${s}`)),
  );
  const tuned = (body: number, f: number) =>
    finetune(bodies[body], pairs, budget.finetuning, random.stream(`finetune ${f}`));
  const pretrainMembers = bodies.map((_, k) => tuned(k, k));
  const finetuneMembers = [pretrainMembers[0], ...bodies.slice(1).map((_, k) => tuned(0, k + 1))];
  const candidates = truth.candidates(budget.prompts * samples, random.stream("candidates"));
  const fresh = random.stream("evaluation");
  const [first, second] = [world.items(3000, fresh), world.items(3000, fresh)];
  const measured = (models: readonly HostParameters[]) => {
    const raw = models.map((model) => Array.from(scoreItems(reward, model, candidates)));
    const means = raw.map((scores) => scores.reduce((sum, score) => sum + score, 0) / scores.length);
    const stds = raw.map((scores, k) =>
      Math.sqrt(scores.reduce((sum, score) => sum + (score - means[k]) ** 2, 0) / scores.length),
    );
    const accuracies = models.map((model) =>
      truth.accuracy((items) => scoreItems(reward, model, items), first, second),
    );
    return { scores: raw.map((scores, k) => scores.map((score) => (score - means[k]) / stds[k])), accuracies };
  };
  return {
    gold: truth.gold(candidates),
    length: Float64Array.from({ length: budget.prompts * samples }, (_, i) => candidates[i * columns]),
    groups: Int32Array.from({ length: budget.prompts * samples }, (_, i) => Math.floor(i / samples)),
    pretrain: measured(pretrainMembers),
    finetune: measured(finetuneMembers),
  };
}

type Prepared = ReturnType<typeof prepare>;
type Source = "pretrain" | "finetune" | "gold";
interface Settings {
  /** Score lists; the results of several are averaged. */
  readonly selectors: (prepared: Prepared) => readonly ArrayLike<number>[];
  /** Members whose agreement is measured. */
  readonly agreement?: Exclude<Source, "gold">;
}

type Aggregate = "mean" | "median" | "min" | "mean-minus-std";
const joined =
  (source: Exclude<Source, "gold">, aggregate: Aggregate): Settings["selectors"] =>
  (prepared) => [numbers(ensemble({ aggregate })({ scores: prepared[source].scores }).rewards)];
const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

/** Agreement of members when each chooses among the first n candidates of a prompt. */
function agreementAt(n: number, scores: readonly number[][], groups: Int32Array) {
  const kept = Array.from(groups, (_, i) => i).filter((i) => i % samples < n);
  return ensembleAgreement()({
    scores: scores.map((row) => kept.map((i) => row[i])),
    groups: kept.map((i) => groups[i]),
  });
}

const ns = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export default defineExperiment({
  paper: "rm-ensembles",
  question: "What do ensembles of reward models fix when a policy selects by them, and what do all members get wrong?",
  bed: "rm-fit",
  seeds: 12,
  budgets: {
    quick: { members: 2, pretraining: 50, finetuning: 50, prompts: 40 },
    full: { members: 5, pretraining: 300, finetuning: 250, prompts: 300 },
  },
  arms: {
    single: arm("baseline", "single model", {
      selectors: ({ pretrain, finetune }) => [...pretrain.scores, ...finetune.scores],
    }),
    finetune: arm("baseline", "fine-tuning seeds, mean", {
      selectors: joined("finetune", "mean"),
      agreement: "finetune",
    }),
    pretrain: arm("method", "pretraining seeds, mean", {
      selectors: joined("pretrain", "mean"),
      agreement: "pretrain",
    }),
    median: arm("ablation", "pretraining seeds, median", { selectors: joined("pretrain", "median") }),
    min: arm("ablation", "pretraining seeds, min", { selectors: joined("pretrain", "min") }),
    meanMinusStd: arm("ablation", "pretraining seeds, mean − std", { selectors: joined("pretrain", "mean-minus-std") }),
    gold: arm("oracle", "gold", { selectors: ({ gold }) => [gold] }),
  },
  prepare,
  run({ settings: { selectors, agreement }, prepared }) {
    const { gold, length, groups } = prepared;
    const prompts = groups.length / samples;
    const rows = (values: ArrayLike<number>) =>
      Array.from({ length: prompts }, (_, p) => Array.from({ length: samples }, (_, i) => values[p * samples + i]));
    const goldRows = rows(gold);
    const results = selectors(prepared).map((scores) => {
      const selected = numbers(bestOfN()({ scores: Array.from(scores), groups }).selected);
      return {
        gold: average(selected.map((i) => gold[i])),
        length: average(selected.map((i) => length[i])),
        curve: numbers(bestOfNCurve({ n: ns })({ proxy: rows(scores), gold: goldRows }).gold),
      };
    });
    const of = agreement && prepared[agreement];
    const wide = of && ensembleAgreement()({ scores: of.scores, groups });
    return {
      metrics: {
        gold: average(results.map((result) => result.gold)),
        length: average(results.map((result) => result.length)),
        accuracy: of ? average(of.accuracies) : null,
        accuracySpread: of ? Math.max(...of.accuracies) - Math.min(...of.accuracies) : null,
        rankCorrelation: wide?.rankCorrelation ?? null,
        agreement256: wide?.topAgreement ?? null,
        agreement2: of ? agreementAt(2, of.scores, groups).topAgreement : null,
        ownMinusOther:
          typeof wide?.ownTopReward === "number" && typeof wide.otherTopReward === "number"
            ? wide.ownTopReward - wide.otherTopReward
            : null,
      },
      curves: { gold: { x: ns, y: ns.map((_, k) => average(results.map(({ curve }) => curve[k]))) } },
    };
  },
  gates: [
    { text: "members order held-out pairs", value: ({ pretrain }) => pretrain.accuracy, atLeast: 0.6 },
    {
      text: "there is something left to gain: gold's best − a single model's",
      value: ({ gold, single }) => gold.gold - single.gold,
      atLeast: 0.5,
    },
  ],
  claims: [
    {
      card: 1,
      text: "Underspecification: equal accuracy, different choices",
      paper: "qualitative (abstract)",
      checks: [
        { text: "spread of the members' accuracies", value: ({ pretrain }) => pretrain.accuracySpread, atMost: 0.05 },
        { text: "two members pick the same of 256", value: ({ pretrain }) => pretrain.agreement256, atMost: 0.5 },
        {
          text: "the same of 2, minus the same of 256",
          value: ({ pretrain }) => pretrain.agreement2 - pretrain.agreement256,
          atLeast: 0.3,
        },
      ],
    },
    {
      card: 2,
      text: "Selecting by one member does not carry over to the others",
      paper: "abstract",
      checks: [
        {
          text: "own score of a member's winners − the others' score of them, n = 256",
          value: ({ pretrain }) => pretrain.ownMinusOther,
          atLeast: 0.2,
        },
      ],
    },
    {
      card: 3,
      text: "Pretraining ensemble above fine-tuning ensemble above single, by gold",
      paper: "abstract (ordering)",
      checks: [
        {
          text: "pretraining mean − single, gold of the best of 256",
          value: ({ pretrain, single }) => pretrain.gold - single.gold,
          atLeast: 0.08,
        },
        {
          text: "pretraining mean − fine-tuning mean",
          value: ({ pretrain, finetune }) => pretrain.gold - finetune.gold,
          atLeast: 0,
        },
        { text: "fine-tuning mean − single", value: ({ finetune, single }) => finetune.gold - single.gold, atLeast: 0 },
      ],
    },
    {
      card: 4,
      text: "Members with their own pretraining disagree more",
      paper: "implied",
      checks: [
        {
          text: "rank correlation within a prompt, fine-tuning − pretraining",
          value: ({ finetune, pretrain }) => finetune.rankCorrelation - pretrain.rankCorrelation,
          atLeast: 0.03,
        },
      ],
    },
    {
      card: 5,
      text: "Errors that all members share survive (herding)",
      paper: "abstract",
      checks: [
        {
          text: "length of winners, pretraining mean − 1.5 × gold's",
          value: ({ pretrain, gold }) => pretrain.length - 1.5 * gold.length,
          atLeast: 0,
        },
        {
          text: "pretraining mean − 0.9 × single's",
          value: ({ pretrain, single }) => pretrain.length - 0.9 * single.length,
          atLeast: 0,
        },
      ],
    },
  ],
  figure: {
    title: "Best of n by single reward models and by ensembles",
    panels: [
      {
        kind: "lines",
        curve: "gold",
        x: "n",
        y: "gold of the chosen candidate",
        arms: ["single", "finetune", "pretrain", "gold"],
        logX: true,
      },
      { kind: "dots", metric: "length", x: "length feature of the chosen, n = 256" },
    ],
  },
});

const average = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** A part's vector without its undefined entries' type: every score here is defined. */
function numbers(values: ArrayLike<number | null>): number[] {
  return Array.from(values, (value) => {
    if (value === null) throw new Error("an undefined score");
    return value;
  });
}
