import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReader, recordsFrom } from "./reader.ts";
import type { MonitorRecord } from "./types.ts";

/** Entries with the keys, order and number formats that `GRPOTrainer` of TRL writes. */
const trl = {
  "clip_ratio/high_max": 0.0,
  "clip_ratio/high_mean": 0.0,
  "clip_ratio/low_mean": 0.0,
  "clip_ratio/region_mean": 0.0,
  "completions/clipped_ratio": 0.0625,
  "completions/max_length": 256.0,
  "completions/mean_length": 131.5,
  "completions/mean_terminated_length": 122.25,
  entropy: 0.444,
  epoch: 0.05,
  frac_reward_zero_std: 0.25,
  grad_norm: 0.0387,
  kl: 0.0021,
  learning_rate: 9.1e-7,
  loss: 0.0113,
  num_tokens: 79920.0,
  reward: 0.5625,
  reward_std: 0.3125,
  "rewards/accuracy_reward/mean": 0.4375,
  "rewards/accuracy_reward/std": 0.49,
  "rewards/format_reward/mean": 0.125,
  "rewards/format_reward/std": 0.33,
  step: 10,
  step_time: 5.27,
};
const trlRecord: MonitorRecord = {
  step: 10,
  reward: 0.5625,
  rewardStd: 0.3125,
  signals: { accuracy_reward: 0.4375, format_reward: 0.125 },
  kl: 0.0021,
  entropy: 0.444,
  length: 131.5,
  groupSpread: 0.75,
};

const verlLine =
  "step:34 - global_seqlen/min:419336 - global_seqlen/mean:458966.5 - actor/entropy:0.22266578674316406 - perf/mfu/actor_infer:0.0 - actor/pg_clipfrac:0.0007935191160472839 - actor/ppo_kl:-8.163164312320433e-06 - actor/pg_loss:0.042396901015308686 - actor/kl_loss:0.0013280365410537343 - actor/kl_coef:0.0010000000000000002 - training/global_step:34 - training/epoch:0 - critic/score/mean:-0.0182796623557806 - critic/score/max:1.0 - critic/score/min:-1.0 - critic/rewards/mean:-0.02 - response_length/mean:1267.024169921875 - response_length/clip_ratio:0.001";
const verlRecord: MonitorRecord = {
  step: 34,
  reward: -0.0182796623557806,
  kl: 0.0013280365410537343,
  entropy: 0.22266578674316406,
  length: 1267.024169921875,
};

function read(lines: readonly string[], options: Parameters<typeof createReader>[0] = {}) {
  const reader = createReader(options);
  const records = lines.flatMap((line) => reader.line(line));
  return { records: [...records, ...reader.end()], format: reader.format };
}

describe("TRL", () => {
  it("reads JSON lines and entries of log_history", () => {
    expect(read([JSON.stringify(trl)])).toEqual({ records: [trlRecord], format: "trl" });
    expect([...recordsFrom([trl])]).toEqual([trlRecord]);
  });

  it("reads the console's Python dictionaries, with numbers or texts, between progress bars", () => {
    const console_ = [
      "  2%|▏         | 10/500 [00:52<42:30,  5.2s/it]",
      "{'loss': 0.0113, 'grad_norm': 0.0387, 'reward': 0.5625, 'reward_std': 0.3125, 'rewards/accuracy_reward/mean': 0.4375, 'kl': nan, 'epoch': 0.05}",
      "{'loss': '0.0101', 'reward': '0.6', 'rewards/accuracy_reward/mean': '0.5', 'frac_reward_zero_std': '0', 'epoch': '0.1'}",
    ];
    expect(read(console_).records).toEqual([
      { step: 0, reward: 0.5625, rewardStd: 0.3125, signals: { accuracy_reward: 0.4375 } },
      { step: 1, reward: 0.6, signals: { accuracy_reward: 0.5 }, groupSpread: 1 },
    ]);
  });

  it("reads a tracker's train/ prefix and PPOTrainer's names", () => {
    expect(read(['{"train/reward": 1, "train/reward_std": 0.5, "train/global_step": 3, "_step": 9}']).records).toEqual([
      { step: 3, reward: 1, rewardStd: 0.5 },
    ]);
    expect(read(['{"objective/kl": 2.5, "objective/scores": -1, "objective/entropy": 40, "step": 2}']).records).toEqual(
      [{ step: 2, reward: -1, kl: 2.5, entropy: 40 }],
    );
  });

  it("leaves out entries without a reward, unless gold is mapped from them", () => {
    const evaluation = '{"eval_loss": NaN, "eval_rewards/human_check/mean": 0.25, "step": 10}';
    const lines = [JSON.stringify(trl), evaluation];
    expect(read(lines).records).toEqual([trlRecord]);
    expect(read(lines, { map: { gold: "eval_rewards/human_check/mean" } }).records).toEqual([
      trlRecord,
      { step: 10, gold: 0.25 },
    ]);
  });
});

describe("verl", () => {
  it("reads lines of the console, also behind Ray's prefix and colours and with NumPy's types", () => {
    expect(read([verlLine])).toEqual({ records: [verlRecord], format: "verl" });
    expect(read([`\u001b[36m(TaskRunner pid=222265)\u001b[0m ${verlLine}`]).records).toEqual([verlRecord]);
    expect(read(["step:2 - critic/score/mean:np.float64(0.25) - actor/entropy:np.float32(1.5)"]).records).toEqual([
      { step: 2, reward: 0.25, entropy: 1.5 },
    ]);
  });

  it("passes over everything else that a console says", () => {
    const lines = [
      "(TaskRunner pid=1) Training Progress:   1%|          | 1/140",
      "step:0 - val-core/openai/gsm8k/acc/mean@1:0.508",
      verlLine,
      "[WARNING] OBSERVATION TOO LONG",
    ];
    expect(read(lines).records).toEqual([verlRecord]);
  });

  it("takes validation for gold only where it is told to", () => {
    const map = { gold: "val-core/openai/gsm8k/acc/mean@1" };
    const lines = ["step:33 - val-core/openai/gsm8k/acc/mean@1:0.508", verlLine];
    expect(read(lines, { map }).records).toEqual([{ step: 33, gold: 0.508 }, verlRecord]);
  });

  it("reads the file logger's JSON lines", () => {
    const data = {
      "critic/score/mean": 0.5,
      "critic/rewards/mean": 0.4,
      "actor/entropy": 1,
      "response_length/mean": 80,
    };
    expect(read([JSON.stringify({ step: 1, data })])).toEqual({
      records: [{ step: 1, reward: 0.5, entropy: 1, length: 80 }],
      format: "verl",
    });
  });
});

describe("guerdon", () => {
  const metrics = {
    step: 1,
    reward: 0.4,
    signals: { correct: 0.3, format: null },
    success: 0.25,
    kl: 0.01,
    entropy: 1.2,
    length: 8.5,
    unscored: 16,
    groupSpread: 0.75,
    loss: 0.1,
    rollouts: 64,
  };

  it("reads metrics.jsonl of a training run; unscored rollouts become a share of those of the step", () => {
    const start = { step: 0, evaluation: { problems: 64, success: 0.2, signals: {} }, seconds: 1 };
    const lines = [start, metrics, { ...metrics, step: 2, rollouts: 128, unscored: 8 }].map((line) =>
      JSON.stringify(line),
    );
    const { records, format } = read(lines);
    const record = {
      step: 1,
      reward: 0.4,
      signals: { correct: 0.3 },
      gold: 0.25,
      kl: 0.01,
      entropy: 1.2,
      length: 8.5,
      groupSpread: 0.75,
      unscored: 0.25,
    };
    expect(records).toEqual([record, { ...record, step: 2, unscored: 0.125 }]);
    // One unscored rollout of 64 is no share of 1.
    expect(read([JSON.stringify({ ...metrics, unscored: 1 })]).records[0].unscored).toBe(1 / 64);
    expect(read([JSON.stringify({ step: 1, reward: 1, unscored: 1 })]).records[0].unscored).toBe(1);
    expect(format).toBe("guerdon");
  });

  it("makes one record of the scored rollouts of each step", () => {
    const rollout = (step: number, reward: number | null, group: string, response: string) =>
      JSON.stringify({ step, group, response, reward, advantage: 0, error: null, signals: { correct: reward } });
    const { records } = read([
      rollout(1, 1, "a", "four"),
      rollout(1, 0, "a", "a b c d a b c d"),
      rollout(1, null, "b", ""),
      rollout(2, 1, "a", "five"),
    ]);
    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({
      step: 1,
      reward: 0.5,
      signals: { correct: 0.5 },
      groupSpread: 1,
      length: 19 / 3,
    });
    expect(records[0].unscored).toBeCloseTo(1 / 3, 9);
    // Four-grams of the second response: five, four of them distinct.
    expect(records[0].repetition).toBeCloseTo(0.2 / 3, 9);
    expect(records[1].step).toBe(2);
  });

  it("needs a step on a rollout", () => {
    expect(() => read(['{"response": "4", "reward": 1}'])).toThrow('expected a number in "step"');
  });
});

describe("plain JSON lines", () => {
  it("reads the names of a record and maps others", () => {
    const line = '{"iteration": 4, "metrics": {"mean": 0.5}, "eval/acc": 0.25, "fmt": 0.75}';
    const map = { reward: "metrics.mean", gold: "eval/acc", "signals.format": "fmt" };
    expect(read([line], { map })).toEqual({
      records: [{ step: 4, reward: 0.5, gold: 0.25, signals: { format: 0.75 } }],
      format: "jsonl",
    });
    expect(read(['{"reward": 0.5, "gold": 1}', '{"reward": 0.25}']).records.map(({ step }) => step)).toEqual([0, 1]);
  });

  it("says why a line is none", () => {
    const reader = createReader({ format: "jsonl" });
    expect(() => reader.line('{"reward": 0.5')).toThrow(/^not JSON: /);
    expect(() => reader.line("reward 0.5")).toThrow('expected a JSON object or a line of metrics, got "reward 0.5"');
    expect(reader.line("")).toEqual([]);
  });

  it("does not reach into prototypes", () => {
    expect(read(['{"reward": 1}'], { map: { gold: "__proto__.x", kl: "constructor.length" } }).records).toEqual([
      { step: 0, reward: 1 },
    ]);
  });
});

it("answers any line with records of finite numbers or with an error", () => {
  const pieces = fc.constantFrom(
    "step:",
    "1",
    " - ",
    "critic/score/mean:",
    "{'",
    "': ",
    "nan",
    "'}",
    "{",
    "}",
    '"',
    "reward",
    ":",
    "NaN",
    ",",
    "\\",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.array(pieces, { maxLength: 30 }).map((list) => list.join("")),
      ),
      (line) => {
        try {
          for (const record of read([line]).records) {
            expect(Number.isFinite(record.step)).toBe(true);
            if (record.reward !== undefined) expect(Number.isFinite(record.reward)).toBe(true);
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Error);
          expect((thrown as Error).message).toMatch(/not JSON|expected/);
        }
      },
    ),
    { numRuns: 500 },
  );
});
