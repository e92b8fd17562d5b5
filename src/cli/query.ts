import type { Command } from "commander";
import { printable } from "../dataset/source.ts";
import { integer } from "./arguments.ts";

interface QueryOptions {
  readonly store: string;
  readonly url?: string;
  readonly limit: number;
  readonly output?: string;
  readonly json?: boolean;
  readonly views?: boolean;
}

/** `guerdon query`: questions to the store of scored rollouts. */
export function register(program: Command): void {
  program
    .command("query")
    .summary("ask the store of scored rollouts (SQL)")
    .description(
      "Runs one select statement on the store that `guerdon serve --store` writes: tables rollouts and signals, and the\n" +
        "views that --views lists.",
    )
    .argument("[sql]", "the statement, or the name of a view")
    .option("--store <file>", "the store's file", "guerdon.duckdb")
    .option("--url <address>", "ask a running service instead, which has the file open (default: GUERDON_URL)")
    .option("--limit <n>", "most rows", integer(1, 1_000_000), 10_000)
    .option("-o, --output <file>", "write .parquet, .csv, .tsv or .jsonl instead of a table")
    .option("--views", "list the ready-made views")
    .option("--json", "one JSON object a row")
    .addHelpText(
      "after",
      `
A running service has its store locked: --url asks it (with GUERDON_TOKEN as its token).

Examples:
  $ guerdon query reward_per_step
  $ guerdon query "select * from disagreements limit 5" --json
  $ guerdon query "select reward, response from rollouts where policy_step = 40 order by reward desc" -o best.parquet
  $ guerdon query unscored_by_cause --url http://127.0.0.1:8420`,
    )
    .action(async (question: string | undefined, options: QueryOptions) => {
      const [{ storeViews }, { queryFile, queryService, writeAnswer }, { ContractError }, { OutputError }, terminal] =
        await Promise.all([
          import("../service/store-schema.ts"),
          import("../service/store-reader.ts"),
          import("../core/error.ts"),
          import("../core/output-error.ts"),
          import("./terminal.ts"),
        ]);
      const { print, terminalWidth, truncate, colors } = terminal;
      if (options.views) {
        const width = Math.max(...storeViews.map(({ name }) => name.length));
        for (const { name, description } of storeViews) print(`${name.padEnd(width)}  ${description}`);
        return;
      }
      if (question === undefined)
        throw new ContractError("sql", "expected a select statement or a view's name (--views)");
      const view = storeViews.find(({ name }) => name === question.trim());
      const sql = view ? `SELECT * FROM ${view.name}` : question;
      const url = options.url ?? process.env.GUERDON_URL;
      const answer =
        url === undefined
          ? await queryFile(options.store, sql, options.limit)
          : await queryService(url, process.env.GUERDON_TOKEN, sql, options.limit);
      const cut = answer.more ? `only the first ${answer.rows.length} rows: more with --limit` : null;
      if (options.output !== undefined) {
        await writeAnswer(options.output, answer).catch((thrown) => {
          throw thrown instanceof ContractError ? thrown : new OutputError(String(options.output), thrown);
        });
        print(`${answer.rows.length} rows in ${options.output}`);
      } else if (options.json) {
        for (const row of answer.rows)
          print(JSON.stringify(Object.fromEntries(answer.columns.map((name, i) => [name, row[i]]))));
      } else {
        const shown = answer.rows.map((row) => row.map(cell));
        const widths = answer.columns.map((name, i) =>
          shown.reduce((widest, row) => Math.min(48, Math.max(widest, [...row[i]].length)), [...name].length),
        );
        const line = (cells: readonly string[]) =>
          cells
            .map((text, i) => truncate(text, widths[i]).padEnd(widths[i]))
            .join("  ")
            .trimEnd();
        const width = terminalWidth() ?? Number.POSITIVE_INFINITY;
        print(colors.dim(truncate(line(answer.columns.map((name) => printable(name))), width)));
        for (const row of shown) print(truncate(line(row), width));
      }
      if (cut) process.stderr.write(`${cut}\n`);
    });
}

/** What a model wrote may hold anything: one line, no control characters. */
function cell(value: unknown): string {
  if (value === null) return "";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toPrecision(6);
  return printable(typeof value === "string" ? value : JSON.stringify(value)).slice(0, 500);
}
