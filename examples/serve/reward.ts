/** A reward to serve: `guerdon serve examples/serve/reward.ts`. A response that says "unscored" has no reward. */
import { defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { exactMatch } from "guerdon/signal";

export default defineReward({
  name: "answers",
  signals: {
    correct: exactMatch({ normalize: "trim" }),
    // null: nothing to say, so the rollout is unscored, and nobody takes it for a zero.
    sane: ({ response }) => (response.includes("unscored") ? null : 1),
  },
  combine: ({ correct, sane }) => correct * sane,
  credit: groupRelative({ scale: "none" }),
});
