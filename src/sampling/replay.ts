import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Prioritised replay: sampling probabilities and importance weights (Schaul et al., arXiv 1511.05952; MoDem-V2, arXiv 2309.14236).
 *
 * P(i) = p_i^α / Σ p^α over the whole buffer; weights of the drawn `indices` are (n·P(i))^−β over their largest in the
 * batch. Negative priorities, none above 0, or a drawn index whose probability is 0: `ContractError`.
 */
export const prioritizedReplay = definePart({
  id: "sampling/prioritized-replay",
  papers: ["modem-v2"],
  params: z.object({
    alpha: z.number().nonnegative().default(0.6).describe("0: uniform sampling"),
    beta: z.number().nonnegative().default(0.4).describe("1: full correction of the bias"),
  }),
  inputs: z.object({
    priorities: vector("N", "priority of everything in the buffer"),
    indices: integers("M", "what was drawn"),
  }),
  outputs: z.object({
    probabilities: vector("N", "chance of each item"),
    weights: vector("M", "importance weight of each draw"),
  }),
  compute({ alpha, beta }, { priorities, indices }) {
    const probabilities = Float64Array.from(priorities, (priority, i) => {
      if (!(priority >= 0)) throw new ContractError(`inputs.priorities[${i}]`, `expected at least 0, got ${priority}`);
      return priority ** alpha;
    });
    let total = 0;
    for (const share of probabilities) total += share;
    if (!(total > 0) && probabilities.length > 0)
      throw new ContractError("inputs.priorities", "expected a priority above 0");
    for (let i = 0; i < probabilities.length; i++) probabilities[i] /= total;
    let largest = 0;
    const weights = Float64Array.from(indices, (index, m) => {
      const probability = probabilities[index];
      if (!(probability > 0))
        throw new ContractError(`inputs.indices[${m}]`, `expected an item that can be drawn, got ${index}`);
      const weight = (probabilities.length * probability) ** -beta;
      if (weight > largest) largest = weight;
      return weight;
    });
    for (let m = 0; m < weights.length; m++) weights[m] /= largest;
    return { probabilities, weights };
  },
});

/**
 * How much of earlier iterations' pairs is mixed into the current one (DNO, arXiv 2404.03715, §5.1).
 *
 * With counts oldest first and the current iteration last: quota of the iteration k steps back is ⌊f·d^(k−1)·count⌋,
 * the current one is whole.
 */
export const decayedHistory = definePart({
  id: "sampling/decayed-history",
  papers: ["dno"],
  params: z.object({
    fraction: z.number().min(0).max(1).default(0.3).describe("f, share of the last iteration"),
    decay: z.number().min(0).max(1).default(0.5).describe("d, factor per iteration further back"),
  }),
  inputs: z.object({ pairCounts: integers("I", "pairs per iteration, oldest first") }),
  outputs: z.object({ quota: integers("I", "pairs to take of each") }),
  compute({ fraction, decay }, { pairCounts }) {
    const current = pairCounts.length - 1;
    return {
      quota: Array.from(pairCounts, (count, i) =>
        // 0.3 · 10 must be 3 although 0.3 is not a binary fraction.
        i === current ? count : Math.floor(fraction * decay ** (current - i - 1) * count + 1e-9),
      ),
    };
  },
});

/**
 * Writes rewards that were computed after the episode into a ring buffer (VLM-RM, arXiv 2310.12921).
 *
 * The m rewards go to the m slots before `position` (the next to be written), wrapping round the end; the rest of the
 * buffer stays. More rewards than slots, or a position outside: `ContractError`.
 */
export const deferredRewards = definePart({
  id: "sampling/deferred-rewards",
  papers: ["vlm-rm"],
  params: z.object({}),
  inputs: z.object({
    buffer: vector("B", "rewards in the replay buffer"),
    position: z.int().nonnegative().describe("next slot to be written"),
    rewards: fields.rewards,
  }),
  outputs: z.object({ buffer: vector("B", "the buffer with the episode's rewards") }),
  compute(_, { buffer, position, rewards }) {
    const size = buffer.length;
    if (rewards.length > size)
      throw new ContractError("inputs.rewards", `expected at most ${size} rewards, got ${rewards.length}`);
    if (position > size) throw new ContractError("inputs.position", `expected a slot below ${size}, got ${position}`);
    const filled = Float64Array.from(buffer);
    for (let i = 0; i < rewards.length; i++) filled[(position - rewards.length + i + size) % size] = rewards[i];
    return { buffer: filled };
  },
});

const queueState = z.object({ queue: z.array(z.json()).describe("what waits, oldest first") });

/**
 * What an annotator works on next: the newest items, so that labels serve what is met now (ONI, arXiv 2410.23022).
 *
 * `items` join the queue; `batch` is its last `batchSize` entries (`fifo`: the first), in queue order; of what is left the
 * newest `maxQueue` stay (null: all). LIFO starves old items: report the share without a label. Items are any JSON value,
 * e.g. a message or a pair of them.
 */
export const annotationQueue = definePart({
  id: "sampling/annotation-queue",
  papers: ["oni"],
  params: z.object({
    batchSize: z.int().nonnegative().describe("items per call of the annotator"),
    order: z.enum(["lifo", "fifo"]).default("lifo").describe("newest or oldest first"),
    maxQueue: z.int().nonnegative().nullable().default(null).describe("most items that wait; null: any number"),
  }),
  inputs: z.object({ state: queueState.default({ queue: [] }), items: z.array(z.json()).describe("new items") }),
  outputs: z.object({ batch: z.array(z.json()).describe("items to annotate"), state: queueState }),
  compute({ batchSize, order, maxQueue }, { state = { queue: [] }, items }) {
    const queue = [...state.queue, ...items];
    const cut = order === "lifo" ? Math.max(0, queue.length - batchSize) : Math.min(batchSize, queue.length);
    const batch = order === "lifo" ? queue.slice(cut) : queue.slice(0, cut);
    const left = order === "lifo" ? queue.slice(0, cut) : queue.slice(cut);
    return {
      batch,
      state: { queue: maxQueue === null ? left : left.slice(Math.max(0, left.length - maxQueue)) },
    };
  },
});
