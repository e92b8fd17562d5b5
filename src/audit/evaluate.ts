/** Asks the reward what it pays: each response once, in batches, within a budget. */
import { messageOf } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import { codePointLength } from "../core/text.ts";
import { createScorer, type Explanation, explain, needsOf, type Reward, type Scorer } from "../pipeline/index.ts";
import type { ReferenceForm } from "./styles.ts";
import type { Problem, Scored } from "./types.ts";

export interface Ask {
  readonly problem: Problem;
  readonly response: string;
  /** Reference in place of the problem's own. */
  readonly reference?: string;
  /** Other responses of its group, for rewards that look at groups. */
  readonly company?: readonly string[];
}

export interface Evaluator {
  /** Results in order; null where the budget ended first. */
  score(asks: readonly Ask[]): Promise<readonly (Scored | null)[]>;
  /** As `score`, but asks again what was asked before. */
  again(asks: readonly Ask[]): Promise<readonly (Scored | null)[]>;
  /** The path from evidence to number for one response; null where it cannot be scored. */
  explain(ask: Ask): Promise<Explanation | null>;
  readonly spent: number;
  readonly over: boolean;
  readonly milliseconds: number;
  setForm(form: ReferenceForm): void;
  setCompany(company: (problem: Problem) => readonly string[]): void;
  close(): Promise<void>;
}

export interface EvaluatorOptions {
  readonly reward: Reward;
  readonly seed: string | number;
  readonly workers?: number;
  readonly cacheFolder?: string;
  readonly budget: number;
  readonly evaluations: number;
  readonly batchSize: number;
  /** Milliseconds that one batch may take; two in a row that take longer end the audit. Default: what is left. */
  readonly patience?: number;
  readonly signal?: AbortSignal;
  readonly onSpent?: (spent: number) => void;
}

/** Fields that every problem brings. */
export const givenFields = ["prompts", "responses", "references", "groups", "ids", "lengths", "messages"] as const;

/** How long a response may be; longer ones are not tried. */
export const longest = 40_000;

export function createEvaluator(options: EvaluatorOptions): Evaluator {
  const { reward, batchSize } = options;
  const scorer: Scorer = createScorer(reward, {
    seed: options.seed,
    workers: options.workers,
    cacheFolder: options.cacheFolder,
  });
  const needs = needsOf(reward, { credit: false });
  const grouped = "groups" in needs.fields;
  const started = performance.now();
  const known = new Map<string, Scored>();
  let form: ReferenceForm = { id: "bare", render: (reference) => reference };
  let company: (problem: Problem) => readonly string[] = () => [];
  let spent = 0;
  let stopped = false;
  let groups = 0;
  let strikes = 0;
  const left = () => options.budget - (performance.now() - started);
  const over = () => stopped || left() <= 0 || spent >= options.evaluations || (options.signal?.aborted ?? false);
  const referenceOf = ({ problem, reference }: Ask) => reference ?? form.render(problem.reference, problem);
  const keyOf = (ask: Ask) =>
    `${ask.problem.id}\u0000${referenceOf(ask)}\u0000${ask.company?.join("\u0001") ?? ""}\u0000${ask.response}`;

  /** Every ask is a row, with the rest of its group behind it. */
  function batchOf(asks: readonly Ask[]): { batch: RolloutBatch; at: readonly number[] } {
    const rows: { ask: Ask; response: string; group: string }[] = [];
    const at: number[] = [];
    for (const ask of asks) {
      const group = `group-${groups++}`;
      at.push(rows.length);
      rows.push({ ask, response: ask.response, group });
      if (grouped) {
        for (const other of ask.company ?? company(ask.problem)) rows.push({ ask, response: other, group });
      }
    }
    const column = (of: (row: (typeof rows)[number]) => unknown) => rows.map(of);
    const extras = new Set(asks.flatMap(({ problem }) => Object.keys(problem.extra)));
    const fields: Record<string, readonly unknown[]> = {
      prompts: column(({ ask }) => ask.problem.prompt),
      responses: column(({ response }) => response),
      references: column(({ ask }) => referenceOf(ask)),
      groups: column(({ group }) => group),
      ids: column(({ ask }) => ask.problem.id),
      lengths: column(({ response }) => Math.ceil(codePointLength(response) / 4)),
      messages: column(({ ask, response }) => [
        { role: "user", content: ask.problem.prompt },
        { role: "assistant", content: response },
      ]),
    };
    for (const name of extras) fields[name] = column(({ ask }) => ask.problem.extra[name] ?? null);
    return { batch: { size: rows.length, fields }, at };
  }

  /**
   * Aborts when a batch has taken too long, or everything is stopped. A timer of our own: a signal made by
   * `AbortSignal.any` of `AbortSignal.timeout` may be collected before it fires (Node 20).
   */
  function patience(): { readonly stop: AbortSignal; done(): void } {
    const controller = new AbortController();
    const abort = () => controller.abort(new Error("out of time"));
    const timer = setTimeout(
      abort,
      Math.max(1, Math.ceil(Math.min(left(), options.patience ?? Number.POSITIVE_INFINITY))),
    );
    if (options.signal?.aborted) abort();
    else options.signal?.addEventListener("abort", abort, { once: true });
    return {
      stop: controller.signal,
      done() {
        clearTimeout(timer);
        options.signal?.removeEventListener("abort", abort);
      },
    };
  }

  async function run(asks: readonly Ask[]): Promise<(Scored | null)[]> {
    const { batch, at } = batchOf(asks);
    const { stop, done } = patience();
    try {
      const scored = await scorer.score(batch, { signal: stop, credit: false });
      spent += asks.length;
      strikes = 0;
      options.onSpent?.(spent);
      return at.map((row) => ({
        reward: scored.rewards[row],
        error: scored.errors[row] ? `${scored.errors[row].code}: ${scored.errors[row].message}` : null,
        combined: scored.combined[row],
        signals: Object.fromEntries(Object.entries(scored.signals).map(([name, { values }]) => [name, values[row]])),
      }));
    } catch (thrown) {
      if (stop.aborted) {
        strikes++;
        stopped = strikes >= 2 || left() <= 0 || (options.signal?.aborted ?? false);
        return asks.map(() => null);
      }
      // A part that refuses a whole batch (a reference it cannot read) refuses rows one at a time.
      if (asks.length > 1) {
        const single: (Scored | null)[] = [];
        for (const ask of asks) single.push(...(over() ? [null] : await run([ask])));
        return single;
      }
      spent++;
      return [{ reward: null, error: `threw: ${messageOf(thrown)}`, combined: null, signals: {} }];
    } finally {
      done();
    }
  }

  async function score(asks: readonly Ask[], fresh: boolean): Promise<readonly (Scored | null)[]> {
    const found: (Scored | null)[] = asks.map((ask) =>
      ask.response.length > longest || fresh ? null : (known.get(keyOf(ask)) ?? null),
    );
    const missing = new Map<string, { ask: Ask; at: number[] }>();
    asks.forEach((ask, i) => {
      if (found[i] || ask.response.length > longest) return;
      const key = fresh ? `${i}` : keyOf(ask);
      const entry = missing.get(key) ?? { ask, at: [] };
      entry.at.push(i);
      missing.set(key, entry);
    });
    const entries = [...missing.values()];
    for (let from = 0; from < entries.length && !over(); from += batchSize) {
      const slice = entries.slice(from, from + batchSize);
      const results = await run(slice.map(({ ask }) => ask));
      slice.forEach(({ ask, at }, k) => {
        const result = results[k];
        if (!result) return;
        if (!fresh) known.set(keyOf(ask), result);
        for (const i of at) found[i] = result;
      });
    }
    return found;
  }

  return {
    async explain(ask) {
      const { batch } = batchOf([ask]);
      const { stop, done } = patience();
      try {
        return explain(reward, batch, await scorer.score(batch, { signal: stop, credit: false }), 0);
      } catch {
        return null;
      } finally {
        done();
      }
    },
    score: (asks) => score(asks, false),
    again: (asks) => score(asks, true),
    get spent() {
      return spent;
    },
    get over() {
      return over();
    },
    get milliseconds() {
      return performance.now() - started;
    },
    setForm(chosen) {
      form = chosen;
    },
    setCompany(of) {
      company = of;
    },
    close: () => scorer.close(),
  };
}
