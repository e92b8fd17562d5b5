import type { Command } from "commander";

/** `guerdon quickstart`: generated rollouts, scored with the example reward, and a report. */
export function register(program: Command): void {
  program
    .command("quickstart")
    .summary("see it work: generates rollouts, scores them, writes a report")
    .description(
      "Generates 2,000 rollouts of arithmetic word problems, scores them with examples/quickstart/reward.ts, writes a report.",
    )
    .argument("[folder]", "where the files go", "out/quickstart")
    .option("--seed <seed>", "seed of the generated rollouts", "0")
    .addHelpText("after", "\nExamples:\n  $ guerdon quickstart\n  $ guerdon quickstart /tmp/first-look --seed 7")
    .action(run);
}

async function run(folder: string, { seed }: { seed: string }): Promise<void> {
  const [{ mkdir, writeFile }, { join }, { fileURLToPath }, { generateRollouts }, { runScore }] = await Promise.all([
    import("node:fs/promises"),
    import("node:path"),
    import("node:url"),
    import("../dataset/index.ts"),
    import("./run-score.ts"),
  ]);
  const { relative } = await import("node:path");
  const example = fileURLToPath(new URL("../../examples/quickstart/reward.ts", import.meta.url));
  const near = relative("", example);
  const reward = near.startsWith("..") ? example : near;
  const input = join(folder, "rollouts.jsonl");
  const output = join(folder, "scored.jsonl");
  const report = join(folder, "report.html");
  await mkdir(folder, { recursive: true });
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
