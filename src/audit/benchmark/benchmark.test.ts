import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { createRandom } from "../../core/random.ts";
import { defineReward } from "../../pipeline/index.ts";
import { readBenchmark } from "./formats.ts";
import type { AskOptions } from "./requests.ts";
import { runBenchmark, runGiven } from "./run.ts";
import { type BenchScorer, endpointScorer, judgeScorer, rewardScorer } from "./scorers.ts";

const folder = mkdtempSync(join(tmpdir(), "guerdon-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(rows: readonly unknown[], ending = "jsonl"): string {
  const path = join(folder, `${files++}.${ending}`);
  writeFileSync(path, ending === "json" ? JSON.stringify(rows) : rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

const ask: AskOptions = { steps: false, aggregate: "prod", threshold: 0.5, orders: "both", seed: "0" };
const run = { ...ask, workers: 0, batchSize: 7 };

async function given(rows: readonly unknown[], options: Partial<AskOptions> = {}, ending = "jsonl") {
  const { format, items } = await readBenchmark(file(rows, ending));
  return runGiven(format, items, { ...ask, ...options }).result;
}

const value = (result: { overall: { metrics: Readonly<Record<string, { value: number | null }>> } }, name: string) =>
  result.overall.metrics[name].value;

const byLength: BenchScorer = rewardScorer(
  defineReward({ signals: { score: ({ response }) => response.length }, maxUnscored: 1 }),
);

it("RewardBench 2: a tie for the best of four counts its share, domains count alike, Ties is paired", async () => {
  const row = (subset: string, scores: unknown, id = subset) => ({
    id,
    prompt: "p",
    chosen: ["c"],
    rejected: ["x", "y", "z"],
    subset,
    scores,
  });
  const result = await given([
    row("Math", [3, 1, 2, 0]),
    row("Math", [3, 3, 2, 0]),
    // As the authors' results: a list of one.
    row("Focus", [[0], [1], [0], [0]]),
    { id: "ref:1", subset: "Ties", prompt: "p", chosen: ["a"], rejected: ["b"], scores: [5, 0] },
    { id: "tied:1", subset: "Ties", prompt: "p", chosen: ["a", "b"], rejected: ["c"], scores: [5, 4.9, 0] },
  ]);
  const accuracy = Object.fromEntries(
    result.subsets.map(({ subset, metrics }) => [subset, Object.values(metrics)[0].value]),
  );
  // tied: cc = .1, ci = 4.9; ref: ci = 5. .3 + .3 + .2 + .2 + .01·tanh(4.9/.1 − 1)
  expect(accuracy).toEqual({ Math: 0.75, Focus: 0, Ties: expect.closeTo(1.01, 10) });
  expect(value(result, "score")).toBeCloseTo((0.75 + 0 + 1.01) / 3, 10);
});

it("RewardMATH: scores, step scores and verdicts as released", async () => {
  const sources = ["human_to_GPT-4", "a", "b"];
  const row = (score: unknown) => ({ problem: "1+1", solution_reference: sources, score });
  const scalar = await given([row([3, 2, 1]), row([3, 3, 1]), row([0, 2, 1])], {}, "json");
  expect(value(scalar, "accuracy")).toBeCloseTo(1 / 3, 12);
  expect(value(scalar, "accuracy with ties")).toBeCloseTo(2 / 3, 12);
  // Wrong solutions rank first among equals: 1, 1/2, 1/3.
  expect(value(scalar, "mrr")).toBeCloseTo((1 + 1 / 2 + 1 / 3) / 3, 12);
  const steps = [row([[0.9, 0.9], [0.99, 0.1], [0.8]])];
  expect(value(await given(steps, { aggregate: "prod" }), "accuracy")).toBe(1);
  expect(value(await given(steps, { aggregate: "max" }), "accuracy")).toBe(0);
  const verdicts = await given([
    { problem: "p", solution_reference: ["a", "b"], score: ["A", "B"], chosen_position: ["A", "B"] },
    { problem: "q", solution_reference: ["a", "b"], score: ["A", null], chosen_position: ["A", "B"] },
  ]);
  // An unparsed verdict is no verdict; the bounds say what it could have been.
  expect(verdicts.unscored).toBe(1);
  expect(verdicts.overall.metrics.accuracy).toMatchObject({ value: 1, bounds: [0.5, 1] });
  expect(verdicts.overall.metrics.mrr.bounds).toEqual([0.75, 1]);
});

it("RewardMATH's rows of solutions are put together by problem and scored", async () => {
  const row = (problem: number, type: string, text: string) => ({
    problem: `p${problem}`,
    answer: "2",
    eval_solution: [text, "so"],
    solution_type: type,
    problem_id: problem,
  });
  const path = file(
    [
      row(0, "chosen", "long enough"),
      row(0, "rejected", "short"),
      row(1, "chosen", "x"),
      row(1, "rejected", "yy"),
      row(0, "rejected", "tiny"),
    ],
    "json",
  );
  const { format, items } = await readBenchmark(path);
  expect(format).toBe("rewardmath");
  expect(items).toMatchObject([
    { rejected: [{ text: "short\nso" }, { text: "tiny\nso" }], fields: { references: "2" } },
    { id: "1" },
  ]);
  const { result } = await runBenchmark(format, items, byLength, run);
  expect(value(result, "accuracy")).toBe(0.5);
  // Every step with those before it: a process reward model by prefixes.
  const { judged } = await runBenchmark(format, items, byLength, { ...run, steps: true, aggregate: "last" });
  expect(judged[1].outcome).toEqual({ kind: "scores", scores: ["x\n\nso".length, "yy\n\nso".length] });
});

it("contrast instructions: which of the four scores are compared", async () => {
  const row = (scores: readonly number[]) => ({
    query: "q",
    retrieval: "r",
    query_response_k: "a",
    retrieval_response_k: "b",
    scores,
  });
  const result = await given([row([2, 1, 0, 3]), row([2, 3, 0, 3])]);
  // s11 > s12 and s22 > s21: 2 of 2, then 1 of 2.
  expect(value(result, "response consistency")).toBe(0.75);
  expect(value(result, "all consistency")).toBe(0.5);
});

it("ProcessBench: the first step below the threshold, F1 of both accuracies", async () => {
  const row = (label: number, scores: readonly (number | null)[], id: string) => ({
    id,
    problem: "p",
    steps: ["a", "b"],
    label,
    scores,
  });
  const result = await given([
    row(-1, [0.9, 0.9], "gsm8k-0"),
    row(1, [0.9, 0.1], "gsm8k-1"),
    row(0, [0.9, 0.1], "gsm8k-2"),
    row(0, [null, 0.2], "gsm8k-3"),
  ]);
  expect(result.subsets.map(({ subset }) => subset)).toEqual(["gsm8k"]);
  expect(value(result, "accuracy on erroneous")).toBe(0.5);
  expect(value(result, "f1")).toBeCloseTo(2 / 3, 12);
  expect(result.overall.metrics["accuracy on erroneous"]).toMatchObject({
    bounds: [expect.closeTo(1 / 3, 12), expect.closeTo(2 / 3, 12)],
  });
});

it("MRMBench: a linear probe finds a linear label and not a random one", async () => {
  const random = createRandom(3);
  for (const dimension of ["coherence", "verbosity"]) {
    mkdirSync(join(folder, "mrm", dimension), { recursive: true });
    for (const [split, count] of [
      ["train", 120],
      ["test", 60],
    ] as const) {
      const rows = Array.from({ length: count }, () => {
        const embedding = Array.from({ length: 4 }, () => 3 + 2 * random.normal());
        const label = dimension === "coherence" ? (embedding[1] > 3 ? 1 : 0) : random.integer(2);
        return { input: "i", output: "o", label, embedding };
      });
      writeFileSync(join(folder, "mrm", dimension, `${split}.json`), JSON.stringify(rows));
    }
  }
  const { format, items } = await readBenchmark(join(folder, "mrm"));
  const { subsets, items: counted } = runGiven(format, items, ask).result;
  expect(counted).toBe(120);
  const accuracy = Object.fromEntries(subsets.map(({ subset, metrics }) => [subset, metrics.accuracy.value ?? 0]));
  expect(accuracy.coherence).toBeGreaterThan(0.9);
  expect(accuracy.verbosity).toBeLessThan(0.7);
});

it("preference pairs, chats too, with a reward file; the same seed gives the same intervals", async () => {
  const chat = (text: string) => [
    { role: "user", content: "hi" },
    { role: "assistant", content: text },
  ];
  const path = file([
    { prompt: "p", chosen: "longer", rejected: "short", category: "a" },
    { chosen: chat("x"), rejected: chat("yy"), category: "b" },
  ]);
  const { format, items } = await readBenchmark(path);
  expect(items[1]).toMatchObject({ prompt: [{ content: "hi" }], chosen: [{ text: "x" }] });
  const first = await runBenchmark(format, items, byLength, run);
  expect(first.result.subsets.map(({ metrics }) => metrics.accuracy.value)).toEqual([1, 0]);
  expect((await runBenchmark(format, items, byLength, run)).result).toEqual(first.result);
});

it("says where the data is wrong", async () => {
  const pairs = { prompt: "p", chosen: "a", rejected: "b" };
  await expect(readBenchmark(file([pairs, { ...pairs, chosen: 3 }]))).rejects.toThrow(
    /\.jsonl:2\.chosen: expected a text, got 3/,
  );
  await expect(readBenchmark(file([{ foo: 1 }]))).rejects.toThrow("no known benchmark has the columns foo");
  await expect(readBenchmark(file([{ ...pairs, scores: [1, "x"] }]))).rejects.toThrow(
    /scores\[1\]: expected a finite number/,
  );
  await expect(readBenchmark(file([{ problem: "p", steps: ["a"], label: 1 }]))).rejects.toThrow(
    "−1 or the index of one of 1 steps",
  );
  const { format, items } = await readBenchmark(file([pairs]));
  expect(() => runGiven(format, items, ask)).toThrow("the data holds no scores");
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Reply = { readonly status?: number; readonly body: string } | null;

/** A server on loopback; a reply of null hangs. */
async function serve(reply: (body: Record<string, unknown>, request: IncomingMessage) => Reply): Promise<string> {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const answer = reply(JSON.parse(text) as Record<string, unknown>, request);
      if (answer) response.writeHead(answer.status ?? 200, { "content-type": "application/json" }).end(answer.body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const pairRows = ["good", "hang", "garbage", "busy", "nan"].map((word) => ({
  prompt: word,
  chosen: `${word} right`,
  rejected: `${word} no`,
}));

it("an endpoint that hangs, fails or talks nonsense leaves items unscored, never wrong", async () => {
  const url = await serve((body) => {
    const { messages } = body as { messages: { content: string }[] };
    const [prompt, response] = messages.map(({ content }) => content);
    if (prompt === "hang") return null;
    if (prompt === "garbage") return { body: "<html>" };
    if (prompt === "busy") return { status: 503, body: "later" };
    if (prompt === "nan") return { body: JSON.stringify({ data: [{ data: ["x"] }] }) };
    return { body: JSON.stringify({ data: [{ data: [[response.length]] }] }) };
  });
  const scorer = endpointScorer({ url: `${url}/pooling`, timeLimit: 300, retries: 0 });
  const { format, items } = await readBenchmark(file(pairRows));
  const { result } = await runBenchmark(format, items, scorer, run);
  expect(result.unscored).toBe(4);
  expect(result.overall.metrics.accuracy).toMatchObject({ value: 1, bounds: [0.2, 1] });
  const reasons = Object.keys(result.reasons).map((reason) => reason.split(":")[0]);
  expect(reasons.sort()).toEqual(["timeout", "unavailable", "unreadable", "unreadable"]);
});

it.each([
  ["classify", { data: [{ probs: [0.25] }] }],
  ["score", { data: [{ score: 0.25 }] }],
  ["get_reward", { rewards: [0.25] }],
])("speaks /%s", async (name, answer) => {
  const bodies: unknown[] = [];
  const url = await serve((body) => {
    bodies.push(body);
    return { body: JSON.stringify(answer) };
  });
  const { format, items } = await readBenchmark(file(pairRows.slice(0, 1)));
  const { judged } = await runBenchmark(format, items, endpointScorer({ url: `${url}/${name}`, model: "rm" }), run);
  expect(judged[0].outcome).toEqual({ kind: "scores", scores: [0.25, 0.25] });
  expect(JSON.stringify(bodies[0])).toContain("good");
});

it("a pairwise judge that always says A is asked in both orders, and wins nothing", async () => {
  const url = await serve(() => ({ body: JSON.stringify({ choices: [{ message: { content: "Judgement: A" } }] }) }));
  const server = { kind: "pairwise", model: "m", baseURL: `${url}/v1` } as const;
  const { format, items } = await readBenchmark(file(pairRows));
  const both = await runBenchmark(format, items, judgeScorer({ ...server, orders: "both" }), run);
  expect(value(both.result, "accuracy")).toBe(0);
  const one = await runBenchmark(format, items, judgeScorer({ ...server, orders: "single" }), {
    ...run,
    orders: "single",
  });
  const wins = one.judged.map(({ outcome }) => outcome?.kind === "wins" && outcome.wins[0]);
  expect(new Set(wins)).toEqual(new Set([true, false]));
});

it("rating, ranking and process judges", async () => {
  const url = await serve((body) => {
    const text = JSON.stringify(body.messages);
    const content = text.includes("[[A]]")
      ? "I choose [[A]]"
      : text.includes("result")
        ? '{"reason":"","result":"True"}'
        : text.includes("good right")
          ? "Rating: 9"
          : "Rating: none";
    return { body: JSON.stringify({ choices: [{ message: { content } }] }) };
  });
  const server = { model: "m", baseURL: `${url}/v1`, orders: "both", retries: 0 } as const;
  const pairs = await readBenchmark(file(pairRows.slice(0, 1)));
  const rating = await runBenchmark("pairs", pairs.items, judgeScorer({ ...server, kind: "rating" }), run);
  // "Rating: none" is no rating: not 1, as the release has it.
  expect(rating.result.unscored).toBe(1);
  const four = Array.from({ length: 12 }, (_, i) => ({
    id: `${i}`,
    prompt: "p",
    chosen: ["c"],
    rejected: ["x", "y", "z"],
    subset: "Math",
  }));
  const ranked = await readBenchmark(file(four));
  const ranking = await runBenchmark("reward-bench-2", ranked.items, judgeScorer({ ...server, kind: "ranking" }), run);
  const picked = value(ranking.result, "accuracy") ?? -1;
  expect(picked).toBeGreaterThan(0);
  expect(picked).toBeLessThan(1);
  const steps = await readBenchmark(file([{ problem: "p", steps: ["a", "b"], label: -1 }]));
  const process = await runBenchmark("process-bench", steps.items, judgeScorer({ ...server, kind: "process" }), run);
  expect(process.judged[0].outcome).toEqual({ kind: "prediction", prediction: -1 });
  await expect(runBenchmark("pairs", pairs.items, judgeScorer({ ...server, kind: "process" }), run)).rejects.toThrow(
    "fits process-bench",
  );
});

const real = process.env.GUERDON_DATA;

it.skipIf(!real)(
  "RewardMATH's released scores give the figures computed from them (skipped without GUERDON_DATA)",
  async () => {
    const figures = {
      ArmoRM: [0.205, 0.205],
      Math_Shepherd: [0.172, 0.172],
      gpt4o: [0.26, 0.26],
      gpt4o_pairwise: [0.248, 0.246],
    };
    for (const [name, [accuracy, worst]] of Object.entries(figures)) {
      const { format, items } = await readBenchmark(join(String(real), "rewardmath", `${name}.json`));
      const { overall } = runGiven(format, items, ask).result;
      expect(overall.metrics.accuracy.value).toBeCloseTo(accuracy, 3);
      expect(overall.metrics.accuracy.bounds?.[0] ?? overall.metrics.accuracy.value).toBeCloseTo(worst, 3);
    }
  },
);

it("takes a score that is null, NaN or missing for an unscored item, and refuses what is no score", async () => {
  const pair = (scores: unknown) => ({ prompt: "p", chosen: "a", rejected: "b", scores });
  const result = await given([pair([1, 0]), pair([null, 0]), pair(null), pair(undefined), pair([2, 2])]);
  expect(result).toMatchObject({ items: 5, unscored: 3, reasons: { "no score in the data": 3 } });
  expect(result.overall.metrics.accuracy).toMatchObject({ value: 0.5, bounds: [0.2, 0.8] });
  // One of two scored ties; of all five at least one and at most four.
  expect(result.overall.metrics.ties).toMatchObject({ value: 0.5, bounds: [0.2, 0.8] });

  // As Python writes it, in lines and in lists, and as CSV.
  const lines =
    '{"prompt":"NaN","chosen":"a","rejected":"b","scores":[1,0]}\n{"prompt":"NaN","chosen":"a","rejected":"b","scores":[NaN,-Infinity]}';
  for (const [name, text] of [
    ["nan.jsonl", lines],
    ["nan.json", `[${lines.replace("\n", ",")}]`],
    ["nan.csv", "prompt,chosen,rejected,score_chosen,score_rejected\nNaN,a,b,1,0\nNaN,a,b,nan,0"],
  ]) {
    const path = join(folder, name);
    writeFileSync(path, text);
    const { format, items } = await readBenchmark(path);
    expect(items.map((item) => item.kind === "choice" && item.prompt)).toEqual(["NaN", "NaN"]);
    const { unscored, overall } = runGiven(format, items, ask).result;
    expect([name, unscored, overall.metrics.accuracy.value]).toEqual([name, 1, 1]);
  }
  for (const [scores, message] of [
    [["x", 0], /:2\.scores\[0\]: expected a finite number or null, got a string/],
    [[1], /:2\.scores: expected 2 scores, got 1/],
    ["1", /:2\.scores: expected a list of scores/],
    [[{}, 0], /:2\.scores\[0\]: expected a finite number or null, got an object/],
  ] as const)
    await expect(given([pair([1, 0]), pair(scores)])).rejects.toThrow(message);
  await expect(given([pair(undefined), pair(undefined)])).rejects.toThrow(/:1: the data holds no scores/);
  const broken = join(folder, "broken.jsonl");
  writeFileSync(broken, `${lines}\n{"scores": [NaN`);
  await expect(readBenchmark(broken)).rejects.toThrow(/broken\.jsonl:3: expected a JSON object/);
});

it("a probe's embedding with a NaN, and a prediction that is NaN, are none", async () => {
  const probe = (embedding: unknown) => ({ input: "i", output: "o", label: 0, split: "test", embedding });
  const { items } = await readBenchmark(file([probe([1, 2]), probe([1, null]), probe(null)]));
  expect(items.map((item) => item.kind === "probe" && item.embedding)).toEqual([[1, 2], null, null]);
  await expect(readBenchmark(file([probe([1, "x"])]))).rejects.toThrow(/:1\.embedding: expected a list of numbers/);
});

it("when nothing is scored every figure is unknown, and its bounds are what it could be", async () => {
  const ties = (id: string, scores: unknown) => ({
    id,
    subset: "Ties",
    prompt: "p",
    chosen: id.startsWith("ref") ? ["a"] : ["a", "b"],
    rejected: ["c"],
    scores,
  });
  const { overall } = await given([ties("ref:1", [null, 0]), ties("tied:1", null)]);
  for (const { value: known } of Object.values(overall.metrics)) expect(known).toBeNull();
  expect(overall.metrics["tied accuracy"].bounds).toEqual([0, 1]);
  expect(overall.metrics.preferred.bounds).toEqual([0, 1]);
  const pairs = await given([{ prompt: "p", chosen: "a", rejected: "b", scores: null }]);
  expect(pairs.overall.metrics).toEqual({
    accuracy: { value: null, interval: null, bounds: [0, 1] },
    ties: { value: null, interval: null, bounds: [0, 1] },
  });
});
