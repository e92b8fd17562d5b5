/** `metrics.jsonl`: one JSON object a line, one line a step. docs/train.md says what each field is. */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";

/** Held-out problems, one reply each. */
export interface EvaluationMetrics {
  readonly problems: number;
  /** True success of replies sampled at temperature 1. */
  readonly success: number | null;
  /** True success of greedy replies. */
  readonly greedy: number | null;
  /** Of the sampled replies, by the reward file, before credit. */
  readonly reward: number | null;
  readonly signals: Readonly<Record<string, number | null>>;
  /** Tokens of a sampled reply. */
  readonly length: number;
}

export interface StepMetrics {
  /** From 1; what follows is of the rollouts that this update was made from. */
  readonly step: number;
  /** Mean over the scored rollouts; null: none was scored. */
  readonly reward: number | null;
  /** Mean worth of each signal. */
  readonly signals: Readonly<Record<string, number | null>>;
  /** Mean true success, by the task's own verifier. */
  readonly success: number | null;
  /** To the policy that the run started from, nats a reply. */
  readonly kl: number;
  /** Nats a token. */
  readonly entropy: number;
  /** Tokens a reply. */
  readonly length: number;
  /** Rollouts without a reward. */
  readonly unscored: number;
  /** Share of the groups that entered the update whose rewards differ. */
  readonly groupSpread: number;
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Drawn since the start of the run. */
  readonly tokens: number;
  readonly rollouts: number;
  /** Of the policy after this update, every so often. */
  readonly evaluation?: EvaluationMetrics;
  /** Since the start of the run, time between interruption and resumption left out; the only field that differs from run to run. */
  readonly seconds: number;
}

/** The first line: the policy before any update. */
export interface StartMetrics extends Pick<StepMetrics, "seconds"> {
  readonly step: 0;
  readonly evaluation: EvaluationMetrics;
}

export interface MetricsFile {
  /** Bytes written so far. */
  readonly bytes: number;
  write(line: StartMetrics | StepMetrics): Promise<void>;
  /** Makes what was written last. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** The lines of a finished file, or of one that is being written: what stands behind the last line break does not count. */
export async function readMetrics(path: string): Promise<(StartMetrics | StepMetrics)[]> {
  const text = await readFile(path, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line, i) => {
      try {
        return JSON.parse(line) as StartMetrics | StepMetrics;
      } catch {
        throw new ContractError(`${path}:${i + 1}`, "expected a JSON object");
      }
    });
}

/** Opens the file for writing after its first `bytes` bytes; what lies behind them, written after the last checkpoint, is dropped. */
export async function openMetrics(path: string, bytes: number): Promise<MetricsFile> {
  const handle = await open(path, bytes === 0 ? "w" : "r+").catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === "ENOENT") throw shorter(path, 0, bytes);
    throw thrown;
  });
  try {
    await cut(handle, path, bytes);
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
  let written = bytes;
  const guarded = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (thrown) {
      throw new OutputError(path, thrown);
    }
  };
  return {
    get bytes() {
      return written;
    },
    write: (line) =>
      guarded(async () => {
        const text = Buffer.from(`${JSON.stringify(line)}\n`);
        // A disk that is nearly full takes a part of it without an error.
        for (let done = 0; done < text.length; )
          done += (await handle.write(text, done, text.length - done, written + done)).bytesWritten;
        written += text.length;
      }),
    flush: () => guarded(() => handle.sync()),
    close: () => handle.close(),
  };
}

async function cut(handle: FileHandle, path: string, bytes: number): Promise<void> {
  if (bytes === 0) return;
  const { size } = await handle.stat();
  if (size < bytes) throw shorter(path, size, bytes);
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, bytes - 1);
  if (last.toString() !== "\n")
    throw new ContractError(path, "was changed since the last checkpoint; --restart begins anew");
  await handle.truncate(bytes);
}

function shorter(path: string, size: number, bytes: number): ContractError {
  return new ContractError(
    path,
    `has ${size} bytes, and the last checkpoint was made at ${bytes}; --restart begins anew`,
  );
}
