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
  /** Chance that the verdict takes an `append` for a solution; null: there is no such action. */
  readonly appendFooled: number | null;
  /** Chance that a step's label, and the verdict on a final state, is wrong. */
  readonly labelError: number;
  /** What the label of a `pad` says when it is not in error: true if useless (1), or no step of a solution (−1). */
  readonly padLabel: 1 | -1;
}

export const reasoningChainDefaults: ReasoningChainParams = {
  prompts: 4,
  goals: 5,
  variants: 4,
  horizon: 16,
  padScore: 0.9,
  stopScores: [0.8, 0.5, 0.55],
  noise: 0.05,
  appendFooled: null,
  labelError: 0,
  padLabel: -1,
};

/** Where an episode is. `error`: sub-goal of the first uncorrected error, −1 without one; learners see only whether there is one. */
export interface ChainState {
  readonly prompt: number;
  readonly goal: number;
  readonly error: number;
}

/** Start logits of a policy that draws a type of action first (work, pad, check, stop, append), then the variant of the work. */
export interface ChainTables {
  /** typeRows × types. */
  readonly types: Float64Array;
  /** variantRows × variants. */
  readonly variants: Float64Array;
}

/** What a learner may see. Actions: variants 0 … V − 1, then `pad`, `check`, `stop`, and `append` where there is one. */
export interface ReasoningChainWorld extends ReasoningChainParams {
  readonly actions: number;
  readonly pad: number;
  readonly check: number;
  readonly stop: number;
  /** Ends like `stop`, in a format that is not valid, with another problem's answer; −1: there is no such action. */
  readonly append: number;
  /** Observable states: prompts × (goals + 1) × error flag. */
  readonly observations: number;
  readonly observe: (state: ChainState) => number;
  /** Types of action: 0 is work, then as the actions. A type is drawn by (sub-goal, error flag), for all prompts alike. */
  readonly types: number;
  readonly typeRows: number;
  readonly typeRow: (state: ChainState) => number;
  /** A variant of the work is drawn by (prompt, sub-goal). */
  readonly variantRows: number;
  readonly variantRow: (state: ChainState) => number;
  /** The state after an action that does not end the episode. */
  readonly step: (state: ChainState, action: number) => ChainState;
  /** The verifier on the final state: was it solved when it stopped? */
  readonly solved: (state: ChainState) => boolean;
  readonly processScore: (state: ChainState, action: number) => number;
  /**
   * A verifier's label, ±1: is this step right? Work: the right variant and nothing wrong before. `pad`: `padLabel`.
   * `check`: yes. `stop`: solved. `append`: fools it, like the verdict. Wrong with `labelError`: drawn once per
   * observation and action, or anew where a `uniform` number in [0, 1) is given.
   */
  readonly stepLabel: (state: ChainState, action: number, uniform?: number) => 1 | -1;
  /** A verifier's verdict, ±1, on what `stop` or `append` ends; errors as for labels. */
  readonly verdict: (state: ChainState, action: number, uniform?: number) => 1 | -1;
  /** Start logits, observations × actions: `right` on the right variant, `early` on stop before the end, `end` at it. */
  readonly startLogits: (start: { right: number; early: number; end: number }) => Float64Array;
  /** Start of a policy of two tables; also `work` on work before the end, `check` on checking an error, `append` on appending. */
  readonly startTables: (start: {
    readonly right: number;
    readonly work: number;
    readonly early: number;
    readonly end: number;
    readonly check?: number;
    readonly append?: number;
  }) => ChainTables;
}

/** Of a policy, averaged over prompts. */
export interface ChainEvaluation {
  readonly success: number;
  readonly steps: number;
  /** Expected pads over expected steps. */
  readonly padShare: number;
  /** Probability of ending with `append`. */
  readonly appendShare: number;
}

/** For evaluation only: exact by forward recursion. `policy`: probabilities, observations × actions. */
export interface ReasoningChainTruth {
  readonly evaluate: (policy: Float64Array) => ChainEvaluation;
}

/** Streams: `variants` (which is right), `scores` (PRM noise), `labels` and `verdicts` (their errors, once per observation and action). */
export function reasoningChain(
  params: Partial<ReasoningChainParams>,
  random: Random,
): { readonly world: ReasoningChainWorld; readonly truth: ReasoningChainTruth } {
  const settings = { ...reasoningChainDefaults, ...params };
  const { prompts, goals, variants, horizon, noise, appendFooled, labelError } = settings;
  const [pad, check, stop] = [variants, variants + 1, variants + 2];
  const append = appendFooled === null ? -1 : variants + 3;
  const actions = variants + (appendFooled === null ? 3 : 4);
  const observations = prompts * (goals + 1) * 2;
  const draw = random.stream("variants");
  const right = Int32Array.from({ length: prompts * goals }, () => draw.integer(variants));
  const jitter = random.stream("scores");
  const noises = Float64Array.from({ length: observations * actions }, () => noise * (2 * jitter.uniform() - 1));
  const uniforms = (name: string) => {
    const stream = random.stream(name);
    return Float64Array.from({ length: observations * actions }, () => stream.uniform());
  };
  const labelDraws = uniforms("labels");
  const verdictDraws = uniforms("verdicts");
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
    if (action === stop || action === append) return settings.stopScores[goal < goals ? 2 : error >= 0 ? 1 : 0];
    if (goal === goals) return 0.6;
    if (error >= 0) return 0.45;
    return isRight(prompt, goal, action) ? 0.85 : 0.25;
  };

  const solved = ({ goal, error }: ChainState) => goal === goals && error < 0;
  /** ±1 of what is true (null: whatever fools the verifier), through its errors. */
  const judged = (truth: boolean | null, uniform: number): 1 | -1 =>
    (truth === null ? uniform < (appendFooled ?? 0) : truth !== uniform < labelError) ? 1 : -1;
  const stepTruth = (state: ChainState, action: number): boolean | null => {
    const { prompt, goal, error } = state;
    if (action === append) return null;
    if (action === stop) return solved(state);
    if (action === pad) return settings.padLabel === 1;
    return action === check || (error < 0 && (goal === goals || isRight(prompt, goal, action)));
  };

  const world: ReasoningChainWorld = {
    ...settings,
    actions,
    pad,
    check,
    stop,
    append,
    observations,
    observe,
    types: actions - variants + 1,
    typeRows: (goals + 1) * 2,
    typeRow: ({ goal, error }) => goal * 2 + (error >= 0 ? 1 : 0),
    variantRows: prompts * (goals + 1),
    variantRow: ({ prompt, goal }) => prompt * (goals + 1) + goal,
    step,
    solved,
    stepLabel: (state, action, uniform = labelDraws[observe(state) * actions + action]) =>
      judged(stepTruth(state, action), uniform),
    verdict: (state, action, uniform = verdictDraws[observe(state) * actions + action]) =>
      judged(action === append ? null : solved(state), uniform),
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
    startTables({ right: onRight, work, early, end, check: onCheck = 0, append: onAppend = 0 }) {
      const types = actions - variants + 1;
      const tables = {
        types: new Float64Array((goals + 1) * 2 * types),
        variants: new Float64Array(prompts * (goals + 1) * variants),
      };
      for (let goal = 0; goal <= goals; goal++) {
        for (const error of [0, 1]) {
          const row = (goal * 2 + error) * types;
          if (goal < goals) tables.types[row] = work;
          if (error) tables.types[row + 2] = onCheck;
          tables.types[row + 3] = goal === goals ? end : early;
          if (append >= 0) tables.types[row + 4] = onAppend;
        }
        for (let prompt = 0; goal < goals && prompt < prompts; prompt++)
          tables.variants[(prompt * (goals + 1) + goal) * variants + right[prompt * goals + goal]] = onRight;
      }
      return tables;
    },
  };

  const evaluate = (policy: Float64Array): ChainEvaluation => {
    let success = 0;
    let steps = 0;
    let pads = 0;
    let appended = 0;
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
            if (append >= 0) appended += mass * policy[row + append];
            if (solved(state)) success += mass * policy[row + stop];
            for (let action = 0; action < stop; action++) {
              const to = step(state, action);
              next[to.goal * places + to.error + 1] += mass * policy[row + action];
            }
          }
        }
        now = next;
      }
    }
    return {
      success: success / prompts,
      steps: steps / prompts,
      padShare: pads / steps,
      appendShare: appended / prompts,
    };
  };
  return { world, truth: { evaluate } };
}
