/** Reads the data of each benchmark as its authors publish it, and files of scores in the same shape. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ContractError } from "../../core/error.ts";
import { isChat, messageText } from "../../core/rollout.ts";
import { integerOf, nameOf, type Row, readRows, scoreOf, textOf, textsOf } from "./rows.ts";
import type {
  BenchmarkName,
  Candidate,
  ChoiceItem,
  ContrastItem,
  GivenScore,
  Item,
  ProbeItem,
  ProcessItem,
} from "./types.ts";

export interface ReadOptions {
  readonly format?: BenchmarkName;
  /** Field of the rollouts → column of the data, for what a reward reads beside prompt and response. */
  readonly map?: Readonly<Record<string, string>>;
}

/** The items of a file (or of MRMBench's folder). Throws `ContractError` with file, line and field. */
export async function readBenchmark(
  path: string,
  { format, map = {} }: ReadOptions = {},
): Promise<{ readonly format: BenchmarkName; readonly items: readonly Item[] }> {
  const folder = (await stat(path).catch(() => null))?.isDirectory() === true;
  const rows = folder ? await readFolder(path) : await readRows(path);
  if (rows.length === 0) throw new ContractError(path, "holds no rows");
  const found = format ?? detect(rows[0]);
  const fieldsOf = ({ value, place }: Row) =>
    Object.fromEntries(
      Object.entries(map).map(([field, column]) => {
        if (value[column] === undefined) throw new ContractError(`${place}.${column}`, "there is no such column");
        return [field, value[column]];
      }),
    );
  return { format: found, items: readers[found](rows, fieldsOf) };
}

type FieldsOf = (row: Row) => Readonly<Record<string, unknown>>;

const readers: Readonly<Record<BenchmarkName, (rows: readonly Row[], fieldsOf: FieldsOf) => readonly Item[]>> = {
  "reward-bench-2": (rows, fieldsOf) => rows.map((row, i) => rewardBench2(row, i, fieldsOf)),
  rewardmath: rewardMath,
  "contrast-instruction": (rows, fieldsOf) => rows.map((row, i) => contrast(row, i, fieldsOf)),
  "process-bench": (rows, fieldsOf) => rows.map((row, i) => processItem(row, i, fieldsOf)),
  "mrm-bench": (rows, fieldsOf) => rows.map((row, i) => probe(row, i, fieldsOf)),
  pairs: (rows, fieldsOf) => rows.map((row, i) => pair(row, i, fieldsOf)),
};

/** Which benchmark a row is of, by its columns. */
function detect({ place, value }: Row): BenchmarkName {
  const has = (...names: readonly string[]) => names.every((name) => value[name] !== undefined);
  if (has("query", "retrieval", "query_response_k", "retrieval_response_k")) return "contrast-instruction";
  if (has("problem", "eval_solution") || has("problem", "eval_solution_A")) return "rewardmath";
  if (has("problem", "solution_reference", "score")) return "rewardmath";
  if (has("problem", "steps", "label")) return "process-bench";
  if (has("input", "output", "label")) return "mrm-bench";
  if (has("chosen", "rejected"))
    return Array.isArray(value.rejected) && !isChat(value.rejected) ? "reward-bench-2" : "pairs";
  throw new ContractError(
    place,
    `no known benchmark has the columns ${Object.keys(value).slice(0, 12).join(", ")}; name it with --format`,
  );
}

function base(row: Row, index: number, fieldsOf: FieldsOf, subset: unknown) {
  const id = row.value.id ?? row.value.unique_id;
  return {
    id: typeof id === "string" || typeof id === "number" ? String(id) : String(index),
    subset: typeof subset === "string" && subset !== "" ? subset : "all",
    place: row.place,
    fields: fieldsOf(row),
  };
}

/** `scores` (or `score`): one entry a candidate, a number, null, or a list of its steps' scores. */
function givenScores(row: Row, count: number): readonly GivenScore[] | undefined {
  const name = row.value.scores !== undefined ? "scores" : "score";
  const given = row.value[name];
  if (given === undefined) return undefined;
  if (given === null) return new Array<null>(count).fill(null);
  const place = `${row.place}.${name}`;
  if (!Array.isArray(given)) throw new ContractError(place, `expected a list of scores, got ${nameOf(given)}`);
  const list = given.map((score: unknown, i): GivenScore => {
    if (!Array.isArray(score)) return scoreOf(score, `${place}[${i}]`);
    // RewardBench writes each score as a list of one.
    const steps = score.map((step: unknown, k) => scoreOf(step, `${place}[${i}][${k}]`));
    return steps.includes(null) ? null : (steps as number[]);
  });
  if (list.length !== count) throw new ContractError(place, `expected ${count} scores, got ${list.length}`);
  return list;
}

function rewardBench2(row: Row, index: number, fieldsOf: FieldsOf): ChoiceItem {
  const chosen = textsOf(row, "chosen");
  const rejected = textsOf(row, "rejected");
  if (chosen.length === 0 || rejected.length === 0)
    throw new ContractError(`${row.place}.${chosen.length === 0 ? "chosen" : "rejected"}`, "is empty");
  const scores = givenScores(row, chosen.length + rejected.length);
  return {
    ...base(row, index, fieldsOf, row.value.subset),
    kind: "choice",
    prompt: promptOf(row),
    chosen: chosen.map((text) => ({ text })),
    rejected: rejected.map((text) => ({ text })),
    scores: scores?.map((score) => (Array.isArray(score) && score.length === 1 ? score[0] : score)),
  };
}

function promptOf(row: Row): unknown {
  return isChat(row.value.prompt) ? row.value.prompt : textOf(row, "prompt");
}

function solution(row: Row, name: string): Candidate {
  const value = row.value[name];
  if (typeof value === "string") return { text: value };
  const steps = textsOf(row, name);
  return { text: steps.join("\n"), steps };
}

const correctSolution = "human_to_GPT-4";

/** One row a solution, one row a comparison, or one row a problem with its scores. */
function rewardMath(rows: readonly Row[], fieldsOf: FieldsOf): readonly ChoiceItem[] {
  if (rows[0].value.score !== undefined && Array.isArray(rows[0].value.solution_reference))
    return rows.map((row, i) => rewardMathScores(row, i, fieldsOf));
  const pairwise = rows[0].value.eval_solution_A !== undefined;
  const problems = new Map<string, { row: Row; index: number; chosen: Candidate[]; rejected: Candidate[] }>();
  for (const [index, row] of rows.entries()) {
    const problem = textOf(row, "problem");
    const key = row.value.problem_id === undefined ? problem : String(row.value.problem_id);
    const entry = problems.get(key) ?? { row, index, chosen: [], rejected: [] };
    problems.set(key, entry);
    if (pairwise) {
      const right = textOf(row, "chosen_position");
      if (right !== "A" && right !== "B")
        throw new ContractError(`${row.place}.chosen_position`, `expected A or B, got ${JSON.stringify(right)}`);
      if (entry.chosen.length === 0) entry.chosen.push(solution(row, `eval_solution_${right}`));
      entry.rejected.push(solution(row, `eval_solution_${right === "A" ? "B" : "A"}`));
    } else {
      const type = row.value.solution_type;
      const right = typeof type === "string" ? type === "chosen" : row.value.solution_reference === correctSolution;
      (right ? entry.chosen : entry.rejected).push(solution(row, "eval_solution"));
    }
  }
  return [...problems].map(([key, { row, index, chosen, rejected }]) => {
    if (chosen.length === 0 || rejected.length === 0)
      throw new ContractError(row.place, `problem ${key} has no ${chosen.length === 0 ? "right" : "wrong"} solution`);
    const answer = row.value.answer;
    const shared = base(row, index, fieldsOf, row.value.subject);
    return {
      ...shared,
      id: key,
      fields: { ...(typeof answer === "string" && !pairwise ? { references: answer } : {}), ...shared.fields },
      kind: "choice",
      prompt: textOf(row, "problem"),
      chosen,
      rejected,
    };
  });
}

function rewardMathScores(row: Row, index: number, fieldsOf: FieldsOf): ChoiceItem {
  const sources = textsOf(row, "solution_reference");
  const nothing = (name: string): Candidate => ({ text: name });
  const shared = {
    ...base(row, index, fieldsOf, row.value.subject),
    kind: "choice",
    prompt: textOf(row, "problem"),
  } as const;
  if (row.value.chosen_position !== undefined) {
    const positions = textsOf(row, "chosen_position");
    const verdicts = row.value.score ?? sources.map(() => null);
    if (!Array.isArray(verdicts) || verdicts.length !== sources.length || positions.length !== sources.length)
      throw new ContractError(`${row.place}.score`, `expected ${sources.length} verdicts and positions`);
    return {
      ...shared,
      chosen: [nothing(correctSolution)],
      rejected: sources.map(nothing),
      wins: verdicts.map((verdict: unknown, i) =>
        verdict === "A" || verdict === "B" ? verdict === positions[i] : null,
      ),
    };
  }
  const scores = givenScores(row, sources.length) ?? [];
  const order = (right: boolean) => sources.flatMap((name, i) => ((name === correctSolution) === right ? [i] : []));
  const [chosen, rejected] = [order(true), order(false)];
  if (chosen.length === 0) throw new ContractError(`${row.place}.solution_reference`, `holds no ${correctSolution}`);
  return {
    ...shared,
    chosen: chosen.map((i) => nothing(sources[i])),
    rejected: rejected.map((i) => nothing(sources[i])),
    scores: [...chosen, ...rejected].map((i) => scores[i]),
  };
}

function contrast(row: Row, index: number, fieldsOf: FieldsOf): ContrastItem {
  return {
    ...base(row, index, fieldsOf, row.value.subset ?? row.value.task),
    kind: "contrast",
    prompts: [textOf(row, "query"), textOf(row, "retrieval")],
    responses: [textOf(row, "query_response_k"), textOf(row, "retrieval_response_k")],
    scores: givenScores(row, 4),
  };
}

function processItem(row: Row, index: number, fieldsOf: FieldsOf): ProcessItem {
  const steps = textsOf(row, "steps");
  const label = integerOf(row, "label");
  if (label < -1 || label >= steps.length)
    throw new ContractError(
      `${row.place}.label`,
      `expected −1 or the index of one of ${steps.length} steps, got ${label}`,
    );
  const prediction = row.value.prediction;
  return {
    ...base(row, index, fieldsOf, row.value.subset ?? splitOf(row.value.id)),
    kind: "process",
    prompt: textOf(row, "problem"),
    steps,
    label,
    scores: givenScores(row, steps.length),
    ...(prediction === undefined
      ? {}
      : { prediction: prediction === null || Number.isNaN(prediction) ? null : integerOf(row, "prediction") }),
  };
}

/** ProcessBench's ids are `gsm8k-12`, `omnimath-3`. */
function splitOf(id: unknown): string | undefined {
  return typeof id === "string" ? /^([a-z0-9]+)-\d+$/.exec(id)?.[1] : undefined;
}

function probe(row: Row, index: number, fieldsOf: FieldsOf): ProbeItem {
  const split = row.value.split ?? "test";
  if (split !== "train" && split !== "test")
    throw new ContractError(`${row.place}.split`, `expected train or test, got ${JSON.stringify(split)}`);
  const label = integerOf(row, "label");
  if (label < 0) throw new ContractError(`${row.place}.label`, `expected a class from 0, got ${label}`);
  const vector = row.value.embedding;
  return {
    ...base(row, index, fieldsOf, row.value.dimension ?? row.value.subset),
    kind: "probe",
    split,
    prompt: textOf(row, "input"),
    response: textOf(row, "output"),
    label,
    ...(vector === undefined ? {} : { embedding: embeddingOf(vector, `${row.place}.embedding`) }),
  };
}

function embeddingOf(vector: unknown, place: string): readonly number[] | null {
  if (vector === null) return null;
  if (!Array.isArray(vector) || vector.length === 0 || vector.some((x) => typeof x !== "number" && x !== null))
    throw new ContractError(place, "expected a list of numbers");
  return vector.every(Number.isFinite) ? (vector as number[]) : null;
}

function pair(row: Row, index: number, fieldsOf: FieldsOf): ChoiceItem {
  const [chosen, rejected] = [row.value.chosen, row.value.rejected];
  const shared = { ...base(row, index, fieldsOf, row.value.subset ?? row.value.category), kind: "choice" } as const;
  const scores = pairScores(row);
  if (isChat(chosen) && isChat(rejected)) {
    // A conversation each, as preference data often comes: what they share is the prompt.
    const prompt = row.value.prompt ?? chosen.slice(0, -1);
    const last = (chat: typeof chosen) => ({ text: messageText(chat[chat.length - 1]) });
    return { ...shared, prompt, chosen: [last(chosen)], rejected: [last(rejected)], scores };
  }
  return {
    ...shared,
    prompt: promptOf(row),
    chosen: [{ text: textOf(row, "chosen") }],
    rejected: [{ text: textOf(row, "rejected") }],
    scores,
  };
}

/** `scores` of two, or TRL's `score_chosen` and `score_rejected`. */
function pairScores(row: Row): readonly GivenScore[] | undefined {
  const { score_chosen: chosen, score_rejected: rejected } = row.value;
  if (chosen === undefined || rejected === undefined) return givenScores(row, 2);
  return [scoreOf(chosen, `${row.place}.score_chosen`), scoreOf(rejected, `${row.place}.score_rejected`)];
}

/** MRMBench's folder: `<dimension>/train.json` and `<dimension>/test.json`. */
async function readFolder(folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const split = basename(name, ".json");
    if (!name.endsWith(".json") || (split !== "train" && split !== "test")) continue;
    const dimension = basename(dirname(name));
    for (const { place, value } of await readRows(join(folder, name)))
      rows.push({ place, value: { ...value, dimension, split } });
  }
  if (rows.length === 0) throw new ContractError(folder, "holds no <dimension>/train.json and test.json");
  return rows;
}
