import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadReward, needsOf } from "../src/pipeline/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-docs-"));
mkdirSync(join(folder, "node_modules"));
symlinkSync(join(root, "node_modules/zod"), join(folder, "node_modules/zod"));
afterAll(() => rmSync(folder, { recursive: true }));

const blocks = ["docs/reward-files.md", "docs/code-tests.md"].flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]),
);

describe("docs/reward-files.md and docs/code-tests.md", () => {
  it.each(blocks.map((text, i) => [i + 1, text] as const))("block %i is a reward file", async (i, text) => {
    const file = join(folder, `block-${i}.ts`);
    writeFileSync(file, text);
    const reward = await loadReward(file);
    expect(Object.keys(needsOf(reward).fields)).toContain("responses");
  });
});

describe("examples", () => {
  it.each(["examples/math/reward.ts", "examples/quickstart/reward.ts"])("%s loads", async (file) => {
    expect(needsOf(await loadReward(join(root, file)))).toMatchObject({
      wholeGroups: true,
      fields: { references: "signal correct" },
    });
  });
});
