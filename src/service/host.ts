/** The rewards that a service serves, by name. A new version takes over only when it has loaded. */
import { existsSync, type Stats, statSync } from "node:fs";
import { basename } from "node:path";
import { ContractError, messageOf } from "../core/error.ts";
import {
  createScorer,
  loadReward,
  type Reward,
  type Scorer,
  type ScorerCounters,
  type ScorerOptions,
} from "../pipeline/index.ts";
import type { Trial } from "../pipeline/trial.ts";
import { sumCounters } from "./counters.ts";
import { createLane, type Lane, type LaneLimits, mayHaveLane } from "./lane.ts";
import { Problem } from "./problem.ts";
import { factsOf, type RewardFacts } from "./reward-facts.ts";

/** A reward under its name: a file, or one made in memory (which never reloads). */
export interface RewardSource {
  readonly name: string;
  readonly file?: string;
  readonly reward?: Reward;
  /** Milliseconds that importing a changed version may take. Default 30,000. */
  readonly importLimit?: number;
}

/** One loaded version of a reward. */
export interface LoadedReward extends RewardFacts {
  readonly name: string;
  readonly reward: Reward;
  readonly scorer: Scorer;
  /** The short way for whole requests; null where the reward, or what the service does with it, has none. */
  readonly lane: Lane | null;
  readonly loadedAt: string;
}

export interface Host {
  readonly names: readonly string[];
  /** The current version, which stays alive until it is released; null for an unknown name. */
  hold(name: string | null): HeldReward | null;
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

export interface HeldReward {
  readonly loaded: LoadedReward;
  readonly release: () => void;
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

/** A version that takes over in a running process has to be imported in these milliseconds. */
const importLimit = 30_000;

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

export interface HostOptions {
  readonly scorer: ScorerOptions;
  /** Who scores, where that is not this process. */
  readonly makeScorer?: (name: string, reward: Reward) => Scorer;
  /** Rewards that can have one get a lane with these limits. */
  readonly lanes?: LaneLimits;
}

export async function createHost(
  sources: readonly RewardSource[],
  { scorer: options, makeScorer = (_, reward) => createScorer(reward, options), lanes }: HostOptions,
): Promise<Host> {
  if (sources.length === 0) throw new ContractError("rewards", "expected at least one reward file");
  const slots = new Map<string, Slot>();
  let failedReloads = 0;
  let reloading: Promise<readonly ReloadResult[]> = Promise.resolve([]);
  const closing = new AbortController();

  const load = (source: RewardSource, reward: Reward): LoadedReward => {
    const { name } = source;
    const scorer = makeScorer(name, reward);
    return {
      name,
      reward,
      scorer,
      ...factsOf(reward),
      lane: lanes && mayHaveLane(reward, options) ? createLane({ name, reward, scorer, options, limits: lanes }) : null,
      loadedAt: new Date().toISOString(),
    };
  };
  const read = async (source: RewardSource, seen: Set<string>, trial?: Trial): Promise<Reward> => {
    if (source.reward) return source.reward;
    if (source.file === undefined) throw new ContractError(source.name, "has neither a file nor a reward");
    seen.add(source.file);
    return loadReward(source.file, seen, trial);
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
    slot.past = [[...slot.past, ...countersOf(loaded)].reduce(sumCounters)];
    await closeOne(loaded);
  };

  /** Null when the host was closed meanwhile. */
  const reloadOne = async (slot: Slot): Promise<ReloadResult | null> => {
    const { source } = slot;
    const { signal } = closing;
    const seen = new Set<string>();
    slot.stamp = stampOf(slot.files);
    const trial = { limit: source.importLimit ?? importLimit, signal, current: slot.loaded.reward.hash };
    try {
      const reward = await read(source, seen, trial);
      if (signal.aborted) return null;
      if (reward.hash === slot.loaded.reward.hash) return { name: source.name, outcome: "same", hash: reward.hash };
      const old = slot.loaded;
      slot.loaded = load(source, reward);
      if (!slot.users.has(old)) await retire(slot, old);
      return { name: source.name, outcome: "replaced", hash: reward.hash };
    } catch (thrown) {
      if (signal.aborted) return null;
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
    await Promise.all([...slots.values()].map(({ loaded }) => closeOne(loaded)));
    throw thrown;
  }
  const names = [...slots.keys()];
  const hold = (name: string | null): HeldReward | null => {
    const slot = name === null ? undefined : slots.get(name);
    if (!slot) return null;
    const { loaded } = slot;
    slot.users.set(loaded, (slot.users.get(loaded) ?? 0) + 1);
    // Not awaited: closing an old version is nothing that its last request should wait for.
    return { loaded, release: () => void leave(slot, loaded) };
  };

  return {
    names,
    get failedReloads() {
      return failedReloads;
    },
    hold,
    async use(name = names[0], work) {
      const held = hold(name);
      if (!held) {
        const shown = JSON.stringify(name.slice(0, 64));
        throw new Problem(404, "no-reward", `no reward ${shown}; there are ${names.join(", ")}`, { field: "reward" });
      }
      try {
        return await work(held.loaded);
      } finally {
        held.release();
      }
    },
    current: () => [...slots.values()].map(({ loaded }) => loaded),
    counters(name) {
      const slot = slots.get(name);
      if (!slot) throw new Error(`no reward ${name}`);
      const alive = new Set([slot.loaded, ...slot.users.keys()]);
      return [...slot.past, ...[...alive].flatMap(countersOf)].reduce(sumCounters);
    },
    reload(which) {
      reloading = reloading.then(async () => {
        const results: ReloadResult[] = [];
        for (const slot of slots.values()) {
          if (slot.source.file === undefined || closing.signal.aborted) continue;
          // A file that is being replaced is gone for a moment.
          if (which === "changed" && (stampOf(slot.files) === slot.stamp || !existsSync(slot.source.file))) continue;
          const result = await reloadOne(slot);
          if (result) results.push(result);
        }
        return results;
      });
      return reloading;
    },
    async close() {
      closing.abort();
      await reloading;
      const alive = [...slots.values()].flatMap((slot) => [slot.loaded, ...slot.users.keys()]);
      await Promise.all([...new Set(alive)].map(closeOne));
    },
  };
}

/** Changes whenever one of the files does. */
function stampOf(files: ReadonlySet<string>): string {
  return [...files]
    .sort()
    .map((file) => {
      const found = statOf(file);
      return found ? `${found.mtimeMs}:${found.size}:${found.ino}` : "gone";
    })
    .join(" ");
}

/** Also where a folder is closed to us, is a file now, or lies on a network that does not answer. */
function statOf(file: string): Stats | null {
  try {
    return statSync(file);
  } catch {
    return null;
  }
}

function countersOf({ scorer, lane }: LoadedReward): ScorerCounters[] {
  return lane ? [scorer.counters(), ...lane.counters()] : [scorer.counters()];
}

async function closeOne({ scorer, lane }: LoadedReward): Promise<void> {
  await Promise.all([scorer.close(), lane?.close()]);
}
