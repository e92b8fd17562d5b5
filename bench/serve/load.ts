/**
 * Load on a server of this machine over keep-alive connections. The client does as little as it can, since it shares
 * the cores with the server: ready-made requests, and an answer is right when its status and its rewards are.
 */
import { connect, type Socket } from "node:net";
import type { Work } from "./work.ts";

/** One connection, one request at a time. */
interface Connection {
  /** Resolves to null when the answer was right, to what was wrong with it otherwise. */
  ask(work: Work): Promise<string | null>;
  close(): void;
}

function open(port: number): Connection {
  let socket: Socket | null = null;
  let pieces: Buffer[] = [];
  let expected: readonly Buffer[] = [];
  let settle: ((wrong: string | null) => void) | null = null;
  const end = (wrong: string | null) => {
    const resolve = settle;
    settle = null;
    pieces = [];
    resolve?.(wrong);
  };
  const make = (): Socket => {
    const made = connect(port, "127.0.0.1");
    made.setNoDelay(true);
    made.on("data", (piece: Buffer) => {
      pieces.push(piece);
      const all = pieces.length === 1 ? piece : Buffer.concat(pieces);
      pieces = [all];
      const answer = readAnswer(all);
      if (answer) end(check(answer, expected));
    });
    made.on("error", (thrown: NodeJS.ErrnoException) => end(thrown.code ?? thrown.message));
    made.on("close", () => {
      if (socket === made) socket = null;
      end("closed");
    });
    return made;
  };
  return {
    ask(work) {
      socket ??= make();
      expected = work.rewards;
      return new Promise((resolve) => {
        settle = resolve;
        socket?.write(work.request);
      });
    },
    close() {
      socket?.destroy();
    },
  };
}

/** Status and body of a complete answer; null as long as it is not. */
function readAnswer(all: Buffer): { status: number; body: Buffer } | null {
  const end = all.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = all.toString("latin1", 0, end);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(length)) return { status: 0, body: all };
  if (all.length < end + 4 + length) return null;
  return { status: Number(head.slice(9, 12)), body: all.subarray(end + 4, end + 4 + length) };
}

function check({ status, body }: { status: number; body: Buffer }, expected: readonly Buffer[]): string | null {
  if (status !== 200) return `status ${status}`;
  return expected.some((text) => body.includes(text)) ? null : "wrong rewards";
}

/** What was measured in a stretch of time. */
export interface Stretch {
  readonly seconds: number;
  /** Milliseconds of each request, in no order. */
  readonly times: number[];
  /** What was wrong, and how often. */
  readonly wrong: ReadonlyMap<string, number>;
}

export interface Load {
  /** Every connection asks again as soon as it has its answer: how much the server can do. */
  flatOut(seconds: number): Promise<Stretch>;
  /**
   * Requests arrive evenly, whatever the server does; one that finds no free connection waits, and its time counts
   * from when it should have been sent.
   */
  steady(perSecond: number, seconds: number): Promise<Stretch>;
  close(): void;
}

export function createLoad(port: number, connections: number, work: readonly Work[]): Load {
  const all = Array.from({ length: connections }, () => open(port));
  let next = 0;
  const stretch = () => {
    const times: number[] = [];
    const wrong = new Map<string, number>();
    const started = performance.now();
    return {
      started,
      async ask(connection: Connection, since: number) {
        const problem = await connection.ask(work[next++ % work.length]);
        times.push(performance.now() - since);
        if (problem !== null) wrong.set(problem, (wrong.get(problem) ?? 0) + 1);
      },
      result: (): Stretch => ({ seconds: (performance.now() - started) / 1000, times, wrong }),
    };
  };
  return {
    async flatOut(seconds) {
      const { started, ask, result } = stretch();
      const ends = started + seconds * 1000;
      await Promise.all(
        all.map(async (connection) => {
          while (performance.now() < ends) await ask(connection, performance.now());
        }),
      );
      return result();
    },
    async steady(perSecond, seconds) {
      const { started, ask, result } = stretch();
      const total = Math.floor(perSecond * seconds);
      const every = 1000 / perSecond;
      const free = [...all];
      let sent = 0;
      let open = 0;
      await new Promise<void>((resolve) => {
        const send = () => {
          const now = performance.now();
          while (sent < total && free.length > 0 && started + sent * every <= now) {
            const connection = free.pop();
            if (!connection) break;
            open++;
            void ask(connection, started + sent++ * every).then(() => {
              open--;
              free.push(connection);
              if (sent === total && open === 0) {
                clearInterval(timer);
                resolve();
              } else send();
            });
          }
        };
        const timer = setInterval(send, 1);
      });
      return result();
    },
    close() {
      for (const connection of all) connection.close();
    },
  };
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
