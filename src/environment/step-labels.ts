/**
 * Bed `step-labels`: solutions as steps that are right or wrong, and imperfect labellers of them. Layout
 * `verifier-vote`: a verifier asked many times, whose errors are shared by all its verifications on some tricky steps.
 */
import type { Random } from "../core/random.ts";

export interface VerifierVoteParams {
  readonly solutions: number;
  readonly steps: number;
  /** Chance that a step is right. */
  readonly stepRight: number;
  /** Share of steps that are tricky for the verifier. */
  readonly tricky: number;
  /** Chance of a right judgement on ordinary and on tricky steps, and of a right verdict. */
  readonly accuracy: number;
  readonly trickyAccuracy: number;
  readonly verdictAccuracy: number;
  /** Share of wrong judgements that a critique repairs, and of right ones that it breaks. */
  readonly repairs: number;
  readonly breaks: number;
}

const verifierVoteDefaults: VerifierVoteParams = {
  solutions: 4000,
  steps: 6,
  stepRight: 0.82,
  tricky: 0.25,
  accuracy: 0.8,
  trickyAccuracy: 0.45,
  verdictAccuracy: 0.8,
  repairs: 0.35,
  breaks: 0.08,
};

/** +1 right, −1 wrong. */
export interface StepVerification {
  readonly stepLabels: number[];
  readonly verdict: number;
}

export interface VerifierVote {
  /** What a learner may ask for. */
  readonly world: VerifierVoteParams & {
    readonly verify: (solution: number, random: Random) => StepVerification;
    /** The verification after a critique of its judgements of steps; the verdict stays. */
    readonly critique: (solution: number, verification: StepVerification, random: Random) => StepVerification;
  };
  /** For evaluation only. */
  readonly truth: {
    readonly labels: readonly (readonly number[])[];
    /** Index of the first wrong step of each solution, −1 without one. */
    readonly firstErrors: Int32Array;
  };
}

/** Index of the first step that is not labelled right, −1 without one. */
export const firstError = (labels: readonly number[]): number => labels.findIndex((label) => label !== 1);

/** Streams: `steps` (which are right), `tricky`. */
export function verifierVote(params: Partial<VerifierVoteParams>, random: Random): VerifierVote {
  const settings = { ...verifierVoteDefaults, ...params };
  const { solutions, steps, repairs, breaks } = settings;
  const table = <T>(of: () => T) => Array.from({ length: solutions }, () => Array.from({ length: steps }, of));
  const rightness = random.stream("steps");
  const labels = table(() => (rightness.uniform() < settings.stepRight ? 1 : -1));
  const trickiness = random.stream("tricky");
  const tricky = table(() => trickiness.uniform() < settings.tricky);
  const firstErrors = Int32Array.from(labels, firstError);
  return {
    world: {
      ...settings,
      verify: (solution, draw) => ({
        stepLabels: labels[solution].map((label, s) => {
          const accuracy = tricky[solution][s] ? settings.trickyAccuracy : settings.accuracy;
          return draw.uniform() < accuracy ? label : -label;
        }),
        verdict: (firstErrors[solution] < 0 ? 1 : -1) * (draw.uniform() < settings.verdictAccuracy ? 1 : -1),
      }),
      critique: (solution, { stepLabels, verdict }, draw) => ({
        stepLabels: stepLabels.map((label, s) => {
          const changes = label === labels[solution][s] ? breaks : repairs;
          return draw.uniform() < changes ? -label : label;
        }),
        verdict,
      }),
    },
    truth: { labels, firstErrors },
  };
}
