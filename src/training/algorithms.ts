/**
 * The group-relative policy-gradient family as plain data: which advantages, which loss, and what is
 * added. Each entry is the published default; spread it and change what you want:
 * `{ ...algorithms.grpo, loss: { kind: "clipped-surrogate", params: { clipHigh: 0.28 } } }`.
 */
import type { z } from "zod";
import type { gae } from "../credit/gae.ts";
import type { groupRelative } from "../credit/group-relative.ts";
import type { reinforcePlusPlus } from "../credit/reinforce-plus-plus.ts";
import type { clippedSurrogate } from "../objective/clipped-surrogate.ts";
import type { cispo, clippedValue, reinforce } from "../objective/policy-gradient.ts";
import type { klInReward } from "../shaping/kl-in-reward.ts";
import type { overlongPenalty } from "../shaping/length.ts";

type ParamsOf<P extends { params: z.ZodType }> = z.input<P["params"]>;

export interface PolicyGradientAlgorithm {
  readonly credit:
    | { readonly kind: "group-relative"; readonly params: ParamsOf<typeof groupRelative> }
    | { readonly kind: "reinforce-plus-plus"; readonly params: ParamsOf<typeof reinforcePlusPlus> }
    /** Needs a model with a value head. */
    | { readonly kind: "gae"; readonly params: ParamsOf<typeof gae> };
  readonly loss:
    | { readonly kind: "clipped-surrogate"; readonly params: ParamsOf<typeof clippedSurrogate> }
    | { readonly kind: "cispo"; readonly params: ParamsOf<typeof cispo> }
    | { readonly kind: "reinforce"; readonly params: ParamsOf<typeof reinforce> };
  /** −β·k1 to the reference, in the rewards. */
  readonly klInReward?: ParamsOf<typeof klInReward>;
  /** Added to the reward of long replies. */
  readonly overlongPenalty?: ParamsOf<typeof overlongPenalty>;
  /** Draws again, up to this many times, in place of groups whose rewards are all equal. */
  readonly resampling?: number;
  /** With `gae`: the critic's loss and its weight beside the policy's. */
  readonly value?: { readonly params: ParamsOf<typeof clippedValue>; readonly coefficient: number };
}

const clipped = (params: ParamsOf<typeof clippedSurrogate>) => ({ kind: "clipped-surrogate" as const, params });
const relative = (params: ParamsOf<typeof groupRelative>) => ({ kind: "group-relative" as const, params });

export const algorithms = {
  /** arXiv 2402.03300. Without its KL term: set `klCoef` (0.04 there) to have it. */
  grpo: { credit: relative({}), loss: clipped({ aggregation: "seq-mean-token-mean" }) },
  /** arXiv 2503.20783: no division by the deviation, none by the length. */
  drGrpo: { credit: relative({ scale: "none" }), loss: clipped({ aggregation: "dr-grpo" }) },
  /** arXiv 2402.14740: leave-one-out baseline, whole sequences. */
  rloo: {
    credit: relative({ baseline: "leave-one-out", scale: "none" }),
    loss: clipped({ aggregation: "seq-mean-token-sum" }),
  },
  /** arXiv 2501.03262, the variant with a group baseline. */
  reinforcePlusPlus: {
    credit: { kind: "reinforce-plus-plus", params: { baseline: "group-mean" } },
    loss: clipped({ aggregation: "token-mean" }),
  },
  /** arXiv 2503.14476: clip-higher, token mean, dynamic sampling. Its length penalty needs a budget: `overlongPenalty`. */
  dapo: { credit: relative({}), loss: clipped({ clipHigh: 0.28, aggregation: "token-mean" }), resampling: 3 },
  /** arXiv 2507.18071: one ratio a sequence. */
  gspo: {
    credit: relative({}),
    loss: clipped({ ratio: "sequence", clipLow: 3e-4, clipHigh: 4e-4, aggregation: "seq-mean-token-mean" }),
  },
  /** arXiv 2506.13585: clipped weights without a gradient. */
  cispo: { credit: relative({}), loss: { kind: "cispo", params: { aggregation: "token-mean" } } },
  /** arXiv 1707.06347, with a critic and GAE (1506.02438). */
  ppo: {
    credit: { kind: "gae", params: { gamma: 1, lambda: 0.95 } },
    loss: clipped({ aggregation: "token-mean" }),
    value: { params: {}, coefficient: 0.5 },
  },
} as const satisfies Record<string, PolicyGradientAlgorithm>;
