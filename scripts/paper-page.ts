/** The page of a paper, as far as it comes from `papers/<slug>/`: facts, how to use its parts, claims, figure, notes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CatalogueEntry } from "../src/catalogue/index.ts";
import { type CheckResult, type ClaimResult, type Paper, readResult } from "../src/experiment/index.ts";
import { escapeCell } from "./markdown.ts";

/** Title, where it was published, and what it says in three lines. */
export function paperHead({ title, arxiv, published, says, links }: Paper): string[] {
  const facts = [
    arxiv ? `[arXiv ${arxiv}](https://arxiv.org/abs/${arxiv})` : "",
    published ?? "",
    ...Object.entries(links ?? {}).map(([name, address]) => `[${name}](${address})`),
  ];
  return [`# ${title}`, "", facts.filter(Boolean).join(" · "), "", ...says.map((line) => `- ${line}`), ""];
}

/** The import line that a reward file, or any program, begins with. */
export function usage(entries: readonly CatalogueEntry[]): string[] {
  const byFolder = new Map<string, string[]>();
  for (const entry of entries) {
    const folder = entry.file.split("/")[1];
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), entry.export]);
  }
  const lines = [...byFolder].map(
    ([folder, names]) => `import { ${names.sort().join(", ")} } from "guerdon/${folder}";`,
  );
  return lines.length > 0 ? ["## Use", "", "```ts", ...lines, "```", ""] : [];
}

/** What its experiment found; nothing where there is none. */
export function findings(root: string, slug: string): string[] {
  const folder = join(root, "papers", slug);
  if (!existsSync(join(folder, "experiment.ts"))) return [];
  const source = `[experiment.ts](../../papers/${slug}/experiment.ts)`;
  const result = readResult(folder);
  if (!result) return ["## Experiment", "", `${source}, not run yet: \`guerdon reproduce ${slug} --full\``, ""];
  const seeds = `${result.seeds.length} seeds, code ${result.hash.slice(0, 12)}`;
  const notes = join(folder, "notes.md");
  return [
    "## Experiment",
    "",
    `${source} · ${seeds} · \`guerdon reproduce ${slug} --full\``,
    "",
    "| claim | the paper | verdict | measured, mean and 95 % interval |",
    "|---|---|---|---|",
    ...result.claims.map(claimRow),
    "",
    `![The experiment's figure](../../papers/${slug}/figure.svg)`,
    "",
    ...(existsSync(notes)
      ? [
          readFileSync(notes, "utf8")
            .trim()
            .replace(/^# Notes/, "## Notes"),
          "",
        ]
      : []),
  ];
}

function claimRow({ card, text, paper, verdict, reason, checks }: ClaimResult): string {
  const measured = checks.map((check) => escapeCell(`${check.text}: ${span(check)}${bounds(check)}`)).join("<br>");
  const judged = reason ? `${verdict} (${reason})` : verdict;
  return `| ${card}. ${escapeCell(text)} | ${escapeCell(paper)} | ${escapeCell(judged)} | ${measured} |`;
}

function span({ mean, lower, upper }: CheckResult): string {
  if (mean === null || lower === null || upper === null) return "undefined";
  return `${number(mean)} [${number(lower)}, ${number(upper)}]`;
}

function bounds({ atLeast, atMost }: CheckResult): string {
  if (atLeast !== undefined && atMost !== undefined) return ` (wanted ${atLeast} … ${atMost})`;
  if (atLeast !== undefined) return ` (wanted ≥ ${atLeast})`;
  return atMost === undefined ? "" : ` (wanted ≤ ${atMost})`;
}

const number = (value: number) => String(Number(value.toPrecision(3)));
