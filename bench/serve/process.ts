/** Servers under test as processes of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

export interface Server {
  readonly port: number;
  readonly child: ChildProcess;
  /** Resident memory in megabytes; null where the system does not say (/proc). */
  resident(): number | null;
  /** Seconds of processor time so far, of all its threads; null likewise. */
  cpu(): number | null;
  /** SIGTERM, then its exit code. */
  stop(): Promise<number | null>;
}

export const guerdonBin = fileURLToPath(new URL("../../bin/guerdon.js", import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

/** Starts a server with `args(port)` in `folder` and waits until it answers /healthz. */
export async function startServer(
  command: string,
  args: (port: number) => readonly string[],
  folder: string,
  onError: (text: string) => void = (text) => process.stderr.write(text),
): Promise<Server> {
  const port = await freePort();
  const child = spawn(command, args(port), { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  child.stderr?.setEncoding("utf8").on("data", onError);
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for (let tries = 0; ; tries++) {
    const up = await fetch(`http://127.0.0.1:${port}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) break;
    if (tries > 300 || child.exitCode !== null) {
      child.kill("SIGKILL");
      throw new Error(`${command} ${args(port).join(" ")} does not start`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    port,
    child,
    resident() {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
        return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
      } catch {
        return null;
      }
    },
    cpu() {
      try {
        const fields = readFileSync(`/proc/${child.pid}/stat`, "latin1")
          .replace(/^.*\) /, "")
          .split(" ");
        return (Number(fields[11]) + Number(fields[12])) / 100;
      } catch {
        return null;
      }
    },
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
      const code = await exited;
      clearTimeout(late);
      return code;
    },
  };
}

/** Seconds of processor time that everything on this machine has used so far; null where /proc is absent. */
export function machineCpu(): number | null {
  try {
    const [user, nice, system, , , irq, softirq] = readFileSync("/proc/stat", "latin1")
      .split("\n")[0]
      .split(/\s+/)
      .slice(1);
    return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  } catch {
    return null;
  }
}
