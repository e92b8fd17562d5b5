/** The report's sections that are text and tables; plots come in already drawn. */
import { formatCount, formatDuration, formatNumber, formatShare } from "./format.ts";
import { block, type Html, html, visible } from "./html.ts";
import type { Excerpt, Sample } from "./samples.ts";
import type { ReportState } from "./state.ts";
import type { Distribution, ReportInfo, Summary } from "./types.ts";

export function tiles(summary: Summary): Html {
  const { reward, groups } = summary;
  const tile = (name: string, number: string, note: string | Html) =>
    html`<div class="tile"><div class="name">${name}</div><div class="number">${number}</div><div class="note">${note}</div></div>`;
  const interval = reward.interval
    ? `95 % interval ${formatNumber(reward.interval.lower)} to ${formatNumber(reward.interval.upper)}, over ${reward.interval.over}`
    : "no interval: too few rewards";
  const pass = summary.passAtK.at(-1);
  return html`<div class="tiles">${[
    tile("Mean reward", formatNumber(reward.mean), interval),
    tile(
      "Spread of the reward",
      formatNumber(reward.standardDeviation),
      `standard deviation; ${formatNumber(reward.minimum)} to ${formatNumber(reward.maximum)}`,
    ),
    tile("Rollouts scored", formatCount(summary.scored), `of ${formatCount(summary.rollouts)}`),
    tile(
      "Unscored",
      formatShare(summary.rollouts > 0 ? summary.unscored / summary.rollouts : null),
      summary.unscored === 0
        ? "no error kept a reward back"
        : html`${formatCount(summary.unscored)}, see <a href="#errors">errors</a>`,
    ),
    summary.success ? tile("Success rate", formatShare(summary.success.rate), summary.success.rule) : null,
    pass && pass.k > 1
      ? tile(
          `pass@${pass.k}`,
          formatShare(pass.value),
          `pass@1 ${formatShare(summary.passAtK[0].value)}; ${formatCount(pass.groups)} groups`,
        )
      : null,
    groups && groups.comparable > 0
      ? tile(
          "Zero-spread groups",
          formatShare(groups.zeroSpreadShare),
          `${formatCount(groups.zeroSpread)} of ${formatCount(groups.comparable)} groups have equal rewards`,
        )
      : null,
    summary.lengths
      ? tile(
          "Mean length",
          formatNumber(summary.lengths.mean),
          `${summary.lengths.unit}; 95 % are at most ${formatNumber(quantileOf(summary.lengths, 0.95))}`,
        )
      : null,
  ]}</div>`;
}

function quantileOf(distribution: Distribution, q: number): number | null {
  return distribution.quantiles.find((entry) => entry.q === q)?.value ?? null;
}

/** One row per quantity: signals, then what is made of them. */
export function distributionTable(summary: Summary): Html {
  const row = (name: string, quantity: Distribution, rest: Html) => html`<tr><td class="wrap">${name}</td>
<td class="n">${formatCount(quantity.count)}</td><td class="n">${formatNumber(quantity.mean)}</td>
<td class="n">${formatNumber(quantity.standardDeviation)}</td>${[0.05, 0.5, 0.95].map(
    (q) => html`<td class="n">${formatNumber(quantileOf(quantity, q))}</td>`,
  )}<td class="n">${formatShare(quantity.shareNonZero)}</td>${rest}</tr>`;
  const nothing = html`<td class="n"></td><td class="n"></td><td class="n"></td>`;
  return html`<div class="scroll"><table><thead><tr><th>Quantity</th><th class="n">Values</th><th class="n">Mean</th>
<th class="n">SD</th><th class="n">5 %</th><th class="n">Median</th><th class="n">95 %</th><th class="n">Non-zero</th>
<th class="n">Errors</th><th class="n">Cached</th><th class="n">ms a rollout</th></tr></thead><tbody>${[
    ...Object.entries(summary.signals).map(([name, signal]) =>
      row(
        name,
        signal,
        html`<td class="n">${formatCount(Object.values(signal.errors).reduce((sum, count) => sum + count, 0))}</td>
<td class="n">${formatCount(signal.cached)}</td><td class="n">${formatNumber(signal.milliseconds, 3)}</td>`,
      ),
    ),
    row("combined, before shaping", summary.combined, nothing),
    row("reward", summary.reward, nothing),
    summary.advantage ? row("advantage", summary.advantage, nothing) : null,
    summary.lengths ? row(`length (${summary.lengths.unit})`, summary.lengths, nothing) : null,
  ]}</tbody></table></div>${
    summary.reward.exactQuantiles
      ? null
      : html`<p class="quiet">Percentiles of quantities with more than 256 distinct values come from a t-digest; their rank is off by less than half a percent.</p>`
  }`;
}

export function groupFacts(summary: Summary): Html | null {
  const { groups } = summary;
  if (!groups) return null;
  const size =
    groups.minimumSize === groups.maximumSize
      ? `${formatCount(groups.minimumSize)} rollouts each`
      : `${formatCount(groups.minimumSize)} to ${formatCount(groups.maximumSize)} rollouts, ${formatNumber(groups.meanSize, 3)} on average`;
  return html`<p>${formatCount(groups.count)} groups, ${size}. In ${formatCount(groups.zeroSpread)} of the
${formatCount(groups.comparable)} with two or more rewards (${formatShare(groups.zeroSpreadShare)}) all rewards are equal:
under group-relative credit these teach nothing. The mean standard deviation within a group is ${formatNumber(groups.meanSpread)}.
${
  groups.outcomes &&
  html`Of the groups with a known outcome, ${formatCount(groups.outcomes.allFail)} never succeed, ${formatCount(groups.outcomes.mixed)} sometimes, and ${formatCount(groups.outcomes.allPass)} always.`
}</p>${
    groups.whole
      ? null
      : html`<p class="quiet">Groups were counted within batches: one whose rollouts lie in two batches counts as two.</p>`
  }`;
}

export function passAtKTable(summary: Summary): Html | null {
  if (summary.passAtK.length === 0) return null;
  return html`<div class="scroll"><table class="narrow"><thead><tr><th class="n">k</th><th class="n">pass@k</th><th class="n">95 % interval</th><th class="n">Groups</th></tr></thead><tbody>${summary.passAtK.map(
    ({ k, value, interval, groups }) =>
      html`<tr><td class="n">${k}</td><td class="n">${formatShare(value)}</td><td class="n">${
        interval ? `${formatShare(interval.lower)} to ${formatShare(interval.upper)}` : "–"
      }</td><td class="n">${formatCount(groups)}</td></tr>`,
  )}</tbody></table></div>`;
}

/** One rollout, folded: texts, every signal with its evidence, and the way to the reward. */
export function sampleDetails(sample: Sample, heading: string, peek?: string): Html {
  const name = `rollout ${formatCount(sample.index + 1)}${sample.id ? ` · ${sample.id}` : ""}`;
  return html`<details><summary><span class="value">${heading}</span><span class="peek">${name} · ${
    peek ?? sample.response?.head.slice(0, 140) ?? ""
  }</span></summary>${[
    textBlock("Prompt", sample.prompt),
    textBlock("Response", sample.response),
    textBlock("Reference", sample.reference),
  ]}
<div class="scroll"><table><thead><tr><th>Signal</th><th class="n">Value</th><th>Evidence</th></tr></thead><tbody>${sample.signals.map(
    (signal) =>
      html`<tr><td class="wrap">${signal.name}</td><td class="n">${formatNumber(signal.value)}</td><td class="wrap">${
        signal.error ? html`<span class="bad">${signal.error}</span> ` : null
      }${signal.evidence ? html`<code>${signal.evidence}</code>` : null}</td></tr>`,
  )}</tbody></table></div>
${chain(sample)}<p class="quiet">${[
    sample.group === null ? null : `group ${sample.group}`,
    sample.length === null ? null : `length ${formatNumber(sample.length, 6)}`,
  ]
    .filter((text) => text !== null)
    .join(" · ")}</p></details>`;
}

function chain(sample: Sample): Html {
  const step = (name: string, value: string) => html`<span>${name} <b>${value}</b></span>`;
  const arrow = html`<i>→</i>`;
  const written = ({ name, value }: Sample["fields"][number]) => html`${arrow}${step(name, shortNumber(value))}`;
  return html`<p class="label">How it came about</p><div class="chain">${[
    ...sample.signals.map(({ name, value, error }) =>
      step(name, error && value === null ? "error" : formatNumber(value)),
    ),
    arrow,
    step("combined", formatNumber(sample.combined)),
    ...sample.fields.filter(isShaping).map(written),
    arrow,
    step("reward", sample.reward === null ? "unscored" : formatNumber(sample.reward)),
    ...sample.fields.filter((field) => !isShaping(field)).map(written),
    ...(sample.advantage === null ? [] : [arrow, step("advantage", formatNumber(sample.advantage))]),
  ]}</div>`;
}

/** Reward terms come before the reward, what credit wrote (baselines, …) after it. */
function isShaping({ name }: Sample["fields"][number]): boolean {
  return /rewards?$/i.test(name);
}

function shortNumber(json: string): string {
  const value = Number(json);
  return json.trim() !== "" && Number.isFinite(value) ? formatNumber(value) : json;
}

function textBlock(name: string, text: Excerpt | null): Html | null {
  if (text === null) return null;
  return html`<p class="label">${name}</p><pre dir="auto">${block(text.head)}${
    text.omitted > 0
      ? html`<span class="cut"> … ${formatCount(text.omitted)} characters left out … </span>${block(text.tail)}`
      : null
  }${text.head === "" && text.omitted === 0 ? html`<span class="cut">(empty)</span>` : null}</pre>`;
}

export function errorSection(summary: Summary, state: ReportState): Html {
  if (summary.errors.length === 0) return html`<p>Every rollout has a reward.</p>`;
  const most = summary.errors[0].count;
  return html`<p>An error is never a reward: these ${formatCount(summary.unscored)} rollouts are unscored and take part in no mean, no group and no advantage.</p>
<div class="scroll"><table><thead><tr><th>Cause</th><th>Where</th><th class="n">Rollouts</th><th class="n">Share</th><th style="width:30%"></th></tr></thead><tbody>${summary.errors.map(
    ({
      code,
      signal,
      count,
      share,
    }) => html`<tr><td><code>${code}</code></td><td class="wrap">${signal === null ? "outside the signals" : `signal ${signal}`}</td>
<td class="n">${formatCount(count)}</td><td class="n">${formatShare(share)}</td><td><span class="bar" style="width:${Math.max(1, Math.round((100 * count) / most))}%"></span></td></tr>`,
  )}</tbody></table></div>${[...state.causes]
    .sort((a, b) => b.count - a.count)
    .map((cause) => cause.examples.map(({ message, sample }) => sampleDetails(sample, cause.code, message)))}`;
}

export function provenance(summary: Summary, info: ReportInfo): Html {
  const { counters } = info;
  const sum = (pick: "cacheHits" | "retries" | "timeouts" | "fallbacks") =>
    Object.values(counters?.signals ?? {}).reduce((total, signal) => total + signal[pick], 0);
  const rate = info.seconds ? `, ${formatNumber(summary.rollouts / info.seconds, 3)} rollouts a second` : "";
  const duration = formatDuration(info.seconds);
  const rows: [string, string | number | null | undefined][] = [
    ["Reward file", info.rewardFile],
    ["Reward hash", info.rewardHash],
    ["Input", info.input],
    ["Output", info.output],
    ["Command", info.command],
    ["Seed", info.seed],
    ["Started", info.startedAt],
    ["Took", duration && `${duration}${rate}`],
    ["Success", summary.success?.rule],
    [
      "Counted",
      counters &&
        `${formatCount(sum("cacheHits"))} cache hits, ${formatCount(sum("retries"))} retries, ${formatCount(sum("timeouts"))} timeouts, ${formatCount(sum("fallbacks"))} fallbacks`,
    ],
    [
      "Versions",
      info.versions &&
        Object.entries(info.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(", "),
    ],
    ...Object.entries(info.notes ?? {}),
  ];
  return html`<div class="scroll"><table><tbody>${rows
    .filter(([, value]) => value !== undefined && value !== null)
    .map(
      ([name, value]) => html`<tr><th>${name}</th><td class="wrap"><code>${visible(String(value))}</code></td></tr>`,
    )}</tbody></table></div>`;
}
