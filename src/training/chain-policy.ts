/**
 * Policies on the bed `reasoning-chain` that draw a type of action from a table shared by all prompts, then the
 * variant of the work from the prompt's own table: what one prompt teaches about padding or stopping reaches all.
 */
import type { Ragged } from "../core/ragged.ts";
import type { Random } from "../core/random.ts";
import type { ChainState, ChainTables, ReasoningChainWorld } from "../environment/reasoning-chain.ts";
import { addScoreGradient, drawAction, softmaxRows } from "./tabular.ts";

export interface ChainRollout {
  readonly prompt: number;
  /** State before each action. */
  readonly states: readonly ChainState[];
  readonly actions: readonly number[];
  /** Ended by `stop` or `append`; false: the horizon came first. */
  readonly ended: boolean;
  /** By `stop`, with the problem solved. */
  readonly solved: boolean;
}

export interface ChainPolicy {
  /** Probabilities of actions, observations × actions; overwritten by the next call. */
  probabilities(): Float64Array;
  /** `size` rollouts of every prompt, in the order of the prompts. */
  sample(size: number, random: Random): ChainRollout[];
  /** One REINFORCE step: types move by the mean over rollouts, variants by the mean over the prompt's. `advantages`: a number per action. */
  update(rollouts: readonly ChainRollout[], advantages: Ragged, learningRate: number): void;
}

/** A policy from its start logits, which it copies. */
export function chainPolicy(world: ReasoningChainWorld, start: ChainTables): ChainPolicy {
  const { actions, goals, prompts, types, variants } = world;
  const typeLogits = start.types.slice();
  const variantLogits = start.variants.slice();
  const typeShares = softmaxRows(typeLogits, types);
  const variantShares = softmaxRows(variantLogits, variants);
  const policy = new Float64Array(world.observations * actions);

  const probabilities = () => {
    softmaxRows(typeLogits, types, typeShares);
    softmaxRows(variantLogits, variants, variantShares);
    for (let prompt = 0; prompt < prompts; prompt++) {
      for (let goal = 0; goal <= goals; goal++) {
        for (const error of [-1, 0]) {
          const state = { prompt, goal, error };
          const row = world.observe(state) * actions;
          const type = world.typeRow(state) * types;
          const variant = world.variantRow(state) * variants;
          for (let v = 0; v < variants; v++) policy[row + v] = typeShares[type] * variantShares[variant + v];
          for (let t = 1; t < types; t++) policy[row + variants + t - 1] = typeShares[type + t];
        }
      }
    }
    return policy;
  };

  return {
    probabilities,
    sample(size, random) {
      probabilities();
      return Array.from({ length: prompts * size }, (_, i) => {
        const prompt = Math.floor(i / size);
        let state: ChainState = { prompt, goal: 0, error: -1 };
        const states: ChainState[] = [];
        const taken: number[] = [];
        for (let t = 0; t < world.horizon; t++) {
          const action = drawAction(policy, actions, world.observe(state), random.uniform());
          states.push(state);
          taken.push(action);
          if (action === world.stop || action === world.append) {
            const solved = action === world.stop && world.solved(state);
            return { prompt, states, actions: taken, ended: true, solved };
          }
          state = world.step(state, action);
        }
        return { prompt, states, actions: taken, ended: false, solved: false };
      });
    },
    update(rollouts, advantages, learningRate) {
      const typeGradient = new Float64Array(typeLogits.length);
      const variantGradient = new Float64Array(variantLogits.length);
      const members = new Float64Array(prompts);
      for (const { prompt } of rollouts) members[prompt]++;
      for (const [i, { prompt, states, actions: taken }] of rollouts.entries()) {
        for (const [t, state] of states.entries()) {
          const advantage = learningRate * advantages.values[advantages.offsets[i] + t];
          const type = Math.max(0, taken[t] - variants + 1);
          addScoreGradient(typeGradient, typeShares, types, world.typeRow(state), type, advantage / rollouts.length);
          if (type === 0) {
            const weight = advantage / members[prompt];
            addScoreGradient(variantGradient, variantShares, variants, world.variantRow(state), taken[t], weight);
          }
        }
      }
      for (let p = 0; p < typeLogits.length; p++) typeLogits[p] += typeGradient[p];
      for (let p = 0; p < variantLogits.length; p++) variantLogits[p] += variantGradient[p];
    },
  };
}
