/**
 * Bed `bandit`: one choice among a few arms in each of a few contexts. The policy is a softmax of a sum of logit
 * components, each with its own parameters; everything that depends on the policy is computed exactly, by summing over
 * arms. Layouts (`bandit-….ts`, `branch-length.ts`) say what the contexts and arms are, and what an arm is worth.
 *
 * Tables are contexts × arms, row after row.
 */

/** One summand of the logits: feature · θ (or feature · e^θ), θ shared by whichever pairs have the same index. */
export interface LogitComponent {
  /** Its parameters at the start. */
  readonly start: ArrayLike<number>;
  /** Parameter of a pair; −1: none. Default: `start` is a table. */
  readonly index?: (context: number, arm: number) => number;
  /** Default: 1 everywhere. */
  readonly feature?: (context: number, arm: number) => number;
  /** What becomes of θ before it is multiplied; default `identity`. */
  readonly link?: "identity" | "exp";
  /** Default 1; 0: the component stays. */
  readonly stepSize?: number;
  /** Parameters are kept between these. */
  readonly bounds?: readonly [low: number, high: number];
}

export interface AdditiveLogits {
  readonly contexts: number;
  readonly arms: number;
  /** Parameters of every component; `ascend` changes them in place. */
  readonly parameters: readonly Float64Array[];
  readonly logits: () => Float64Array;
  /** From a gradient on the logits (a table) to one on every component's parameters, without step sizes. */
  readonly gradients: (logitGradient: Float64Array) => Float64Array[];
  /** θ += scale · step size · gradient, then the bounds. */
  readonly ascend: (logitGradient: Float64Array, scale?: number) => void;
}

/** Throws `RangeError` for a parameter index that does not exist. */
export function additiveLogits(contexts: number, arms: number, components: readonly LogitComponent[]): AdditiveLogits {
  const size = contexts * arms;
  const parameters = components.map(({ start }) => Float64Array.from(start));
  const maps = components.map(({ index, feature }, k) => {
    const at = (i: number) => [Math.floor(i / arms), i % arms] as const;
    const indices = Int32Array.from({ length: size }, (_, i) => (index ? index(...at(i)) : i));
    const features = Float64Array.from({ length: size }, (_, i) => (feature ? feature(...at(i)) : 1));
    const wrong = indices.findIndex((p) => p < -1 || p >= parameters[k].length);
    if (wrong >= 0)
      throw new RangeError(`component ${k} has no parameter ${indices[wrong]} for pair ${at(wrong).join(", ")}`);
    return { indices, features };
  });

  const logits = () => {
    const out = new Float64Array(size);
    for (const [k, { indices, features }] of maps.entries()) {
      const values = components[k].link === "exp" ? parameters[k].map(Math.exp) : parameters[k];
      for (let i = 0; i < size; i++) if (indices[i] >= 0) out[i] += features[i] * values[indices[i]];
    }
    return out;
  };

  const gradients = (logitGradient: Float64Array) =>
    maps.map(({ indices, features }, k) => {
      const gradient = new Float64Array(parameters[k].length);
      for (let i = 0; i < size; i++) if (indices[i] >= 0) gradient[indices[i]] += features[i] * logitGradient[i];
      if (components[k].link === "exp")
        for (let p = 0; p < gradient.length; p++) gradient[p] *= Math.exp(parameters[k][p]);
      return gradient;
    });

  const ascend = (logitGradient: Float64Array, scale = 1) => {
    for (const [k, gradient] of gradients(logitGradient).entries()) {
      const { stepSize = 1, bounds } = components[k];
      const values = parameters[k];
      for (let p = 0; stepSize !== 0 && p < values.length; p++) {
        values[p] += scale * stepSize * gradient[p];
        if (bounds) values[p] = Math.min(bounds[1], Math.max(bounds[0], values[p]));
      }
    }
  };
  return { contexts, arms, parameters, logits, gradients, ascend };
}

/** Σ_a π(a|context) · value(context, a) of every context. */
export function expectedValues(policy: ArrayLike<number>, values: ArrayLike<number>, arms: number): Float64Array {
  if (policy.length !== values.length || policy.length % arms !== 0)
    throw new RangeError(`expectedValues: ${policy.length} probabilities, ${values.length} values, ${arms} arms`);
  const out = new Float64Array(policy.length / arms);
  for (let i = 0; i < policy.length; i++) out[Math.floor(i / arms)] += policy[i] * values[i];
  return out;
}
