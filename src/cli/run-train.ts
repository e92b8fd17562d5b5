import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import pc from "picocolors";
import { OutputError } from "../core/output-error.ts";
import { parameterCount } from "../model/networks/parameters.ts";
import { transformerShapes } from "../model/networks/transformer.ts";
import { renderTrainingReport, wasGamed } from "../report/index.ts";
import {
  algorithms,
  type LoadedTraining,
  loadTraining,
  readMetrics,
  runTraining,
  TrainingError,
  type TrainingResult,
} from "../training/index.ts";
import { colors, print, wantsColor } from "./terminal.ts";
import type { TrainOptions } from "./train.ts";
import {
  createDashboard,
  createLines,
  dashboardState,
  figure,
  grouped,
  shown,
  type TrainDisplay,
} from "./train-dashboard.ts";
import { readVersion } from "./version.ts";

/** Runs `guerdon train`; resolves to the exit code. */
export async function runTrain(config: string, options: TrainOptions): Promise<number> {
  const { steps, seed } = options;
  const training = await loadTraining(config, {
    ...(steps === undefined ? {} : { steps }),
    ...(seed === undefined ? {} : { seed }),
  });
  const { plan } = training;
  const name = plan.name ?? basename(config).replace(/\.[cm]?[jt]s$/, "");
  const folder = options.output ?? plan.output ?? join("out", name);
  const reportFile = options.report ? join(folder, "report.html") : null;
  const display = await createDisplay({ training, name, folder, options });
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    stopper.abort();
    display.stopping();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    const result = await runTraining(training, {
      folder,
      restart: options.restart ?? false,
      signal: stopper.signal,
      workers: options.workers,
      judgeCache: join(options.cache, "cache"),
      warmUpCache: join(options.cache, "warm-up"),
      onEvent: display.event,
    });
    display.close();
    const facts = { training, name, folder, config, version: await readVersion() };
    const ended = result.status !== "interrupted";
    if (reportFile !== null && ended) await writeReport(reportFile, result, facts);
    if (options.json) print(JSON.stringify(resultJson(result, facts, ended ? reportFile : null), null, 2));
    else for (const line of summary(result, facts, ended ? reportFile : null)) print(line);
    return ended ? 0 : 130;
  } catch (thrown) {
    display.close();
    if (!(thrown instanceof TrainingError || thrown instanceof OutputError)) throw thrown;
    const red = pc.createColors(wantsColor(process.stderr)).red;
    process.stderr.write(`${red("error:")} ${thrown.message}\n`);
    const next =
      thrown instanceof OutputError
        ? "Make room and run the same command again."
        : "With other settings, use another --output or --restart.";
    process.stderr.write(`What came before is kept: ${await whatIsKept(folder)} ${next}\n`);
    return 1;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

async function createDisplay({
  training: { plan, credit, reward },
  name,
  folder,
  options,
}: {
  training: LoadedTraining;
  name: string;
  folder: string;
  options: TrainOptions;
}): Promise<TrainDisplay> {
  const size = grouped(parameterCount(transformerShapes(plan.model)));
  const subtitle = `${algorithmName({ plan })}${credit ? `, credit of ${shown(reward.definition.name ?? "the reward")}` : ""} · seed ${shown(String(plan.seed))} · ${size} parameters`;
  const earlier = options.restart ? [] : await readMetrics(join(folder, "metrics.jsonl")).catch(() => []);
  const state = dashboardState({ name, subtitle, folder }, earlier);
  if (options.json) return { event: () => {}, stopping: () => {}, close: () => {} };
  const terminal = process.stdout.isTTY === true && process.env.TERM !== "dumb" && !options.plain;
  return terminal ? createDashboard(process.stdout, state, colors) : createLines(print, state);
}

function algorithmName({ plan: { algorithm } }: Pick<LoadedTraining, "plan">): string {
  return Object.entries(algorithms).find(([, one]) => one === algorithm)?.[0] ?? algorithm.loss.kind;
}

interface Facts {
  readonly training: LoadedTraining;
  readonly name: string;
  readonly folder: string;
  readonly config: string;
  readonly version: string;
}

async function writeReport(
  file: string,
  result: TrainingResult,
  { training, name, folder, config, version }: Facts,
): Promise<void> {
  const { before, after, step, reason, totals, warmUp, seconds, startedAt } = result;
  if (before === null || after === null) return;
  const { plan, credit } = training;
  const { prompts, groupSize, epochs, minibatches, temperature, optimizer, model } = plan;
  const html = await renderTrainingReport({
    name,
    steps: step,
    reason,
    before,
    after,
    rows: await readMetrics(join(folder, "metrics.jsonl")),
    totals,
    warmUp,
    seconds,
    startedAt,
    provenance: {
      Config: config,
      Command: ["guerdon", ...process.argv.slice(2)].join(" "),
      Seed: plan.seed,
      Reward: `${training.reward.definition.name ?? ""} ${result.rewardHash}`.trim(),
      Advantages: credit ? "the reward's own credit" : `the algorithm's: ${plan.algorithm.credit.kind}`,
      Algorithm: JSON.stringify(plan.algorithm),
      Step: `${prompts} prompts × ${groupSize} replies, ${epochs} × ${minibatches} updates, temperature ${temperature}`,
      Optimiser: JSON.stringify(optimizer),
      Policy: `${grouped(parameterCount(transformerShapes(model)))} parameters: ${JSON.stringify(model)}`,
      "Warm-up": JSON.stringify(plan.warmUp),
      Versions: `guerdon ${version}, node ${process.versions.node}`,
    },
  });
  await writeFile(file, html).catch((thrown) => {
    throw new OutputError(file, thrown);
  });
}

function* summary(
  result: TrainingResult,
  { training, name, folder, version }: Facts,
  report: string | null,
): Generator<string> {
  const { before, after, status, step, reason, totals, warmUp, seconds, again } = result;
  const fact = (label: string, text: string) => `${colors.bold(label.padEnd(12))}${text}`;
  yield "";
  if (status === "interrupted") {
    yield before === null
      ? `interrupted before the first step; the same command starts again`
      : `interrupted after step ${step} of ${training.plan.steps}; run the same command again to go on, or add --restart to start over`;
    if (before === null) return;
  } else {
    const how = again ? "had ended already" : status === "finished" ? "finished" : "stopped";
    yield `${colors.bold(name)} ${how} after ${step} steps${reason === null ? "" : `: ${reason}`}${again ? " (--steps makes it longer, --restart begins anew)" : ""}`;
  }
  if (before !== null && after !== null) {
    const row = (label: string, from: number | null, to: number | null, note = "") =>
      `${label.padEnd(24)}${figure(from).padStart(9)}${figure(to).padStart(9)}${note === "" ? "" : `   ${colors.dim(note)}`}`;
    yield "";
    yield colors.dim(
      `${"".padEnd(24)}${"before".padStart(9)}${"after".padStart(9)}   ${after.problems} held-out problems`,
    );
    yield row("true success, sampled", before.success, after.success, "at temperature 1");
    yield row("true success, greedy", before.greedy, after.greedy);
    yield row("reward", before.reward, after.reward);
    for (const signal of Object.keys(after.signals))
      yield row(`  ${shown(signal)}`.slice(0, 22), before.signals[signal] ?? null, after.signals[signal]);
    yield row("length", before.length, after.length, "tokens");
    yield "";
    if (wasGamed(before, after)) {
      yield colors.yellow(
        "The reward rose while the true success fell: the policy found what the reward pays for and the task does not want.",
      );
      yield "";
    }
  }
  const spent = seconds - (warmUp?.seconds ?? 0);
  const warm =
    warmUp === null
      ? ""
      : warmUp.cached
        ? "; the warm-up was kept from before"
        : ` after a warm-up of ${warmUp.steps} steps, ${warmUp.seconds.toFixed(1)} s`;
  yield fact(
    "cost",
    `${grouped(totals.rollouts)} rollouts, ${grouped(totals.tokens)} tokens, ${spent.toFixed(1)} s${warm}`,
  );
  if (totals.unscored > 0)
    yield fact(
      "unscored",
      `${grouped(totals.unscored)} rollouts, masked: ${Object.entries(totals.errors)
        .map(([code, times]) => `${code} ${times}`)
        .join(", ")}`,
    );
  yield fact("output", shown(folder));
  if (report !== null) yield fact("report", shown(report));
  yield fact(
    "provenance",
    `seed ${shown(String(training.plan.seed))}, reward ${result.rewardHash.slice(0, 16)}, guerdon ${version}, node ${process.versions.node}`,
  );
}

function resultJson(
  { before, after, ...result }: TrainingResult,
  { training, name, folder, version }: Facts,
  report: string | null,
): unknown {
  const figures = (evaluation: TrainingResult["before"]) => {
    if (evaluation === null) return null;
    const { samples: _, ...rest } = evaluation;
    return rest;
  };
  return {
    name,
    ...result,
    before: figures(before),
    after: figures(after),
    seed: training.plan.seed,
    output: folder,
    report,
    versions: { guerdon: version, node: process.versions.node },
  };
}

async function whatIsKept(folder: string): Promise<string> {
  const checkpoint = await readFile(join(folder, "checkpoint.json"), "utf8").then(
    (text) => JSON.parse(text) as { status: string; step: number },
    () => null,
  );
  const where =
    checkpoint === null || checkpoint.status === "starting"
      ? "no checkpoint yet"
      : `a checkpoint of step ${checkpoint.step}`;
  return `metrics.jsonl and ${where} in ${shown(folder)}.`;
}
