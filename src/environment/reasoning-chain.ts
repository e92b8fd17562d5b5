/**
 * Bed `reasoning-chain`: solve P sub-goals in order, then stop. Work comes in V variants of which one is right;
 * `pad` does nothing, `check` goes back to the first error, and a process reward model (PRM) scores every action,
 * padding too well. Small enough that success, length and padding of a policy are computed exactly.
 */
import type { Random } from "../core/random.ts";

export interface ReasoningChainParams {
  readonly prompts: number;
  readonly goals: number;
  readonly variants: number;
  readonly horizon: number;
  /** PRM score of `pad`, the flaw. */
  readonly padScore: number;
  /** PRM scores of `stop`: solved, at the end with an error, too early. */
  readonly stopScores: readonly [number, number, number];
  /** Half-width of the uniform noise on PRM scores, drawn once per (prompt, sub-goal, error flag, action). */
  readonly noise: number;
}

export const reasoningChainDefaults: ReasoningChainParams = {
  prompts: 4,
  goals: 5,
  variants: 4,
  horizon: 16,
  padScore: 0.9,
  stopScores: [0.8, 0.5, 0.55],
  noise: 0.05,
};

/** Where an episode is. `error`: sub-goal of the first uncorrected error, −1 without one; learners see only whether there is one. */
export interface ChainState {
  readonly prompt: number;
  readonly goal: number;
  readonly error: number;
}

/** What a learner may see. Actions: variants 0 … V − 1, then `pad`, `check`, `stop`. */
export interface ReasoningChainWorld extends ReasoningChainParams {
  readonly actions: number;
  readonly pad: number;
  readonly check: number;
  readonly stop: number;
  /** Observable states: prompts × (goals + 1) × error flag. */
  readonly observations: number;
  readonly observe: (state: ChainState) => number;
  /** The state after an action other than `stop`. */
  readonly step: (state: ChainState, action: number) => ChainState;
  /** The verifier on the final state: was it solved when it stopped? */
  readonly solved: (state: ChainState) => boolean;
  readonly processScore: (state: ChainState, action: number) => number;
  /** Start logits, observations × actions: `right` on the right variant, `early` on stop before the end, `end` at it. */
  readonly startLogits: (start: { right: number; early: number; end: number }) => Float64Array;
}

/** Of a policy, averaged over prompts. */
export interface ChainEvaluation {
  readonly success: number;
  readonly steps: number;
  /** Expected pads over expected steps. */
  readonly padShare: number;
}

/** For evaluation only: exact by forward recursion. `policy`: probabilities, observations × actions. */
export interface ReasoningChainTruth {
  readonly evaluate: (policy: Float64Array) => ChainEvaluation;
}

/** Streams: `variants` (which is right), `scores` (PRM noise). */
export function reasoningChain(
  params: Partial<ReasoningChainParams>,
  random: Random,
): { readonly world: ReasoningChainWorld; readonly truth: ReasoningChainTruth } {
  const settings = { ...reasoningChainDefaults, ...params };
  const { prompts, goals, variants, horizon, noise } = settings;
  const [pad, check, stop] = [variants, variants + 1, variants + 2];
  const actions = variants + 3;
  const observations = prompts * (goals + 1) * 2;
  const draw = random.stream("variants");
  const right = Int32Array.from({ length: prompts * goals }, () => draw.integer(variants));
  const jitter = random.stream("scores");
  const noises = Float64Array.from({ length: observations * actions }, () => noise * (2 * jitter.uniform() - 1));
  const isRight = (prompt: number, goal: number, action: number) => right[prompt * goals + goal] === action;
  const observe = ({ prompt, goal, error }: ChainState) => (prompt * (goals + 1) + goal) * 2 + (error >= 0 ? 1 : 0);

  const step = (state: ChainState, action: number): ChainState => {
    const { prompt, goal, error } = state;
    if (action === check) return error >= 0 ? { prompt, goal: error, error: -1 } : state;
    if (action >= variants || goal === goals) return state;
    const slipped = error < 0 && !isRight(prompt, goal, action);
    return { prompt, goal: goal + 1, error: slipped ? goal : error };
  };

  const score = ({ prompt, goal, error }: ChainState, action: number): number => {
    if (action === pad) return settings.padScore;
    if (action === check) return error >= 0 ? 0.7 : 0.6;
    if (action === stop) return settings.stopScores[goal < goals ? 2 : error >= 0 ? 1 : 0];
    if (goal === goals) return 0.6;
    if (error >= 0) return 0.45;
    return isRight(prompt, goal, action) ? 0.85 : 0.25;
  };

  const world: ReasoningChainWorld = {
    ...settings,
    actions,
    pad,
    check,
    stop,
    observations,
    observe,
    step,
    solved: ({ goal, error }) => goal === goals && error < 0,
    processScore: (state, action) =>
      Math.min(1, Math.max(0, score(state, action) + noises[observe(state) * actions + action])),
    startLogits(start) {
      const logits = new Float64Array(observations * actions);
      for (let prompt = 0; prompt < prompts; prompt++) {
        for (let goal = 0; goal <= goals; goal++) {
          for (const error of [-1, 0]) {
            const row = observe({ prompt, goal, error }) * actions;
            logits[row + stop] = goal === goals ? start.end : start.early;
            if (goal < goals) logits[row + right[prompt * goals + goal]] = start.right;
          }
        }
      }
      return logits;
    },
  };

  const evaluate = (policy: Float64Array): ChainEvaluation => {
    let success = 0;
    let steps = 0;
    let pads = 0;
    // Probability of each (goal, error place) of one prompt.
    const places = goals + 1;
    for (let prompt = 0; prompt < prompts; prompt++) {
      let now = new Float64Array(places * places);
      now[0] = 1;
      for (let t = 0; t < horizon; t++) {
        const next = new Float64Array(places * places);
        for (let goal = 0; goal < places; goal++) {
          for (let error = -1; error < goals; error++) {
            const mass = now[goal * places + error + 1];
            if (mass === 0) continue;
            const state = { prompt, goal, error };
            const row = observe(state) * actions;
            steps += mass;
            pads += mass * policy[row + pad];
            if (world.solved(state)) success += mass * policy[row + stop];
            for (let action = 0; action < stop; action++) {
              const to = step(state, action);
              next[to.goal * places + to.error + 1] += mass * policy[row + action];
            }
          }
        }
        now = next;
      }
    }
    return { success: success / prompts, steps: steps / prompts, padShare: pads / steps };
  };
  return { world, truth: { evaluate } };
}
