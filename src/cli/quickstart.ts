import type { Command } from "commander";

interface QuickstartOptions {
  readonly seed: string;
  readonly score?: boolean;
}

/** `guerdon quickstart`: a policy learns against the example reward; with --score, rollouts are scored with it. */
export function register(program: Command): void {
  program
    .command("quickstart")
    .summary("see it work: a tiny policy learns arithmetic against the example reward")
    .description(
      "Trains a tiny transformer against examples/quickstart/reward.ts, in about a minute, and writes a report. With --score: generates 2,000 rollouts of arithmetic word problems and scores them with the same reward.",
    )
    .argument("[folder]", "where the files go (default: out/quickstart, out/quickstart-score)")
    .option("--seed <seed>", "seed of everything that is drawn", "1")
    .option("--score", "score a file of rollouts in place of training")
    .addHelpText(
      "after",
      "\nExamples:\n  $ guerdon quickstart\n  $ guerdon quickstart /tmp/first-look --seed 7\n  $ guerdon quickstart --score",
    )
    .action((folder: string | undefined, options: QuickstartOptions) =>
      options.score ? score(folder ?? "out/quickstart-score", options) : train(folder ?? "out/quickstart", options),
    );
}

async function train(folder: string, { seed }: QuickstartOptions): Promise<void> {
  const [{ runTrain }, config] = await Promise.all([import("./run-train.ts"), example("train.ts")]);
  const command = `guerdon train ${config} -o ${folder} --seed ${seed}`;
  process.stdout.write(
    `A tiny transformer learns to add up, paid by ${await example("reward.ts")}:\n\n  ${command}\n\n`,
  );
  process.exitCode = await runTrain(config, {
    output: folder,
    seed,
    report: true,
    cache: ".guerdon",
    restart: !(await isUnderWay(folder, seed)),
  });
  if (process.exitCode === 0)
    process.stdout.write(
      `\nOpen ${folder}/report.html in a browser. \`guerdon quickstart --score\` scores a file with the same reward.\n`,
    );
}

async function score(folder: string, { seed }: QuickstartOptions): Promise<void> {
  const [{ writeFile }, { join }, { makeFolder }, { generateRollouts }, { runScore }] = await Promise.all([
    import("node:fs/promises"),
    import("node:path"),
    import("../core/make-folder.ts"),
    import("../dataset/index.ts"),
    import("./run-score.ts"),
  ]);
  const reward = await example("reward.ts");
  const input = join(folder, "rollouts.jsonl");
  const output = join(folder, "scored.jsonl");
  const report = join(folder, "report.html");
  makeFolder(folder);
  const rollouts = [...generateRollouts({ seed, prompts: 250, samples: 8 })];
  await writeFile(input, rollouts.map((rollout) => `${JSON.stringify(rollout)}\n`).join(""));
  process.stdout.write(
    `${rollouts.length} rollouts are in ${input}. Scoring them:\n\n  guerdon score ${reward} ${input} -o ${output} --report ${report} --group-size 8 --evidence\n`,
  );
  process.exitCode = await runScore(reward, input, {
    output,
    report,
    groupSize: 8,
    window: 4096,
    evidence: true,
    onBadLine: "stop",
    seed,
    cache: false,
    restart: true,
  });
  if (process.exitCode === 0) process.stdout.write(`\nOpen ${report} in a browser.\n`);
}

/** Was a training with this seed stopped or killed here? It goes on; any other is made anew. */
async function isUnderWay(folder: string, seed: string): Promise<boolean> {
  const [{ readFile }, { join }] = await Promise.all([import("node:fs/promises"), import("node:path")]);
  try {
    const { status, identity } = JSON.parse(await readFile(join(folder, "checkpoint.json"), "utf8"));
    return status === "running" && identity.seed === seed;
  } catch {
    return false;
  }
}

/** A file of examples/quickstart, as one would name it from here. */
async function example(name: string): Promise<string> {
  const [{ relative }, { fileURLToPath }] = await Promise.all([import("node:path"), import("node:url")]);
  const file = fileURLToPath(new URL(`../../examples/quickstart/${name}`, import.meta.url));
  const near = relative("", file);
  return near.startsWith("..") ? file : near;
}
