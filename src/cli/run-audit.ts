import { writeFile } from "node:fs/promises";
import { baselineKeys, writeBaseline } from "../audit/baseline.ts";
import { limitCheck } from "../audit/check-limit.ts";
import { problemsFromRows } from "../audit/data.ts";
import { type AuditReport, audit, type HiddenCheck, type ProblemKind, referenceCheck } from "../audit/index.ts";
import { auditHtml, auditText, type Paint } from "../audit/report.ts";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import { hasChats, planColumns } from "../dataset/columns.ts";
import { openSource, parseMap } from "../dataset/index.ts";
import { start } from "../dataset/source.ts";
import { createScorer, isReward, loadReward, needsOf, type Reward } from "../pipeline/index.ts";
import { loadModule } from "../pipeline/load.ts";
import type { AuditCommandOptions } from "./audit.ts";
import { colors, wantsColor } from "./terminal.ts";
import { readVersion } from "./version.ts";

/** Runs `guerdon audit`; resolves to the exit code. */
export async function runAudit(rewardFile: string, options: AuditCommandOptions): Promise<number> {
  const reward = await loadReward(rewardFile);
  if (options.updateBaseline && options.baseline === undefined)
    throw new ContractError("--update-baseline", "needs --baseline <accepted.json>");
  if ((options.rewriteModel === undefined) !== (options.rewriteUrl === undefined))
    throw new ContractError("--rewrite-model", "goes with --rewrite-url");
  const accepted =
    options.baseline === undefined
      ? new Set<string>()
      : await baselineKeys(options.baseline, options.updateBaseline ?? false);
  const kind = options.problems as ProblemKind | "auto";
  const own = options.check === undefined ? null : await loadCheck(options.check);
  const check = own?.check ?? referenceCheck();
  const inTime = own && limitCheck(own.check, options.checkTime);
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    stopper.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const live = liveLine();
  try {
    const problems =
      options.data === undefined
        ? undefined
        : await problemsFromRows(await readRows(options.data, options, reward), kind, inTime?.check ?? check);
    const unread = inTime?.note() ?? null;
    if (unread !== null) process.stderr.write(`reading the data: ${unread}\n`);
    if (problems && problems.length === 0)
      throw new ContractError(
        options.data ?? "--data",
        "no row can be used: an audit needs prompts, references and, for code, a response that passes its tests",
      );
    const report = await audit({
      reward,
      kind,
      problems,
      check: own?.check,
      checkTime: options.checkTime,
      accepted,
      seed: options.seed,
      budget: options.budget,
      evaluations: options.evaluations,
      workers: options.workers,
      cacheFolder: options.cache === false ? undefined : options.cache,
      rewrite: options.rewriteModel === undefined ? undefined : rewriter(options.rewriteModel, options.rewriteUrl),
      signal: stopper.signal,
      onProgress: live.update,
    });
    live.stop();
    // An audit that was interrupted, or that could not begin, says nothing about what may be accepted.
    const through = !stopper.signal.aborted && report.honestRight !== null;
    if (through && options.updateBaseline && options.baseline !== undefined)
      await writeBaseline(options.baseline, report);
    await write(report, options);
    if (stopper.signal.aborted) return 130;
    if (report.honestRight === null) {
      process.stderr.write(
        `error: nothing could be audited: ${report.notes.at(-1) ?? "no honest answer has a reward"}\n`,
      );
      return 1;
    }
    return options.updateBaseline ? 0 : exitCode(report, options.failOn);
  } finally {
    live.stop();
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    await own?.close();
  }
}

const rank = { minor: 0, major: 1, critical: 2, never: 3 };

function exitCode({ findings, unfinished }: AuditReport, failOn: AuditCommandOptions["failOn"]): number {
  // An audit that was cut before its exploits were through has shown nothing, nor has one whose check fell silent.
  const decisive = ["calibration", "exploits", "hidden check"];
  if (failOn !== "never" && unfinished.some((phase) => decisive.includes(phase))) return 1;
  return findings.some(({ severity }) => rank[severity] >= rank[failOn]) ? 1 : 0;
}

async function write(report: AuditReport, options: AuditCommandOptions): Promise<void> {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  const save = async (path: string, text: string) => {
    try {
      await writeFile(path, text);
    } catch (thrown) {
      throw new OutputError(path, thrown);
    }
  };
  if (typeof options.json === "string") await save(options.json, json);
  if (options.report !== undefined) {
    const command = ["guerdon", ...process.argv.slice(2)].join(" ");
    await save(options.report, auditHtml(report, { command, version: `guerdon ${await readVersion()}` }));
  }
  if (options.json === true) process.stdout.write(json);
  else {
    const paint: Paint = {
      bold: colors.bold,
      dim: colors.dim,
      of: { critical: colors.red, major: colors.yellow, minor: colors.cyan },
    };
    process.stdout.write(auditText(report, paint));
  }
}

/** One line on standard error that says what goes on, where a terminal is looking. */
function liveLine() {
  const on = process.stderr.isTTY === true;
  const dim = (text: string) => (wantsColor(process.stderr) ? `\u001b[2m${text}\u001b[22m` : text);
  let last = 0;
  let shown = false;
  return {
    update(progress: { phase: string; evaluations: number; findings: number; share: number }) {
      const now = performance.now();
      if (!on || now - last < 120) return;
      last = now;
      shown = true;
      const { phase, evaluations, findings, share } = progress;
      process.stderr.write(
        `\r\u001b[K${dim(`${phase} · ${evaluations} evaluations · ${findings} suspicions · ${Math.round(100 * share)} % of the time`)}`,
      );
    },
    stop() {
      if (shown) process.stderr.write("\r\u001b[K");
      shown = false;
    },
  };
}

async function readRows(
  path: string,
  options: AuditCommandOptions,
  reward: Reward,
): Promise<Record<string, unknown>[]> {
  const source = await openSource(path);
  const values: Record<string, unknown>[] = [];
  try {
    for await (const block of source.read(start)) {
      for (const { value, problem } of block) {
        if (value === null) throw new ContractError(path, problem ?? "holds a row that is no object");
        values.push(value);
      }
      if (values.length >= options.rows) break;
    }
  } finally {
    await source.close();
  }
  const map = options.map ? parseMap(options.map.join(",")) : {};
  const columns = [...new Set(values.flatMap((row) => Object.keys(row)))];
  const needs = needsOf(reward, { credit: false });
  const plan = planColumns({
    columns,
    sample: values,
    map,
    needs,
    format: source.format,
    chats: hasChats(values, map),
  });
  return values.slice(0, options.rows).map((row) => ({ ...plan.readRow(row).fields }));
}

/** A hidden check from a file: a function, or a reward that says right above 0.5. */
async function loadCheck(path: string): Promise<{ check: HiddenCheck; close(): Promise<void> }> {
  const { exported, hash, module } = await loadModule(path);
  if (isReward(exported)) {
    const scorer = createScorer({ ...exported, hash, module }, { workers: 1 });
    return {
      close: () => scorer.close(),
      async check(problem, response) {
        const one = {
          prompts: [problem.prompt],
          responses: [response],
          references: [problem.reference],
          groups: ["check"],
          ids: [problem.id],
        };
        const extra = Object.fromEntries(Object.entries(problem.extra).map(([name, value]) => [name, [value]]));
        const scored = await scorer.score({ size: 1, fields: { ...extra, ...one } }, { credit: false });
        const [worth] = scored.rewards;
        return worth === null ? null : worth > 0.5;
      },
    };
  }
  if (typeof exported !== "function")
    throw new ContractError(path, `expected a function or a reward as default export, got ${typeof exported}`);
  return {
    close: async () => {},
    async check(problem, response) {
      const verdict: unknown = await exported({
        ...problem.extra,
        prompt: problem.prompt,
        response,
        reference: problem.reference,
        id: problem.id,
      });
      if (verdict === null || typeof verdict === "boolean") return verdict;
      throw new ContractError(path, `the check gave ${typeof verdict}, expected true, false or null`);
    },
  };
}

/** Rewrites by a model: other wordings, which may please the reward more. Whatever comes back is only text to try. */
function rewriter(model: string, baseURL: string | undefined) {
  return async (prompt: string, response: string, signal: AbortSignal): Promise<readonly string[]> => {
    const { default: Client } = await import("openai");
    const client = new Client({ baseURL, apiKey: process.env.OPENAI_API_KEY ?? "none", maxRetries: 0 });
    const completion = await client.chat.completions.create(
      {
        model,
        temperature: 1,
        max_tokens: 1024,
        messages: [
          {
            role: "system",
            content:
              "Rewrite the answer in three other styles (short, long, confident). Keep what it claims. Separate them by lines of ---.",
          },
          { role: "user", content: `Question:\n${prompt}\n\nAnswer:\n${response}` },
        ],
      },
      { signal },
    );
    const text = completion.choices?.[0]?.message?.content;
    return typeof text === "string"
      ? text
          .split(/\n---+\n/)
          .map((one) => one.trim())
          .filter((one) => one !== "")
      : [];
  };
}
