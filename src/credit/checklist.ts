import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";

/** Steps × items of one turn of one rollout. */
type TurnLabels = readonly (readonly boolean[])[];

interface Checklist {
  /** turns × items: indices of the items (of the same turn) that must be satisfied first. */
  readonly dependencies: readonly (readonly (readonly number[])[])[];
  /** turns × items. */
  readonly weights: readonly (readonly number[])[];
}

type Gate = "flip" | "completion" | "none";

/** What a rollout did with the items of one turn. */
interface Turn {
  /** Step in which each item was earned, −1 if never. */
  readonly earned: Int32Array;
  /** Step in which each item was first judged satisfied (it stays so), −1 if never. */
  readonly satisfied: Int32Array;
  readonly steps: number;
  readonly reward: number;
}

interface Options {
  readonly scale: "none" | "group";
  readonly ddof: 0 | 1;
  readonly epsilon: number;
  readonly minGroup: number;
}

/**
 * Advantages from checklists judged after every step of a multi-turn dialogue, at three granularities (CM2, eqs. 4–10).
 *
 * An item, once judged true, stays satisfied. Under `gate: "flip"` it is earned in the step that first satisfies it,
 * provided all items it depends on were satisfied before that step; an item judged true before its prerequisite can
 * never be earned. Under `completion` (released code at step level) it is satisfied by the first true label after all
 * items it depends on were satisfied in earlier steps. `gate: "none"` ignores dependencies (released code at trajectory and turn level). A turn's reward
 * R_t is the weight of its earned items; a rollout's reward Σ R_t / L, L the turns of the checklist (`denominator:
 * "reference"`) or those reached (`reached`, which overpays rollouts that stop early).
 *
 * - `trajectory`: A = (R − mean over the group)/F, N.
 * - `turn`: (R_t − mean over the members that reached turn t)/F, N×turns.
 * - `step`: per item (backfilled earned − share of those members that ever earn it)/F of that indicator, averaged with
 *   the items' weights over those eligible at the step (not yet satisfied, dependencies met); 0 if none is, N×turns×steps.
 *   `weighting: "sum"` does not divide by the weights' sum.
 *
 * F is 1 (`scale: "none"`) or deviation + ε; F = 0 leaves 0. Positions with fewer than `minGroup` rollouts get 0, as do
 * rollouts with `include` false, which enter no statistic. `labels` is N × turns × steps × items; `dependencies` and
 * `weights` are keyed by group id. `rewards` N, `turnRewards` N×turns reached.
 */
export const checklistAdvantage = definePart({
  id: "credit/checklist-advantage",
  papers: ["cm2"],
  params: z.object({
    granularity: z.enum(["trajectory", "turn", "step"]).default("trajectory").describe("what an advantage is for"),
    gate: z.enum(["flip", "completion", "none"]).default("flip").describe("what dependencies do"),
    scale: z.enum(["none", "group"]).default("none").describe("divide by the group's deviation"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe("1: sample deviation, 0: population deviation"),
    epsilon: z.number().nonnegative().default(0).describe("added to the deviation (release: 1e-6)"),
    denominator: z.enum(["reference", "reached"]).default("reference").describe("L, turns a reward is over"),
    minGroup: z.int().positive().default(1).describe("fewest rollouts of a position (release: 5)"),
    weighting: z.enum(["mean", "sum"]).default("mean").describe("how items are joined (step)"),
  }),
  inputs: z.object({
    groups: fields.groups,
    labels: shaped(
      z.array(z.array(z.array(z.array(z.boolean())))),
      "N×turns×steps×items",
      "the judge's verdict on each item of the current turn after each step",
    ),
    dependencies: z
      .record(z.string(), z.array(z.array(z.array(z.int().nonnegative()))))
      .describe("by group id: turns × items × indices of items that must come first"),
    weights: z.record(z.string(), z.array(z.array(z.number()))).describe("by group id: turns × items"),
    include: fields.include.optional(),
  }),
  outputs: z.object({
    rewards: fields.rewards,
    turnRewards: ragged("N×turns", "weight earned per turn"),
    advantages: shaped(
      z.union([vector("N", "advantage"), z.array(z.array(z.number())), z.array(z.array(z.array(z.number())))]),
      "N, N×turns or N×turns×steps",
      "advantage at the granularity asked for",
    ),
  }),
  compute(params, { groups, labels, dependencies, weights, include }) {
    const { of, ids } = indexGroups(groups);
    if (labels.length !== of.length)
      throw new ContractError("inputs.labels", `expected ${of.length} rollouts, got ${labels.length}`);
    const checklists = ids.map((id) => readChecklist(String(id), dependencies, weights));
    const rollouts = labels.map((turns, i) => {
      const checklist = checklists[of[i]];
      if (turns.length > checklist.weights.length)
        throw new ContractError(
          `inputs.labels[${i}]`,
          `expected at most ${checklist.weights.length} turns (checklist ${ids[of[i]]}), got ${turns.length}`,
        );
      return turns.map((turn, t) => readTurn(turn, checklist, t, params.gate, `inputs.labels[${i}][${t}]`));
    });
    const rewards = rollouts.map((turns, i) => {
      const length = params.denominator === "reference" ? checklists[of[i]].weights.length : turns.length;
      return length === 0 ? 0 : turns.reduce((sum, turn) => sum + turn.reward, 0) / length;
    });
    const turnRewards = toRagged(rollouts.map((turns) => turns.map((turn) => turn.reward)));
    const members = ids.map((): number[] => []);
    for (let i = 0; i < of.length; i++) if (!include || include[i]) members[of[i]].push(i);
    if (params.granularity === "trajectory") {
      const advantages = new Array<number>(of.length).fill(0);
      for (const group of members) {
        const compared = compare(
          group.map((i) => rewards[i]),
          params,
        );
        group.forEach((i, k) => {
          advantages[i] = compared[k];
        });
      }
      return { rewards, turnRewards, advantages };
    }
    const turnAdvantages = rollouts.map((turns) => turns.map(() => 0));
    const stepAdvantages = rollouts.map((turns) => turns.map((turn) => new Array<number>(turn.steps).fill(0)));
    members.forEach((group, g) => {
      checklists[g].weights.forEach((itemWeights, t) => {
        const reached = group.filter((i) => t < rollouts[i].length);
        if (params.granularity === "turn") {
          const compared = compare(
            reached.map((i) => rollouts[i][t].reward),
            params,
          );
          reached.forEach((i, k) => {
            turnAdvantages[i][t] = compared[k];
          });
          return;
        }
        const items = itemWeights.map((_, c) =>
          compareItem(
            reached.map((i) => rollouts[i][t].earned[c] >= 0),
            params,
          ),
        );
        for (const i of reached)
          joinItems(stepAdvantages[i][t], rollouts[i][t], {
            weights: itemWeights,
            dependencies: params.gate === "none" ? null : checklists[g].dependencies[t],
            items,
            average: params.weighting === "mean",
          });
      });
    });
    return {
      rewards,
      turnRewards,
      advantages: params.granularity === "turn" ? turnAdvantages : stepAdvantages,
    };
  },
});

function readChecklist(
  id: string,
  dependencies: Readonly<Record<string, Checklist["dependencies"]>>,
  weights: Readonly<Record<string, Checklist["weights"]>>,
): Checklist {
  if (!Object.hasOwn(weights, id)) throw new ContractError("inputs.weights", `no checklist for group ${id}`);
  if (!Object.hasOwn(dependencies, id)) throw new ContractError("inputs.dependencies", `no checklist for group ${id}`);
  const checklist = { dependencies: dependencies[id], weights: weights[id] };
  checklist.weights.forEach((items, t) => {
    const path = `inputs.dependencies.${id}[${t}]`;
    const needs = checklist.dependencies[t];
    if (needs?.length !== items.length)
      throw new ContractError(path, `expected ${items.length} items, as in weights, got ${needs?.length ?? "no turn"}`);
    for (const need of needs.flat())
      if (need >= items.length) throw new ContractError(path, `there is no item ${need}`);
  });
  return checklist;
}

function readTurn(labels: TurnLabels, checklist: Checklist, t: number, gate: Gate, path: string): Turn {
  const weights = checklist.weights[t];
  const satisfied = new Int32Array(weights.length).fill(-1);
  labels.forEach((items, s) => {
    if (items.length !== weights.length)
      throw new ContractError(`${path}[${s}]`, `expected ${weights.length} items, got ${items.length}`);
    items.forEach((label, c) => {
      if (!label || satisfied[c] >= 0) return;
      if (gate === "completion" && !dependenciesMet(checklist.dependencies[t][c], satisfied, s)) return;
      satisfied[c] = s;
    });
  });
  let reward = 0;
  const earned = satisfied.map((step, c) => {
    const met = gate === "none" || dependenciesMet(checklist.dependencies[t][c], satisfied, step);
    if (step < 0 || !met) return -1;
    reward += weights[c];
    return step;
  });
  return { earned, satisfied, steps: labels.length, reward };
}

/** All prerequisites were satisfied before step s. */
function dependenciesMet(needs: readonly number[], satisfied: Int32Array, s: number): boolean {
  return needs.every((need) => satisfied[need] >= 0 && satisfied[need] < s);
}

/** (x − mean)/F of each; zeros where the position has too few rollouts or F vanishes. */
function compare(values: readonly number[], { scale, ddof, epsilon, minGroup }: Options): number[] {
  const n = values.length;
  if (n < minGroup || n === 0) return values.map(() => 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (scale === "none") return values.map((value) => value - mean);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = n > ddof ? Math.sqrt(squares / (n - ddof)) : 0;
  // Equal values: what is left of the difference is rounding.
  if (deviation <= 1e-12 * Math.abs(mean) || deviation + epsilon === 0) return values.map(() => 0);
  return values.map((value) => (value - mean) / (deviation + epsilon));
}

interface ItemAdvantage {
  readonly earned: number;
  readonly missed: number;
}

/** Advantage of a rollout that earns an item, and of one that does not. */
function compareItem(earned: readonly boolean[], options: Options): ItemAdvantage {
  const compared = compare(earned.map(Number), options);
  const winner = earned.indexOf(true);
  const loser = earned.indexOf(false);
  return { earned: winner < 0 ? 0 : compared[winner], missed: loser < 0 ? 0 : compared[loser] };
}

/** Fills the advantage of each step of a turn: the weighted items that were eligible in it. */
function joinItems(
  out: number[],
  turn: Turn,
  context: {
    readonly weights: readonly number[];
    /** null: items do not wait for each other. */
    readonly dependencies: Checklist["dependencies"][number] | null;
    readonly items: readonly ItemAdvantage[];
    readonly average: boolean;
  },
): void {
  const { weights, dependencies, items, average } = context;
  for (let s = 0; s < out.length; s++) {
    let sum = 0;
    let total = 0;
    for (let c = 0; c < weights.length; c++) {
      const open = turn.satisfied[c] < 0 || turn.satisfied[c] >= s;
      if (!open || (dependencies && !dependenciesMet(dependencies[c], turn.satisfied, s))) continue;
      sum += weights[c] * (turn.earned[c] >= 0 ? items[c].earned : items[c].missed);
      total += weights[c];
    }
    if (average) out[s] = total === 0 ? 0 : sum / total;
    else out[s] = sum;
  }
}
