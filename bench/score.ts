/**
 * `npm run bench score [rollouts]`: a generated file (default 1,000,000 rollouts) through `guerdon score`
 * with two cheap signals and group-relative credit, beside a plain Node loop that reads the same file,
 * parses each line and writes it again. Prints the ratio, rollouts per second and the peak memory.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { generateRollouts } from "../src/dataset/generate.ts";

const rollouts = Number(process.argv[3] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), "guerdon-bench-"));
const input = join(folder, "rollouts.jsonl");
const reward = join(folder, "reward.ts");
const memory = join(folder, "memory.mjs");

writeFileSync(
  reward,
  `import { defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { tagFormat } from "guerdon/signal";
export default defineReward({
  signals: { format: tagFormat({ tags: ["think", "answer"] }), answered: tagFormat({ tags: ["answer"], outside: "allow" }) },
  credit: groupRelative(),
});
`,
);
writeFileSync(
  memory,
  `import { isMainThread } from "node:worker_threads";
if (isMainThread) process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS));
`,
);

async function generate(): Promise<void> {
  const out = createWriteStream(input);
  let text = "";
  for (const rollout of generateRollouts({ prompts: rollouts / 8, samples: 8 })) {
    text += `${JSON.stringify(rollout)}\n`;
    if (text.length < 1 << 20) continue;
    if (!out.write(text)) await once(out, "drain");
    text = "";
  }
  out.end(text);
  await once(out, "finish");
}

async function plainLoop(): Promise<number> {
  const began = performance.now();
  const out = createWriteStream(join(folder, "plain.jsonl"));
  for await (const line of createInterface({ input: createReadStream(input) })) {
    const row = JSON.parse(line) as { completion: string };
    if (!out.write(`${JSON.stringify({ ...row, reward: row.completion.length })}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return (performance.now() - began) / 1000;
}

try {
  await generate();
  const plain = await plainLoop();
  const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
  const args = [
    "--import",
    memory,
    bin,
    "score",
    reward,
    input,
    "-o",
    join(folder, "out.jsonl"),
    "--group-size",
    "8",
    "--json",
  ];
  const child = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", maxBuffer: 1 << 26 });
  if (child.status !== 0) throw new Error(child.stderr);
  const { seconds } = JSON.parse(child.stdout) as { seconds: number };
  const peak = Number(/peak (\d+)/.exec(child.stderr)?.[1]) / 1024;
  console.log(`rollouts               ${rollouts} (${Math.round(statSync(input).size / 1e6)} MB)`);
  console.log(`plain read-write loop  ${plain.toFixed(1)} s`);
  console.log(`guerdon score          ${seconds.toFixed(1)} s, ${Math.round(rollouts / seconds)} rollouts/s`);
  console.log(`ratio                  ${(seconds / plain).toFixed(2)}`);
  console.log(`peak memory            ${Math.round(peak)} MiB, all threads`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
