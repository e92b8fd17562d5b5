import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { ClaimResult, ExperimentResult, LoadedExperiment, RunProgress, Verdict } from "../experiment/index.ts";

interface Options {
  readonly full?: boolean;
  readonly seeds?: string;
  readonly all?: boolean;
  readonly threads?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `guerdon reproduce`: runs papers' experiments and judges their claims. */
export function register(program: Command): void {
  program
    .command("reproduce")
    .argument("[slug...]", "papers, such as par, or paths of experiment files")
    .summary("run papers' experiments")
    .description("Runs the experiments of papers and says of each claim whether it is reproduced.")
    .option("--full", "the budget on which claims are judged (default: quick, which only shows that it runs)")
    .option("--seeds <n>", "number of seeds (default: the experiment's own in full, one in quick)")
    .option("--all", "every paper that has an experiment")
    .option("--threads <n>", "worker threads (default: one for each core)")
    .option("--out <folder>", "write <folder>/<slug>/ instead of the experiment's own folder")
    .option("--json", "the results as JSON on standard output")
    .addHelpText(
      "after",
      `
Examples:
  $ guerdon reproduce par
  $ guerdon reproduce par grpo --full
  $ guerdon reproduce --all

A full run writes result.json and figure.svg beside the experiment; anything else goes to its folder runs/.
A run that was stopped goes on where it stopped. The same seeds give the same numbers.
Exit code 1: an experiment failed to run. A claim that is not reproduced is a result, not a failure.`,
    )
    .action(run);
}

async function run(slugs: readonly string[], options: Options): Promise<void> {
  const [experiments, { ContractError }, terminal] = await Promise.all([
    import("../experiment/index.ts"),
    import("../core/error.ts"),
    import("./terminal.ts"),
  ]);
  const { colors, print } = terminal;
  const count = (name: string, text: string | undefined) => {
    if (text === undefined) return undefined;
    if (!/^[1-9]\d{0,5}$/.test(text))
      throw new ContractError(name, `expected a positive integer, got ${JSON.stringify(text)}`);
    return Number(text);
  };
  const seeds = count("--seeds", options.seeds);
  const threads = count("--threads", options.threads) ?? availableParallelism();
  if (options.all && slugs.length > 0) throw new ContractError("slug", "give slugs or --all, not both");
  const wanted = options.all ? experiments.slugsWith("experiment.ts") : [...new Set(slugs)];
  if (wanted.length === 0)
    throw new ContractError("slug", "which paper? `guerdon papers` lists them; --all takes every one");
  const loaded = await Promise.all(wanted.map((slug) => experiments.loadExperiment(slug)));
  const budget = options.full ? "full" : "quick";
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const progress = await createBar();
  const folderOf = (one: LoadedExperiment, result: Pick<ExperimentResult, "budget" | "seeds">) =>
    options.out === undefined ? experiments.resultFolder(one, result) : join(options.out, one.slug);
  const results: ExperimentResult[] = [];
  const failures: string[] = [];
  const began = performance.now();
  try {
    await experiments.runExperiments(loaded, {
      budget,
      seeds,
      threads,
      signal: stop.signal,
      journalFolder: (one) => (options.out === undefined ? join(one.folder, "runs") : join(options.out, one.slug)),
      onProgress: (state) => progress.update(state),
      async onResult(one, result) {
        const folder = folderOf(one, result);
        await experiments.writeResult(one, result, folder);
        results.push(result);
        progress.pause(() => {
          if (!options.json) for (const line of describe(result, one, folder, colors)) print(line);
        });
      },
      onFailure(one, message) {
        failures.push(one.slug);
        progress.pause(() => process.stderr.write(`${colors.red("failed:")} ${one.slug}: ${message}\n`));
      },
    });
  } finally {
    progress.stop();
    process.removeListener("SIGINT", interrupt);
  }
  if (options.json) print(JSON.stringify(results, null, 2));
  if (stop.signal.aborted) {
    process.stderr.write("stopped; the same command goes on from here\n");
    process.exitCode = 130;
    return;
  }
  if (!options.json) {
    const took = ((performance.now() - began) / 1000).toFixed(1);
    print(colors.dim(`${results.length} of ${loaded.length} experiments, ${took} s on ${threads} threads`));
  }
  if (failures.length > 0) process.exitCode = 1;
}

type Colors = typeof import("./terminal.ts")["colors"];

function* describe(result: ExperimentResult, { experiment }: LoadedExperiment, folder: string, colors: Colors) {
  const seeds = `seeds ${result.seeds[0]}–${result.seeds[result.seeds.length - 1]}`;
  yield `${colors.bold(result.paper)} ${colors.dim(`· ${result.budget} · ${seeds} · code ${result.hash.slice(0, 12)}`)}`;
  yield `  ${experiment.question}`;
  for (const gate of result.gates)
    if (gate.holds === false) yield colors.yellow(`  gate fails: ${gate.text} (${span(gate)})`);
  for (const claim of result.claims) {
    yield `  ${mark(claim.verdict, colors)} claim ${claim.card}: ${claim.text}${reasonOf(claim)}`;
    for (const check of claim.checks) yield colors.dim(`      ${check.text}: ${span(check)}${bounds(check)}`);
  }
  yield colors.dim(`  ${folder}`);
}

function mark(verdict: Verdict, colors: Colors): string {
  if (verdict === "reproduced") return colors.green(verdict);
  if (verdict === "not reproduced") return colors.red(verdict);
  return colors.yellow(verdict);
}

const reasonOf = ({ reason }: ClaimResult) => (reason ? ` (${reason})` : "");

function span({ mean, lower, upper }: { mean: number | null; lower: number | null; upper: number | null }): string {
  if (mean === null || lower === null || upper === null) return "undefined";
  return `${number(mean)} [${number(lower)}, ${number(upper)}]`;
}

function bounds({ atLeast, atMost }: { readonly atLeast?: number; readonly atMost?: number }): string {
  if (atLeast !== undefined && atMost !== undefined) return `, wanted ${atLeast} … ${atMost}`;
  if (atLeast !== undefined) return `, wanted ≥ ${atLeast}`;
  return atMost === undefined ? "" : `, wanted ≤ ${atMost}`;
}

function number(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A bar on standard error when that is a terminal; `pause` clears it while something is printed. */
async function createBar() {
  const silent = { update: (_: RunProgress) => {}, pause: (print: () => void) => print(), stop: () => {} };
  if (process.stderr.isTTY !== true) return silent;
  const [{ default: progress }, { clock }] = await Promise.all([import("cli-progress"), import("./progress.ts")]);
  const began = performance.now();
  const bar = new progress.SingleBar({
    stream: process.stderr,
    format: "{bar} {percentage} % · {finished} of {jobs} runs · {left} left · {at}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    fps: 8,
    hideCursor: null,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  let state: RunProgress | null = null;
  const payload = () => {
    if (!state) return { finished: 0, jobs: "?", left: "?", at: "" };
    const { jobs, finished, resumed, done, at } = state;
    const seconds = (performance.now() - began) / 1000;
    const gained = done - resumed;
    return { finished, jobs, at, left: gained > 0 ? clock(((jobs - done) * seconds) / gained) : "?" };
  };
  const value = () => (state ? Math.floor((1000 * state.done) / Math.max(1, state.jobs)) : 0);
  bar.start(1000, 0, payload());
  return {
    update(next: RunProgress) {
      state = next;
      bar.update(value(), payload());
    },
    pause(print: () => void) {
      bar.stop();
      print();
      bar.start(1000, value(), payload());
    },
    stop: () => bar.stop(),
  };
}
