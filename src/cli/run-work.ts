import { createServer, type Server } from "node:http";
import { pino } from "pino";
import { ContractError, messageOf } from "../core/error.ts";
import { parseSource, type RunningWork, work } from "../service/index.ts";

export interface RunWorkOptions {
  readonly rewards: readonly string[];
  readonly queue?: string;
  readonly batches?: number;
  readonly workers?: number;
  readonly cacheFolder?: string;
  readonly seed: string;
  readonly watch: boolean;
  readonly drain: number;
  readonly silence: number;
  readonly port?: number;
  readonly host: string;
  readonly logLevel: string;
}

const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** Runs `guerdon work` until it is told to stop; resolves to the exit code. */
export async function runWork(options: RunWorkOptions): Promise<number> {
  if (!levels.includes(options.logLevel))
    throw new ContractError("--log-level", `expected one of ${levels.join(", ")}, got ${options.logLevel}`);
  const url = options.queue ?? process.env.GUERDON_QUEUE;
  if (url === undefined || url === "")
    throw new ContractError("--queue", "says where the batches are: --queue redis://host:port");
  const log = pino({ level: options.logLevel, base: { pid: process.pid } }, pino.destination({ dest: 1, sync: false }));
  const running = await work({
    rewards: options.rewards.map(parseSource),
    url,
    batches: options.batches,
    workers: options.workers,
    cacheFolder: options.cacheFolder,
    seed: options.seed,
    watchEvery: options.watch ? 1000 : 0,
    drain: options.drain,
    silence: options.silence,
    log,
  });
  const probe = options.port === undefined ? null : await listen(running, options.port, options.host);
  const address = probe?.address();
  const where = typeof address === "object" && address ? ` (probes on port ${address.port})` : "";
  process.stderr.write(`scoring ${running.names.join(", ")} for ${running.shown}${where}\n`);
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(130);
      asked = true;
      process.off("SIGHUP", reload);
      running.stop().then(
        (inTime) => {
          probe?.close();
          probe?.closeAllConnections();
          log.flush(() => resolve(inTime ? 0 : 1));
        },
        (thrown) => {
          process.stderr.write(`error: ${messageOf(thrown)}\n`);
          resolve(1);
        },
      );
    };
    const reload = () => void running.reload();
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.on("SIGHUP", reload);
  });
}

/** Health, readiness and counters, for whoever looks after the process. Nothing of any rollout. */
function listen(running: RunningWork, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, text: string) => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(text);
    };
    const json = (status: number, body: unknown) => answer(status, "application/json", JSON.stringify(body));
    const { problem } = running;
    if (request.method !== "GET") json(405, { error: "expected GET" });
    else if (request.url === "/healthz") json(200, { status: "ok" });
    else if (request.url === "/readyz")
      json(problem === null ? 200 : 503, { status: problem === null ? "ready" : "waiting", problem });
    else if (request.url === "/metrics") answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics(running));
    else json(404, { error: "no such route" });
  });
  return new Promise((resolve, reject) => {
    server.once("error", (thrown) => reject(new ContractError("--port", `cannot listen: ${messageOf(thrown)}`)));
    server.listen(port, host, () => resolve(server));
  });
}

function metrics({ counters, running, problem }: RunningWork): string {
  const lines = Object.entries(counters).flatMap(([name, value]) => [
    `# TYPE guerdon_work_${name}_total counter`,
    `guerdon_work_${name}_total ${value}`,
  ]);
  const gauges = [
    ["guerdon_work_running", running],
    ["guerdon_queue_connected", problem === null ? 1 : 0],
    ["process_resident_memory_bytes", process.memoryUsage.rss()],
  ].flatMap(([name, value]) => [`# TYPE ${name} gauge`, `${name} ${value}`]);
  return `${[...lines, ...gauges].join("\n")}\n`;
}
