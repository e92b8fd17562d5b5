/** Loads a reward file: TypeScript in, bundled and hashed, out comes the reward that the file exports. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules, SourceMap, type SourceMapPayload } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BuildFailure, OutputFile, Plugin } from "esbuild";
import { ContractError, messageOf } from "../core/error.ts";
import { hashText, isReward, packageVersion } from "./define.ts";
import { inTime, type Trial, tryImport } from "./trial.ts";
import type { Reward } from "./types.ts";

export const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const builtins = new Set(builtinModules);

/**
 * Loads the reward that a file exports by default. The file may import `guerdon` and `guerdon/<stage>`
 * (this very copy of the package), its own neighbours, and packages installed beside it. The hash covers
 * its bundled text and the versions of packages. Throws `ContractError` whose path is `file:line:column`
 * for a file that does not compile, throws when it is run, or exports something else.
 * `seen` takes the files that went into it, or should have, also when this throws: what to watch. With `trial` a version
 * that is not there yet is imported on a thread of its own first, and all that it does there ends with that thread.
 */
export async function loadReward(path: string, seen?: Set<string>, trial?: Trial): Promise<Reward> {
  const { exported: reward, hash, module } = await loadModule(path, seen, trial);
  if (reward === undefined)
    throw new ContractError(path, "has no default export; write `export default defineReward({ … })`");
  if (!isReward(reward))
    throw new ContractError(path, `exports ${typeof reward} by default, expected what defineReward gives`);
  return { ...reward, hash, module };
}

/** What a TypeScript file exports by default, loaded as `loadReward` does; `module` is the bundle's address. */
export async function loadModule(
  path: string,
  seen: Set<string> = new Set(),
  trial?: Trial,
): Promise<{ readonly exported: unknown; readonly hash: string; readonly module: string }> {
  const file = resolve(path);
  if (!existsSync(file)) throw new ContractError(path, "no such file");
  const bundling = bundle(file, path, seen);
  const { code, map, packages } = await (trial ? inTime(bundling, trial) : bundling);
  const hash = hashText(`${packageVersion}\n${portable(code, dirname(file))}\n${[...packages].sort().join("\n")}`);
  const module = pathToFileURL(join(bundleFolder(), `${hash}.mjs`)).href;
  const inline = Buffer.from(map).toString("base64");
  writeFileSync(fileURLToPath(module), `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}\n`);
  try {
    if (trial && trial.current !== hash) await tryImport(module, trial);
    const importing = import(/* @vite-ignore */ module) as Promise<{ default?: unknown }>;
    const { default: exported } = await (trial ? inTime(importing, trial) : importing);
    return { exported, hash, module };
  } catch (thrown) {
    throw new ContractError(place(thrown, module, map, file, path), messageOf(thrown));
  }
}

let folder: string | null = null;

/** A folder of this process alone: nobody else can plant a bundle in it. */
export function bundleFolder(): string {
  if (folder && existsSync(folder)) return folder;
  const made = mkdtempSync(join(tmpdir(), "guerdon-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  folder = made;
  return made;
}

interface Bundle {
  readonly code: string;
  readonly map: string;
  readonly packages: ReadonlySet<string>;
}

async function bundle(file: string, shown: string, seen: Set<string>): Promise<Bundle> {
  const { build } = await import("esbuild");
  const packages = new Set<string>();
  const url = pathToFileURL(file).href;
  let outputs: readonly OutputFile[];
  try {
    const result = await build({
      entryPoints: [file],
      absWorkingDir: dirname(file),
      outfile: join(dirname(file), "reward.mjs"),
      bundle: true,
      write: false,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "external",
      sourceRoot: dirname(file),
      logLevel: "silent",
      define: {
        "import.meta.url": JSON.stringify(url),
        "import.meta.dirname": JSON.stringify(dirname(file)),
        "import.meta.filename": JSON.stringify(file),
      },
      plugins: [sources(seen), imports(packages)],
    });
    outputs = result.outputFiles;
  } catch (thrown) {
    const first = (thrown as Partial<BuildFailure>).errors?.[0];
    if (!first) throw thrown;
    const { location } = first;
    const at = location ? `${besideShown(location.file, file, shown)}:${location.line}:${location.column + 1}` : shown;
    const line = location ? `\n    ${location.lineText.trim()}` : "";
    throw new ContractError(at, `${first.text}${line}`);
  }
  const text = (ending: string) => outputs.find((output) => output.path.endsWith(ending))?.text ?? "";
  return { code: text(".mjs"), map: text(".map"), packages };
}

/** esbuild names files from the reward's folder; people name them from where they are. */
function besideShown(name: string, file: string, shown: string): string {
  const full = resolve(dirname(file), name);
  return full === file ? shown : relative(process.cwd(), full);
}

/** Notes the files of a bundle, and the places where one is missing. */
function sources(seen: Set<string>): Plugin {
  return {
    name: "guerdon-sources",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        seen.add(join(resolveDir, path));
        return undefined;
      });
      build.onLoad({ filter: /.*/ }, ({ path }) => {
        seen.add(path);
        return undefined;
      });
    },
  };
}

/** `guerdon…` → this package, other packages → where the reward file's folder finds them, all left outside the bundle. */
function imports(packages: Set<string>): Plugin {
  const own = exportsOfThisPackage();
  return {
    name: "guerdon-imports",
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind === "entry-point" || pluginData === imports) return undefined;
        if (path.startsWith("node:") || builtins.has(path)) return { path, external: true };
        if (path === "guerdon" || path.startsWith("guerdon/")) {
          const target = own.get(path);
          if (target) return { path: pathToFileURL(target).href, external: true };
          return { errors: [{ text: `guerdon has no ${JSON.stringify(path)}; it has ${[...own.keys()].join(", ")}` }] };
        }
        if (/^(file|data):/.test(path)) return { path, external: true };
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: imports });
        if (found.errors.length > 0)
          return { errors: [{ text: `cannot find ${JSON.stringify(path)} from ${resolveDir}: install it there` }] };
        if (!found.path.includes("node_modules")) return undefined; // a path alias: bundle it
        packages.add(`${path}@${versionOf(found.path)}`);
        return { path: pathToFileURL(found.path).href, external: true };
      });
    },
  };
}

/** Subpaths that this package exports → files, from its own package.json, so that there is exactly one list. */
export function exportsOfThisPackage(): Map<string, string> {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    exports: Record<string, string | { default: string }>;
  };
  return new Map(
    Object.entries(exports).flatMap(([subpath, target]) =>
      typeof target === "string" ? [] : [[`guerdon${subpath.slice(1)}`, join(packageRoot, target.default)]],
    ),
  );
}

export function versionOf(file: string): string {
  for (let at = dirname(file); at !== dirname(at); at = dirname(at)) {
    const manifest = join(at, "package.json");
    if (!existsSync(manifest)) continue;
    const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version?: string };
    if (version) return version;
  }
  return "unknown";
}

/** The bundle without the places where things happen to be installed: the same file hashes the same everywhere. */
function portable(code: string, rewardFolder: string): string {
  return code
    .replaceAll(pathToFileURL(packageRoot).href.replace(/\/$/, ""), "guerdon:")
    .replaceAll(/file:\/\/[^"']*\/node_modules\//g, "package:")
    .replaceAll(pathToFileURL(rewardFolder).href, "reward:")
    .replaceAll(rewardFolder, "reward:");
}

/** Where in the reward file something was thrown, `file:line:column`; the file alone when that cannot be told. */
function place(thrown: unknown, module: string, map: string, file: string, shown: string): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  // With source maps switched on, Node has done the work already.
  const mapped = stack.indexOf(`${file}:`);
  if (mapped >= 0) return `${shown}:${/^\d+:\d+/.exec(stack.slice(mapped + file.length + 1))?.[0] ?? ""}`;
  const at = stack.indexOf(module);
  const numbers = at < 0 ? null : /^:(\d+):(\d+)/.exec(stack.slice(at + module.length));
  if (!numbers) return shown;
  try {
    const payload = { ...(JSON.parse(map) as SourceMapPayload), sourceRoot: "" };
    const entry = new SourceMap(payload).findEntry(Number(numbers[1]) - 1, Number(numbers[2]) - 1);
    if (!("originalSource" in entry)) return shown;
    return `${besideShown(entry.originalSource, file, shown)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  } catch {
    return shown;
  }
}
