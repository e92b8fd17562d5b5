/**
 * The service for a long time at 80 % of what it can do: errors, latency and memory over time.
 *
 *     npm run bench -- soak [--minutes 10] [--share 0.8] [--warm-up seconds] [--store] [--snapshots] [--workers n]
 *
 * First a warm-up, then twelve stretches. Each begins with two seconds flat out, to see what the service can do on this
 * machine at this moment, and goes on with a steady stream of that share of it, whose times count from when each request
 * should have been sent. What the service can do falls with the machine's speed as well as with its own age: at the end a
 * fresh one is asked in turn with it. Resident memory is the median of each twelfth of the run. At the end the
 * collected heap is compared with the one after the warm-up: memory that V8 keeps for later is no leak, objects that
 * only become more are one. `--snapshots` names their classes (two heap snapshots, taken outside the measured time;
 * they raise resident memory, so that its figure is left out).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { attach } from "./serve/inspector.ts";
import { createLoad, quantile } from "./serve/load.ts";
import { guerdonBin, machineCpu, startServer } from "./serve/process.ts";
import { makeWork, reward, usualBatch } from "./serve/work.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "0.5" },
    share: { type: "string", default: "0.8" },
    "warm-up": { type: "string" },
    store: { type: "boolean", default: false },
    snapshots: { type: "boolean", default: false },
    workers: { type: "string" },
  },
});
const seconds = Number(values.minutes) * 60;
const share = Number(values.share);
const warmUp = Number(values["warm-up"] ?? Math.min(60, Math.max(10, seconds / 5)));
if (!(seconds > 0 && share > 0 && warmUp > 0)) throw new Error("--minutes, --share and --warm-up: positive numbers");
const stretches = 12;
const connections = 32;
const seed = "bench/soak";

const folder = mkdtempSync(join(tmpdir(), "guerdon-soak-"));
let said = "";
writeFileSync(join(folder, "reward.ts"), reward);
const args = (port: number, store: string) => [
  guerdonBin,
  ...["serve", "reward.ts", "--port", String(port), "--no-cache", "--log-level", "warn"],
  ...(values.store ? ["--store", join(folder, store)] : []),
  ...(values.workers === undefined ? [] : ["--workers", values.workers]),
];
const server = await startServer(
  process.execPath,
  (port) => ["--inspect=127.0.0.1:0", ...args(port, "store.duckdb")],
  folder,
  (text) => {
    said = (said + text).slice(-4000);
  },
).catch((thrown: unknown) => {
  process.stderr.write(said);
  throw thrown;
});
const load = createLoad(server.port, connections, makeWork(64, seed));
let failed = false;
const check = (holds: boolean, text: string) => {
  if (!holds) failed = true;
  console.log(`${holds ? "yes" : "NO "}  ${text}`);
};
try {
  const url = /ws:\/\/\S+/.exec(said)?.[0];
  if (url === undefined) throw new Error(`no inspector: ${said}`);
  const inspector = await attach(url);
  const flat = await load.flatOut(warmUp / 2);
  const most = flat.times.length / flat.seconds;
  const rate = most * share;
  console.log(
    `${most.toFixed(0)} requests/s flat out; ${seconds} s at ${(share * 100).toFixed(0)} % of what it can do at the time, batches of ${usualBatch}, ${connections} connections${values.store ? ", with a store" : ""}, seed ${seed}, node ${process.versions.node}`,
  );
  await load.steady(rate, warmUp / 2);
  const classesBefore = values.snapshots ? await inspector.classes() : null;
  const before = await inspector.collected();
  await load.steady(rate, Math.min(5, warmUp / 2));

  const resident: number[] = [];
  const capacity: number[] = [];
  const wrong = new Map<string, number>();
  const tails: number[] = [];
  const foreign: number[] = [];
  const own = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6 + (server.cpu() ?? Number.NaN);
  let requests = 0;
  for (let k = 0; k < stretches; k++) {
    const seen: number[] = [];
    const look = setInterval(() => seen.push(server.resident() ?? Number.NaN), 200);
    const others = (machineCpu() ?? Number.NaN) - own();
    const burst = await load.flatOut(Math.min(2, seconds / stretches / 5));
    capacity.push(burst.times.length / burst.seconds);
    // What was sent last is answered before the steady stream begins.
    const stretch = await load.steady(capacity[k] * share, seconds / stretches - burst.seconds);
    for (const [what, count] of burst.wrong) wrong.set(what, (wrong.get(what) ?? 0) + count);
    requests += burst.times.length;
    foreign.push(((machineCpu() ?? Number.NaN) - own() - others) / (burst.seconds + stretch.seconds));
    clearInterval(look);
    requests += stretch.times.length;
    for (const [what, count] of stretch.wrong) wrong.set(what, (wrong.get(what) ?? 0) + count);
    resident.push(quantile(seen, 0.5));
    tails.push(quantile(stretch.times, 0.99));
    console.log(
      `${((seconds * (k + 1)) / stretches).toFixed(0).padStart(5)} s  ${capacity[k].toFixed(0)} requests/s flat out; at ${(stretch.times.length / stretch.seconds).toFixed(0)}: p50 ${quantile(stretch.times, 0.5).toFixed(1)} ms, p99 ${tails[k].toFixed(1)} ms, worst ${quantile(stretch.times, 1).toFixed(0)} ms, resident ${resident[k].toFixed(0)} MB${foreign[k] > 0.05 ? `, others on ${foreign[k].toFixed(2)} cores` : ""}`,
    );
  }
  const after = await inspector.collected();
  const classesAfter = values.snapshots ? await inspector.classes() : null;
  inspector.close();

  const perRequest = (grown: number) => `${((grown * 2 ** 20) / requests).toFixed(1)} bytes a request`;
  console.log(
    `\n${requests} requests; collected heap ${before.heap.toFixed(1)} → ${after.heap.toFixed(1)} MB (${perRequest(after.heap - before.heap)}), external ${before.external.toFixed(1)} → ${after.external.toFixed(1)} MB`,
  );
  if (classesBefore && classesAfter) {
    const grown = [...classesAfter]
      .map(([name, { count, bytes }]) => {
        const was = classesBefore.get(name) ?? { count: 0, bytes: 0 };
        return { name, count: count - was.count, bytes: bytes - was.bytes };
      })
      .filter(({ count, bytes }) => count > 0 && bytes > 10_000)
      .sort((a, b) => b.bytes - a.bytes);
    console.log(grown.length === 0 ? "no class of objects grew by 10 kB" : "classes that grew by 10 kB and more:");
    for (const { name, count, bytes } of grown.slice(0, 15))
      console.log(`  ${name.slice(0, 60).padEnd(40)} +${count} objects, +${(bytes / 1000).toFixed(0)} kB`);
  }
  const errors = [...wrong].map(([what, count]) => `${count} × ${what}`).join(", ");
  check(wrong.size === 0, `no error${errors && `: ${errors}`}`);
  // Thirds: a stretch alone is at the mercy of whatever else the machine does.
  const third = (list: readonly number[], from: number) => quantile(list.slice(from, from + 4), 0.5);
  // In units of what a request takes at the machine's speed of the moment.
  const relative = tails.map((tail, k) => tail * capacity[k]);
  const tail = third(relative, 8) / third(relative, 0);
  const busy = quantile(foreign, 1);
  const flatness = `p99, relative to what a request takes flat out: last third ${tail.toFixed(2)}× the first`;
  // With company on the cores the tail says more about that than about the service.
  if (busy > 0.2) console.log(`?    ${flatness}; not judged, other programs used up to ${busy.toFixed(2)} cores`);
  else check(tail < 1.25, flatness);
  const growth = third(resident, 8) / third(resident, 0) - 1;
  if (!values.snapshots)
    check(growth < 0.05, `resident memory: last third ${(growth * 100).toFixed(1)} % above the first`);
  check((after.heap - before.heap) * 2 ** 20 < 10 * requests + 2e6, "what is left after a collection does not grow");
  const fresh = await startServer(process.execPath, (port) => args(port, "fresh.duckdb"), folder);
  const freshLoad = createLoad(fresh.port, connections, makeWork(64, seed));
  try {
    await freshLoad.flatOut(3);
    const rounds: number[] = [];
    for (let round = 0; round < 6; round++) {
      const [old, young] = [await load.flatOut(1), await freshLoad.flatOut(1)];
      rounds.push(old.times.length / old.seconds / (young.times.length / young.seconds));
    }
    const aged = quantile(rounds, 0.5);
    check(
      aged > 0.9,
      `flat out, it does ${aged.toFixed(2)}× the requests/s of a fresh one (median of ${rounds.length})`,
    );
  } finally {
    freshLoad.close();
    await fresh.stop();
  }
} finally {
  load.close();
  check((await server.stop()) === 0, "SIGTERM: exit code 0");
  rmSync(folder, { recursive: true, force: true });
}
if (failed) process.exitCode = 1;
