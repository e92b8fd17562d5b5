/**
 * The service under load beside others that do the same work: batches of 64 GSM8K-like rollouts over 32 connections,
 * a regular-expression verifier. FastAPI and Starlette with uvicorn where those Python packages are installed.
 *
 *     npm run bench -- serve [rounds] [--only name] [--batch 64] [--queue]      --queue: also over Redis, one worker process
 *
 * All servers run at once and are asked in turn, a second each, round after round, so that what else the machine does
 * meets them alike. The client shares the cores with them.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startRedis } from "../scripts/redis.mjs";
import { createLoad, type Load, quantile } from "./serve/load.ts";
import { makePeers, type Peer } from "./serve/peers.ts";
import { guerdonBin, type Server, startServer } from "./serve/process.ts";
import { makeWork, reward, usualBatch } from "./serve/work.ts";

const connections = 32;
const seed = "bench/serve";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    batch: { type: "string", default: String(usualBatch) },
    queue: { type: "boolean" },
  },
});
const batchSize = Math.max(1, Math.round(Number(values.batch)));
/** Seconds of load for every server, and as many rounds. */
const rounds = Math.max(1, Math.round(Number(positionals.at(-1)) || 8));

interface Arm {
  readonly name: string;
  readonly server: Server;
  readonly load: Load;
  readonly perSecond: number[];
  readonly times: number[];
  wrong: number;
  cpu: number;
}

const folder = mkdtempSync(join(tmpdir(), "guerdon-bench-"));
const arms: Arm[] = [];
const afterwards: (() => Promise<unknown>)[] = [];
try {
  writeFileSync(join(folder, "reward.ts"), reward);
  const serve = (port: number, ...more: string[]) => [
    guerdonBin,
    ...["serve", "reward.ts", "--port", String(port), "--no-cache", "--log-level", "warn", ...more],
  ];
  const own: Peer[] = [
    { name: "guerdon", command: process.execPath, args: (port) => serve(port) },
    {
      name: "guerdon --store",
      command: process.execPath,
      args: (port) => serve(port, "--store", join(folder, "store.duckdb")),
    },
  ];
  if (values.queue) {
    const { url, stop } = await startRedis();
    const queue = ["--queue", url];
    const args = (port: number) => [guerdonBin, "work", "reward.ts", "--port", String(port), "--no-cache", ...queue];
    const worker = await startServer(process.execPath, (port) => [...args(port), "--log-level", "warn"], folder);
    afterwards.push(() => worker.stop(), stop);
    own.push({ name: "guerdon --queue", command: process.execPath, args: (port) => serve(port, ...queue) });
  }
  const { peers, said } = makePeers(folder);
  console.log(
    `batches of ${batchSize} rollouts, ${connections} connections, ${rounds} rounds of 1 s, seed ${seed}, node ${process.versions.node}\n${said}`,
  );
  const work = makeWork(64, seed, batchSize);
  for (const { name, command, args } of [...own, ...peers]) {
    if (values.only !== undefined && name !== values.only) continue;
    const server = await startServer(command, args, folder);
    arms.push({
      name,
      server,
      load: createLoad(server.port, connections, work),
      perSecond: [],
      times: [],
      wrong: 0,
      cpu: 0,
    });
  }
  for (const { load } of arms) await load.flatOut(2);
  for (let round = 0; round < rounds; round++) {
    for (const arm of arms) {
      const before = arm.server.cpu() ?? Number.NaN;
      const { times, seconds, wrong } = await arm.load.flatOut(1);
      arm.cpu += (arm.server.cpu() ?? Number.NaN) - before;
      arm.perSecond.push(times.length / seconds);
      for (const time of times) arm.times.push(time);
      for (const count of wrong.values()) arm.wrong += count;
    }
  }
  const first = arms[0];
  const firstP99 = quantile(first.times, 0.99);
  for (const { name, perSecond, times, wrong, server, cpu } of arms) {
    const median = quantile(perSecond, 0.5);
    const p99 = quantile(times, 0.99);
    const beside =
      name === first.name
        ? ""
        : `; ${first.name} has ${ratios(first.perSecond, perSecond)} the requests/s, ${(firstP99 / p99).toFixed(2)}× the p99`;
    console.log(
      `${name.padEnd(16)}${median.toFixed(0).padStart(6)} requests/s (${(median * batchSize).toFixed(0)} rollouts/s), p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${((cpu * 1000) / times.length).toFixed(2)} ms of processor a request, ${wrong} wrong, ${server.resident()?.toFixed(0) ?? "?"} MB${beside}`,
    );
  }
} finally {
  for (const { load } of arms) load.close();
  await Promise.all(arms.map(({ server }) => server.stop()));
  for (const stop of afterwards) await stop();
  rmSync(folder, { recursive: true, force: true });
}

/** Median of the rounds' ratios, and their range. */
function ratios(own: readonly number[], other: readonly number[]): string {
  const each = own.map((value, round) => value / other[round]);
  return `${quantile(each, 0.5).toFixed(2)}× (${Math.min(...each).toFixed(2)}–${Math.max(...each).toFixed(2)})`;
}
