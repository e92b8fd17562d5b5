/** The report of a training run: what it gained and cost, its curves, and replies before and after. */
import { drawChart } from "./draw.ts";
import { formatCount, formatDuration, formatNumber, formatShare } from "./format.ts";
import { block, type Html, html, visible } from "./html.ts";
import { page, shownTime } from "./page.ts";
import { type CurvePoint, curveSpec } from "./training-charts.ts";

/** Figures on held-out problems. Texts may be hostile. */
export interface TrainingEvaluation {
  readonly problems: number;
  readonly success: number | null;
  readonly greedy: number | null;
  readonly reward: number | null;
  readonly signals: Readonly<Record<string, number | null>>;
  readonly length: number;
}

interface ReplySample {
  readonly prompt: string;
  readonly response: string;
  readonly reference: string | null;
  readonly truncated: boolean;
  readonly success: number | null;
  readonly reward: number | null;
  readonly error: string | null;
  readonly signals: readonly {
    readonly name: string;
    readonly value: number | null;
    readonly error: string | null;
    readonly evidence: string | null;
  }[];
}

/** A line of metrics.jsonl; a step's figures are missing in the one before the first step. */
export interface TrainingRow {
  readonly step: number;
  readonly reward?: number | null;
  readonly signals?: Readonly<Record<string, number | null>>;
  readonly success?: number | null;
  readonly kl?: number;
  readonly entropy?: number;
  readonly length?: number;
  readonly unscored?: number;
  readonly groupSpread?: number;
  readonly gradientNorm?: number;
  readonly evaluation?: TrainingEvaluation;
}

export interface TrainingReport {
  readonly name: string;
  readonly steps: number;
  /** Why it ended before its last step. */
  readonly reason: string | null;
  readonly before: TrainingEvaluation & { readonly samples: readonly ReplySample[] };
  readonly after: TrainingEvaluation & { readonly samples: readonly ReplySample[] };
  readonly rows: readonly TrainingRow[];
  readonly totals: { readonly tokens: number; readonly rollouts: number; readonly unscored: number };
  readonly warmUp: { readonly steps: number; readonly seconds: number; readonly cached: boolean } | null;
  readonly seconds: number;
  readonly startedAt: string;
  /** Name → value, in this order. */
  readonly provenance: Readonly<Record<string, string | number>>;
}

/** One self-contained HTML file; see `page`. */
export async function renderTrainingReport(report: TrainingReport): Promise<string> {
  const { name, steps, totals, startedAt } = report;
  return page({
    title: `Training of ${name}`,
    subtitle: `${formatCount(steps)} steps · ${formatCount(totals.rollouts)} rollouts · ${shownTime(startedAt)}`,
    sections: [
      ["story", "What happened", story(report)],
      ["curves", "Curves", await curves(report)],
      ["samples", "Replies before and after", samples(report)],
      ["provenance", "Provenance", provenance(report)],
    ],
    writtenBy: "guerdon train",
  });
}

/** Did the reward rise by what the task does not want? */
export function wasGamed(before: TrainingEvaluation, after: TrainingEvaluation): boolean {
  if (before.reward === null || after.reward === null || before.success === null || after.success === null)
    return false;
  return after.reward > before.reward && after.success < before.success - 0.05;
}

function story(report: TrainingReport): Html {
  const { before, after, totals, warmUp, seconds, reason } = report;
  const tile = (label: string, number: string, note: string) =>
    html`<div class="tile"><div class="name">${label}</div><div class="number">${number}</div><div class="note">${note}</div></div>`;
  const arrow = (from: number | null, to: number | null, format = formatShare) => `${format(from)} → ${format(to)}`;
  const training = seconds - (warmUp?.seconds ?? 0);
  const warmUpNote =
    warmUp === null
      ? "no warm-up"
      : warmUp.cached
        ? "after a warm-up that was kept from before"
        : `after a warm-up of ${formatCount(warmUp.steps)} steps, ${formatDuration(warmUp.seconds)}`;
  const names = Object.keys({ ...before.signals, ...after.signals });
  const row = (label: string, from: number | null, to: number | null, format: (value: number | null) => string) =>
    html`<tr><td class="wrap">${label}</td><td class="n">${format(from)}</td><td class="n">${format(to)}</td></tr>`;
  return html`<div class="tiles">${[
    tile(
      "True success",
      arrow(before.success, after.success),
      `sampled at temperature 1, ${formatCount(after.problems)} held-out problems`,
    ),
    tile("Greedy", arrow(before.greedy, after.greedy), "true success of the likeliest reply"),
    tile(
      "Reward",
      arrow(before.reward, after.reward, (value) => formatNumber(value, 3)),
      "held out, by the reward file",
    ),
    tile("Cost", `${formatCount(totals.rollouts)} rollouts`, `${formatCount(totals.tokens)} tokens`),
    tile("Time", formatDuration(training) ?? "–", warmUpNote),
    tile(
      "Unscored",
      formatShare(totals.unscored / Math.max(1, totals.rollouts)),
      `${formatCount(totals.unscored)} rollouts, masked`,
    ),
  ]}</div>${
    wasGamed(before, after)
      ? html`<p class="bad">The reward rose while the true success fell: the policy found something that the reward pays for and the task does not want.</p>`
      : null
  }${reason === null ? null : html`<p>Ended early: ${reason}.</p>`}
<div class="scroll"><table class="narrow"><thead><tr><th>On held-out problems</th><th class="n">Before</th><th class="n">After</th></tr></thead><tbody>${[
    row("true success, sampled", before.success, after.success, formatShare),
    row("true success, greedy", before.greedy, after.greedy, formatShare),
    row("reward", before.reward, after.reward, formatNumber),
    ...names.map((signal) =>
      row(`signal ${signal}`, before.signals[signal] ?? null, after.signals[signal] ?? null, formatNumber),
    ),
    row("length (tokens)", before.length, after.length, formatNumber),
  ]}</tbody></table></div>`;
}

const mostPoints = 240;

/** Means of equally long runs of steps, so that a long run draws as fast as a short one. */
function thinned(rows: readonly TrainingRow[], pick: (row: TrainingRow) => number | null | undefined): CurvePoint[] {
  const known = rows.flatMap((row) => {
    const value = pick(row);
    return typeof value === "number" && Number.isFinite(value) ? [{ step: row.step, value }] : [];
  });
  const width = Math.ceil(known.length / mostPoints);
  if (width <= 1) return known;
  const points: CurvePoint[] = [];
  for (let i = 0; i < known.length; i += width) {
    const run = known.slice(i, i + width);
    const mean = (of: (point: CurvePoint) => number) => run.reduce((sum, point) => sum + of(point), 0) / run.length;
    points.push({ step: mean(({ step }) => step), value: mean(({ value }) => value) });
  }
  return points;
}

async function curves({ rows, before, after }: TrainingReport): Promise<Html | null> {
  const steps = rows.filter(({ step }) => step > 0);
  if (steps.length < 2) return null;
  const reward = thinned(steps, (row) => row.reward);
  const success = thinned(steps, (row) => row.success);
  const heldOut = thinned(rows, (row) => row.evaluation?.success);
  const wide = await drawChart(
    curveSpec({
      title: "reward, true success",
      wide: true,
      series: [
        { name: "reward", colour: "second", points: reward },
        { name: "true success", colour: "first", points: success },
        { name: "true success, held out", colour: "third", points: heldOut, marks: true },
      ],
    }),
    "Reward and true success by step",
  );
  const small = async (
    name: string,
    title: string,
    pick: (row: TrainingRow) => number | null | undefined,
    note?: string,
  ) => {
    const points = thinned(steps, pick);
    if (points.length < 2) return null;
    const chart = await drawChart(curveSpec({ title, series: [{ name, colour: "first", points }] }), `${name} by step`);
    return html`<figure><h3>${name}</h3>${chart}${note === undefined ? null : html`<figcaption>${note}</figcaption>`}</figure>`;
  };
  const names = Object.keys({ ...before.signals, ...after.signals, ...steps[0].signals });
  const figures: (Html | null)[] = [];
  for (const name of names.slice(0, 24))
    figures.push(await small(`Signal ${name}`, "mean worth", (row) => row.signals?.[name]));
  figures.push(
    await small("KL", "nats a reply", (row) => row.kl, "To the policy that the run started from."),
    await small("Entropy", "nats a token", (row) => row.entropy),
    await small("Length", "tokens a reply", (row) => row.length),
    await small("Groups with spread", "share", (row) => row.groupSpread, "Only these teach under a group baseline."),
    await small("Gradient norm", "before clipping", (row) => row.gradientNorm),
  );
  if (steps.some(({ unscored = 0 }) => unscored > 0))
    figures.push(await small("Unscored", "rollouts a step", (row) => row.unscored, "Masked in the update."));
  return html`<figure class="wide"><h3>Reward and true success</h3>${wide}<figcaption>Lines: the rollouts that each step learned from.
Points: replies to held-out problems, sampled at temperature 1.</figcaption></figure><div class="charts" style="margin-top:16px">${figures}</div>`;
}

function samples({ before, after }: TrainingReport): Html | null {
  if (before.samples.length === 0 && after.samples.length === 0) return null;
  const count = Math.max(before.samples.length, after.samples.length);
  const rows = Array.from({ length: count }, (_, i) => sampleDetails(before.samples[i], after.samples[i]));
  return html`<p class="quiet">The first held-out problems, one sampled reply each; ✓ and ✗ are the true success.</p>${rows}`;
}

function sampleDetails(before: ReplySample | undefined, after: ReplySample | undefined): Html {
  const { prompt = "", reference = null } = after ?? before ?? {};
  const names = [...new Set([before, after].flatMap((sample) => sample?.signals.map(({ name }) => name) ?? []))];
  const cell = (sample: ReplySample | undefined, name: string) => {
    const signal = sample?.signals.find((one) => one.name === name);
    return html`<td class="wrap">${formatNumber(signal?.value)} ${
      signal?.error ? html`<span class="bad">${signal.error}</span> ` : null
    }${signal?.evidence ? html`<code>${signal.evidence}</code>` : null}</td>`;
  };
  return html`<details><summary><span class="value">${prompt}</span><span class="peek">${peek(before)} → ${peek(after)}</span></summary>
${reference === null ? null : html`<p class="quiet">Reference: <code>${reference}</code></p>`}
<div class="scroll"><table><thead><tr><th></th><th>Before</th><th>After</th></tr></thead><tbody>
<tr><td>reply</td>${[before, after].map((sample) => html`<td class="wrap">${sample ? html`<code>${block(sample.response)}</code>${sample.truncated ? html` <span class="cut">cut at the length limit</span>` : null}` : null}</td>`)}</tr>
<tr><td>true success</td>${[before, after].map((sample) => html`<td>${formatNumber(sample?.success)}</td>`)}</tr>
${names.map((name) => html`<tr><td class="wrap">${name}</td>${cell(before, name)}${cell(after, name)}</tr>`)}
<tr><td>reward</td>${[before, after].map((sample) => html`<td class="wrap">${formatNumber(sample?.reward)}${sample?.error ? html` <span class="bad">${sample.error}</span>` : null}</td>`)}</tr>
</tbody></table></div></details>`;
}

function peek(sample: ReplySample | undefined): string {
  if (sample === undefined) return "–";
  const mark = sample.success === null ? "" : sample.success > 0 ? "✓ " : "✗ ";
  return `${mark}${sample.response.slice(0, 100)}`;
}

function provenance({ provenance: facts, startedAt, seconds }: TrainingReport): Html {
  const rows = Object.entries({ ...facts, Started: startedAt, Took: formatDuration(seconds) ?? "–" });
  return html`<div class="scroll"><table><tbody>${rows.map(
    ([name, value]) => html`<tr><th>${name}</th><td class="wrap"><code>${visible(String(value))}</code></td></tr>`,
  )}</tbody></table></div>`;
}
