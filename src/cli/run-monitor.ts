import {
  createMonitor,
  type MonitorAssessment,
  type MonitorRecord,
  type MonitorVerdict,
  openLog,
  postWebhook,
  recordFields,
} from "../audit/monitor/index.ts";
import { ContractError } from "../core/error.ts";
import { parseMap, printable } from "../dataset/index.ts";
import type { MonitorFlags } from "./monitor.ts";
import { isStore, storeRecords } from "./monitor-store.ts";
import { colors, print, terminalWidth, truncate } from "./terminal.ts";

/** Bad lines that are printed one by one. */
const badLinesShown = 5;

/** Runs `guerdon monitor`; resolves to the exit code. */
export async function runMonitor(path: string, flags: MonitorFlags): Promise<number> {
  const map = flags.map ? parseMap(flags.map.join(",")) : {};
  checkMap(map);
  const webhook = flags.webhook === undefined ? null : checkUrl(flags.webhook);
  const stopper = new AbortController();
  const stop = () => {
    if (stopper.signal.aborted) process.exit(130);
    stopper.abort();
  };
  if (flags.follow) {
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  }
  let badLines = 0;
  let earlier = 0;
  const watching = {
    map,
    follow: flags.follow,
    idle: flags.idle === undefined ? undefined : 1000 * flags.idle,
    signal: stopper.signal,
  };
  const store = isStore(path);
  let replaced = false;
  const log = openLog(path, {
    ...watching,
    onReplaced() {
      replaced = true;
    },
    format: flags.format,
    onBadLine(place, reason) {
      badLines++;
      if (badLines <= badLinesShown) process.stderr.write(`${printable(`${place}: ${reason}; left out`)}\n`);
    },
  });
  let monitor = createMonitor({ alarm: flags.alarm });
  const runsBefore: MonitorVerdict[] = [];
  const live = createLive(flags);
  let alarmed = false;
  const deliveries: Promise<string | null>[] = [];
  for await (const record of store ? storeRecords(path, watching) : log.records()) {
    let last = monitor.verdict().lastStep;
    if (replaced && last !== null && record.step <= last) {
      const verdict = monitor.verdict();
      runsBefore.push(verdict);
      live.end();
      process.stderr.write(
        printable(`${path}: replaced, its steps begin anew, so the monitor does: ${inShort(verdict)}`),
      );
      process.stderr.write("\n");
      monitor = createMonitor({ alarm: flags.alarm });
      alarmed = false;
      last = null;
    }
    replaced = false;
    const assessment = monitor.add(record);
    if (assessment === null) {
      if (last !== null && record.step < last) earlier++;
      continue;
    }
    live.show(record, assessment);
    if (alarmed || assessment.score < flags.alarm) continue;
    alarmed = true;
    const verdict = monitor.verdict();
    live.alarm(verdict);
    if (webhook !== null) deliveries.push(deliver(webhook, path, verdict));
    if (flags.exitOnAlarm) break;
  }
  live.end();
  process.off("SIGINT", stop);
  process.off("SIGTERM", stop);
  if (badLines > badLinesShown) process.stderr.write(`${badLines - badLinesShown} further lines left out\n`);
  if (earlier > 0)
    process.stderr.write(
      `${earlier} records left out: their steps come before one that was already read (a second run in this log, or one that was resumed further back?)\n`,
    );
  for (const undelivered of await Promise.all(deliveries))
    if (undelivered !== null) process.stderr.write(`webhook: ${printable(undelivered)}\n`);
  const verdict = monitor.verdict();
  if (verdict.records === 0)
    throw new ContractError(
      path,
      badLines > 0
        ? `no record in it, and ${badLines} lines that could not be read`
        : "no record in it: expected a reward for each step (docs/monitor.md; --map names the fields)",
    );
  const format = store ? "store" : log.format;
  if (flags.json) print(JSON.stringify({ ...verdict, format, badLines, runsBefore }));
  else print(verdictText(verdict, format, flags.alarm));
  return verdict.alarm || runsBefore.some(({ alarm }) => alarm) ? 1 : 0;
}

function inShort({ records, lastStep, score, knownAt }: MonitorVerdict): string {
  const said = knownAt === null ? "no alarm" : `alarm at step ${knownAt}`;
  return `the run before had ${records} records to step ${lastStep}, ${said}, highest score ${score.toFixed(2)}`;
}

async function deliver(url: string, log: string, verdict: MonitorVerdict): Promise<string | null> {
  const result = await postWebhook(url, { log, ...verdict });
  return result.delivered ? null : result.reason;
}

function checkMap(map: Readonly<Record<string, string>>): void {
  for (const field of Object.keys(map))
    if (!field.startsWith("signals.") && !(recordFields as readonly string[]).includes(field))
      throw new ContractError(
        "--map",
        `expected one of ${recordFields.join(", ")} or signals.<name>, got ${printable(field)}`,
      );
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new ContractError("--webhook", `expected an http or https address, got ${printable(text)}`);
  return text;
}

interface Live {
  show(record: MonitorRecord, assessment: MonitorAssessment): void;
  alarm(verdict: MonitorVerdict): void;
  end(): void;
}

/** One line that is written over on a terminal; elsewhere only what changes. */
function createLive({ follow, json }: MonitorFlags): Live {
  const silent: Live = { show: () => {}, alarm: () => {}, end: () => {} };
  if (!follow) return silent;
  if (json) return { ...silent, show: (_, assessment) => print(JSON.stringify(assessment)) };
  const terminal = process.stderr.isTTY === true;
  let written = false;
  const clear = () => {
    if (written) process.stderr.write("\r\u001b[2K");
    written = false;
  };
  return {
    show(record, assessment) {
      if (!terminal) return;
      clear();
      process.stderr.write(truncate(printable(liveText(record, assessment)), (terminalWidth() ?? 100) - 1));
      written = true;
    },
    alarm(verdict) {
      clear();
      process.stderr.write(
        `${colors.red("alarm")} at step ${verdict.knownAt}: ${printable(verdict.evidence[0]?.text ?? "")}\n`,
      );
    },
    end: clear,
  };
}

function liveText({ step, reward, gold, kl, length }: MonitorRecord, { score, evidence }: MonitorAssessment): string {
  const known = { reward, gold, kl, length };
  const figures = Object.entries(known).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${Number(value.toPrecision(3))}`],
  );
  const strongest = evidence[0] === undefined ? "" : ` · ${evidence[0].text}`;
  return `step ${step} · score ${score.toFixed(2)} · ${figures.join(" · ")}${strongest}`;
}

function verdictText(verdict: MonitorVerdict, format: string, alarm: number): string {
  const { score, knownAt, since, evidence, watched, withGold, records, outliers, lastStep } = verdict;
  const lines = verdict.alarm
    ? [
        `${colors.red("alarm:")} this looks like reward hacking, from step ${since} on; it could be known at step ${knownAt} (highest score ${score.toFixed(2)})`,
      ]
    : [`${colors.green("no alarm:")} highest score ${score.toFixed(2)}, alarm at ${alarm}`];
  if (evidence.length > 0) lines.push(verdict.alarm ? "evidence at the alarm:" : "what moved:");
  for (const { statistic, text, weight } of evidence)
    lines.push(`  ${weight >= 0 ? "+" : ""}${weight.toFixed(1)}  ${statistic.padEnd(17)}${printable(text)}`);
  lines.push(
    `${records} records to step ${lastStep}, format ${format}; watched: ${watched.join(", ") || "nothing yet"}`,
  );
  if (outliers > 0)
    lines.push(`${outliers} ${outliers === 1 ? "value" : "values"} left out: alone, and far outside of all others`);
  if (!withGold)
    lines.push(
      "no gold measure in this log: an exploit that changes nothing but the truth goes unnoticed (docs/monitor.md)",
    );
  return lines.join("\n");
}
