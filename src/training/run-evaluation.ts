/** A run's evaluation on held-out problems: true success, sampled and greedy, and what the reward says of it. */
import type { RolloutBatch } from "../core/rollout.ts";
import type { Parameters } from "../model/networks/parameters.ts";
import type { TransformerConfig } from "../model/networks/transformer.ts";
import type { Reward, ScoredBatch, Scorer } from "../pipeline/types.ts";
import { checkWiring } from "../pipeline/wiring.ts";
import { policyEvaluation } from "./evaluate-policy.ts";
import type { TextTask } from "./language-task.ts";
import type { EvaluationMetrics } from "./run-metrics.ts";
import { sampleOf, type TrainingSample, textColumns } from "./run-reward.ts";

export interface Evaluation extends EvaluationMetrics {
  /** The first few problems with their sampled replies. */
  readonly samples: readonly TrainingSample[];
}

export interface HeldOut {
  (parameters: Parameters, signal?: AbortSignal): Promise<Evaluation>;
  dispose(): void;
}

/** The parameters stay alive; the scorer is left as it was found. */
export function heldOutEvaluation(
  model: TransformerConfig,
  task: TextTask,
  { reward, scorer }: { reward: Reward; scorer: Scorer },
  { problems: count, samples: kept }: { problems: number; samples: number },
): HeldOut {
  let seen: { problem: unknown; reply: Int32Array; success: number | null }[] = [];
  const recording: TextTask = Object.assign(Object.create(task) as TextTask, {
    reward(problem: unknown, reply: Int32Array) {
      const success = task.reward(problem, reply);
      seen.push({ problem, reply: reply.slice(), success });
      return success;
    },
  });
  const sampled = policyEvaluation(model, recording, { count });
  const greedy = policyEvaluation(model, task, { count, greedy: true });
  const evaluate = async (parameters: Parameters, signal?: AbortSignal): Promise<Evaluation> => {
    seen = [];
    const { reward: success, length } = sampled(parameters);
    const rollouts = seen;
    const batch: RolloutBatch = {
      size: count,
      fields: {
        ...textColumns(
          task,
          rollouts.map(({ problem }) => problem),
          (row) => rollouts[row].reply,
          count,
        ),
        groups: rollouts.map((_, row) => row),
      },
    };
    const scored = isWired(reward, batch) ? await scoreAside(scorer, batch, signal) : null;
    return {
      problems: count,
      success,
      greedy: greedy(parameters).reward,
      reward: scored && mean(scored.rewards),
      signals: scored
        ? Object.fromEntries(Object.entries(scored.signals).map(([name, { values }]) => [name, mean(values)]))
        : {},
      length,
      samples: scored ? rollouts.slice(0, kept).map((one, row) => sampleOf(batch, scored, row, one.success)) : [],
    };
  };
  return Object.assign(evaluate, {
    dispose() {
      sampled.dispose();
      greedy.dispose();
    },
  });
}

/** A reward that reads more than an evaluation has (log-probabilities) has nothing to say here. */
function isWired(reward: Reward, { fields }: RolloutBatch): boolean {
  try {
    checkWiring(reward, new Set(Object.keys(fields)), { credit: false });
    return true;
  } catch {
    return false;
  }
}

/** Scores without a trace in the scorer's state. */
async function scoreAside(scorer: Scorer, batch: RolloutBatch, signal: AbortSignal | undefined): Promise<ScoredBatch> {
  const before = scorer.snapshot();
  try {
    return await scorer.score(batch, { credit: false, signal });
  } finally {
    scorer.restore(before);
  }
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
