import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { loadReward } from "./load.ts";
import { createScorer } from "./scorer.ts";
import type { Reward, ScoredBatch } from "./types.ts";

const folder = mkdtempSync(join(tmpdir(), "guerdon-load-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const head = 'import { defineReward } from "guerdon";\n';

async function score(
  reward: Reward,
  fields: Record<string, readonly unknown[]>,
  workers = 2,
): Promise<{ scored: ScoredBatch; counters: ReturnType<ReturnType<typeof createScorer>["counters"]> }> {
  const scorer = createScorer(reward, { workers });
  try {
    const scored = await scorer.score({ size: Object.values(fields)[0].length, fields });
    return { scored, counters: scorer.counters() };
  } finally {
    await scorer.close();
  }
}

describe("loadReward", () => {
  it("loads TypeScript with its neighbours, and scores on worker threads", async () => {
    file("neighbour.ts", "export const half = (x: number): number => x / 2;\n");
    const path = file(
      "good.ts",
      `${head}import { exactMatch } from "guerdon/signal";\nimport { sep } from "node:path";\nimport { half } from "./neighbour.ts";
type Text = string;
export default defineReward({ signals: { right: exactMatch(), size: ({ response }) => half((response as Text).length) + sep.length - 1 } });\n`,
    );
    const reward = await loadReward(path);
    const { scored } = await score(reward, { responses: ["abcd", "x"], references: ["abcd", "y"] });
    expect(scored.rewards).toEqual([3, 0.5]);
  });

  it("the hash follows the text of everything bundled, not where it lies", async () => {
    mkdirSync(join(folder, "elsewhere"), { recursive: true });
    for (const place of ["", "elsewhere/"]) {
      file(`${place}part.ts`, "export const x = 1;\n");
      file(
        `${place}same.ts`,
        `${head}import { x } from "./part.ts";\nexport default defineReward({ signals: { a: () => x } });\n`,
      );
    }
    const here = await loadReward(join(folder, "same.ts"));
    expect((await loadReward(join(folder, "elsewhere/same.ts"))).hash).toBe(here.hash);
    file("part.ts", "export const x = 2;\n");
    expect((await loadReward(join(folder, "same.ts"))).hash).not.toBe(here.hash);
  });

  it.each([
    ["syntax.ts", "const a = ;\n", /syntax\.ts:1:11: Unexpected ";"/],
    ["missing.ts", 'import "./nowhere.ts";\n', /missing\.ts:1:8: Could not resolve/],
    ["package.ts", 'import "no-such-package-at-all";\n', /package\.ts:1:8: cannot find "no-such-package-at-all"/],
    [
      "subpath.ts",
      'import { x } from "guerdon/nothing";\nconsole.log(x);\n',
      /subpath\.ts:1:19: guerdon has no "guerdon\/nothing"/,
    ],
    ["throws.ts", "\nconst wanted: string = 'a';\nthrow new Error('no ' + wanted);\n", /throws\.ts:3:\d+: no a/],
    ["nothing.ts", "export const a = 1;\n", /nothing\.ts: has no default export/],
    ["number.ts", "export default 3;\n", /number\.ts: exports number by default/],
    [
      "wrong.ts",
      `${head}export default defineReward({\n  signals: { a: 3 as never },\n});\n`,
      /wrong\.ts:\d+:\d+: signals\.a: expected a part/,
    ],
    ["absent.ts", null, /absent\.ts: no such file/],
  ])("%s: says where and what", async (name, text, message) => {
    const path = text === null ? join(folder, name) : file(name, text);
    await expect(loadReward(path)).rejects.toThrow(message);
  });
});

const hostile = `${head}
export default defineReward({
  signals: {
    fine: ({ response }) => response.length,
    bad: {
      timeLimit: 300,
      use: ({ response }) => {
        if (response === "hang") for (;;);
        if (response === "regex") return /^(a+)+$/.test("a".repeat(40) + "!");
        if (response === "exit") process.exit(7);
        if (response === "throw") throw new Error("one bad sample");
        if (response === "nan") return NaN;
        if (response === "garbage") return { value: () => 1 } as never;
        if (response === "clone") return { value: 1, evidence: { f: () => 1 } };
        return 1;
      },
    },
  },
});
`;

describe("worker threads", () => {
  it("a sample that hangs, dies, throws or talks nonsense costs itself and nobody else", async () => {
    const reward = await loadReward(file("hostile.ts", hostile));
    const kinds = ["hang", "exit", "throw", "nan", "garbage", "clone", "regex"];
    const responses = Array.from({ length: 56 }, (_, i) => (i % 8 === 3 ? kinds[(i - 3) / 8] : "ok"));
    const { scored, counters } = await score(reward, { responses });
    const codes = responses.map((_, i) => scored.errors[i]?.code ?? null);
    expect(codes.filter((code, i) => code !== null && i % 8 !== 3)).toEqual([]);
    expect(kinds.map((_, k) => codes[8 * k + 3])).toEqual([
      "timeout",
      "crashed",
      "threw",
      "not-finite",
      "threw",
      null,
      "timeout",
    ]);
    expect(scored.signals.fine.values).toEqual(responses.map((text) => text.length));
    expect(scored.rewards[0]).toBe(3);
    expect(scored.signals.bad.evidence[43]).toMatch(/^evidence that cannot be copied/);
    expect(counters.signals.bad.timeouts).toBe(2);
    expect(counters).toMatchObject({ scored: 50, unscored: 6 });
  });

  it("a sample that eats all memory takes its worker with it, not the run", async () => {
    const path = file(
      "memory.ts",
      `${head}export default defineReward({ signals: { a: { timeLimit: 60_000, use: ({ response }) => {
  const hoard: unknown[] = [];
  if (response === "hoard") for (;;) hoard.push(new Array(1_000_000).fill(0.5));
  return 1;
} } } });\n`,
    );
    const { scored } = await score(await loadReward(path), { responses: ["a", "hoard", "b"] }, 1);
    expect(scored.rewards).toEqual([1, null, 1]);
    expect(scored.errors[1]).toMatchObject({ code: "crashed", message: expect.stringMatching(/memory/) });
  });

  it("a slice of a row-wise part that hangs is searched for the culprit", async () => {
    const path = file(
      "part.ts",
      `${head}import { definePart, fields } from "guerdon";\nimport { z } from "${import.meta.resolve("zod")}";
const hangs = definePart({ id: "signal/hangs", papers: [], params: z.object({}), inputs: z.object({ responses: fields.responses }), outputs: z.object({ rewards: fields.rewards }),
  compute: (_, { responses }) => { if (responses.includes("hang")) for (;;); return { rewards: responses.map((text) => text.length) }; } });
export default defineReward({ signals: { a: { use: hangs(), timeLimit: 200 } } });\n`,
    );
    const responses = Array.from({ length: 300 }, (_, i) => (i === 170 ? "hang" : "ok"));
    const { scored } = await score(await loadReward(path), { responses }, 1);
    expect(scored.rewards.flatMap((reward, i) => (reward === 2 ? [] : [i]))).toEqual([170]);
    expect(scored.errors[170]?.message).toBe("a: took longer than 200 ms");
  });

  it("a sample that takes its worker down once is tried again where the file says so", async () => {
    const flag = join(folder, "crashed-once");
    const path = file(
      "once.ts",
      `${head}import { existsSync, writeFileSync } from "node:fs";
export default defineReward({ signals: { a: { retries: 1, use: ({ response }) => {
  if (response !== "once" || existsSync(${JSON.stringify(flag)})) return response.length;
  writeFileSync(${JSON.stringify(flag)}, "");
  process.exit(1);
} } } });\n`,
    );
    const { scored, counters } = await score(await loadReward(path), { responses: ["a", "once", "bb"] }, 1);
    expect(scored.rewards).toEqual([1, 4, 2]);
    expect(counters.signals.a.retries).toBe(1);
  });

  it("many samples that hang, in batches that overlap: each is found, none else is harmed", async () => {
    const reward = await loadReward(file("hostile.ts", hostile));
    const scorer = createScorer(reward, { workers: 2 });
    const batches = [0, 1, 2].map((b) => Array.from({ length: 40 }, (_, i) => (i % 20 === b ? "hang" : `${b}.${i}`)));
    const results = await Promise.all(batches.map((responses) => scorer.score({ size: 40, fields: { responses } })));
    for (const [b, { rewards, errors }] of results.entries()) {
      expect(rewards).toEqual(batches[b].map((text) => (text === "hang" ? null : text.length + 1)));
      expect(errors.filter((error) => error?.code === "timeout")).toHaveLength(2);
    }
    await scorer.close();
  });

  it("one batch or many, on workers: the same results", async () => {
    const scorer = createScorer(await loadReward(file("hostile.ts", hostile)), { workers: 2 });
    const text = fc.constantFrom("a", "bb", "throw", "nan", "garbage");
    const run = async (responses: readonly string[]) => {
      const { rewards, errors } = await scorer.score({ size: responses.length, fields: { responses } });
      return rewards.map((reward, i) => ({ reward, code: errors[i]?.code }));
    };
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 60 }), fc.nat({ max: 60 }), async (responses, cut) => {
        const parts = await Promise.all([run(responses.slice(0, cut)), run(responses.slice(cut))]);
        expect(parts.flat()).toEqual(await run(responses));
      }),
      { numRuns: 40 },
    );
    await scorer.close();
  });

  it("the number of workers changes no number", async () => {
    const path = file(
      "numbers.ts",
      `${head}import { exactMatch } from "guerdon/signal";\nimport { groupRelative } from "guerdon/credit";
export default defineReward({ signals: { right: exactMatch(), size: ({ response }) => Math.sin(response.length) }, credit: groupRelative() });\n`,
    );
    const reward = await loadReward(path);
    const responses = Array.from({ length: 500 }, (_, i) => "x".repeat((i * 7919) % 31));
    const fields = {
      responses,
      references: responses.map((text, i) => (i % 3 ? text : "")),
      groups: responses.map((_, i) => i % 50),
    };
    const [none, one, three] = await Promise.all([0, 1, 3].map((workers) => score(reward, fields, workers)));
    expect(one.scored.advantages).toEqual(none.scored.advantages);
    expect(three.scored.advantages).toEqual(none.scored.advantages);
  });

  it("a function that turns out to wait is awaited here", async () => {
    const path = file(
      "waits.ts",
      `${head}export default defineReward({ signals: { a: ({ response }) => Promise.resolve(response.length) } });\n`,
    );
    const { scored } = await score(await loadReward(path), { responses: ["a", "bb"] });
    expect(scored.rewards).toEqual([1, 2]);
  });

  it("a program ends although nobody closed the scorer, and printing does not get into its output", () => {
    const path = file(
      "prints.ts",
      `${head}export default defineReward({ signals: { a: () => { console.log("chatter"); return 1; } } });\n`,
    );
    const program = `import { createScorer, loadReward } from "guerdon/pipeline";
      const scorer = createScorer(await loadReward(${JSON.stringify(path)}));
      console.log((await scorer.score({ size: 1, fields: { responses: ["x"] } })).rewards[0]);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect({ stdout, stderr, status }).toEqual({ stdout: "1\n", stderr: "chatter\n", status: 0 });
  });

  it("a reward that does not load in a worker says so instead of waiting", async () => {
    const path = file(
      "main-only.ts",
      `${head}import { isMainThread } from "node:worker_threads";\nif (!isMainThread) throw new Error("not here");\nexport default defineReward({ signals: { a: () => 1 } });\n`,
    );
    await expect(score(await loadReward(path), { responses: ["a"] })).rejects.toThrow(
      /does not load in a worker thread: not here/,
    );
  });
});
