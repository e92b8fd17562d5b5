/** One run a folder at a time: two that write the same metrics and checkpoints would leave neither's. */
import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";

const ownerSchema = z.object({ host: z.string(), pid: z.int().positive() });

const renewEvery = 10_000;
/** A lock that was not renewed for so long is of a run that was killed, whatever process has its number now. */
const staleAfter = 120_000;

/** Folders that this process writes to. */
const held = new Set<string>();

/** Takes the folder, which must exist, for this run; resolves to what gives it back. A killed run's lock is taken over. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), "lock.json");
  if (held.has(path)) throw taken(path, process.pid);
  held.add(path);
  try {
    if (!(await create(path))) {
      const owner = await ownerOf(path);
      if (owner !== null) throw taken(path, owner);
      await rm(path, { force: true });
      if (!(await create(path))) throw taken(path, null);
    }
  } catch (thrown) {
    held.delete(path);
    throw thrown;
  }
  const renewal = setInterval(() => {
    const now = new Date();
    void utimes(path, now, now).catch(() => {});
  }, renewEvery).unref();
  return async () => {
    clearInterval(renewal);
    held.delete(path);
    await rm(path, { force: true });
  };
}

async function create(path: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    try {
      await handle.writeFile(`${JSON.stringify({ host: hostname(), pid: process.pid })}\n`);
    } catch (thrown) {
      await rm(path, { force: true });
      throw new OutputError(path, thrown);
    } finally {
      await handle.close();
    }
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw thrown;
  }
}

/** The process that holds a lock, or "another machine's"; null: nobody does any more. */
async function ownerOf(path: string): Promise<number | string | null> {
  const found = await Promise.all([stat(path), readFile(path, "utf8")]).catch(() => null);
  if (found === null) return null;
  const [{ mtimeMs }, text] = found;
  if (Date.now() - mtimeMs > staleAfter) return null;
  const parsed = ownerSchema.safeParse(parseJson(text));
  // Just made, and nothing written yet.
  if (!parsed.success) return "unknown";
  const { host, pid } = parsed.data;
  if (host !== hostname()) return `${pid} on ${JSON.stringify(host)}`;
  return pid !== process.pid && isAlive(pid) ? pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function taken(path: string, owner: number | string | null): ContractError {
  return new ContractError(
    path,
    `another run (process ${owner ?? "unknown"}) is writing here; choose another output, or wait for it`,
  );
}
