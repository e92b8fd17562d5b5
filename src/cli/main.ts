import { type Command, CommanderError, program } from "commander";
import pc from "picocolors";
import { messageOf } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import { register as audit } from "./audit.ts";
import { register as bench } from "./bench.ts";
import { register as call } from "./call.ts";
import { register as cases } from "./cases.ts";
import { register as environment } from "./environment.ts";
import { register as monitor } from "./monitor.ts";
import { register as papers } from "./papers.ts";
import { register as parts } from "./parts.ts";
import { register as query } from "./query.ts";
import { register as quickstart } from "./quickstart.ts";
import { register as reproduce } from "./reproduce.ts";
import { register as score } from "./score.ts";
import { register as serve } from "./serve.ts";
import { wantsColor } from "./terminal.ts";
import { register as train } from "./train.ts";
import { readVersion } from "./version.ts";
import { register as work } from "./work.ts";

/**
 * Every command registers itself: its arguments, its help, and an action that imports what it needs
 * when it runs, so that `--help` loads nothing else. One line for each, in the order of `--help`.
 */
const commands: readonly ((program: Command) => void)[] = [
  score,
  serve,
  work,
  audit,
  monitor,
  train,
  query,
  environment,
  quickstart,
  parts,
  call,
  cases,
  papers,
  reproduce,
  bench,
];

const exitCodes = `
Exit codes:
  0    fine
  1    the work itself found failures (a case failed, too many rollouts unscored, …), or the disk is full
  2    wrong usage or bad input; the message on standard error names the place
  130  interrupted

Environment:
  NO_COLOR=1       no colour; FORCE_COLOR=1: colour even where no terminal is looking
  GUERDON_DEBUG=1  errors with their stack`;

/** The command line. Sets `process.exitCode`; only an interrupt or a closed pipe ends the process at once. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", onLostOutput);
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? (process.exitCode ?? 0) : 1);
  });
  process.on("SIGINT", () => {
    // A command that listens too winds down in its own way and sets the exit code.
    if (process.listenerCount("SIGINT") === 1) process.exit(130);
  });
  program
    .name("guerdon")
    .description("Rewards for reinforcement learning: write, score, audit and serve them.")
    .version(await readVersion(), "-V, --version")
    .showHelpAfterError("(--help shows the usage)")
    .addHelpText("after", exitCodes)
    .exitOverride();
  for (const register of commands) register(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...argv]);
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      // Commander has written its message; help and version are no errors.
      process.exitCode = thrown.exitCode === 0 ? 0 : 2;
      return;
    }
    process.exitCode = thrown instanceof OutputError && thrown.full ? 1 : 2;
    const red = pc.createColors(wantsColor(process.stderr)).red;
    process.stderr.write(`${red("error:")} ${messageOf(thrown)}\n`);
    if (process.env.GUERDON_DEBUG === "1" && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  }
}

/** `guerdon … | head`: whoever reads has seen enough. Anything else that takes no more, a full disk, is a failure. */
function onLostOutput(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  process.exitCode = 1;
  process.stderr.write(`error: ${new OutputError("standard output", error).message}\n`, () => process.exit(1));
}
