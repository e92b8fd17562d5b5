/** Where scored rows go: a file that grows by appending, or standard output. */
import { type FileHandle, open } from "node:fs/promises";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";

export interface Journal {
  /** Bytes written so far. */
  readonly offset: number;
  write(text: string): Promise<void>;
  /** Cuts off what a failed write left behind. */
  trim(): Promise<void>;
  /** Everything written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a file for appending at `offset`; what lies behind it (written after the last checkpoint) is cut off. */
export async function openJournal(path: string, offset: number): Promise<Journal> {
  let file: FileHandle;
  try {
    file = await open(path, offset > 0 ? "r+" : "w");
    if (offset > 0 && (await file.stat()).size < offset) {
      await file.close();
      throw new ContractError(path, `is shorter than its progress file says; start over with --restart`);
    }
    if (offset > 0) await file.truncate(offset);
  } catch (thrown) {
    throw thrown instanceof ContractError ? thrown : new OutputError(path, thrown);
  }
  let position = offset;
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      throw new OutputError(path, thrown);
    }
  };
  return {
    get offset() {
      return position;
    },
    write: (text) =>
      guarded(async () => {
        const bytes = Buffer.from(text, "utf8");
        let written = 0;
        while (written < bytes.length) {
          const result = await file.write(bytes, written, bytes.length - written, position + written);
          written += result.bytesWritten;
        }
        position += bytes.length;
      }),
    trim: () => guarded(() => file.truncate(position)),
    sync: () => guarded(() => file.datasync()),
    close: () => guarded(() => file.close()),
  };
}

/** Standard output, with back-pressure. A reader that went away is an `OutputError`. */
export function standardOutput(): Journal {
  let offset = 0;
  return {
    get offset() {
      return offset;
    },
    write: (text) =>
      new Promise((resolve, reject) => {
        offset += Buffer.byteLength(text);
        process.stdout.write(text, (thrown) =>
          thrown ? reject(new OutputError("standard output", thrown)) : resolve(),
        );
      }),
    trim: async () => {},
    sync: async () => {},
    close: async () => {},
  };
}

/** No output: only the summary is wanted. */
export const nowhere: Journal = {
  offset: 0,
  write: async () => {},
  trim: async () => {},
  sync: async () => {},
  close: async () => {},
};
