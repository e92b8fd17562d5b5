import type { Command } from "commander";
import { integer } from "./arguments.ts";

interface Options {
  readonly host: string;
  readonly port: number;
  readonly tokenFile?: string;
  readonly sessions: number;
  readonly seed: string;
  readonly list?: boolean;
}

/** `guerdon environment`: a bed as an OpenEnv server. */
export function register(program: Command): void {
  program
    .command("environment")
    .summary("serve a bed as an environment (OpenEnv)")
    .description("Serves a test bed that an agent plays turn by turn: reset, step and state over WebSocket and HTTP.")
    .argument("[name]", "which one; --list names them")
    .option("--list", "list the environments")
    .option("--host <address>", "where to listen", "127.0.0.1")
    .option("--port <n>", "0: any free port", integer(0), 8421)
    .option("--token-file <file>", "tokens, one a line; needed beyond this machine")
    .option("--sessions <n>", "episodes at once", integer(1), 256)
    .option("--seed <seed>", "seed of episodes whose reset names none", "0")
    .action(async (name: string | undefined, options: Options) => {
      const [{ episodeKinds }, { ContractError }, { print }] = await Promise.all([
        import("../environment/episodes.ts"),
        import("../core/error.ts"),
        import("./terminal.ts"),
      ]);
      const names = Object.keys(episodeKinds);
      if (options.list || name === undefined) {
        const width = Math.max(...names.map((one) => one.length));
        for (const one of names) print(`${one.padEnd(width)}  ${episodeKinds[one].description}`);
        return;
      }
      if (!Object.hasOwn(episodeKinds, name))
        throw new ContractError(
          "name",
          `no environment ${JSON.stringify(name.slice(0, 60))}; there are ${names.join(", ")}`,
        );
      const [{ serveEnvironment }, { parseTokens }, { readFile }] = await Promise.all([
        import("../service/openenv.ts"),
        import("../service/auth.ts"),
        import("node:fs/promises"),
      ]);
      const { tokenFile } = options;
      const tokens = tokenFile === undefined ? [] : parseTokens(await readFile(tokenFile, "utf8"), tokenFile);
      const { host, port, sessions, seed } = options;
      const running = await serveEnvironment({ kind: episodeKinds[name], host, port, sessions, seed, tokens });
      print(`${name} on ${running.url} (WebSocket at /ws); Ctrl-C stops`);
      await new Promise<void>((resolve) => {
        process.once("SIGINT", () => resolve());
        process.once("SIGTERM", () => resolve());
      });
      await running.stop();
    });
}
