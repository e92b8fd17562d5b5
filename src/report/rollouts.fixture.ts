/** Seeded stand-ins for a scored run: prompts × rollouts, lengths, format faults, errors, shaping, advantages. */
import { type ScoreError, scoreError } from "../core/error.ts";
import { createRandom } from "../core/random.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch } from "../pipeline/types.ts";

export function scoredBatches(
  groups: number,
  groupSize: number,
  batchSize: number,
  seed: number | string = 0,
): { batch: RolloutBatch; scored: ScoredBatch }[] {
  const random = createRandom(seed);
  const rows: Row[] = [];
  for (let g = 0; g < groups; g++) {
    const skill = random.uniform();
    const group: Row[] = [];
    for (let r = 0; r < groupSize; r++) group.push(makeRow(g, skill, random));
    const known = group.flatMap(({ reward }) => (reward === null ? [] : [reward]));
    const mean = known.reduce((sum, reward) => sum + reward, 0) / Math.max(1, known.length);
    for (const row of group) row.advantage = row.reward === null ? null : row.reward - mean;
    rows.push(...group);
  }
  const batches = [];
  for (let i = 0; i < rows.length; i += batchSize) batches.push(batchOf(rows.slice(i, i + batchSize)));
  return batches;
}

interface Row {
  id: string;
  group: string;
  prompt: string;
  response: string;
  reference: string;
  length: number;
  correct: number | null;
  format: number;
  lengthReward: number;
  combined: number | null;
  reward: number | null;
  advantage: number | null;
  error: ScoreError | null;
}

function makeRow(g: number, skill: number, random: ReturnType<typeof createRandom>): Row {
  const a = random.integer(90) + 10;
  const b = random.integer(90) + 10;
  const length = Math.round(Math.exp(4.6 + 0.5 * random.normal() + (1 - skill) * 0.7));
  const right = random.uniform() < skill * (length > 400 ? 0.6 : 1);
  const broken = random.uniform() < 0.08;
  const failed = random.uniform() < 0.02;
  const error = failed ? scoreError(random.uniform() < 0.7 ? "timeout" : "threw", "took longer than 1,000 ms") : null;
  const correct = failed ? null : Number(right);
  const format = Number(!broken);
  const combined = correct === null ? null : correct + 0.1 * format;
  const lengthReward = length > 300 ? -Math.min(1, (length - 300) / 400) : 0;
  return {
    id: `r${g}-${random.integer(1e6)}`,
    group: `p${g}`,
    prompt: `A farmer has ${a} hens and buys ${b} more. How many hens are there now?`,
    response: `<think>${a} + ${b}${" and again".repeat(Math.min(200, length / 4))}</think>${broken ? "" : "<answer>"}${a + b + (right ? 0 : 1)}</answer>`,
    reference: String(a + b),
    length,
    correct,
    format,
    lengthReward,
    combined,
    reward: combined === null ? null : combined + lengthReward,
    advantage: null,
    error,
  };
}

function batchOf(rows: readonly Row[]): { batch: RolloutBatch; scored: ScoredBatch } {
  const column = <K extends keyof Row>(key: K) => rows.map((row) => row[key]);
  return {
    batch: {
      size: rows.length,
      fields: {
        ids: column("id"),
        groups: column("group"),
        prompts: column("prompt"),
        responses: column("response"),
        references: column("reference"),
        lengths: column("length"),
      },
    },
    scored: {
      size: rows.length,
      rewards: column("reward"),
      errors: column("error"),
      advantages: column("advantage"),
      combined: column("combined"),
      signals: {
        correct: {
          values: column("correct"),
          errors: column("error"),
          evidence: rows.map(({ reference, correct }) => ({ answer: reference, equal: correct === 1 })),
          cached: rows.map(() => false),
          milliseconds: 0.08,
        },
        format: {
          values: column("format"),
          errors: rows.map(() => null),
          evidence: rows.map(({ format }) => ({ tags: format ? ["think", "answer"] : ["think"] })),
          cached: rows.map(() => false),
          milliseconds: 0.004,
        },
      },
      fields: { lengthRewards: column("lengthReward") },
    },
  };
}
