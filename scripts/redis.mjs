/**
 * A Redis (or Valkey) server for tests: finds one, or installs it with apt where this runs as root; starts it on a
 * free port of the loopback in a temporary folder. It ends with the process that started it.
 *
 *   node scripts/redis.mjs      starts one, prints its URL, and stops it on Ctrl-C
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const names = ["redis-server", "valkey-server"];

/** The server's program, or the reason why there is none. */
export function findRedis() {
  const there = lookFor();
  if (there) return { program: there };
  if (process.platform !== "linux" || process.getuid?.() !== 0 || process.env.GUERDON_NO_APT === "1")
    return { reason: "neither redis-server nor valkey-server is installed, and apt may not be used here" };
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const apt = (args) =>
    spawnSync("apt-get", args, { env: environment, timeout: 120_000, stdio: "ignore" }).status === 0;
  apt(["update", "-qq"]);
  for (const name of names) {
    if (apt(["install", "-y", "-qq", "--no-install-recommends", name])) break;
  }
  const installed = lookFor();
  return installed ? { program: installed } : { reason: "redis-server could not be installed with apt" };
}

function lookFor() {
  for (const name of names) {
    const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
    if (found.status === 0) return found.stdout.trim();
  }
  return null;
}

/**
 * Starts a server that writes every command to its log file before it answers, so that a killed one comes back
 * with what it had; `persistent: false`: one that comes back empty.
 */
export async function startRedis({ password, persistent = true } = {}) {
  const { program, reason } = findRedis();
  if (!program) throw new Error(reason);
  const folder = mkdtempSync(join(tmpdir(), "guerdon-redis-"));
  const port = await freePort();
  let child = null;
  const start = async () => {
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    args.push("--appendonly", persistent ? "yes" : "no", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
    if (password) args.push("--requirepass", password);
    child = spawn(program, args, { stdio: "ignore" });
    await answering(port);
  };
  const end = () =>
    new Promise((resolve) => {
      if (!child || child.exitCode !== null || child.signalCode !== null) resolve();
      else {
        child.once("close", resolve);
        child.kill("SIGKILL");
      }
    });
  const onExit = () => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", onExit);
  await start();
  return {
    url: password ? `redis://:${password}@127.0.0.1:${port}` : `redis://127.0.0.1:${port}`,
    port,
    /** kill -9. */
    kill: end,
    /** After `kill`: on the same port, with what it had written. */
    restart: start,
    async stop() {
      await end();
      process.off("exit", onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answering(port) {
  for (let tries = 0; tries < 300; tries++) {
    const up = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the Redis server does not answer");
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address.port));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await startRedis();
  console.log(server.url);
  const stop = async () => {
    await server.stop();
    process.exit(0);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}
