/** What a training run is made of: the definition that a config file exports, and the checked plan it becomes. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { gae } from "../credit/gae.ts";
import { groupRelative } from "../credit/group-relative.ts";
import { reinforcePlusPlus } from "../credit/reinforce-plus-plus.ts";
import { type TransformerConfig, transformerShapes } from "../model/networks/transformer.ts";
import { adamWParams } from "../model/optimizer.ts";
import { clippedSurrogate } from "../objective/clipped-surrogate.ts";
import { cispo, clippedValue, reinforce } from "../objective/policy-gradient.ts";
import { isReward } from "../pipeline/define.ts";
import type { Reward } from "../pipeline/types.ts";
import { klInReward } from "../shaping/kl-in-reward.ts";
import { overlongPenalty } from "../shaping/length.ts";
import { algorithms, type PolicyGradientAlgorithm } from "./algorithms.ts";
import type { TextTask } from "./language-task.ts";

const seedSchema = z.union([z.string(), z.number()]);
const count = z.int().positive();

const warmUpSchema = z.strictObject({
  steps: count.default(600).describe("ends here at the latest"),
  target: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(0.24)
    .describe("ends where sampled replies to training problems are this often right; null: after `steps`"),
  batch: count.default(64).describe("demonstrations a step"),
  learningRate: z.number().positive().default(3e-3),
  seed: seedSchema.optional().describe("absent: the run's"),
});

const startSchema = z.strictObject({ from: z.string().describe("a safetensors file, from the config's folder") });

const evaluationSchema = z.strictObject({
  every: count
    .default(20)
    .describe("steps between evaluations; there is one before the first step and one after the last, too"),
  problems: count.default(256).describe("held-out problems, the same each time"),
  samples: z.int().nonnegative().default(8).describe("of them kept with their replies, for the report"),
});

const stopSchema = z.strictObject({
  success: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("ends at the evaluation where the true success of sampled replies reaches this"),
  patience: count.optional().describe("ends after this many evaluations without progress in the true success"),
  minImprovement: z.number().nonnegative().default(0.01).describe("what counts as progress"),
});

const modelSchema = z.strictObject({
  width: count.default(64),
  layers: count.default(2),
  heads: count.default(4),
  hidden: count.optional().describe("units of the feed-forward layer; 4 × width where absent"),
  context: count.optional().describe("longest sequence; what the task needs where absent"),
});

const settingsSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, '_', '.' or '-'")
    .optional(),
  steps: count.describe("policy updates"),
  prompts: count.default(8).describe("prompts a step"),
  groupSize: count.default(8).describe("replies to each"),
  temperature: z.number().positive().default(1),
  epochs: count.default(1).describe("passes over each step's rollouts"),
  minibatches: count.default(1).describe("updates a pass"),
  threads: z.int().min(1).max(16).optional().describe("threads of its own to compute on; changes no number"),
  model: modelSchema.prefault({}),
  warmUp: z
    .union([z.literal(false), startSchema, warmUpSchema])
    .prefault({})
    .describe("supervised training before; false: none"),
  optimizer: adamWParams.strict().prefault({}),
  evaluation: evaluationSchema.prefault({}),
  stop: stopSchema.prefault({}),
  checkpoints: z.strictObject({ every: count.default(20).describe("steps between checkpoints") }).prefault({}),
  seed: seedSchema.default(0),
  output: z.string().min(1).optional().describe("folder, from where the command is run"),
});

const partParams = z.record(z.string(), z.unknown());
const choice = <K extends string>(parts: Record<K, unknown>) =>
  z.strictObject({ kind: z.enum(Object.keys(parts) as [K, ...K[]]), params: partParams });

const creditParts = { "group-relative": groupRelative, "reinforce-plus-plus": reinforcePlusPlus, gae };
const lossParts = { "clipped-surrogate": clippedSurrogate, cispo, reinforce };

const algorithmSchema = z.strictObject({
  credit: choice(creditParts),
  loss: choice(lossParts),
  klInReward: partParams.optional(),
  overlongPenalty: partParams.optional(),
  resampling: count.optional(),
  value: z.strictObject({ params: partParams, coefficient: z.number() }).optional(),
});

type Settings = z.output<typeof settingsSchema>;

/** What a config file exports by default, through `defineTraining`. Every field's meaning is in docs/train.md. */
export interface TrainingDefinition<Problem = unknown> extends z.input<typeof settingsSchema> {
  readonly task: TextTask<Problem>;
  /** A reward, or the path of a reward file from the config's folder. */
  readonly reward: Reward | string;
  /** By name, or as data. Default: GRPO. */
  readonly algorithm?: keyof typeof algorithms | PolicyGradientAlgorithm;
}

/** A definition that was checked, defaults filled in. */
export interface TrainingPlan extends Omit<Settings, "model"> {
  readonly task: TextTask;
  readonly reward: Reward | string;
  readonly algorithm: PolicyGradientAlgorithm;
  readonly model: TransformerConfig;
}

/** Makes a definition what `guerdon train` expects of a config file. Checks nothing: errors come with the file's name. */
export function defineTraining<Problem>(definition: TrainingDefinition<Problem>): TrainingDefinition {
  // A task is only ever given its own problems.
  return definition as unknown as TrainingDefinition;
}

/** Checks a definition; throws `ContractError` naming the field. */
export function planTraining(definition: TrainingDefinition): TrainingPlan {
  if (typeof definition !== "object" || definition === null)
    throw new ContractError(
      "",
      `expected what defineTraining gives, got ${definition === null ? "null" : typeof definition}`,
    );
  const { task, reward, algorithm: wanted = "grpo", ...rest } = definition;
  checkTask(task);
  if (typeof reward !== "string" && !isReward(reward))
    throw new ContractError(
      "reward",
      `expected what defineReward gives, or the path of a reward file, got ${typeof reward}`,
    );
  const settings = checked(settingsSchema, rest, "");
  const algorithm = planAlgorithm(wanted);
  const { prompts, groupSize, minibatches } = settings;
  if ((prompts * groupSize) % minibatches !== 0)
    throw new ContractError(
      "minibatches",
      `expected a divisor of prompts × groupSize = ${prompts * groupSize}, got ${minibatches}`,
    );
  return { ...settings, task, reward, algorithm, model: planModel(settings.model, task, algorithm) };
}

function checkTask(task: TextTask): void {
  if (typeof task !== "object" || task === null)
    throw new ContractError(
      "task",
      `expected a task such as arithmeticTask({ … }), got ${task === null ? "null" : typeof task}`,
    );
  for (const name of ["draw", "prompt", "demonstration", "reward", "text", "fields"] as const)
    if (typeof task[name] !== "function")
      throw new ContractError(`task.${name}`, `expected a function, got ${typeof task[name]}`);
  for (const name of ["vocabulary", "promptLength", "replyLength"] as const)
    if (!Number.isInteger(task[name]) || task[name] < 1)
      throw new ContractError(`task.${name}`, `expected a positive integer, got ${task[name]}`);
  for (const name of ["padding", "stop"] as const)
    if (!Number.isInteger(task[name])) throw new ContractError(`task.${name}`, `expected a token, got ${task[name]}`);
}

function planAlgorithm(wanted: TrainingDefinition["algorithm"]): PolicyGradientAlgorithm {
  if (typeof wanted === "string") {
    if (!Object.hasOwn(algorithms, wanted))
      throw new ContractError(
        "algorithm",
        `expected one of ${Object.keys(algorithms).join(", ")}, or an object, got ${JSON.stringify(wanted)}`,
      );
    return algorithms[wanted];
  }
  const {
    credit,
    loss,
    klInReward: kl,
    overlongPenalty: overlong,
    value,
  } = checked(algorithmSchema, wanted, "algorithm");
  checked(creditParts[credit.kind].params, credit.params, "algorithm.credit.params");
  checked(lossParts[loss.kind].params, loss.params, "algorithm.loss.params");
  if (kl !== undefined) checked(klInReward.params, kl, "algorithm.klInReward");
  if (overlong !== undefined) checked(overlongPenalty.params, overlong, "algorithm.overlongPenalty");
  if (value !== undefined) checked(clippedValue.params, value.params, "algorithm.value.params");
  if ((credit.kind === "gae") !== (value !== undefined))
    throw new ContractError("algorithm.value", "expected with the credit gae, and only then");
  return wanted as PolicyGradientAlgorithm;
}

function planModel(given: Settings["model"], task: TextTask, algorithm: PolicyGradientAlgorithm): TransformerConfig {
  const needed = task.promptLength + task.replyLength;
  // Multiples of 4: whole lanes of the SIMD kernels.
  const context = given.context ?? Math.ceil(needed / 4) * 4;
  if (context < needed - 1)
    throw new ContractError("model.context", `the task needs at least ${needed - 1} tokens, got ${context}`);
  const model = {
    ...given,
    hidden: given.hidden ?? 4 * given.width,
    context,
    vocabulary: task.vocabulary,
    padding: task.padding,
    ...(algorithm.credit.kind === "gae" ? { valueHead: true } : {}),
  };
  try {
    transformerShapes(model);
  } catch (thrown) {
    if (thrown instanceof ContractError) throw new ContractError("model.heads", thrown.message.replace(/^[^:]*: /, ""));
    throw thrown;
  }
  return model;
}

/**
 * Does the reward file's own credit turn rewards into advantages, rather than the algorithm's? Throws where
 * the algorithm has something between rewards and advantages that would then be skipped.
 */
export function creditOfReward(reward: Reward, algorithm: PolicyGradientAlgorithm): boolean {
  if (reward.definition.credit === undefined) return false;
  const clash =
    (algorithm.credit.kind === "gae" && "the credit gae, whose critic needs it") ||
    (algorithm.klInReward !== undefined && "klInReward") ||
    (algorithm.overlongPenalty !== undefined && "overlongPenalty");
  if (clash)
    throw new ContractError("algorithm", `has ${clash}, but the reward has a credit of its own; drop one of them`);
  return true;
}

function checked<S extends z.ZodType>(schema: S, value: unknown, root: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  let [issue] = parsed.error.issues;
  let path = [...(root === "" ? [] : [root]), ...issue.path];
  // A union says "invalid input"; the branch that was meant says what is wrong.
  while (issue.code === "invalid_union" && issue.errors.length > 0) {
    const closest = issue.errors.reduce((best, one) => (depth(one) > depth(best) ? one : best));
    if (depth(closest) === 0) break;
    [issue] = closest;
    path = [...path, ...issue.path];
  }
  if (issue.code === "unrecognized_keys") throw new ContractError([...path, issue.keys[0]].join("."), "no such field");
  throw new ContractError(path.join("."), issue.message);
}

/** How far a branch of a union got: one that fails inside an object, or on its keys, was meant. */
function depth(issues: readonly z.core.$ZodIssue[]): number {
  const [first] = issues;
  return first === undefined ? 0 : first.path.length + (first.code === "unrecognized_keys" ? 1 : 0);
}
