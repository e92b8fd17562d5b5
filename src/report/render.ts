import { colours } from "../figure/theme.ts";
import {
  correlationSpec,
  type HistogramLabels,
  histogramSpec,
  type LengthPlot,
  lengthSpec,
  passAtKSpec,
} from "./charts.ts";
import { drawChart } from "./draw.ts";
import { formatCount, formatShare } from "./format.ts";
import { type Histogram, histogramOf, shareHistogram } from "./histogram.ts";
import { type Html, html } from "./html.ts";
import { lengthRanges } from "./length-bins.ts";
import { momentsError } from "./moments.ts";
import { page, type Section, shownTime } from "./page.ts";
import {
  distributionTable,
  errorSection,
  groupFacts,
  passAtKTable,
  provenance,
  sampleDetails,
  tiles,
} from "./sections.ts";
import type { Sketch } from "./sketch.ts";
import type { ReportState } from "./state.ts";
import { summarize } from "./summary.ts";
import type { ReportData, ReportInfo, Summary } from "./types.ts";

/** Signals beyond these are in the table but have no histogram. */
const plottedSignals = 24;

/** The report of a run, one HTML file; see `page`. */
export async function renderReport(data: ReportData, info: ReportInfo = {}): Promise<string> {
  const { state } = data;
  const summary = summarize(data);
  const sections: Section[] = [
    ["summary", "Summary", tiles(summary)],
    ["distributions", "Distributions", await distributions(summary, state)],
    ["correlations", "Correlations", await correlationSection(summary)],
    ["length", "Length and reward", await lengthSection(summary, state)],
    ["groups", "Groups", await groupSection(summary, state)],
    ["samples", "Samples", samples(state)],
    ["errors", "Errors", errorSection(summary, state)],
    ["provenance", "Provenance", provenance(summary, info)],
  ];
  const title = info.title ?? (info.rewardFile ? `Rewards of ${info.rewardFile}` : "Rewards");
  return page({ title, subtitle: subtitle(summary, info), sections, writtenBy: "guerdon score" });
}

function subtitle(summary: Summary, info: ReportInfo): string {
  const parts = [`${formatCount(summary.rollouts)} rollouts`];
  if (info.input) parts.push(info.input);
  if (info.startedAt) parts.push(shownTime(info.startedAt));
  return parts.join(" · ");
}

async function distributions(summary: Summary, state: ReportState): Promise<Html> {
  const figures: Html[] = [];
  const add = async (name: string, sketch: Sketch, labels: HistogramLabels) => {
    const drawn = await histogramFigure(name, sketch, labels);
    if (drawn) figures.push(drawn);
  };
  await add("Reward", state.reward.sketch, { unit: "reward", colour: colours.second });
  if (state.advantage) {
    await add("Advantage", state.advantage.sketch, { unit: "advantage", colour: colours.third });
  }
  for (const signal of state.signals.slice(0, plottedSignals)) {
    await add(`Signal ${signal.name}`, signal.sketch, { unit: "value of the signal" });
  }
  if (state.lengthUnit)
    await add("Length", state.length.sketch, { unit: `length (${state.lengthUnit})`, skewed: true });
  return html`<div class="charts">${figures}</div>${distributionTable(summary)}`;
}

async function histogramFigure(name: string, sketch: Sketch, labels: HistogramLabels): Promise<Html | null> {
  const histogram = labels.of === "groups" ? shareHistogram(sketch) : histogramOf(sketch, labels.skewed);
  if (!histogram) return null;
  const chart = await drawChart(histogramSpec(histogram, labels), `Histogram: ${name}`);
  const caption = tailNote(histogram);
  return html`<figure><h3>${name}</h3>${chart}${caption && html`<figcaption>${caption}</figcaption>`}</figure>`;
}

function tailNote(histogram: Histogram): string | null {
  if (histogram.kind === "values" || (histogram.below === 0 && histogram.above === 0)) return null;
  return `Not shown: ${formatShare(histogram.below)} below, ${formatShare(histogram.above)} above.`;
}

async function correlationSection(summary: Summary): Promise<Html | null> {
  const { correlations } = summary;
  if (correlations.names.length < 2) return null;
  const chart = await drawChart(correlationSpec(correlations), "Heat map of correlations");
  return html`<figure class="side"><h3>Pearson correlation of signals, reward and length</h3>${chart}<figcaption>Over the rollouts
that have both values. Blue: they rise together; orange: one falls as the other rises; –: one of them never varies.
A reward that goes along with length may be paying for it.</figcaption></figure>`;
}

async function lengthSection(summary: Summary, state: ReportState): Promise<Html | null> {
  if (!summary.lengths || state.scatter.points.length === 0) return null;
  const means: LengthPlot["means"] = lengthRanges(state.lengthBins, 12).map(({ length, rewards }) => {
    const error = momentsError(rewards);
    return {
      length,
      mean: rewards.mean,
      lower: error === null ? null : rewards.mean - 1.96 * error,
      upper: error === null ? null : rewards.mean + 1.96 * error,
    };
  });
  const { points, seen } = state.scatter;
  const chart = await drawChart(lengthSpec({ points, means, unit: summary.lengths.unit }), "Length against reward");
  return html`<figure class="wide"><h3>Reward by response length</h3>${chart}<figcaption>Dots: ${
    points.length < seen ? `a random ${formatCount(points.length)} of the` : "all"
  } ${formatCount(seen)} scored rollouts. Line: mean reward of ranges of length that hold about equally many rollouts, with its 95 % interval.</figcaption></figure>`;
}

async function groupSection(summary: Summary, state: ReportState): Promise<Html | null> {
  if (!summary.groups || !state.groups) return null;
  const figures: (Html | null)[] = [
    await histogramFigure("Success rate within a group", state.groups.rate, {
      unit: "success rate of the group",
      of: "groups",
    }),
  ];
  if (summary.passAtK.length > 1) {
    const counts = summary.passAtK.map(({ groups }) => groups);
    const chart = await drawChart(passAtKSpec(summary.passAtK), "pass@k");
    figures.push(
      html`<figure><h3>pass@k</h3>${chart}<figcaption>Chance that at least one of k rollouts succeeds: unbiased estimator, mean and 95 % interval over groups.${
        Math.min(...counts) < Math.max(...counts) ? " Large k rest on fewer groups, see the table." : ""
      }</figcaption></figure>`,
    );
  }
  return html`${groupFacts(summary)}<div class="charts">${figures}</div>${passAtKTable(summary)}${
    summary.success
      ? null
      : html`<p class="quiet">No success rule was given, so there is no success rate and no pass@k.</p>`
  }`;
}

function samples(state: ReportState): Html | null {
  if (state.worst.length === 0) return null;
  const list = (entries: ReportState["best"]) =>
    entries.map(({ reward, sample }) => sampleDetails(sample, formatReward(reward)));
  return html`<p class="quiet">Of rollouts with equal rewards a random few are shown.</p>
<h3>Highest rewards</h3>${list(state.best)}<h3>Lowest rewards</h3>${list(state.worst)}`;
}

function formatReward(reward: number): string {
  return reward.toLocaleString("en-US", { maximumFractionDigits: 4 }).replace("-", "−");
}
