import { planOf } from "./define.ts";
import type { Reward, ScorerCounters } from "./types.ts";

/**
 * Why a run has failed, or null: more than `maxUnscored` of its rollouts have no reward. Below `minimum`
 * rollouts nothing is said, so that a run may be stopped early without one bad start deciding it.
 */
export function unscoredFailure(
  reward: Reward,
  { scored, unscored, errors }: ScorerCounters,
  minimum = 0,
): string | null {
  const total = scored + unscored;
  const { maxUnscored } = planOf(reward);
  if (total === 0 || total < minimum || unscored / total <= maxUnscored) return null;
  const causes = Object.entries(errors)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 5)
    .map(([cause, count]) => `${cause} ${count}`)
    .join(", ");
  const share = (part: number) => `${Math.round(part * 1000) / 10} %`;
  return `${unscored} of ${total} rollouts (${share(unscored / total)}) have no reward, more than the ${share(maxUnscored)} that the reward allows: ${causes}`;
}
