import type { Command } from "commander";
import { integer, positiveNumber } from "./arguments.ts";

interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly tokenFile?: string;
  readonly name?: readonly string[];
  readonly workers?: number;
  readonly cache: string | false;
  readonly seed: string;
  readonly watch: boolean;
  readonly maxBody?: number;
  readonly maxBatch?: number;
  readonly running?: number;
  readonly waiting?: number;
  readonly queue?: string;
  readonly deadline?: number;
  readonly drain?: number;
  readonly store?: string;
  readonly logLevel: string;
}

const megabyte = 2 ** 20;

/** `guerdon serve`: a reward file as a service. */
export function register(program: Command): void {
  program
    .command("serve")
    .summary("serve rewards to trainers over HTTP")
    .description(
      "Serves reward files over HTTP: POST /v1/score, and the protocols of OpenRLHF, vLLM and NeMo Gym (docs/serving.md).\n" +
        "An unscored rollout is null with its reason, never a number.",
    )
    .argument(
      "<rewards...>",
      "reward files, each as file or name=file; the first one answers where a request names none",
    )
    .option(
      "--name <name>",
      "name of a file, in the order of the files",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option("--host <address>", "address to listen on; beyond this machine only with --token-file", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes a free one", integer(0, 65535), 8420)
    .option("--token-file <file>", "tokens that clients must send, one a line")
    .option("--workers <n>", "worker threads of each reward (default: one a core; 0: none)", integer(0))
    .option("--running <n>", "requests scored at once", integer(1))
    .option("--waiting <n>", "further requests that may wait; beyond them 429", integer(0))
    .option("--queue <redis-url>", "let guerdon work processes score, on any machine (docs/queue.md)")
    .option("--deadline <seconds>", "longest time for one request", positiveNumber)
    .option("--drain <seconds>", "time for what was accepted, once told to stop", positiveNumber)
    .option("--max-body <megabytes>", "largest request body", positiveNumber)
    .option("--max-batch <n>", "most rollouts in one request", integer(1))
    .option("--cache <folder>", "where answers of judges are kept", ".guerdon/cache")
    .option("--no-cache", "keep no answers")
    .option("--store <file.duckdb>", "keep every scored rollout, for guerdon query")
    .option("--no-watch", "do not load a reward file again when it changes (SIGHUP still does)")
    .option("--seed <seed>", "seed of everything that is drawn", "0")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent", "info")
    .addHelpText(
      "after",
      `
Logs are JSON lines on standard output. SIGTERM and SIGINT: nothing new is accepted, what was accepted is
answered, then exit code 0 (1 when --drain was not enough). SIGHUP loads the reward files again.

Examples:
  $ guerdon serve reward.ts
  $ guerdon serve math=math.ts code=code.ts --port 9000
  $ guerdon serve reward.ts --host 0.0.0.0 --token-file tokens.txt
  $ guerdon serve reward.ts --queue redis://queue:6379`,
    )
    .action(async (files: string[], flags: ServeFlags) => {
      const { runServe } = await import("./run-serve.ts");
      process.exitCode = await runServe({
        rewards: files,
        names: flags.name ?? [],
        host: flags.host,
        port: flags.port,
        tokenFile: flags.tokenFile,
        workers: flags.workers,
        cacheFolder: flags.cache === false ? undefined : flags.cache,
        seed: flags.seed,
        watch: flags.watch,
        store: flags.store,
        queue: flags.queue,
        logLevel: flags.logLevel,
        limits: {
          ...(flags.maxBody === undefined ? {} : { body: Math.ceil(flags.maxBody * megabyte) }),
          ...(flags.maxBatch === undefined ? {} : { batch: flags.maxBatch }),
          ...(flags.running === undefined ? {} : { running: flags.running }),
          ...(flags.waiting === undefined ? {} : { waiting: flags.waiting }),
          ...(flags.deadline === undefined ? {} : { deadline: Math.ceil(flags.deadline * 1000) }),
          ...(flags.drain === undefined ? {} : { drain: Math.ceil(flags.drain * 1000) }),
        },
      });
    });
}
