/** The progress file beside an unfinished output: everything that a later run needs to go on as if nothing had happened. */
import { open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import type { Place, SourceIdentity } from "./source.ts";
import type { ColumnType } from "./types.ts";
import type { Unit, WindowState } from "./window.ts";

const version = 1;

/** Everything that decides what the output looks like. */
export interface RunIdentity {
  readonly input: SourceIdentity;
  readonly rewardHash: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Checkpoint {
  readonly identity: RunIdentity;
  /** All rows are in the journal; only finishing touches are missing. */
  readonly complete: boolean;
  /** Bytes of the journal that count. */
  readonly offset: number;
  /** The first row that is not in the journal. */
  readonly place: Place;
  /** Rows taken into the window, from row 0. */
  readonly taken: number;
  readonly columns: readonly string[];
  readonly chats: boolean;
  readonly window: WindowState;
  /** Work that was given out and has not come back, in order. */
  readonly underWay: readonly { readonly kind: Unit<never>["kind"]; readonly rows: readonly number[] }[];
  /** Rows that are scored but wait for an earlier one: [row, rest of its output line]. */
  readonly waiting: readonly (readonly [number, string])[];
  readonly scorer: unknown;
  readonly report: unknown;
  readonly tally: unknown;
  readonly types: Readonly<Record<string, ColumnType>>;
  readonly seconds: number;
}

/** Written whole or not at all: a temporary file, flushed, then renamed. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(JSON.stringify({ version, ...checkpoint }));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(path);
  } catch (thrown) {
    await unlink(temporary).catch(() => {});
    throw new OutputError(path, thrown);
  }
}

/** Makes a rename durable, where the system lets one flush a folder. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r").catch(() => null);
  if (!folder) return;
  await folder.sync().catch(() => {});
  await folder.close();
}

/** null: there is none. Throws `ContractError` when it belongs to another run. */
export async function readCheckpoint(path: string, identity: RunIdentity): Promise<Checkpoint | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if ((thrown as { code?: string }).code === "ENOENT") return null;
    throw thrown;
  }
  let found: Checkpoint & { version?: unknown };
  try {
    found = JSON.parse(text) as Checkpoint & { version?: unknown };
  } catch {
    throw new ContractError(path, "is damaged; start over with --restart");
  }
  if (found.version !== version) throw new ContractError(path, "is from another version; start over with --restart");
  const different = differences(found.identity, identity);
  if (different.length > 0) {
    throw new ContractError(
      path,
      `belongs to an unfinished run with another ${different.join(", ")}; finish that one, or start over with --restart`,
    );
  }
  return found;
}

function differences(before: RunIdentity, now: RunIdentity): string[] {
  const different: string[] = [];
  if (before.input.path !== now.input.path) different.push("input");
  else if (JSON.stringify(before.input) !== JSON.stringify(now.input)) different.push("content of the input");
  if (before.rewardHash !== now.rewardHash) different.push("reward (its hash changed)");
  const keys = new Set([...Object.keys(before.options), ...Object.keys(now.options)]);
  for (const key of keys) {
    if (JSON.stringify(before.options[key]) !== JSON.stringify(now.options[key])) different.push(key);
  }
  return different;
}
