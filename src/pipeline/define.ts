import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { type Plan, planReward } from "./plan.ts";
import type { Reward, RewardDefinition, SignalSource, SignalSpec } from "./types.ts";

/** Version of this package: part of every key under which a result is kept. */
export const packageVersion: string = (createRequire(import.meta.url)("../../package.json") as { version: string })
  .version;

const plans = new WeakMap<RewardDefinition, Plan>();

/** The worked-out form of a reward's definition, made once. */
export function planOf(reward: Reward): Plan {
  let plan = plans.get(reward.definition);
  if (!plan) {
    plan = planReward(reward.definition);
    plans.set(reward.definition, plan);
  }
  return plan;
}

/**
 * Makes a reward of signals, an optional `combine` (default: the sum of the signals' worths), shaping and
 * credit. Throws `ContractError` whose path names the place in the definition.
 *
 * The hash of a reward made in memory covers its parts, params, options and the source text of its
 * functions, not what those functions close over; `loadReward` hashes the whole bundled file instead.
 */
export function defineReward<const S extends Record<string, SignalSpec>>(definition: RewardDefinition<S>): Reward {
  const plain = definition as unknown as RewardDefinition;
  plans.set(plain, planReward(plain));
  return { kind: "reward", definition: plain, hash: hashText(`${packageVersion}\n${describe(plain)}`) };
}

export function isReward(value: unknown): value is Reward {
  return typeof value === "object" && value !== null && (value as Reward).kind === "reward" && "definition" in value;
}

export function hashText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function describe(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === "function") {
      return "part" in item
        ? describePart(item as unknown as SignalSource & { part: { id: string }; params: unknown })
        : String(item);
    }
    return typeof item === "bigint" ? `${item}n` : item;
  });
}

function describePart({ part, params }: { part: { id: string }; params: unknown }): unknown {
  return { part: part.id, params };
}
