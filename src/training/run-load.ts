/** Loads a training config as reward files are loaded, with its reward. */
import { dirname, join, relative, resolve } from "node:path";
import { ContractError } from "../core/error.ts";
import { loadModule, loadReward } from "../pipeline/load.ts";
import type { Reward } from "../pipeline/types.ts";
import { creditOfReward, planTraining, type TrainingDefinition, type TrainingPlan } from "./run-config.ts";

export interface LoadedTraining {
  readonly plan: TrainingPlan;
  readonly reward: Reward;
  /** Do advantages come from the reward's own credit, rather than from the algorithm's? */
  readonly credit: boolean;
  /** Of the config's bundled text. */
  readonly hash: string;
  /** The config's. */
  readonly folder: string;
}

/** `changes` replace fields of the definition. Errors name the file and the field. */
export async function loadTraining(path: string, changes: Partial<TrainingDefinition> = {}): Promise<LoadedTraining> {
  const { exported, hash } = await loadModule(path);
  if (exported === undefined)
    throw new ContractError(path, "has no default export; write `export default defineTraining({ … })`");
  const folder = dirname(resolve(path));
  const definition = typeof exported === "object" ? { ...(exported as TrainingDefinition), ...changes } : exported;
  const plan = named(path, () => planTraining(definition as TrainingDefinition));
  const reward =
    typeof plan.reward === "string" ? await loadReward(relative("", join(folder, plan.reward))) : plan.reward;
  return { plan, reward, credit: named(path, () => creditOfReward(reward, plan.algorithm)), hash, folder };
}

/** A field's error, with the file's name. */
function named<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (thrown) {
    if (thrown instanceof ContractError) throw new ContractError(path, thrown.message);
    throw thrown;
  }
}
