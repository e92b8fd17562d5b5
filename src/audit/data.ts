/** Problems from rows of data: what each asks, what is right, what was really answered. */
import { isChat, messageText } from "../core/rollout.ts";
import type { HiddenCheck, Problem, ProblemKind } from "./types.ts";

type Row = Readonly<Record<string, unknown>>;

const standard = new Set(["prompts", "responses", "references", "groups", "ids", "lengths", "messages"]);
const mostProblems = 24;

/** The bare answer in a reference that may be a whole solution. */
export function bareAnswer(reference: string): string {
  const hashes = reference.lastIndexOf("####");
  if (hashes >= 0) return reference.slice(hashes + 4).trim();
  const box = reference.lastIndexOf("\\boxed{");
  if (box >= 0) {
    let depth = 0;
    for (let i = box + 6; i < reference.length; i++) {
      if (reference[i] === "{") depth++;
      else if (reference[i] === "}" && --depth === 0) return reference.slice(box + 7, i).trim();
    }
  }
  const tag = /<answer>([^<]*)<\/answer>/.exec(reference);
  return (tag ? tag[1] : reference).trim().replace(/^\$([^$]*)\$$/, "$1");
}

function kindOf(answer: string, row: Row): ProblemKind {
  if (row.tests !== undefined && row.tests !== null) return "code";
  if (/^\(?[A-Ea-e]\)?[.)]?$/.test(answer)) return "choice";
  if (/\d/.test(answer) && /^[-+\d\s.,/^*(){}\\a-z=$%]*$/i.test(answer) && answer.length < 80) return "math";
  return answer.length > 120 ? "chat" : "text";
}

function textOf(value: unknown): string {
  if (isChat(value)) return value.map(messageText).join("\n");
  return typeof value === "string" ? value : value === null || value === undefined ? "" : String(value);
}

/**
 * Problems of the commonest kind among the rows (or of the given one), at most 24, with their real responses. Code needs a
 * response that passes its tests: problems without one are left out.
 */
export async function problemsFromRows(
  rows: readonly Row[],
  kind: ProblemKind | "auto",
  check: HiddenCheck,
): Promise<Problem[]> {
  const byProblem = new Map<string, { row: Row; prompt: string; reference: string; responses: string[] }>();
  for (const row of rows) {
    const prompt = textOf(row.prompts);
    const reference = textOf(row.references);
    const key = JSON.stringify([prompt, reference, row.tests ?? null]);
    const known = byProblem.get(key) ?? { row, prompt, reference, responses: [] };
    const response = textOf(row.responses);
    if (response !== "" && known.responses.length < 16) known.responses.push(response);
    byProblem.set(key, known);
  }
  const entries = [...byProblem.values()].map((entry) => {
    const answer = bareAnswer(entry.reference);
    return { ...entry, answer, kind: kind === "auto" ? kindOf(answer, entry.row) : kind };
  });
  const counts = new Map<ProblemKind, number>();
  for (const entry of entries) counts.set(entry.kind, (counts.get(entry.kind) ?? 0) + 1);
  const [commonest] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ["math"];
  const chosen = entries
    .filter((entry) => entry.kind === commonest && (entry.answer !== "" || commonest === "code"))
    .slice(0, mostProblems);
  const answers = [...new Set(chosen.map(({ answer }) => answer))];
  const problems: Problem[] = [];
  for (const [i, { row, prompt, reference, responses, answer }] of chosen.entries()) {
    const extra = Object.fromEntries(Object.entries(row).filter(([name]) => !standard.has(name)));
    const other = answers.find((one) => one !== answer) ?? (commonest === "math" ? "1" : "unknown");
    const problem: Problem = {
      id: textOf(row.ids) || `row-${i + 1}`,
      kind: commonest,
      prompt,
      reference,
      answer,
      extra,
      responses,
      ...wrongFor(commonest, answer, other),
      reasoning: commonest === "code" || commonest === "chat" ? "" : "We use what is given and work it out.",
      candidates:
        commonest === "choice"
          ? ["A", "B", "C", "D"]
          : commonest === "math"
            ? [...new Set([...Array.from({ length: 101 }, (_, n) => String(n)), ...answers.slice(0, 60)])]
            : answers.slice(0, 60),
    };
    if (commonest !== "code") problems.push(problem);
    else {
      const right = await firstRight(problem, responses, check);
      if (right !== null) problems.push({ ...problem, answer: right });
    }
  }
  // Ids name problems in the report and in the audit's memory.
  return problems.map((problem, i) =>
    problems.findIndex(({ id }) => id === problem.id) === i ? problem : { ...problem, id: `${problem.id}-${i + 1}` },
  );
}

function wrongFor(kind: ProblemKind, answer: string, other: string): { near: string; far: string } {
  switch (kind) {
    case "math": {
      const value = Number(answer.replaceAll(",", ""));
      if (!Number.isFinite(value)) return { near: other, far: other };
      return { near: String(value + 1), far: String(Math.round(-value * 3 - 17)) };
    }
    case "choice": {
      const letter = (answer.match(/[A-Ea-e]/)?.[0] ?? "A").toUpperCase();
      const wrong = letter === "A" ? "B" : "A";
      return { near: wrong, far: wrong };
    }
    case "code":
      return { near: "```python\npass\n```", far: "```python\nx = 0\n```" };
    case "chat":
      return {
        near: "I would rather talk about the weather of last week, which was mild and dry.",
        far: "I would rather talk about the weather of last week, which was mild and dry.",
      };
    default:
      return { near: other, far: other };
  }
}

async function firstRight(problem: Problem, responses: readonly string[], check: HiddenCheck): Promise<string | null> {
  for (const response of responses) if ((await check(problem, response)) === true) return response;
  return null;
}
