import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutputError } from "../core/output-error.ts";
import { createRandom } from "../core/random.ts";
import { fakeScorer, folder, rowNeeds, runFile } from "./run.fixture.ts";

interface Row {
  completion: string;
  group: string;
  n: number;
}

/** Groups of different sizes, interleaved within a few rows. */
function rows(count: number, seed: number): Row[] {
  const random = createRandom(seed);
  const list: Row[] = [];
  for (let n = 0; n < count; n++) {
    const group = `g${Math.floor(n / 6) + (random.uniform() < 0.3 ? 1 : 0)}`;
    list.push({ completion: "é".repeat(random.integer(20)), group, n });
  }
  return list;
}

function writeRows(path: string, list: readonly unknown[]): void {
  writeFileSync(path, list.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

function readRows(path: string): Record<string, unknown>[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("scoreDataset", { timeout: 120_000 }, () => {
  it("keeps the input's order and columns, and credits interleaved groups whole", async () => {
    const at = folder();
    const list = rows(300, 1);
    writeRows(join(at, "in.jsonl"), list);
    const result = await runFile(join(at, "in.jsonl"), join(at, "out.jsonl"), { window: 64, batchSize: 16 });
    expect(result.tally.scored).toBe(300);
    const out = readRows(join(at, "out.jsonl"));
    expect(out.map(({ completion, group, n }) => ({ completion, group, n }))).toEqual(list);
    for (const row of out) {
      const members = list.filter((other) => other.group === row.group);
      const mean = members.reduce((sum, other) => sum + other.completion.length, 0) / members.length;
      expect(row.reward).toBe(String(row.completion).length);
      expect(row.advantage).toBeCloseTo(Number(row.reward) - mean, 10);
      expect(row.signals).toEqual({ length: row.reward });
      expect(row.error).toBeNull();
    }
    expect(readdirSync(at).sort()).toEqual(["in.jsonl", "out.jsonl"]);
  });

  it.each([false, true])("ends with the same bytes when killed at any moment (state: %s)", async (state) => {
    const at = folder();
    writeRows(join(at, "in.jsonl"), rows(400, 2));
    const options = { window: 40, batchSize: 7, underWay: 4, checkpointEvery: 0 };
    const scorer = (seed: number) => fakeScorer({ seed, delay: 3, state });
    await runFile(join(at, "in.jsonl"), join(at, "whole.jsonl"), options, { scorer: scorer(0) });
    const whole = readFileSync(join(at, "whole.jsonl"), "utf8");
    const random = createRandom(`kill ${state}`);
    let all = 0;
    for (let attempt = 0; attempt < 16; attempt++) {
      const home = join(at, `kill${attempt}`);
      mkdirSync(home);
      const output = join(home, "out.jsonl");
      let kills = 0;
      let life = 0;
      for (;;) {
        // What a kill leaves behind: a copy of the files in the middle of a run, perhaps with half a line at the end.
        const next = join(home, `life${++life}.jsonl`);
        const after = random.integer(20);
        let copied = false;
        let seen = 0;
        await runFile(join(at, "in.jsonl"), life === 1 ? output : join(home, `life${life - 1}.jsonl`), options, {
          scorer: scorer(life),
          onProgress() {
            if (copied || seen++ < after || kills >= 6) return;
            const from = life === 1 ? output : join(home, `life${life - 1}.jsonl`);
            if (!existsSync(`${from}.progress`)) return;
            copyFileSync(`${from}.progress`, `${next}.progress`);
            copyFileSync(`${from}.partial`, `${next}.partial`);
            if (random.uniform() < 0.5) appendFileSync(`${next}.partial`, '{"completion":"hal');
            copied = true;
          },
        });
        const from = life === 1 ? output : join(home, `life${life - 1}.jsonl`);
        expect(readFileSync(from, "utf8")).toBe(whole);
        if (!copied) break;
        kills++;
        all++;
      }
    }
    expect(all).toBeGreaterThan(10);
  });

  it("is stopped by a signal, then goes on without scoring a finished rollout twice", async () => {
    const at = folder();
    const list = rows(300, 3).map((row) => ({ ...row, completion: `${row.n}` }));
    writeRows(join(at, "in.jsonl"), list);
    const seen: string[] = [];
    const options = { window: 30, batchSize: 5, checkpointEvery: 0 };
    let result = null;
    let runs = 0;
    while (result?.status !== "finished") {
      const controller = new AbortController();
      const limit = 40 + 13 * runs++;
      let progress = 0;
      result = await runFile(join(at, "in.jsonl"), join(at, "out.jsonl"), options, {
        scorer: fakeScorer({ seen, delay: 2, seed: runs }),
        signal: controller.signal,
        onProgress() {
          if (++progress * 5 > limit) controller.abort();
        },
      });
    }
    expect(runs).toBeGreaterThan(2);
    expect(seen.length).toBe(300);
    expect(new Set(seen).size).toBe(300);
    expect(readRows(join(at, "out.jsonl")).map((row) => row.n)).toEqual(list.map((row) => row.n));
  });

  it("refuses to go on with another input or other options", async () => {
    const at = folder();
    writeRows(join(at, "in.jsonl"), rows(200, 4));
    const controller = new AbortController();
    const options = { window: 20, batchSize: 5, checkpointEvery: 0 };
    const output = join(at, "out.jsonl");
    await runFile(join(at, "in.jsonl"), output, options, {
      signal: controller.signal,
      onProgress: ({ rows }) => rows > 50 && controller.abort(),
    });
    await expect(runFile(join(at, "in.jsonl"), output, { ...options, window: 30 })).rejects.toThrow(/another window/);
    appendFileSync(join(at, "in.jsonl"), "{}\n");
    await expect(runFile(join(at, "in.jsonl"), output, options)).rejects.toThrow(/content of the input/);
    const again = await runFile(join(at, "in.jsonl"), output, { ...options, restart: true });
    expect(again).toMatchObject({ status: "finished", resumedAt: null, tally: { scored: 200, unscored: 1 } });
  });

  it("reports a group that comes back after it closed, and groups of another size", async () => {
    const at = folder();
    const list = ["a", "a", "b", "b", "c", "c", "d", "d", "a"].map((group, n) => ({ completion: "x", group, n }));
    writeRows(join(at, "in.jsonl"), list);
    await runFile(join(at, "in.jsonl"), join(at, "late.jsonl"), { window: 4 });
    const late = readRows(join(at, "late.jsonl"));
    expect(late.map((row) => row.reward)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, null]);
    expect(late[8].error).toMatchObject({ code: "incomplete-group" });
    const result = await runFile(join(at, "in.jsonl"), join(at, "three.jsonl"), { window: 9, groupSize: 3 });
    expect(result.tally).toMatchObject({ scored: 3, unscored: 6, short: 6, errors: { "incomplete-group": 6 } });
    expect(readRows(join(at, "three.jsonl")).map((row) => row.reward !== null)).toEqual(
      list.map(({ group }) => group === "a"),
    );
  });

  it("groups identical prompts when the reward needs groups and the input names none", async () => {
    const at = folder();
    const list = [1, 2, 3, 4].map((n) => ({
      prompt: n % 2 ? "p" : [{ role: "user", content: "q" }],
      response: "x".repeat(n),
    }));
    writeRows(join(at, "in.jsonl"), list);
    await runFile(join(at, "in.jsonl"), join(at, "out.jsonl"));
    expect(readRows(join(at, "out.jsonl")).map((row) => row.advantage)).toEqual([-1, -1, 1, 1]);
  });

  it("stops at a bad line with its place, or skips it and says so", async () => {
    const at = folder();
    writeFileSync(join(at, "in.jsonl"), '{"response":"a","group":1}\n\n[1]\n{"response":"b","group":1}\n{"respon');
    await expect(runFile(join(at, "in.jsonl"), join(at, "out.jsonl"))).rejects.toThrow(
      /in\.jsonl:3: expected a JSON object, got a list/,
    );
    expect(existsSync(join(at, "out.jsonl"))).toBe(false);
    const result = await runFile(join(at, "in.jsonl"), join(at, "out.jsonl"), { onBadLine: "skip" });
    expect(result.tally).toMatchObject({ scored: 2, unscored: 2, badLines: 2, errors: { "bad-input": 2 } });
    expect(result.tally.badLineMessages[1]).toMatch(/in\.jsonl:5: .*invalid JSON/);
    expect(readRows(join(at, "out.jsonl")).map((row) => row.reward)).toEqual([1, null, 1, null]);
  });

  it("keeps what came before a bad line, marked as partial, and says so", async () => {
    const at = folder();
    writeFileSync(join(at, "in.jsonl"), '{"response":"a"}\n{"response":"bb"}\nnonsense\n{"response":"c"}\n');
    const ungrouped = { wholeGroups: false, fields: { responses: "signal length" }, optionalFields: {} };
    await expect(runFile(join(at, "in.jsonl"), join(at, "out.jsonl"), {}, { needs: ungrouped })).rejects.toThrow(
      /in\.jsonl:3: [\s\S]*2 rollouts before it are kept in .*out\.jsonl\.partial/,
    );
    expect(existsSync(join(at, "out.jsonl"))).toBe(false);
    expect(readRows(join(at, "out.jsonl.partial")).map((row) => row.reward)).toEqual([1, 2]);
  });

  it("leaves a malformed row unscored and the rest of its group scored", async () => {
    const at = folder();
    writeRows(join(at, "in.jsonl"), [
      { response: "aa", group: "g" },
      { response: { text: "no" }, group: "g" },
      { group: "g" },
      { response: "bbbb", group: "g" },
    ]);
    await runFile(join(at, "in.jsonl"), join(at, "out.jsonl"), { groupSize: 4 });
    const out = readRows(join(at, "out.jsonl"));
    expect(out.map((row) => row.advantage)).toEqual([-1, null, null, 1]);
    expect(out[1].error).toEqual({ code: "bad-input", message: "responses: expected a text, got an object" });
    expect(out[2].error).toEqual({ code: "bad-input", message: "responses is missing" });
  });

  it("keeps the digits of numbers and replaces columns of an earlier scoring", async () => {
    const at = folder();
    writeFileSync(
      join(at, "in.jsonl"),
      '{"big": 12345678901234567890, "f": 1.50, "response": "a"}\r\n{"reward": 7, "response": "b", "error": "old"}\n',
    );
    const result = await runFile(join(at, "in.jsonl"), join(at, "out.jsonl"), {}, { needs: rowNeeds });
    const [first, second] = readFileSync(join(at, "out.jsonl"), "utf8").split("\n");
    expect(first).toBe(
      '{"big": 12345678901234567890, "f": 1.50, "response": "a","reward":1,"advantage":0,"error":null,"signals":{"length":1}}',
    );
    expect(second).toBe('{"response":"b","reward":1,"advantage":0,"error":null,"signals":{"length":1}}');
    expect(result.tally.replaced).toBe(true);
  });

  it("refuses columns that a table cannot tell apart before anything is scored", async () => {
    const at = folder();
    writeRows(join(at, "in.jsonl"), [{ response: "a", Reward: 1 }]);
    const run = (name: string) => runFile(join(at, "in.jsonl"), join(at, name), {}, { needs: rowNeeds });
    await expect(run("out.parquet")).rejects.toThrow(/"reward", "Reward" differ in case only/);
    expect((await run("out.jsonl")).tally.scored).toBe(1);
    expect(readdirSync(at).sort()).toEqual(["in.jsonl", "out.jsonl"]);
  });

  it("says what happened when the output cannot be written", async () => {
    const at = folder();
    writeRows(join(at, "in.jsonl"), rows(10, 5));
    await expect(runFile(join(at, "in.jsonl"), join(at, "nowhere", "out.jsonl"))).rejects.toThrow(OutputError);
    await expect(runFile(join(at, "in.jsonl"), join(at, "in.jsonl"))).rejects.toThrow(/is the input/);
  });

  it.each(["csv", "tsv", "parquet"])("any text survives %s out and in again", async (format) => {
    const at = folder();
    let trial = 0;
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.constantFrom(
        "\ufeff",
        "",
        "null",
        "NULL",
        '"',
        "a,b",
        "\r\n",
        "'",
        "=1+1",
        "007",
        "1e5",
        "2024-01-01",
        "[1]",
        "\\N",
        "\u0000",
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ response: text, extra: text }), { minLength: 1, maxLength: 8 }),
        async (list) => {
          const name = join(at, `${trial++}'t *[x]`);
          writeRows(
            `${name}.jsonl`,
            list.map((row, n) => ({ ...row, n, nested: { a: [n, null], b: row.extra } })),
          );
          await runFile(`${name}.jsonl`, `${name}.1.${format}`, {}, { needs: rowNeeds });
          await runFile(`${name}.1.${format}`, `${name}.2.jsonl`, {}, { needs: rowNeeds });
          const out = readRows(`${name}.2.jsonl`);
          expect(out.map(({ response, extra }) => ({ response: response ?? "", extra: extra ?? "" }))).toEqual(list);
          expect(out.map((row) => row.reward)).toEqual(list.map(({ response }) => response.length));
          const nested = out.map((row) => (format === "parquet" ? row.nested : JSON.parse(String(row.nested))));
          expect(nested).toEqual(list.map(({ extra }, n) => ({ a: [n, null], b: extra })));
        },
      ),
      { numRuns: 15 },
    );
  });
});
