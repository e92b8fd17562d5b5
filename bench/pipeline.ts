/**
 * Scoring speed: two cheap signals on short rollouts, on worker threads and on this thread.
 *
 *     npm run bench -- pipeline [rollouts]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createScorer, loadReward } from "../src/pipeline/index.ts";

const rollouts = Number(process.argv.slice(2).findLast((argument) => /^\d+$/.test(argument)) ?? 1_000_000);
const batchSize = 2048;
const inFlight = 4;

const folder = mkdtempSync(join(tmpdir(), "guerdon-bench-"));
const file = join(folder, "reward.ts");
writeFileSync(
  file,
  `import { defineReward } from "guerdon";
import { exactMatch, tagFormat } from "guerdon/signal";
import { groupRelative } from "guerdon/credit";
export default defineReward({
  signals: { correct: exactMatch(), format: tagFormat({ tags: ["think", "answer"] }) },
  combine: ({ correct, format }) => correct + 0.1 * format,
  credit: groupRelative(),
});
`,
);
const reward = await loadReward(file);

function batchAt(first: number) {
  const size = Math.min(batchSize, rollouts - first);
  const at = (make: (i: number) => unknown) => Array.from({ length: size }, (_, k) => make(first + k));
  return {
    size,
    fields: {
      responses: at(
        (i) => `<think>${i} and ${i + 1} make ${2 * i + 1}, says rule ${i % 97}.</think>\n<answer>${i}</answer>`,
      ),
      references: at((i) => String(i)),
      groups: at((i) => Math.floor(i / 8)),
    },
  };
}

for (const workers of [0, 1, 2]) {
  const scorer = createScorer(reward, { workers });
  await scorer.score(batchAt(0));
  const started = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < rollouts) {
      const first = next;
      next += batchSize;
      await scorer.score(batchAt(first));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - started) / 1000;
  await scorer.close();
  const where = workers === 0 ? "this thread" : `${workers} worker${workers > 1 ? "s" : ""}`;
  console.log(
    `${where.padEnd(12)} ${Math.round(rollouts / seconds).toLocaleString("en")} rollouts/s (${rollouts.toLocaleString("en")} rollouts, generation included)`,
  );
}
rmSync(folder, { recursive: true });
