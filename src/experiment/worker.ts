/** Worker thread: runs (arm, sweep value, seed) jobs of experiments, one at a time, with one engine for all of them. */
import { parentPort } from "node:worker_threads";
import { messageOf } from "../core/error.ts";
import { createRandom } from "../core/random.ts";
import type { BudgetName, Experiment, Measurement } from "./types.ts";

export interface Job {
  readonly id: number;
  readonly module: string;
  readonly budget: BudgetName;
  readonly arm: string;
  readonly sweep: number;
  readonly seed: number;
}

export type JobMessage =
  | { readonly kind: "progress"; readonly id: number; readonly share: number }
  | { readonly kind: "done"; readonly id: number; readonly measurement: Measurement<string> }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };

/** What `prepare` made last: jobs of one seed come one after the other. */
let prepared: { readonly key: string; readonly value: unknown } | null = null;

async function measure(job: Job, progress: (share: number) => void): Promise<Measurement<string>> {
  const { default: experiment } = (await import(job.module)) as { default: Experiment };
  const { arms, budgets, paper, prepare, run } = experiment;
  const { arm, seed, sweep } = job;
  const budget = budgets[job.budget];
  const random = createRandom(`${paper}/${seed}`);
  const key = `${job.module} ${job.budget} ${seed}`;
  if (prepare && prepared?.key !== key) {
    prepared = null;
    prepared = { key, value: await prepare({ budget, seed, random }) };
  }
  const { settings } = arms[arm];
  return plainMeasurement(
    await run({ arm, settings, budget, seed, random, sweep, prepared: prepared?.value, progress }),
    `${paper}, arm ${arm}, seed ${seed}`,
  );
}

/** Typed arrays become arrays (the journal is JSON); a number that is not finite is an error, never a value. */
function plainMeasurement({ metrics, curves }: Measurement<string>, where: string): Measurement<string> {
  const checked = (value: number | null, name: string) => {
    if (value === null || Number.isFinite(value)) return value;
    throw new Error(`${where}: ${name} is ${value}; an undefined metric is null`);
  };
  return {
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, checked(value, name)])),
    curves: Object.fromEntries(
      Object.entries(curves ?? {}).flatMap(([name, curve]) =>
        curve === undefined
          ? []
          : [[name, { x: Array.from(curve.x), y: Array.from(curve.y, (value) => checked(value, `curve ${name}`)) }]],
      ),
    ),
  };
}

const port = parentPort;
if (port) {
  // Standard output belongs to results; what an experiment prints is for people.
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  port.on("message", async (job: Job) => {
    const send = (message: JobMessage) => port.postMessage(message);
    let last = performance.now();
    try {
      const measurement = await measure(job, (share) => {
        if (performance.now() - last < 200) return;
        last = performance.now();
        send({ kind: "progress", id: job.id, share });
      });
      send({ kind: "done", id: job.id, measurement });
    } catch (thrown) {
      send({ kind: "failed", id: job.id, message: messageOf(thrown) });
    }
  });
}
