import type { Command } from "commander";
import { integer, positiveNumber } from "./arguments.ts";

interface WorkFlags {
  readonly queue?: string;
  readonly batches?: number;
  readonly workers?: number;
  readonly cache: string | false;
  readonly seed: string;
  readonly watch: boolean;
  readonly drain: number;
  readonly silence: number;
  readonly port?: number;
  readonly host: string;
  readonly logLevel: string;
}

/** `guerdon work`: scores what services and `guerdon score` put on a queue. */
export function register(program: Command): void {
  program
    .command("work")
    .summary("score batches of a queue, beside other machines")
    .description(
      "Takes batches from a queue in Redis and scores them; start as many as there are machines (docs/queue.md).\n" +
        "The reward files must be the ones that the service has: another version is refused.",
    )
    .argument("<rewards...>", "reward files, each as file or name=file")
    .option("--queue <redis-url>", "redis://host:port or rediss://host:port (or GUERDON_QUEUE in the environment)")
    .option("--batches <n>", "batches of one reward at once (default: 4; 1 where parts keep state)", integer(1, 1000))
    .option("--workers <n>", "worker threads of each reward (default: one a core; 0: none)", integer(0))
    .option(
      "--silence <seconds>",
      "a batch is taken from a worker that has been silent for so long",
      positiveNumber,
      10,
    )
    .option("--drain <seconds>", "time for batches under way, once told to stop", positiveNumber, 60)
    .option("--cache <folder>", "where answers of judges are kept", ".guerdon/cache")
    .option("--no-cache", "keep no answers")
    .option("--no-watch", "do not load a reward file again when it changes (SIGHUP still does)")
    .option("--seed <seed>", "seed of everything that is drawn; as the service's", "0")
    .option("--port <port>", "answer /healthz, /readyz and /metrics on this port", integer(0, 65535))
    .option("--host <address>", "address of that port", "127.0.0.1")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent", "info")
    .addHelpText(
      "after",
      `
A password that is not in the URL is taken from GUERDON_QUEUE_PASSWORD: a command line can be read by everybody.
SIGTERM and SIGINT: nothing new is taken, batches under way are scored, then exit code 0.

Examples:
  $ guerdon work reward.ts --queue redis://queue:6379
  $ guerdon work math=math.ts code=code.ts --queue rediss://user@queue:6380/1 --batches 8`,
    )
    .action(async (files: string[], flags: WorkFlags) => {
      const { runWork } = await import("./run-work.ts");
      process.exitCode = await runWork({
        rewards: files,
        queue: flags.queue,
        batches: flags.batches,
        workers: flags.workers,
        cacheFolder: flags.cache === false ? undefined : flags.cache,
        seed: flags.seed,
        watch: flags.watch,
        drain: Math.ceil(flags.drain * 1000),
        silence: Math.ceil(flags.silence * 1000),
        port: flags.port,
        host: flags.host,
        logLevel: flags.logLevel,
      });
    });
}
