/** What is checked before the first rollout is scored. */
import { stat, unlink } from "node:fs/promises";
import { ContractError } from "../core/error.ts";
import type { RewardNeeds } from "../pipeline/types.ts";
import type { RunIdentity } from "./checkpoint.ts";
import { list } from "./columns.ts";
import type { DatasetRun } from "./options.ts";
import { outputColumns } from "./output-row.ts";
import { identifySource, printable } from "./source.ts";

export async function identityOf(run: DatasetRun): Promise<RunIdentity | null> {
  const input = await identifySource(run.source.path);
  if (input === null) return null;
  const { map, window, batchSize, groupSize, evidence, identity } = run.options;
  const options = { map, window, batchSize, groupSize, evidence, ...identity };
  // As JSON it will be read back, so compare it as such.
  return JSON.parse(JSON.stringify({ input, rewardHash: run.reward.hash, options })) as RunIdentity;
}

export function explainMissing(check: () => void, needs: RewardNeeds, columns: readonly string[]): void {
  try {
    check();
  } catch (thrown) {
    if (!(thrown instanceof ContractError)) throw thrown;
    const who = needs.fields[thrown.path];
    if (who === undefined) throw thrown;
    throw new ContractError(
      thrown.path,
      printable(
        `${who} wants this field, and the input has no column for it. Its columns: ${list(columns)}. Name one with --map ${thrown.path}=<column>`,
      ),
    );
  }
}

/** SQL tells no upper from lower case, so neither do the names of CSV and Parquet columns here. */
export function refuseClashes(columns: readonly string[], output: string): void {
  const seen = new Map<string, string>(outputColumns.map((name) => [name, name]));
  for (const column of columns) {
    const other = seen.get(column.toLowerCase());
    if (other !== undefined && other !== column) {
      const both = printable(list([other, column]));
      throw new ContractError(output, `the columns ${both} differ in case only; write JSONL instead`);
    }
    seen.set(column.toLowerCase(), column);
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

export async function sameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => stat(path).catch(() => null)));
  return first !== null && second !== null && first.ino === second.ino && first.dev === second.dev;
}

export async function removeFiles(paths: readonly string[]): Promise<void> {
  for (const path of paths) await unlink(path).catch(() => {});
}
