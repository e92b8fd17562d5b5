/**
 * A learner: parameters, their AdamW moments, and one compiled step (loss, gradient, clipping and
 * update fused). The arrays belong to the learner; what it lends must be passed on with `keep`.
 */
import { jit, valueAndGrad } from "@jax-js/jax";
import type { z } from "zod";
import { dispose, keep, type Parameters } from "../model/networks/parameters.ts";
import { adamWParams, adamWScalars, adamWStep, learningRateAt, zeroMoments } from "../model/optimizer.ts";
import type { Tensor, Tensors } from "../objective/engine.ts";

/** A scalar loss and scalar diagnostics, of arrays it consumes. Only `loss` is differentiated. */
export type Loss = (parameters: Parameters, batch: Tensors) => { loss: Tensor; [diagnostic: string]: Tensor };

export interface Learner {
  /** The present parameters; pass `keep(learner.parameters)` to functions that consume them. */
  readonly parameters: Parameters;
  /** Steps made. */
  readonly steps: number;
  /** The optimiser's moments, lent as the parameters are. */
  readonly moments: Moments;
  /** One update on a batch, which is consumed. Gives the loss, its diagnostics, `gradientNorm` and `learningRate`. */
  step(batch: Tensors): Record<string, number>;
  dispose(): void;
}

interface Moments {
  readonly first: Parameters;
  readonly second: Parameters;
}

/** Takes over the parameters, and the moments where it goes on after `steps` steps. */
export function createLearner(
  parameters: Parameters,
  loss: Loss,
  optimizer: z.input<typeof adamWParams>,
  made?: Moments & { readonly steps: number },
): Learner {
  const options = adamWParams.parse(optimizer);
  const { first, second } = made ?? zeroMoments(parameters);
  let state: { parameters: Parameters; first: Parameters; second: Parameters } = { parameters, first, second };
  let steps = made?.steps ?? 0;
  const update = jit((before: typeof state, batch: Tensors, scalars: Tensor) => {
    // The batch is captured, not passed: what autodiff does not see costs nothing.
    const split = (differentiated: Parameters): [Tensor, Tensors] => {
      const { loss: value, ...diagnostics } = loss(differentiated, batch);
      return [value, diagnostics];
    };
    const [[value, diagnostics], gradients] = valueAndGrad(split, { hasAux: true })(
      keep(before.parameters),
    ) as unknown as [[Tensor, Tensors], Parameters];
    const { gradientNorm, ...after } = adamWStep(options, before, gradients, scalars);
    return { after, metrics: { loss: value, ...diagnostics, gradientNorm } as Tensors };
  });
  return {
    get parameters() {
      return state.parameters;
    },
    get steps() {
      return steps;
    },
    get moments() {
      const { first, second } = state;
      return { first, second };
    },
    step(batch) {
      const { after, metrics } = update(state, batch, adamWScalars(steps, options));
      state = after;
      const report: Record<string, number> = { learningRate: learningRateAt(steps, options) };
      for (const [name, value] of Object.entries(metrics)) report[name] = value.item();
      steps++;
      return report;
    },
    dispose() {
      for (const part of Object.values(state)) dispose(part);
      update.dispose();
    },
  };
}
