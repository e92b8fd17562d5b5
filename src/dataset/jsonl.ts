import { createReadStream, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { ContractError, messageOf } from "../core/error.ts";
import { readLines } from "./lines.ts";
import { type Place, parseRow, type Source, type SourceRow, unreadable } from "./source.ts";

async function statusOf(path: string): Promise<Stats> {
  return stat(path).catch((thrown) => {
    throw new ContractError(path, unreadable(thrown));
  });
}

const chunkBytes = 65_536;
/** Longest line: a rollout with token log-probabilities takes a megabyte or two. */
const lineLimit = 64 * 1024 * 1024;

/** JSONL from a file, a gzip file or standard input (`-`). */
export async function openJsonl(path: string, limit = lineLimit): Promise<Source> {
  const name = path === "-" ? "standard input" : path;
  const status = path === "-" ? null : await statusOf(path);
  const total = status?.isFile() ? status.size : null;
  const gzip = /\.gz$/i.test(path);
  let consumed = 0;

  async function* bytes(from: Place): AsyncGenerator<Buffer, void, undefined> {
    if (path === "-") {
      for await (const chunk of process.stdin) {
        consumed += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
      return;
    }
    if (!gzip) {
      consumed = from.byte;
      for await (const chunk of createReadStream(path, { start: from.byte, highWaterMark: chunkBytes })) {
        consumed += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
      return;
    }
    consumed = 0;
    const file = createReadStream(path, { highWaterMark: chunkBytes });
    file.on("data", (chunk) => {
      consumed += chunk.length;
    });
    const gunzip = createGunzip({ chunkSize: chunkBytes });
    file.on("error", (thrown) => gunzip.destroy(thrown));
    let skip = from.byte;
    try {
      for await (const chunk of file.pipe(gunzip)) {
        const buffer = chunk as Buffer;
        if (skip >= buffer.length) skip -= buffer.length;
        else {
          yield skip > 0 ? buffer.subarray(skip) : buffer;
          skip = 0;
        }
      }
    } finally {
      file.destroy();
    }
  }

  return {
    path,
    format: "jsonl",
    columns: null,
    total,
    progress: () => consumed,
    async *read(from) {
      try {
        for await (const lines of readLines(bytes(from), from, limit)) {
          if (lines[0].place.byte === 0 && isBinary(lines[0].text)) {
            throw new ContractError(name, "is not UTF-8 text; expected JSONL, one JSON object a line");
          }
          yield lines.map(({ place, text, tooLong }): SourceRow => {
            const parsed = tooLong ? { problem: `line is longer than ${limit} bytes` } : parseRow(text);
            if ("value" in parsed) return { place, text, value: parsed.value, problem: null };
            return { place, text: "", value: null, problem: `${name}:${place.line}: ${parsed.problem}` };
          });
        }
      } catch (thrown) {
        if (thrown instanceof ContractError) throw thrown;
        throw new ContractError(name, `reading failed (${messageOf(thrown)})`);
      }
    },
    close: async () => {},
  };
}

/** UTF-16, Parquet, gzip under another name: nothing that could be JSON. */
function isBinary(text: string): boolean {
  return text.startsWith("\ufffd") || text.startsWith("PAR1") || text.startsWith("\u001f") || text[1] === "\u0000";
}
