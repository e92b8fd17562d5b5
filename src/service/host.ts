/** The rewards that a service serves, by name. A new version takes over only when it has loaded. */
import { existsSync, statSync } from "node:fs";
import { basename } from "node:path";
import { ContractError, messageOf } from "../core/error.ts";
import { planOf } from "../pipeline/define.ts";
import {
  createScorer,
  loadReward,
  needsOf,
  type Reward,
  type RewardNeeds,
  type Scorer,
  type ScorerCounters,
  type ScorerOptions,
} from "../pipeline/index.ts";
import { Problem } from "./problem.ts";

/** A reward under its name: a file, or one made in memory (which never reloads). */
export interface RewardSource {
  readonly name: string;
  readonly file?: string;
  readonly reward?: Reward;
}

/** One loaded version of a reward. */
export interface LoadedReward {
  readonly name: string;
  readonly reward: Reward;
  readonly scorer: Scorer;
  readonly needs: RewardNeeds;
  /** What it needs when it stops after shaping. */
  readonly needsWithoutCredit: RewardNeeds;
  readonly hasCredit: boolean;
  /** Rollouts do not influence one another beyond their groups, so that a batch may be cut between groups. */
  readonly mayCut: boolean;
  readonly loadedAt: string;
}

export interface Host {
  readonly names: readonly string[];
  /** Runs `work` with the current version, which stays alive until it is done. Throws 404 for an unknown name. */
  use<T>(name: string | undefined, work: (loaded: LoadedReward) => Promise<T>): Promise<T>;
  current(): readonly LoadedReward[];
  /** Counters of all versions of a reward together. */
  counters(name: string): ScorerCounters;
  /** Loads every file again (or those that changed on disk); those that fail keep their old version. */
  reload(which: "all" | "changed"): Promise<readonly ReloadResult[]>;
  readonly failedReloads: number;
  close(): Promise<void>;
}

export interface ReloadResult {
  readonly name: string;
  readonly outcome: "same" | "replaced" | "failed";
  readonly hash: string;
  readonly message?: string;
}

interface Slot {
  readonly source: RewardSource;
  /** The reward file and what it imports. */
  files: ReadonlySet<string>;
  loaded: LoadedReward;
  users: Map<LoadedReward, number>;
  stamp: string;
  past: ScorerCounters[];
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `name=file` or `file`, whose name is then the file's without its ending. Throws `ContractError`. */
export function parseSource(text: string): RewardSource {
  const equals = text.indexOf("=");
  const named = equals > 0 && namePattern.test(text.slice(0, equals));
  const file = named ? text.slice(equals + 1) : text;
  const name = named ? text.slice(0, equals) : basename(file).replace(/\.[cm]?[jt]s$/, "");
  if (!namePattern.test(name))
    throw new ContractError("name", `expected letters, digits, dots, dashes, got ${JSON.stringify(name)}`);
  return { name, file };
}

/** `makeScorer`: who scores, where that is not this process. */
export async function createHost(
  sources: readonly RewardSource[],
  options: ScorerOptions,
  makeScorer: (name: string, reward: Reward, options: ScorerOptions) => Scorer = (_, reward, own) =>
    createScorer(reward, own),
): Promise<Host> {
  if (sources.length === 0) throw new ContractError("rewards", "expected at least one reward file");
  const slots = new Map<string, Slot>();
  let failedReloads = 0;
  let reloading: Promise<readonly ReloadResult[]> = Promise.resolve([]);

  const load = (source: RewardSource, reward: Reward): LoadedReward => {
    const plan = planOf(reward);
    const batchWide = plan.signals.some((signal) => signal.kind === "part" && signal.scope === "batch");
    const ungrouped = plan.steps.some((step) => !step.inputs.some(({ name }) => name === "groups"));
    return {
      name: source.name,
      reward,
      scorer: makeScorer(source.name, reward, options),
      needs: needsOf(reward),
      needsWithoutCredit: needsOf(reward, { credit: false }),
      hasCredit: plan.steps.some(({ stage }) => stage === "credit"),
      mayCut: !plan.stateful && !plan.draws && !batchWide && !ungrouped,
      loadedAt: new Date().toISOString(),
    };
  };
  const read = async (source: RewardSource, seen: Set<string>): Promise<Reward> => {
    if (source.reward) return source.reward;
    if (source.file === undefined) throw new ContractError(source.name, "has neither a file nor a reward");
    seen.add(source.file);
    return loadReward(source.file, seen);
  };

  const leave = async (slot: Slot, loaded: LoadedReward) => {
    const left = (slot.users.get(loaded) ?? 0) - 1;
    if (left > 0) {
      slot.users.set(loaded, left);
      return;
    }
    slot.users.delete(loaded);
    if (loaded !== slot.loaded) await retire(slot, loaded);
  };
  const retire = async (slot: Slot, loaded: LoadedReward) => {
    slot.past.push(loaded.scorer.counters());
    if (slot.past.length > 1) slot.past = [slot.past.reduce(sum)];
    await loaded.scorer.close();
  };

  const reloadOne = async (slot: Slot): Promise<ReloadResult> => {
    const { source } = slot;
    const seen = new Set<string>();
    slot.stamp = stampOf(slot.files);
    try {
      const reward = await read(source, seen);
      if (reward.hash === slot.loaded.reward.hash) return { name: source.name, outcome: "same", hash: reward.hash };
      const old = slot.loaded;
      slot.loaded = load(source, reward);
      if (!slot.users.has(old)) await retire(slot, old);
      return { name: source.name, outcome: "replaced", hash: reward.hash };
    } catch (thrown) {
      failedReloads++;
      // What the old version was made of stays watched: it may be what has to come back.
      for (const file of slot.files) seen.add(file);
      return { name: source.name, outcome: "failed", hash: slot.loaded.reward.hash, message: messageOf(thrown) };
    } finally {
      // A file that changed while it was loaded counts as changed, one that is new does not.
      if (stampOf(slot.files) === slot.stamp) slot.stamp = stampOf(seen);
      slot.files = seen;
    }
  };

  try {
    for (const source of sources) {
      if (slots.has(source.name)) throw new ContractError("rewards", `two rewards are named ${source.name}`);
      const files = new Set<string>();
      const loaded = load(source, await read(source, files));
      slots.set(source.name, { source, files, loaded, users: new Map(), stamp: stampOf(files), past: [] });
    }
  } catch (thrown) {
    await Promise.all([...slots.values()].map(({ loaded }) => loaded.scorer.close()));
    throw thrown;
  }
  const names = [...slots.keys()];

  return {
    names,
    get failedReloads() {
      return failedReloads;
    },
    async use(name = names[0], work) {
      const slot = slots.get(name);
      if (!slot) {
        const shown = JSON.stringify(name.slice(0, 64));
        throw new Problem(404, "no-reward", `no reward ${shown}; there are ${names.join(", ")}`, { field: "reward" });
      }
      const { loaded } = slot;
      slot.users.set(loaded, (slot.users.get(loaded) ?? 0) + 1);
      try {
        return await work(loaded);
      } finally {
        // Not awaited: closing an old version is nothing that its last request should wait for.
        void leave(slot, loaded);
      }
    },
    current: () => [...slots.values()].map(({ loaded }) => loaded),
    counters(name) {
      const slot = slots.get(name);
      if (!slot) throw new Error(`no reward ${name}`);
      const alive = new Set([slot.loaded, ...slot.users.keys()]);
      return [...slot.past, ...[...alive].map(({ scorer }) => scorer.counters())].reduce(sum);
    },
    reload(which) {
      reloading = reloading.then(async () => {
        const results: ReloadResult[] = [];
        for (const slot of slots.values()) {
          if (slot.source.file === undefined) continue;
          // A file that is being replaced is gone for a moment.
          if (which === "changed" && (stampOf(slot.files) === slot.stamp || !existsSync(slot.source.file))) continue;
          results.push(await reloadOne(slot));
        }
        return results;
      });
      return reloading;
    },
    async close() {
      await reloading;
      const alive = [...slots.values()].flatMap((slot) => [slot.loaded, ...slot.users.keys()]);
      await Promise.all([...new Set(alive)].map(({ scorer }) => scorer.close()));
    },
  };
}

/** Changes whenever one of the files does. */
function stampOf(files: ReadonlySet<string>): string {
  return [...files]
    .sort()
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found ? `${found.mtimeMs}:${found.size}:${found.ino}` : "gone";
    })
    .join(" ");
}

function sum(a: ScorerCounters, b: ScorerCounters): ScorerCounters {
  const errors = { ...a.errors };
  for (const [cause, count] of Object.entries(b.errors)) errors[cause] = (errors[cause] ?? 0) + count;
  const signals = { ...a.signals };
  for (const [name, other] of Object.entries(b.signals)) {
    const own = signals[name];
    signals[name] = own
      ? {
          calls: own.calls + other.calls,
          cacheHits: own.cacheHits + other.cacheHits,
          retries: own.retries + other.retries,
          timeouts: own.timeouts + other.timeouts,
          fallbacks: own.fallbacks + other.fallbacks,
          milliseconds: own.milliseconds + other.milliseconds,
        }
      : other;
  }
  return { scored: a.scored + b.scored, unscored: a.unscored + b.unscored, errors, signals };
}
