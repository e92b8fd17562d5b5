import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadExperiment } from "./papers.ts";
import { type RunProgress, runExperiments } from "./run.ts";
import type { ExperimentResult } from "./types.ts";

const folder = mkdtempSync(join(tmpdir(), "guerdon-experiment-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = (body: string, extra = "") => `
import { defineExperiment } from "guerdon/experiment";
${extra}
export default defineExperiment({
  paper: "coin",
  question: "Does a bent coin fall on one side?",
  bed: "none",
  seeds: 4,
  budgets: { quick: { tosses: 10 }, full: { tosses: 200 } },
  arms: {
    fair: { role: "baseline", settings: { heads: 0.5 } },
    bent: { role: "method", settings: { heads: 0.9 } },
  },
  run({ settings, budget, random, seed }: { settings: { heads: number }; budget: { tosses: number }; random: { stream(name: string): { uniform(): number } }; seed: number }) {
    ${body}
    const rolls = random.stream("tosses");
    const y = Float64Array.from({ length: budget.tosses }, () => (rolls.uniform() < settings.heads ? 1 : 0));
    return { metrics: { share: y.reduce((a, b) => a + b, 0) / y.length }, curves: { y: { x: y.map((_, i) => i), y } } };
  },
  claims: [
    { card: 1, text: "it does", paper: "", checks: [{ text: "bent − fair", value: ({ bent, fair }) => bent.share - fair.share, atLeast: 0.3 }] },
  ],
  figure: { title: "Coins", panels: [{ kind: "dots", metric: "share", x: "share of heads" }] },
});
`;

function load(body = "", extra = "") {
  const file = join(mkdtempSync(join(folder, "coin-")), "experiment.ts");
  writeFileSync(file, source(body, extra));
  return loadExperiment(file);
}

async function run(loaded: Awaited<ReturnType<typeof load>>, options: { threads?: number; journal?: string } = {}) {
  const results: ExperimentResult[] = [];
  const failures: string[] = [];
  const seen: RunProgress[] = [];
  await runExperiments([loaded], {
    budget: "full",
    threads: options.threads ?? 2,
    journalFolder: options.journal === undefined ? undefined : () => options.journal ?? "",
    onProgress: (progress) => seen.push(progress),
    onResult: async (_, result) => void results.push(result),
    onFailure: (_, message) => failures.push(message),
  });
  return { results, failures, last: seen[seen.length - 1] };
}

test("the same seeds give the same result, on one thread or two", async () => {
  const loaded = await load();
  const { results, failures } = await run(loaded);
  expect(failures).toEqual([]);
  expect(results[0]).toMatchObject({ seeds: [0, 1, 2, 3], hash: loaded.hash });
  expect(results[0].claims[0].verdict).toBe("reproduced");
  expect((await run(loaded, { threads: 1 })).results).toEqual(results);
});

test("a run resumes from its journal, over a torn line, with the same numbers", async () => {
  const loaded = await load();
  const whole = await run(loaded);
  // A process that dies after three jobs, in the middle of writing a fourth.
  const journal = mkdtempSync(join(folder, "journal-"));
  const file = join(journal, "full.jsonl");
  const stop = new AbortController();
  let finished = 0;
  await runExperiments([loaded], {
    budget: "full",
    threads: 1,
    journalFolder: () => journal,
    signal: stop.signal,
    onProgress: (progress) => {
      finished = progress.finished;
      if (progress.finished === 3) stop.abort();
    },
  });
  expect(finished).toBe(3);
  appendFileSync(file, readFileSync(file, "utf8").slice(0, 40));
  const rest = await run(loaded, { journal });
  expect(rest.last).toMatchObject({ jobs: 8, resumed: 3, finished: 8 });
  expect(rest.results).toEqual(whole.results);
  // Finished: the next run starts from nothing.
  expect((await run(loaded, { journal })).last.resumed).toBe(0);
});

test("a journal that cannot be written fails its experiment, and says why once", async () => {
  const file = join(mkdtempSync(join(folder, "journal-")), "file");
  writeFileSync(file, "");
  const { results, failures } = await run(await load(), { journal: join(file, "below") });
  expect(results).toEqual([]);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(/file is no folder/);
});

test("a journal of other code is not used", async () => {
  const journal = mkdtempSync(join(folder, "journal-"));
  const first = await load("if (seed > 1) throw new Error('later seeds fail');");
  expect((await run(first, { journal })).failures[0]).toContain("later seeds fail");
  expect((await run(await load(), { journal })).last.resumed).toBe(0);
});

test("an error, and a number that is not finite, end the experiment with arm and seed", async () => {
  const threw = await run(await load("if (seed === 2) throw new Error('the coin rolled away');"));
  expect(threw.results).toEqual([]);
  expect(threw.failures).toHaveLength(1);
  expect(threw.failures[0]).toContain("seed 2: the coin rolled away");
  const nan = await run(await load("if (settings.heads > 0.5) return { metrics: { share: 0 / 0 } };"));
  expect(nan.failures[0]).toContain("share is NaN; an undefined metric is null");
});

test("the hash follows the code that is reached and nothing else", async () => {
  const plain = await load();
  expect((await load()).hash).toBe(plain.hash);
  const unused = await load("", 'import { groupRelative } from "guerdon/credit";\n// A comment.');
  expect(unused.hash).toBe(plain.hash);
  const used = await load("if (seed < 0) groupRelative();", 'import { groupRelative } from "guerdon/credit";');
  expect(used.hash).not.toBe(plain.hash);
});

test("what does not compile is named with its place", async () => {
  await expect(load("const = 1;")).rejects.toThrow(/experiment\.ts:\d+:\d+/);
  await expect(load("", 'import "guerdon/nothing";')).rejects.toThrow("guerdon has no");
  await expect(loadExperiment("parr")).rejects.toThrow("did you mean par");
});
