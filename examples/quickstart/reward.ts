/** The reward of `npm run quickstart`: a right answer in the asked-for form, not too long. */
import { defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { overlongPenalty } from "guerdon/shaping";
import { mathAnswer, tagFormat } from "guerdon/signal";

export default defineReward({
  name: "quickstart",
  signals: {
    correct: mathAnswer(),
    format: tagFormat({ tags: ["think", "answer"] }),
  },
  combine: ({ correct, format }) => correct + 0.1 * format,
  shaping: [overlongPenalty({ maxLength: 400, cache: 200 })],
  credit: groupRelative({ scale: "group" }),
});
