/** A log as it comes: a finished file, one that grows, a folder of a run, or standard input. */
import { createReadStream, type Stats } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ContractError, messageOf } from "../../core/error.ts";
import { createReader, type LogFormat, type ReaderOptions } from "./reader.ts";
import type { MonitorRecord } from "./types.ts";
import { isEntry, parseJson } from "./values.ts";

export interface LogOptions extends ReaderOptions {
  /** Go on when the log ends, until `signal` aborts or nothing came for `idle` milliseconds. */
  readonly follow?: boolean;
  readonly idle?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds between two looks at a file that grows. */
  readonly interval?: number;
  readonly onBadLine?: (place: string, reason: string) => void;
  /** With `follow`: the log is another one now. Told before its first record, which may go on with the steps (rotation). */
  readonly onReplaced?: () => void;
}

export interface Log {
  /** What is known now; with `follow`, also what comes. */
  records(): AsyncGenerator<MonitorRecord, void, undefined>;
  readonly format: LogFormat;
}

/** Bytes at the beginning of a file by which it is known again. */
const headBytes = 1024;
/** Longest line. */
const lineLimit = 16 * 1024 * 1024;

/** `path`: a file, the folder of a run, or `-` for standard input. */
export function openLog(path: string, options: LogOptions = {}): Log {
  const { follow = false, idle, signal, interval = 500, onBadLine, onReplaced } = options;
  let reader = createReader(options);
  const bad = (place: string, thrown: unknown) => onBadLine?.(place, messageOf(thrown));

  async function* lines(texts: AsyncIterable<Line>, name: string) {
    for await (const { text, number, tooLong } of texts) {
      try {
        if (tooLong) throw new Error(`longer than ${lineLimit / 1024 / 1024} MiB`);
        yield* reader.line(text);
      } catch (thrown) {
        bad(`${name}:${number}`, thrown);
      }
    }
  }

  async function* standardInput() {
    const splitter = createSplitter();
    const stop = () => process.stdin.destroy();
    signal?.addEventListener("abort", stop, { once: true });
    const pieces = async function* () {
      try {
        for await (const chunk of process.stdin) yield* splitter.add(chunk as Buffer);
      } catch (thrown) {
        // Closed because the watch ended.
        if (!signal?.aborted) throw thrown;
        return;
      }
      yield* splitter.end();
    };
    yield* lines(pieces(), "standard input");
  }

  /** What is held of the log before; then a reader that knows nothing but the format. */
  function* replaced() {
    yield* reader.end();
    onReplaced?.();
    reader = createReader({ ...options, format: reader.format });
  }

  /**
   * One look at a growing file after the other. A file that was cut, or begins otherwise than what was read, is another
   * log and read from its beginning; one that was written anew and begins the same goes on.
   */
  async function* file(status: Stats | null) {
    let splitter = createSplitter();
    let at = 0;
    let inode = status?.ino;
    let head: Buffer = Buffer.alloc(0);
    let documented = 0;
    let lastEntry = "";
    let lastNews = Date.now();
    let before = "";
    for (;;) {
      const place = await resolve(path);
      const now = place === null ? null : await stat(place).catch(() => null);
      if (now === null || place === null) {
        if (!follow) throw new ContractError(path, "no such file");
      } else if (place.endsWith(".json")) {
        const mark = `${place} ${now.mtimeMs} ${now.size}`;
        if (mark !== before) {
          const entries = await documentEntries(place, follow);
          if (entries !== null) {
            before = mark;
            if (documented > 0 && JSON.stringify(entries[documented - 1]) !== lastEntry) {
              documented = 0;
              yield* replaced();
            }
            if (entries.length > documented) lastNews = Date.now();
            for (const entry of entries.slice(documented)) {
              documented++;
              lastEntry = JSON.stringify(entry);
              try {
                if (!isEntry(entry)) throw new Error("expected an object");
                yield* reader.entry(entry);
              } catch (thrown) {
                bad(`${place}: entry ${documented}`, thrown);
              }
            }
          }
        }
      } else {
        if (at > 0 && (now.size !== at || now.ino !== inode)) {
          if (now.size < at || !(await firstBytes(place, head.length)).equals(head)) {
            splitter = createSplitter();
            at = 0;
            head = Buffer.alloc(0);
            yield* replaced();
          }
        }
        inode = now.ino;
        if (now.size > at) {
          lastNews = Date.now();
          const from = at;
          const counted = async function* () {
            for await (const chunk of createReadStream(place, { start: from, end: now.size - 1 })) {
              at += (chunk as Buffer).length;
              if (head.length < headBytes)
                head = Buffer.concat([head, (chunk as Buffer).subarray(0, headBytes - head.length)]);
              yield* splitter.add(chunk as Buffer);
            }
          };
          yield* lines(counted(), place);
        }
      }
      if (!follow || signal?.aborted || (idle !== undefined && Date.now() - lastNews >= idle)) {
        // A line that is still being written when the watch ends is no bad line.
        if (!signal?.aborted) yield* lines(of(splitter.end()), place ?? path);
        return;
      }
      await wait(interval, undefined, { signal }).catch(() => {});
      // Aborted while waiting: one last look, so that nothing that was written before is missed.
    }
  }

  return {
    async *records() {
      if (path === "-") yield* standardInput();
      else {
        const status = await stat(path).catch((thrown: NodeJS.ErrnoException) => {
          if (thrown.code === "ENOENT" && follow) return null;
          throw new ContractError(path, thrown.code === "ENOENT" ? "no such file" : messageOf(thrown));
        });
        if (status?.isFile()) await checkReadable(path);
        yield* file(status?.isDirectory() ? null : status);
      }
      yield* reader.end();
    },
    get format() {
      return reader.format;
    },
  };
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function checkReadable(path: string): Promise<void> {
  const handle = await open(path, "r").catch((thrown) => {
    throw new ContractError(path, messageOf(thrown));
  });
  await handle.close();
}

/** The log in a folder: metrics.jsonl, else the newest trainer_state.json, of the folder or of one of its checkpoints. */
async function resolve(path: string): Promise<string | null> {
  const status = await stat(path).catch(() => null);
  if (status === null) return null;
  if (!status.isDirectory()) return path;
  const metrics = join(path, "metrics.jsonl");
  if (await stat(metrics).catch(() => null)) return metrics;
  const names = await readdir(path);
  let newest: { file: string; time: number } | null = null;
  for (const folder of ["", ...names.filter((name) => /^checkpoint-\d+$/.test(name))]) {
    const file = join(path, folder, "trainer_state.json");
    const found = await stat(file).catch(() => null);
    if (found !== null && (newest === null || found.mtimeMs > newest.time)) newest = { file, time: found.mtimeMs };
  }
  if (newest === null)
    throw new ContractError(
      path,
      "expected metrics.jsonl or a trainer_state.json in this folder; name the file itself",
    );
  return newest.file;
}

/** `log_history` of a trainer_state.json, or a list of entries; null while it is being written. */
async function documentEntries(path: string, mayBeUnfinished: boolean): Promise<readonly unknown[] | null> {
  const text = await readFile(path, "utf8");
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (thrown) {
    if (mayBeUnfinished) return null;
    throw new ContractError(path, `not JSON: ${messageOf(thrown).slice(0, 120)}`);
  }
  const entries = isEntry(value) ? value.log_history : value;
  if (!Array.isArray(entries)) throw new ContractError(path, 'expected a list of entries, or "log_history" with one');
  return entries;
}

interface Line {
  readonly text: string;
  readonly number: number;
  readonly tooLong: boolean;
}

/** Bytes to lines; what has no line break yet is held. Carriage returns end lines too: progress bars write them. */
function createSplitter() {
  let held: Buffer[] = [];
  let size = 0;
  let number = 0;
  const take = (): Line => {
    const tooLong = size > lineLimit;
    const text = tooLong
      ? ""
      : Buffer.concat(held)
          .toString("utf8")
          .replace(/^\uFEFF/, "");
    held = [];
    size = 0;
    number++;
    return { text: text.slice(text.lastIndexOf("\r", text.length - 2) + 1), number, tooLong };
  };
  const hold = (piece: Buffer) => {
    if (size <= lineLimit) held.push(piece);
    size += piece.length;
  };
  return {
    *add(chunk: Buffer): Generator<Line> {
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        hold(chunk.subarray(from, end));
        from = end + 1;
        yield take();
      }
      if (from < chunk.length) hold(chunk.subarray(from));
    },
    *end(): Generator<Line> {
      if (size > 0) yield take();
    },
  };
}

async function* of<T>(values: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* values;
}
