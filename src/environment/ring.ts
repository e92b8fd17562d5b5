/**
 * Bed `ring`: eight Gaussian modes on a circle, a flow model that knows them exactly, and prompts that each want one of
 * them. The velocity field of the data is closed form, so nothing is pre-trained: a policy is this field plus whatever a
 * learner adds. Points are N × 2, row after row.
 */
import type { Mixture } from "./flow-sampler.ts";

export interface RingParams {
  readonly modes: number;
  readonly radius: number;
  /** Standard deviation of a mode, per coordinate. */
  readonly deviation: number;
  /** w: a sample is worth exp(−|x − μ_c|²/(2w²)) under prompt c. */
  readonly rewardWidth: number;
  /** w′: and exp(−min_k |x − μ_k|²/(2w′²)) on top, whatever the prompt; null: nothing on top. */
  readonly fineWidth: number | null;
}

export const ringDefaults: RingParams = {
  modes: 8,
  radius: 2,
  deviation: 0.25,
  rewardWidth: 0.6,
  fineWidth: null,
};

/** What a learner may see: the pre-trained field, and the reward model. */
export interface RingWorld {
  readonly dimensions: 2;
  /** One prompt a mode: prompt c wants mode c. */
  readonly prompts: number;
  /** The data, as the parts take them. */
  readonly mixture: Mixture;
  /** Velocity of the pre-trained model, the same for every prompt: the exact field of the data (`environment/mixture-velocity`). */
  velocities(points: Float64Array, sigma: number): Float64Array;
  /** Reward of each sample under its prompt. */
  rewards(points: Float64Array, prompts: Int32Array): Float64Array;
  /** Gradient of each sample's reward at the sample, N × 2. */
  rewardGradients(points: Float64Array, prompts: Int32Array): Float64Array;
}

/** For evaluation only. */
export interface RingTruth {
  /** Share of samples whose nearest mode it is; and the root mean square distance from the nearest mode, per coordinate. */
  modes(points: Float64Array): { readonly shares: Float64Array; readonly rms: number };
  /** Mean of exp(−min_k |x − μ_k|²/(2·0.5²)): how much a sample looks like data, whatever the prompt. Of the data: 0.80. */
  quality(points: Float64Array): number;
  /** Standard deviation of samples of one prompt, per coordinate, averaged over prompts. Samples of a mode have its deviation. */
  spread(points: Float64Array, prompts: Int32Array): number;
}

const qualityWidth = 0.5;

export function ring(params: Partial<RingParams> = {}): { readonly world: RingWorld; readonly truth: RingTruth } {
  const { modes, radius, deviation, rewardWidth, fineWidth } = { ...ringDefaults, ...params };
  const means = Array.from({ length: modes }, (_, k) => {
    const angle = (2 * Math.PI * k) / modes;
    return Float64Array.of(radius * Math.cos(angle), radius * Math.sin(angle));
  });
  const mixture: Mixture = {
    means,
    stds: new Float64Array(modes).fill(deviation),
    weights: new Float64Array(modes).fill(1 / modes),
  };

  const velocities = (points: Float64Array, sigma: number) => {
    const out = new Float64Array(points.length);
    const data = 1 - sigma;
    const variance = (data * deviation) ** 2 + sigma ** 2;
    const shares = new Float64Array(modes);
    for (let i = 0; i < points.length; i += 2) {
      const x = points[i];
      const y = points[i + 1];
      // All means have the same norm, so distances differ by the inner product alone.
      let highest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < modes; k++) {
        shares[k] = (data * (x * means[k][0] + y * means[k][1])) / variance;
        if (shares[k] > highest) highest = shares[k];
      }
      let total = 0;
      let meanX = 0;
      let meanY = 0;
      for (let k = 0; k < modes; k++) {
        const share = Math.exp(shares[k] - highest);
        total += share;
        meanX += share * means[k][0];
        meanY += share * means[k][1];
      }
      meanX /= total;
      meanY /= total;
      // E[ε] − E[x₀] at the expected mode.
      const slope = (sigma - data * deviation ** 2) / variance;
      out[i] = slope * (x - data * meanX) - meanX;
      out[i + 1] = slope * (y - data * meanY) - meanY;
    }
    return out;
  };

  const nearest = (x: number, y: number) => {
    let mode = 0;
    let square = Number.POSITIVE_INFINITY;
    for (let k = 0; k < modes; k++) {
      const distance = (x - means[k][0]) ** 2 + (y - means[k][1]) ** 2;
      if (distance < square) {
        square = distance;
        mode = k;
      }
    }
    return { mode, square };
  };
  const bump = (square: number, width: number) => Math.exp(-square / (2 * width * width));

  const rewards = (points: Float64Array, prompts: Int32Array) =>
    Float64Array.from(prompts, (prompt, i) => {
      const x = points[2 * i];
      const y = points[2 * i + 1];
      const square = (x - means[prompt][0]) ** 2 + (y - means[prompt][1]) ** 2;
      return bump(square, rewardWidth) + (fineWidth === null ? 0 : bump(nearest(x, y).square, fineWidth));
    });

  const rewardGradients = (points: Float64Array, prompts: Int32Array) => {
    const gradients = new Float64Array(points.length);
    const add = (i: number, mode: number, width: number) => {
      const dx = means[mode][0] - points[2 * i];
      const dy = means[mode][1] - points[2 * i + 1];
      const slope = bump(dx * dx + dy * dy, width) / (width * width);
      gradients[2 * i] += slope * dx;
      gradients[2 * i + 1] += slope * dy;
    };
    for (let i = 0; i < prompts.length; i++) {
      add(i, prompts[i], rewardWidth);
      if (fineWidth !== null) add(i, nearest(points[2 * i], points[2 * i + 1]).mode, fineWidth);
    }
    return gradients;
  };

  return {
    world: { dimensions: 2, prompts: modes, mixture, velocities, rewards, rewardGradients },
    truth: {
      modes(points) {
        const shares = new Float64Array(modes);
        const count = points.length / 2;
        let squares = 0;
        for (let i = 0; i < count; i++) {
          const { mode, square } = nearest(points[2 * i], points[2 * i + 1]);
          shares[mode] += 1 / count;
          squares += square;
        }
        return { shares, rms: Math.sqrt(squares / (2 * count)) };
      },
      quality(points) {
        let total = 0;
        for (let i = 0; i < points.length; i += 2)
          total += bump(nearest(points[i], points[i + 1]).square, qualityWidth);
        return total / (points.length / 2);
      },
      spread(points, prompts) {
        const sums = new Float64Array(3 * modes);
        let squares = 0;
        for (let i = 0; i < prompts.length; i++) {
          const x = points[2 * i];
          const y = points[2 * i + 1];
          sums[3 * prompts[i]] += 1;
          sums[3 * prompts[i] + 1] += x;
          sums[3 * prompts[i] + 2] += y;
          squares += x * x + y * y;
        }
        for (let c = 0; c < modes; c++) {
          const count = sums[3 * c];
          if (count > 0) squares -= (sums[3 * c + 1] ** 2 + sums[3 * c + 2] ** 2) / count;
        }
        return Math.sqrt(Math.max(0, squares) / (2 * prompts.length));
      },
    },
  };
}
