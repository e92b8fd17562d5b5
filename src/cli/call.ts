import type { Command } from "commander";

/** `guerdon call <part>`: one part on JSON, for every other language and for trying things out. */
export function register(program: Command): void {
  program
    .command("call")
    .summary("run one part on JSON from standard input")
    .description(
      "Reads {params, inputs} as JSON on standard input, runs the part and prints its outputs as JSON.\n" +
        "Every field is checked; an error names the field. `guerdon parts` lists the parts.",
    )
    .argument("<part>", "id of the part, such as credit/group-relative")
    .option("--json", "one line, for machines (also what a pipe gets)")
    .addHelpText(
      "after",
      `
Examples:
  $ echo '{"inputs": {"rewards": [1, 0, 0], "groups": ["a", "a", "a"]}}' | guerdon call credit/group-relative
  $ guerdon call shaping/overlong-penalty <<< '{"params": {"maxLength": 100, "cache": 20}, "inputs": {"lengths": [90]}}'`,
    )
    .action(async (id: string, options: { json?: boolean }) => {
      const [{ loadPart }, { callPart }, { readStandardInput, parseJson }, { print }, { ContractError }] =
        await Promise.all([
          import("../catalogue/index.ts"),
          import("../core/part.ts"),
          import("./input.ts"),
          import("./terminal.ts"),
          import("../core/error.ts"),
        ]);
      const part = await loadPart(id);
      const call = parseJson(await readStandardInput("{params, inputs} as JSON"), "standard input");
      if (typeof call !== "object" || call === null || Array.isArray(call))
        throw new ContractError("standard input", "expected an object {params, inputs}");
      for (const key of Object.keys(call)) {
        if (key !== "params" && key !== "inputs")
          throw new ContractError("standard input", `unknown key ${JSON.stringify(key)}, expected params and inputs`);
      }
      const outputs = await callPart(part, call);
      print(JSON.stringify(outputs, null, process.stdout.isTTY && !options.json ? 2 : 0));
    });
}
