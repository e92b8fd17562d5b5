/** The report of an audit, for a terminal and as a page. Responses are hostile: nothing in them reaches a terminal or a browser unescaped. */
import { block, type Html, html, visible } from "../report/html.ts";
import { style } from "../report/style.ts";
import { type AuditReport, type Finding, mechanisms, type Severity } from "./types.ts";

/** Colours of a terminal; identity where there are none. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly of: Readonly<Record<Severity, (text: string) => string>>;
}

const plain = (text: string) => text;
const noPaint: Paint = { bold: plain, dim: plain, of: { critical: plain, major: plain, minor: plain } };

const shownLines = 6;
const shownWidth = 110;

const number = (value: number | null) => (value === null ? "unscored" : String(Number(value.toPrecision(4))));

/** A response between bars, escaped, a few lines of it. */
export function fencedLines(text: string): string[] {
  const lines = visible(text, true).split("\n");
  const shown = lines
    .slice(0, shownLines)
    .map((line) => (line.length > shownWidth ? `${line.slice(0, shownWidth)}…` : line));
  if (lines.length > shownLines) shown.push(`… ${lines.length - shownLines} more lines`);
  return shown.map((line) => `    │ ${line === "" && lines.length === 1 ? "(empty)" : line}`);
}

export function auditText(report: AuditReport, paint: Paint = noPaint): string {
  const lines: string[] = [];
  const count = (severity: Severity) => report.findings.filter((one) => one.severity === severity).length;
  lines.push(
    `${paint.bold(visible(report.reward.name ?? "reward"))}  ${report.exploits} exploits on ${report.problems} ${report.kind} problems, ${report.evaluations} evaluations, ${(report.milliseconds / 1000).toFixed(1)} s, seed ${report.seed}`,
    `honest answers (${report.style}): right ${number(report.honestRight)}, wrong ${number(report.honestWrong)}`,
  );
  for (const note of report.notes) lines.push(`note: ${visible(note)}`);
  const cutShort = report.unfinished.filter((phase) => phase !== "hidden check");
  if (cutShort.length > 0) lines.push(`the budget ended during: ${cutShort.join(", ")}`);
  lines.push("");
  for (const finding of report.findings) lines.push(...findingLines(finding, paint), "");
  const summary = (["critical", "major", "minor"] as const)
    .filter((one) => count(one) > 0)
    .map((one) => `${count(one)} ${one}`);
  const cut = report.unfinished.some((phase) => ["calibration", "exploits", "hidden check"].includes(phase));
  const accepted = report.accepted.length > 0 ? ` (${report.accepted.length} accepted by the baseline)` : "";
  lines.push(
    paint.bold(
      `${summary.length > 0 ? summary.join(", ") : cut ? "no findings so far: the audit was cut before it was through" : "no findings"}${accepted}`,
    ),
  );
  return `${lines.join("\n")}\n`;
}

function findingLines(finding: Finding, paint: Paint): string[] {
  const { severity, title, reward, error, honestRight, honestWrong, responsible, repairs } = finding;
  const lines = [`${paint.of[severity](severity.toUpperCase())} ${paint.bold(visible(title))}`];
  lines.push(
    `  reward ${error !== null && reward === null ? `unscored (${visible(error).slice(0, 100)})` : number(reward)}; an honest right answer gets ${number(honestRight)}, a wrong one ${number(honestWrong)}; on ${finding.problemsHit} problems`,
  );
  lines.push(`  to: ${visible(finding.prompt).slice(0, shownWidth)}`, ...fencedLines(finding.response));
  for (const { name, what, here, honest } of responsible)
    lines.push(`  by ${visible(name)} (${visible(what)}): ${number(here)}, honestly ${number(honest)}`);
  lines.push(
    `  found by: ${finding.finder}; ${finding.exploit}${finding.also.length > 0 ? `, also ${finding.also.join(", ")}` : ""}`,
  );
  for (const repair of repairs.slice(0, 2)) {
    const tried = repair.after
      ? repair.after.fixed
        ? ` → tried: this input gets ${number(repair.after.exploit)}, right ${number(repair.after.honestRight)}, wrong ${number(repair.after.honestWrong)}`
        : ` → tried: does not close it (${number(repair.after.exploit)})`
      : "";
    lines.push(
      `  repair: ${visible(repair.title)}: ${visible(repair.change)}${repair.part ? ` [${repair.part}]` : ""}${tried}`,
    );
  }
  lines.push(paint.dim(`  source: ${finding.source}`), paint.dim(`  key: ${visible(finding.key)}`));
  return lines;
}

export function auditHtml(report: AuditReport, facts: { readonly command: string; readonly version: string }): string {
  const card = (finding: Finding): Html => html`<details${{ markup: finding.severity === "minor" ? "" : " open" }}>
<summary><span class="value${{ markup: finding.severity === "minor" ? "" : " bad" }}">${finding.severity}</span><span>${finding.title}</span></summary>
<div class="chain"><span>this input: ${number(finding.reward)}</span><i>honest right</i><span>${number(finding.honestRight)}</span><i>honest wrong</i><span>${number(finding.honestWrong)}</span><i>holds on</i><span>${finding.problemsHit} problems</span></div>
<p class="label">Prompt</p><pre>${block(finding.prompt)}</pre>
<p class="label">Smallest response found</p><pre>${finding.response === "" ? "(empty)" : block(finding.response.slice(0, 4000))}</pre>
${finding.error === null ? null : html`<p class="label">Error</p><pre>${block(finding.error)}</pre>`}
<p class="label">Responsible</p><div class="scroll"><table><thead><tr><th>signal</th><th>what</th><th class="n">here</th><th class="n">honestly</th><th>evidence</th></tr></thead><tbody>
${finding.responsible.map((one) => html`<tr><td class="wrap">${one.name}</td><td>${one.what}</td><td class="n">${number(one.here)}</td><td class="n">${number(one.honest)}</td><td class="wrap"><code>${one.detail}</code></td></tr>`)}
</tbody></table></div>
<p class="label">Repairs</p><div class="scroll"><table><thead><tr><th>repair</th><th>change</th><th>after it</th></tr></thead><tbody>
${finding.repairs.map((one) => html`<tr><td class="wrap">${one.title}</td><td class="wrap"><code>${one.change}</code></td><td>${one.after ? `${one.after.fixed ? "closed" : "still open"}: this input ${number(one.after.exploit)}, right ${number(one.after.honestRight)}, wrong ${number(one.after.honestWrong)}` : "not tried"}</td></tr>`)}
</tbody></table></div>
<p class="quiet">Found by ${finding.finder}. Exploit ${finding.exploit}${finding.also.length > 0 ? `, also ${finding.also.join(", ")}` : ""}. Source: ${finding.source}. Key: <code>${finding.key}</code></p>
</details>`;
  const tile = (name: string, value: string, note: string) =>
    html`<div class="tile"><div class="name">${name}</div><div class="number">${value}</div><div class="note">${note}</div></div>`;
  const name = report.reward.name ?? "reward";
  const page = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of ${name}</title><style>${{ markup: style }}</style></head><body>
<header><h1>Audit of ${name}</h1><p class="quiet">${report.exploits} exploits on ${report.problems} ${report.kind} problems; seed ${report.seed}; ${facts.version}</p></header><main>
<div class="tiles">${tile("findings", String(report.findings.length), `${report.findings.filter(({ severity }) => severity !== "minor").length} above minor, ${report.accepted.length} accepted`)}
${tile("honest right", number(report.honestRight), report.style)}${tile("honest wrong", number(report.honestWrong), "the floor that gains are measured from")}
${tile("evaluations", String(report.evaluations), `${(report.milliseconds / 1000).toFixed(1)} s${report.unfinished.length > 0 ? `; unfinished: ${report.unfinished.join(", ")}` : ""}`)}</div>
${report.notes.map((note) => html`<p class="quiet">${note}</p>`)}
<h2>Findings</h2>${report.findings.length === 0 ? html`<p>None. That is no proof: it says what was tried and did not work.</p>` : report.findings.map(card)}
${report.accepted.length > 0 ? html`<h2>Accepted</h2>${report.accepted.map(card)}` : null}
<h2>Mechanisms</h2><ul>${[...new Set([...report.findings, ...report.accepted].map(({ mechanism }) => mechanism))].map((one) => html`<li><code>${one}</code> ${mechanisms[one]}</li>`)}</ul>
</main><footer><code>${facts.command}</code><br>Reward hash ${report.reward.hash}</footer></body></html>`;
  return page.markup;
}
