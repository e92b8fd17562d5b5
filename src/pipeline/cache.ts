/**
 * Results on disk under the hash of everything that decides them. One file per result, written to a
 * temporary name and renamed, so that several processes may share a folder; what cannot be read is a miss.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolder } from "../core/make-folder.ts";

export interface CachedResult {
  readonly value: number;
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface ResultCache {
  get(key: string): Promise<CachedResult | null>;
  put(key: string, result: CachedResult): Promise<void>;
}

/** Key of a result; null when what decides it cannot be written down (then it is not cached). */
export function cacheKey(decides: unknown): string | null {
  try {
    const text = JSON.stringify(decides, (_, value: unknown) => {
      if (typeof value === "bigint") return `${value}n`;
      if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
      return value;
    });
    return createHash("sha256").update(text).digest("hex");
  } catch {
    return null;
  }
}

export function createCache(folder: string): ResultCache {
  const fileOf = (key: string) => join(folder, key.slice(0, 2), `${key.slice(2)}.json`);
  return {
    async get(key) {
      try {
        const {
          key: written,
          value,
          outputs,
        } = JSON.parse(await readFile(fileOf(key), "utf8")) as Partial<CachedResult> & { key?: string };
        if (
          written !== key ||
          typeof value !== "number" ||
          !Number.isFinite(value) ||
          typeof outputs !== "object" ||
          outputs === null
        )
          return null;
        return { value, outputs };
      } catch {
        return null;
      }
    },
    async put(key, { value, outputs }) {
      const file = fileOf(key);
      const temporary = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
      try {
        makeFolder(dirname(file));
        await writeFile(temporary, JSON.stringify({ key, value, outputs }));
        await rename(temporary, file);
      } catch {
        // A full or read-only disk costs the cache, not the score.
        await rm(temporary, { force: true }).catch(() => {});
      }
    },
  };
}
