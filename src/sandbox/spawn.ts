/** Starts sandbox processes, and hands Python's snapshot from the first to the later ones. */
import { type ChildProcess, fork } from "node:child_process";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { workerUrl } from "../core/worker-url.ts";

export type Language = "python" | "javascript";

export interface SpawnOptions {
  readonly language: Language;
  readonly memoryLimit: number;
  /** Folder of the interpreter's package. */
  readonly interpreter?: string;
}

interface Location {
  /** URL of the interpreter's module. */
  readonly module: string;
  /** What it reads. */
  readonly folders: readonly string[];
}

/** Snapshots by the interpreter's module: all Python processes of a program start from the same one. */
const snapshots = new Map<string, Buffer>();

export function spawnChild({ language, memoryLimit, interpreter }: SpawnOptions): ChildProcess {
  const file = realpathSync(fileURLToPath(workerUrl(import.meta.url, "./child")));
  const { module, folders } = locate(language, interpreter);
  const root = resolve(dirname(file), "../..");
  const readable = [join(dirname(file), "*"), join(dirname(file), "../core/*"), join(root, "package.json"), ...folders];
  const snapshot = snapshots.get(module);
  const child = fork(file, [language, String(memoryLimit), module, String(snapshot?.length ?? 0)], {
    execArgv: [
      permissionFlag(process.version),
      ...readable.map((path) => `--allow-fs-read=${path}`),
      "--disallow-code-generation-from-strings",
      "--no-warnings",
      "--max-old-space-size=256",
      // Recursion in the interpreter takes stack here too; 8 MB are the usual limit of a process.
      "--stack-size=6000",
    ],
    env: {},
    cwd: dirname(file),
    stdio: [snapshot ? "pipe" : "ignore", snapshot ? "ignore" : "pipe", "pipe", "ipc"],
  });
  // A process that dies before it has read everything says so by its exit.
  child.stdin?.on("error", () => {});
  child.stdin?.end(snapshot);
  modules.set(child, module);
  return child;
}

const modules = new WeakMap<ChildProcess, string>();

/** Node's switch for its permission model: it lost its `experimental-` in 22.13 and in 23.5. */
export function permissionFlag(version: string): "--permission" | "--experimental-permission" {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  const stable = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13);
  return stable ? "--permission" : "--experimental-permission";
}

/** Keeps the snapshot that a starting process writes to its standard output, once that process is ready. */
export function collectSnapshot(child: ChildProcess): { complete(size: number, then: () => void): void } {
  const chunks: Buffer[] = [];
  let size = 0;
  let expected: number | null = null;
  let done = () => {};
  const finish = () => {
    if (expected === null || size < expected) return;
    const module = modules.get(child);
    if (module && expected > 0) snapshots.set(module, Buffer.concat(chunks).subarray(0, expected));
    child.stdout?.destroy();
    chunks.length = 0;
    done();
  };
  child.stdout?.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    finish();
  });
  return {
    complete(announced, then) {
      expected = announced;
      done = then;
      finish();
    },
  };
}

/** URL of the interpreter's module, and the folders that it reads. */
function locate(language: Language, interpreter: string | undefined): Location {
  const [name, entry] = language === "python" ? ["pyodide", "pyodide.mjs"] : ["quickjs-emscripten", "dist/index.js"];
  const folder = interpreter === undefined ? installed(language, name, entry) : resolve(interpreter);
  const packages = dirname(folder);
  return {
    module: pathToFileURL(join(folder, entry)).href,
    folders:
      language === "python"
        ? [join(folder, "*"), join(packages, "package.json"), join(packages, "ws", "*")]
        : [join(packages, "*")],
  };
}

function installed(language: Language, name: string, entry: string): string {
  try {
    const main = realpathSync(createRequire(import.meta.url).resolve(name));
    // Both packages' entry files lie as deep as the one that is loaded.
    return resolve(main, ...entry.split("/").map(() => ".."));
  } catch {
    throw new Error(`the ${language} sandbox needs a package that is not installed: npm install ${name}`);
  }
}
