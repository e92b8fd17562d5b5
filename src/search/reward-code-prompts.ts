import { z } from "zod";
import { fillTemplate, type Message } from "../core/chat.ts";
import { enclose, fence } from "../core/fence.ts";
import { fields, nullableStrings, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { codeBlocks } from "../core/reply.ts";
import { mean, pearson } from "../core/statistics.ts";

/**
 * Messages that ask a coding model for a reward function (Eureka, arXiv 2310.12931): system and user message and, from the second
 * iteration on, the best reply so far and its feedback; older history is dropped.
 *
 * `system` gets {signature}, `user` gets {environmentCode} and {task}, each replaced once. Without `user` the code and the task are
 * fenced, since an environment's comments can say anything.
 */
export const rewardCodePrompt = definePart({
  id: "search/reward-code-prompt",
  papers: ["eureka"],
  params: z.object({
    system: z
      .string()
      .default(
        "You write reward functions for reinforcement learning. A good one is dense, cannot be gamed, and is made of a few named components whose " +
          "temperatures or weights are variables of their own. Use only what the environment's code provides. Write one code block that defines exactly the " +
          "function of this signature, and that returns the total reward and a dictionary of its components:\n{signature}",
      )
      .describe("system message with {signature}"),
    user: z.string().optional().describe("user message with {environmentCode} and {task}; absent: ours, fenced"),
  }),
  inputs: z.object({
    task: z.string().describe("what the policy should do"),
    environmentCode: z.string().describe("code of the environment's observations"),
    signature: z.string().describe("signature of the reward function"),
    best: z
      .object({ reply: z.string(), feedback: z.string() })
      .nullable()
      .optional()
      .describe("best reply of the last iteration and what training on it showed"),
  }),
  outputs: z.object({ messages: fields.messages }),
  compute({ system, user }, { task, environmentCode, signature, best }) {
    const made = fence(environmentCode, task);
    const request =
      user === undefined
        ? `The environment:\n${enclose(made, environmentCode)}\n\nThe task:\n${enclose(made, task)}\n\nWrite the reward function.`
        : fillTemplate(user, { environmentCode, task });
    const instruction = fillTemplate(system, { signature });
    const messages: Message[] = [
      { role: "system", content: user === undefined ? `${instruction}\n\n${made.rule}` : instruction },
      { role: "user", content: request },
    ];
    if (!best) return { messages };
    return {
      messages: [...messages, { role: "assistant", content: best.reply }, { role: "user", content: best.feedback }],
    };
  },
});

/**
 * Code, function name and argument names from a coding model's replies (Eureka, arXiv 2310.12931).
 *
 * The code is the first block in the wanted language, else the first block, else the whole reply; lines above the first (`first-def`)
 * or the last (`last-def`, as released: helpers are lost) unindented definition are dropped. The first definition that is left gives name and
 * arguments. null where there is no complete signature. It is read, never run: run it in the sandbox, which finds what else is wrong.
 */
export const rewardCodeParse = definePart({
  id: "search/reward-code-parse",
  papers: ["eureka"],
  params: z.object({
    language: z.enum(["python", "javascript"]).default("python").describe("language of the code"),
    trim: z.enum(["first-def", "last-def"]).default("first-def").describe("where the code starts"),
  }),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({
    codes: nullableStrings("N", "code; null: unreadable"),
    names: nullableStrings("N", "function name"),
    arguments: shaped(z.array(z.array(z.string()).nullable()), "N", "argument names"),
    valid: fields.valid,
  }),
  compute({ language, trim }, { replies }) {
    const read = replies.map((reply) => {
      const code = codeOf(reply, language ?? "python");
      const lines = code.split("\n");
      const starts = lines.flatMap((line, k) => (definitionStart[language ?? "python"].test(line) ? [k] : []));
      const start = trim === "last-def" ? starts.at(-1) : starts[0];
      if (start === undefined) return null;
      const trimmed = lines.slice(start).join("\n").trim();
      const signature = signatureOf(trimmed, language ?? "python");
      return signature && { code: trimmed, ...signature };
    });
    return {
      codes: read.map((one) => one?.code ?? null),
      names: read.map((one) => one?.name ?? null),
      arguments: read.map((one) => one?.names ?? null),
      valid: read.map((one) => one !== null),
    };
  },
});

const definitionStart = {
  python: /^def /,
  javascript:
    /^(?:export (?:default )?)?(?:async )?function\s|^(?:export )?(?:const|let|var)\s+[A-Za-z_$][\w$]*\s*=\s*(?:async\s*)?(?:function\b|\()/,
};

const languageNames: Record<string, readonly string[]> = {
  python: ["python", "py", "python3"],
  javascript: ["javascript", "js", "typescript", "ts"],
};

function codeOf(reply: string, language: string): string {
  const blocks = codeBlocks(reply);
  return (blocks.find((block) => languageNames[language].includes(block.language)) ?? blocks[0])?.code ?? reply;
}

function signatureOf(code: string, language: string): { name: string; names: string[] } | null {
  const head =
    language === "python"
      ? /^def\s+([A-Za-z_]\w*)\s*\(/.exec(code)
      : (/^(?:export (?:default )?)?(?:async )?function\s+([A-Za-z_$][\w$]*)\s*\(/.exec(code) ??
        /^(?:export )?(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*=\s*(?:async\s*)?(?:function\s*)?\(/.exec(code));
  if (!head) return null;
  const list = argumentList(code, head[0].length, language === "python" ? "#" : "//");
  if (!list) return null;
  const rest = code.slice(list.end);
  const body = language === "python" ? /^\s*(?:->[^:\n]*)?:\s*\S/.test(rest) : /^\s*(?:=>)?\s*\S/.test(rest);
  if (!body) return null;
  const names: string[] = [];
  for (const part of list.parts) {
    const trimmed = part.trim();
    // Markers and collectors of a signature are no arguments of their own: /, *, *rest, **options, ...rest.
    if (trimmed === "" || /^(?:\/|\*|\.\.\.)/.test(trimmed)) continue;
    const name = /^[A-Za-z_$][\w$]*/.exec(trimmed)?.[0];
    if (name === undefined) return null;
    names.push(name);
  }
  return { name: head[1], names };
}

/** The comma-separated parts up to the bracket that closes the list, without comments; null where it never closes. */
function argumentList(code: string, start: number, comment: string): { parts: string[]; end: number } | null {
  const parts: string[] = [];
  let depth = 1;
  let part = "";
  for (let i = start; i < code.length; i++) {
    const c = code[i];
    if (code.startsWith(comment, i)) {
      const end = code.indexOf("\n", i);
      if (end < 0) return null;
      i = end;
      continue;
    }
    if (c === '"' || c === "'") {
      const from = i;
      for (i++; i < code.length && code[i] !== c; i++) if (code[i] === "\\") i++;
      part += code.slice(from, i + 1);
      continue;
    }
    if ("([{".includes(c)) depth++;
    else if (")]}".includes(c)) {
      depth--;
      if (depth === 0) return { parts: [...parts, part], end: i + 1 };
    } else if (c === "," && depth === 1) {
      parts.push(part);
      part = "";
      continue;
    }
    part += c;
  }
  return null;
}

/**
 * Training statistics of a generated reward, as the next prompt shows them (Eureka, arXiv 2310.12931).
 *
 * Over T checkpoints, every e-th value is listed, e = max(⌊T/samples⌋, 1), rounded to two decimals (half to even), beside max, mean and
 * min of all of them. The metric named `success` is shown as "task_score"; the human reward `gt_reward` is hidden unless there is no
 * such metric ("ground-truth score"), the candidate's total `gpt_reward` always, as are names with "/" and empty series. `score`: maximum
 * of the success metric (null without it). `correlation`: Pearson correlation of the two totals, null where it is undefined.
 */
export const rewardReflection = definePart({
  id: "search/reward-reflection",
  papers: ["eureka"],
  params: z.object({
    samples: z.int().positive().default(10).describe("about how many values are listed"),
    success: z.string().default("consecutive_successes").describe("name of the task metric"),
  }),
  inputs: z.object({
    metrics: z.record(z.string(), z.array(z.number())).describe("series per metric, one value per checkpoint"),
  }),
  outputs: z.object({
    every: z.int().describe("e"),
    rows: z
      .array(
        z.object({ name: z.string(), values: z.array(z.number()), max: z.number(), mean: z.number(), min: z.number() }),
      )
      .describe("one per metric shown"),
    score: z.number().nullable().describe("best value of the task metric"),
    correlation: z.number().nullable().describe("of candidate and human reward"),
  }),
  compute({ samples, success }, { metrics }) {
    const series = (name: string) => (Object.hasOwn(metrics, name) ? metrics[name] : []);
    const measured = series(success).length > 0;
    const length = Math.max(0, ...Object.values(metrics).map((values) => values.length));
    const every = Math.max(1, Math.floor(length / samples));
    const rows = Object.entries(metrics).flatMap(([name, values]) => {
      const hidden = name === "gpt_reward" || (name === "gt_reward" && measured) || name.includes("/");
      if (hidden || values.length === 0) return [];
      return [
        {
          name: name === success ? "task_score" : name === "gt_reward" ? "ground-truth score" : name,
          values: values.filter((_, t) => t % every === 0).map(twoDecimals),
          max: largest(values),
          mean: mean(values),
          min: -largest(values.map((value) => -value)),
        },
      ];
    });
    const [human, candidate] = [series("gt_reward"), series("gpt_reward")];
    const correlation = human.length === candidate.length ? pearson(human, candidate) : null;
    return { every, rows, score: measured ? largest(series(success)) : null, correlation };
  },
});

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}

function twoDecimals(value: number): number {
  const scaled = value * 100;
  if (!Number.isFinite(scaled)) return value;
  const floor = Math.floor(scaled);
  const half = scaled - floor;
  const rounded = half > 0.5 || (half === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return rounded / 100 + 0;
}
