/** Competition mathematics: the right answer, in the asked-for form, without rambling on. */
import { defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { overlongPenalty } from "guerdon/shaping";
import { mathAnswer, tagFormat } from "guerdon/signal";

export default defineReward({
  name: "math",
  signals: {
    correct: mathAnswer(),
    // A response that breaks the format parser is a bug of ours, not of the policy: it is scored without.
    format: { use: tagFormat({ tags: ["think", "answer"] }), required: false },
  },
  combine: ({ correct, format = 0 }) => correct + 0.1 * format,
  // −1 at 2,560 tokens, ramping up over the last 512.
  shaping: [overlongPenalty({ maxLength: 2560, cache: 512 })],
  credit: groupRelative({ scale: "group" }),
  maxUnscored: 0.05,
});
