/** Python tasks: the tests pass, in a sandbox. Half of the reward is for the share of tests, half for all of them. */
import { codeTests, defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";

export default defineReward({
  name: "code",
  signals: {
    // `responses` and `tests` come from the input; see docs/code-tests.md for the kinds of tests.
    share: codeTests({ language: "python", aggregate: "fraction", timeLimit: 1 }),
  },
  combine: ({ share }) => 0.5 * share + 0.5 * (share === 1 ? 1 : 0),
  credit: groupRelative({ scale: "group" }),
});
