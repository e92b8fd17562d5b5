/** Weights of the statistics, written by `npm run bench monitor fit` from its development runs. */
import type { StatisticName } from "./types.ts";

export interface Model {
  /** Log odds of each statistic at 1. */
  readonly weights: Partial<Record<StatisticName, number>>;
  /** Evidence at which the score is 0.9. */
  readonly threshold: number;
  /** How fast the score's log odds grow with the evidence. */
  readonly slope: number;
}

export const models: { readonly withGold: Model; readonly withoutGold: Model } = {
  withGold: {
    weights: {
      "gold-fall": 2.82,
      divergence: 2.46,
      "gold-gain": -2.61,
      "correlation-loss": 2.3,
      "correct-length": 0.06,
      "component-fall": 1.1,
      "gain-share": 0.41,
      reach: 1.68,
      "second-rise": 0.32,
      kl: 0.43,
      chi2: 0.41,
      "group-collapse": 1.81,
      longer: 0.39,
      repetition: 1.03,
    },
    threshold: 3.456,
    slope: 1.8,
  },
  withoutGold: {
    weights: {
      "component-fall": 3.34,
      "gain-share": 1.22,
      reach: 2.96,
      "second-rise": 0.53,
      chi2: 1.95,
      "group-collapse": 3.2,
      longer: 1.39,
      shorter: 1.19,
      repetition: 1.37,
    },
    threshold: 3.544,
    slope: 1.3,
  },
};
