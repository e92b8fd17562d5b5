import type { Command } from "commander";
import type { DefinedPaper, ExperimentResult, Verdict } from "../experiment/index.ts";

interface Options {
  readonly json?: boolean;
}

interface Row {
  readonly slug: string;
  readonly title: string;
  readonly arxiv: string | null;
  readonly published: string | null;
  /** Parts of the paper that exist, of those it names. */
  readonly parts: { readonly done: number; readonly named: number; readonly missing: readonly string[] };
  /** none, not run, fresh, or stale: the code has changed since. */
  readonly experiment: "none" | "not run" | "fresh" | "stale" | "broken";
  readonly claims: readonly { readonly card: number; readonly text: string; readonly verdict: Verdict }[];
}

/** `guerdon papers`: every paper, how far its parts are, and what its experiment found. */
export function register(program: Command): void {
  program
    .command("papers")
    .argument("[slug...]", "only these")
    .summary("list the papers and what was reproduced")
    .description("Lists the papers: their parts, their experiment, and the verdict on each of its claims.")
    .option("--json", "for machines")
    .addHelpText(
      "after",
      `
Verdicts: + reproduced, - not reproduced, ? inconclusive, · report only or not run; one sign a claim, in order.
A stale result was made by other code than there is now; \`guerdon reproduce <slug> --full\` makes it anew.`,
    )
    .action(run);
}

async function run(slugs: readonly string[], options: Options): Promise<void> {
  const [{ loadPapers }, { catalogue }, { ContractError }, { nearest }, terminal] = await Promise.all([
    import("../experiment/index.ts"),
    import("../catalogue/index.ts"),
    import("../core/error.ts"),
    import("../catalogue/nearest.ts"),
    import("./terminal.ts"),
  ]);
  const papers = await loadPapers();
  for (const slug of slugs) {
    if (papers.some((paper) => paper.slug === slug)) continue;
    const near = nearest(
      slug,
      papers.map((paper) => paper.slug),
    );
    const hint = near.length > 0 ? `; did you mean ${near.join(", ")}?` : "";
    throw new ContractError("slug", `no paper ${JSON.stringify(slug.slice(0, 100))}${hint}`);
  }
  const shown = slugs.length > 0 ? papers.filter((paper) => slugs.includes(paper.slug)) : papers;
  const known = new Set(catalogue.map((entry) => entry.id));
  const rows = await Promise.all(shown.map((paper) => rowOf(paper, known)));
  const { colors, print, terminalWidth, truncate } = terminal;
  if (options.json) {
    print(JSON.stringify(rows, null, 2));
    return;
  }
  const width = terminalWidth();
  const slugWidth = Math.max(...rows.map(({ slug }) => slug.length));
  const signWidth = Math.max(6, ...rows.map(({ claims }) => claims.length));
  const head = `${"paper".padEnd(slugWidth)}  ${"parts".padStart(7)}  ${"experiment".padEnd(10)}  ${"claims".padEnd(signWidth)}  title`;
  print(colors.dim(head));
  for (const row of rows) {
    const signs = row.claims.map(({ verdict }) => signOf(verdict)).join("");
    const parts = `${row.parts.done}/${row.parts.named}`.padStart(7);
    const state = row.experiment.padEnd(10);
    const start = `${row.slug.padEnd(slugWidth)}  ${parts}  ${state}  ${signs.padEnd(signWidth)}  `;
    const title = width === null ? row.title : truncate(row.title, Math.max(10, width - [...start].length));
    print(`${row.experiment === "stale" || row.experiment === "broken" ? colors.yellow(start) : start}${title}`);
  }
  // What other code found is shown above, but counts for nothing.
  const claims = rows.flatMap((row) => (row.experiment === "fresh" ? row.claims : []));
  const counted = (verdict: Verdict) => claims.filter((claim) => claim.verdict === verdict).length;
  const named = rows.reduce((sum, { parts }) => sum + parts.named, 0);
  const done = rows.reduce((sum, { parts }) => sum + parts.done, 0);
  const stale = rows.filter(({ experiment }) => experiment === "stale").length;
  print(
    colors.dim(
      `${rows.length} papers, ${done} of ${named} parts named by them; ` +
        `${rows.filter(({ experiment }) => experiment !== "none").length} experiments: ${counted("reproduced")} claims ` +
        `reproduced, ${counted("not reproduced")} not, ${counted("inconclusive")} inconclusive${stale > 0 ? `; ${stale} stale` : ""}`,
    ),
  );
}

async function rowOf(paper: DefinedPaper, known: ReadonlySet<string>): Promise<Row> {
  const missing = paper.parts.filter((id) => !known.has(id));
  const { state, result } = await experimentOf(paper.slug);
  return {
    slug: paper.slug,
    title: paper.title,
    arxiv: paper.arxiv ?? null,
    published: paper.published ?? null,
    parts: { done: paper.parts.length - missing.length, named: paper.parts.length, missing },
    experiment: state,
    claims: (result?.claims ?? []).map(({ card, text, verdict }) => ({ card, text, verdict })),
  };
}

async function experimentOf(slug: string): Promise<{ state: Row["experiment"]; result: ExperimentResult | null }> {
  const { loadExperiment, readResult, slugsWith } = await import("../experiment/index.ts");
  if (!slugsWith("experiment.ts").includes(slug)) return { state: "none", result: null };
  try {
    const { folder, hash } = await loadExperiment(slug);
    const result = readResult(folder);
    if (!result) return { state: "not run", result };
    return { state: result.hash === hash ? "fresh" : "stale", result };
  } catch {
    // Something it needs does not compile; the rest of the table is still worth showing.
    return { state: "broken", result: null };
  }
}

function signOf(verdict: Verdict): string {
  if (verdict === "reproduced") return "+";
  if (verdict === "not reproduced") return "-";
  return verdict === "inconclusive" ? "?" : "·";
}
