/** What a training run shows while it runs: a dashboard on a terminal, lines everywhere else. */
import type pc from "picocolors";
import type { EvaluationMetrics, StartMetrics, StepMetrics, TrainingEvent } from "../training/index.ts";
import { clock } from "./progress.ts";
import { truncate } from "./terminal.ts";

export interface TrainDisplay {
  event(event: TrainingEvent): void;
  /** The run was asked to stop. */
  stopping(): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

export interface TrainFacts {
  readonly name: string;
  /** Algorithm, seed, size of the policy. */
  readonly subtitle: string;
  readonly folder: string;
}

type Colors = ReturnType<typeof pc.createColors>;

/** What the dashboard knows; `history` holds every step so far. */
export interface DashboardState {
  readonly facts: TrainFacts;
  readonly history: StepMetrics[];
  warmUp: { step: number; steps: number; loss: number; success: number | null } | null;
  steps: number;
  before: EvaluationMetrics | null;
  after: (EvaluationMetrics & { readonly step: number }) | null;
  checkpoint: number | null;
  stopping: boolean;
  /** First step of this process, and when it began, for the rate. */
  began: { readonly step: number; readonly at: number } | null;
}

export function dashboardState(
  facts: TrainFacts,
  earlier: readonly (StartMetrics | StepMetrics)[] = [],
): DashboardState {
  const state: DashboardState = {
    facts,
    history: [],
    warmUp: null,
    steps: 0,
    before: null,
    after: null,
    checkpoint: null,
    stopping: false,
    began: null,
  };
  for (const metrics of earlier) takeEvent(state, { type: "metrics", metrics }, 0);
  return state;
}

/** `now` in milliseconds, of any clock. */
export function takeEvent(state: DashboardState, event: TrainingEvent, now: number): void {
  if (event.type === "warm-up") {
    const { step, steps, loss, success = state.warmUp?.success ?? null } = event;
    state.warmUp = { step, steps, loss, success };
  } else if (event.type === "start") {
    state.steps = event.steps;
    state.began = { step: event.from, at: now };
    while (state.history.length > 0 && (state.history.at(-1)?.step ?? 0) > event.from) state.history.pop();
  } else if (event.type === "checkpoint") state.checkpoint = event.step;
  else {
    const { metrics } = event;
    if (metrics.step === 0) state.before = metrics.evaluation ?? null;
    else state.history.push(metrics as StepMetrics);
    if (metrics.evaluation !== undefined) state.after = { ...metrics.evaluation, step: metrics.step };
  }
}

/** The dashboard as lines that fit: at most `height` of at most `width` columns. */
export function dashboardLines(
  state: DashboardState,
  size: { width: number; height: number },
  now: number,
  c: Colors,
): string[] {
  const width = Math.max(20, size.width - 1);
  const { facts, history, warmUp, steps, before, after, began } = state;
  const last = history.at(-1);
  const step = last?.step ?? 0;
  const lines: string[] = [];
  const plain = (text: string, paint: (text: string) => string = (same) => same) =>
    lines.push(paint(truncate(` ${text}`, width)));
  plain(`${facts.name} · ${facts.subtitle}`, c.bold);
  if (began === null) {
    const share = warmUp === null ? 0 : warmUp.step / warmUp.steps;
    lines.push(bar(share, width, c));
    if (warmUp === null) plain("getting ready");
    else
      plain(
        `warm-up on demonstrations: step ${warmUp.step} of at most ${warmUp.steps} · loss ${figure(warmUp.loss)} · success ${figure(warmUp.success)}`,
      );
  } else {
    const seconds = (now - began.at) / 1000;
    const rate = seconds > 0 ? (step - began.step) / seconds : 0;
    const left = rate > 0 ? clock((steps - step) / rate) : "?";
    lines.push(bar(steps === 0 ? 0 : step / steps, width, c));
    plain(`step ${step} of ${steps} · ${rate > 0 ? figure(rate) : "?"} steps/s · ${left} left`);
  }
  lines.push("");
  if (before !== null && after !== null) {
    plain(
      `held out      sampled ${figure(before.success)} → ${figure(after.success)}   greedy ${figure(before.greedy)} → ${figure(after.greedy)}   after step ${after.step}`,
      c.cyan,
    );
    lines.push("");
  }
  const rows: [name: string, values: (number | null)[], paint: (text: string) => string][] = [];
  const add = (
    name: string,
    pick: (metrics: StepMetrics) => number | null,
    paint: (text: string) => string = (same) => same,
  ) => rows.push([name, history.map(pick), paint]);
  if (last !== undefined) {
    add("reward", ({ reward }) => reward, c.yellow);
    for (const name of Object.keys(last.signals)) add(`  ${shown(name)}`, ({ signals }) => signals[name] ?? null);
    add("true success", ({ success }) => success, c.green);
    add("KL, nats", ({ kl }) => kl);
    add("entropy", ({ entropy }) => entropy);
    add("length", ({ length }) => length);
    add("group spread", ({ groupSpread }) => groupSpread);
    if (history.some(({ unscored }) => unscored > 0)) add("unscored", ({ unscored }) => unscored, c.red);
  }
  const label = Math.min(20, Math.max(12, ...rows.map(([name]) => [...name].length)));
  const room = Math.max(0, Math.min(60, width - label - 14));
  for (const [name, values, paint] of rows) {
    const text = ` ${truncate(name, label).padEnd(label)}  ${figure(values.at(-1) ?? null).padStart(8)}  `;
    lines.push(truncate(text, width) + (text.length < width ? paint(sparkline(values, room)) : ""));
  }
  const foot: string[] = [""];
  if (last !== undefined) {
    const kept = state.checkpoint === null ? "" : ` · checkpoint at step ${state.checkpoint}`;
    foot.push(
      c.dim(
        truncate(
          ` ${grouped(last.rollouts)} rollouts · ${grouped(last.tokens)} tokens · ${clock(last.seconds)}${kept}`,
          width,
        ),
      ),
    );
  }
  foot.push(
    state.stopping
      ? c.yellow(truncate(" stopping after this step; Ctrl-C again ends at once", width))
      : c.dim(truncate(` ${shown(facts.folder)} · Ctrl-C finishes the step, keeps a checkpoint and stops`, width)),
  );
  const space = Math.max(1, size.height - foot.length);
  return [...lines.slice(0, space), ...foot].slice(0, Math.max(1, size.height));
}

function bar(share: number, width: number, c: Colors): string {
  const cells = Math.max(4, width - 8);
  const full = Math.max(0, Math.min(cells, Math.round(share * cells)));
  return ` ${c.green("█".repeat(full))}${c.dim("░".repeat(cells - full))} ${`${Math.floor(100 * share)} %`.padStart(5)}`;
}

const blocks = "▁▂▃▄▅▆▇█";

/** Values as a line of blocks between the smallest and the largest; more than fit are averaged, unknown ones left blank. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const cells: (number | null)[] = [];
  const count = Math.min(width, values.length);
  for (let cell = 0; cell < count; cell++) {
    const from = Math.floor((cell * values.length) / count);
    const to = Math.floor(((cell + 1) * values.length) / count);
    const known = values.slice(from, to).filter((value): value is number => value !== null && Number.isFinite(value));
    cells.push(known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length);
  }
  const known = cells.filter((value) => value !== null);
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return cells
    .map((value) => (value === null ? " " : blocks[span > 0 ? Math.min(7, Math.floor((8 * (value - low)) / span)) : 0]))
    .join("");
}

/** Three significant digits, in few columns. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  if (size >= 1000) return grouped(Math.round(value));
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Names come from config files: nothing in them moves the cursor. */
export function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}

const drawEvery = 80;
const enter = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const leave = "\u001b[?7h\u001b[?25h\u001b[?1049l";

/**
 * Draws on the terminal's other screen, so that what was there comes back, whole frames at a time, so that
 * nothing flickers. Long lines are cut, not wrapped, and a resized terminal is drawn anew.
 */
export function createDashboard(stream: NodeJS.WriteStream, state: DashboardState, c: Colors): TrainDisplay {
  let drawn = Number.NEGATIVE_INFINITY;
  let open = false;
  const draw = () => {
    if (!open) return;
    drawn = performance.now();
    const lines = dashboardLines(state, { width: stream.columns ?? 80, height: stream.rows ?? 24 }, drawn, c);
    // A synchronised frame (where the terminal knows them) written over the last one; each line clears its rest.
    stream.write(`\u001b[?2026h\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J\u001b[?2026l`);
  };
  const show = () => {
    open = true;
    stream.write(enter);
    draw();
  };
  const hide = () => {
    if (open) stream.write(leave);
    open = false;
  };
  const suspend = () => {
    hide();
    process.kill(process.pid, "SIGSTOP");
  };
  stream.on("resize", draw);
  process.on("exit", hide);
  process.on("SIGTSTP", suspend);
  process.on("SIGCONT", show);
  show();
  return {
    event(event) {
      takeEvent(state, event, performance.now());
      if (performance.now() - drawn >= drawEvery || event.type === "start") draw();
    },
    stopping() {
      state.stopping = true;
      draw();
    },
    close() {
      hide();
      stream.off("resize", draw);
      process.off("exit", hide);
      process.off("SIGTSTP", suspend);
      process.off("SIGCONT", show);
    },
  };
}

/** A line every so often: at each evaluation, and at most every ten steps between. */
export function createLines(print: (line: string) => void, state: DashboardState): TrainDisplay {
  print(`${state.facts.name} · ${state.facts.subtitle}`);
  return {
    event(event) {
      const now = performance.now();
      takeEvent(state, event, now);
      if (event.type === "warm-up") {
        if (event.step % 50 === 0)
          print(
            `warm-up ${event.step}/${event.steps}  loss ${figure(event.loss)}${event.success === undefined ? "" : `  success ${figure(event.success)}`}`,
          );
      } else if (event.type === "start") {
        const { warmUp, from, steps } = event;
        if (warmUp !== null && from === 0)
          print(
            warmUp.cached
              ? "warm-up kept from before"
              : `warm-up ended after ${warmUp.steps} steps, ${warmUp.seconds.toFixed(1)} s`,
          );
        if (from > 0) print(`going on after step ${from} of ${steps}`);
      } else if (event.type === "metrics") {
        const { metrics } = event;
        if (metrics.evaluation !== undefined || metrics.step % 10 === 0) print(stepLine(state, metrics, now));
      }
    },
    stopping: () => print("stopping after this step"),
    close: () => {},
  };
}

function stepLine({ steps, began }: DashboardState, metrics: StartMetrics | StepMetrics, now: number): string {
  const parts = [`step ${metrics.step}/${steps}`];
  if (metrics.step > 0) {
    const { reward, signals, success, kl, entropy, length, unscored } = metrics as StepMetrics;
    parts.push(
      `reward ${figure(reward)}`,
      ...Object.entries(signals).map(([name, value]) => `${shown(name)} ${figure(value)}`),
    );
    parts.push(
      `success ${figure(success)}`,
      `kl ${figure(kl)}`,
      `entropy ${figure(entropy)}`,
      `length ${figure(length)}`,
    );
    if (unscored > 0) parts.push(`unscored ${unscored}`);
  }
  const { evaluation } = metrics;
  if (evaluation !== undefined)
    parts.push(`held out ${figure(evaluation.success)} sampled, ${figure(evaluation.greedy)} greedy`);
  if (began !== null && metrics.step > began.step) {
    const rate = (metrics.step - began.step) / ((now - began.at) / 1000);
    parts.push(`${figure(rate)} steps/s`, `${clock((steps - metrics.step) / rate)} left`);
  }
  return parts.join("  ");
}
