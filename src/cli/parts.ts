import type { Command } from "commander";
import type { ZodType } from "zod";
import type { CatalogueEntry } from "../catalogue/index.ts";

interface Options {
  readonly stage?: string;
  readonly paper?: string;
  readonly json?: boolean;
}

/** `guerdon parts`: what there is, where it lives, and with `--json` every contract as JSON Schema. */
export function register(program: Command): void {
  program
    .command("parts")
    .summary("list the parts")
    .description("Lists the parts by stage, each with its source file and a summary.")
    .option("--stage <stage>", "only parts of this stage")
    .option("--paper <slug>", "only parts of this paper, such as grpo")
    .option("--json", "also params, inputs and outputs as JSON Schema, for machines")
    .addHelpText(
      "after",
      `
Examples:
  $ guerdon parts --stage credit
  $ guerdon parts --paper grpo --json | jq '.[].id'

The documentation of a part is docs/parts/<stage>/<name>.md.`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const [{ catalogue, stageOf, summaryOf }, { stages }, { ContractError }, terminal] = await Promise.all([
    import("../catalogue/index.ts"),
    import("../core/part.ts"),
    import("../core/error.ts"),
    import("./terminal.ts"),
  ]);
  if (options.stage !== undefined && !(stages as readonly string[]).includes(options.stage))
    throw new ContractError("--stage", `expected one of ${stages.join(", ")}, got ${JSON.stringify(options.stage)}`);
  const { paper } = options;
  if (paper !== undefined && !catalogue.some((entry) => entry.papers.includes(paper))) {
    const { nearest } = await import("../catalogue/nearest.ts");
    const near = nearest(paper, [...new Set(catalogue.flatMap((entry) => entry.papers))]);
    const hint = near.length > 0 ? `; did you mean ${near.join(", ")}?` : "";
    throw new ContractError("--paper", `no part names the paper ${JSON.stringify(paper)}${hint}`);
  }
  const entries = catalogue.filter(
    (entry) =>
      (options.stage === undefined || stageOf(entry) === options.stage) &&
      (paper === undefined || entry.papers.includes(paper)),
  );
  if (options.json) {
    const described = [];
    for (const entry of entries) described.push(await describe(entry, summaryOf(entry)));
    terminal.print(JSON.stringify(described, null, 2));
    return;
  }
  const { colors, print, terminalWidth, truncate } = terminal;
  const width = terminalWidth();
  const nameWidth = Math.max(...entries.map((entry) => nameOf(entry).length), 0);
  const fileWidth = Math.max(...entries.map((entry) => entry.file.length), 0);
  for (const stage of stages) {
    const members = entries.filter((entry) => stageOf(entry) === stage);
    if (members.length === 0) continue;
    print(`${colors.bold(stage)} ${colors.dim(`(${members.length})`)}`);
    for (const entry of members) {
      const name = nameOf(entry).padEnd(nameWidth);
      const file = entry.file.padEnd(fileWidth);
      const used = nameWidth + fileWidth + 6;
      // A narrow terminal loses the summary first, then the end of the file's name.
      if (width !== null && width < used + 12) {
        print(`  ${name}  ${colors.dim(truncate(entry.file, Math.max(8, width - nameWidth - 4)))}`);
        continue;
      }
      const summary = width === null ? summaryOf(entry) : truncate(summaryOf(entry), width - used);
      print(`  ${name}  ${colors.dim(file)}  ${summary}`);
    }
  }
}

const nameOf = (entry: CatalogueEntry) => entry.id.slice(entry.id.indexOf("/") + 1);

async function describe(entry: CatalogueEntry, summary: string) {
  const [{ loadPart, stageOf }, { z }] = await Promise.all([import("../catalogue/index.ts"), import("zod")]);
  const part = await loadPart(entry.id);
  const schema = (of: ZodType) => {
    const { $schema: _, ...rest } = z.toJSONSchema(of, { io: "input", unrepresentable: "any" }) as Record<
      string,
      unknown
    >;
    return rest;
  };
  return {
    id: entry.id,
    stage: stageOf(entry),
    papers: entry.papers,
    file: entry.file,
    docs: `docs/parts/${entry.id}.md`,
    summary,
    params: schema(part.params.strict()),
    inputs: schema(part.inputs.strict()),
    outputs: schema(part.outputs),
  };
}
