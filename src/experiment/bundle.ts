/**
 * Bundles TypeScript of `papers/` into one module: the experiment and everything of this package that it
 * reaches, nothing else. What runs is exactly what is hashed: a result goes stale when a part or a bed it uses
 * changes, and stays fresh when others do.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildFailure, Plugin } from "esbuild";
import { ContractError } from "../core/error.ts";
import { hashText } from "../pipeline/define.ts";
import { bundleFolder, exportsOfThisPackage, packageRoot, versionOf } from "../pipeline/load.ts";

export interface Bundle {
  /** Address of the module, for `import()` in any thread of this process. */
  readonly module: string;
  readonly hash: string;
  /** Packages outside the bundle → their versions. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Bundles one file. Throws `ContractError` whose path is `file:line:column` when it does not compile. */
export function bundleFile(file: string): Promise<Bundle> {
  const path = resolve(file);
  return bundle(`export { default } from ${JSON.stringify(path)};`, dirname(path));
}

/** Bundles several files into a module whose default export is the list of theirs. */
export function bundleFiles(files: readonly string[], folder: string): Promise<Bundle> {
  const imports = files.map((file, i) => `import f${i} from ${JSON.stringify(resolve(file))};`);
  return bundle(`${imports.join("\n")}\nexport default [${files.map((_, i) => `f${i}`).join(", ")}];`, folder);
}

interface Found {
  readonly url: string;
  readonly version: string;
}

async function bundle(contents: string, folder: string): Promise<Bundle> {
  const { build } = await import("esbuild");
  const packages = new Map<string, Found>();
  let code: string;
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder, loader: "ts" },
      absWorkingDir: folder,
      bundle: true,
      write: false,
      platform: "node",
      format: "esm",
      target: "node20",
      minifyWhitespace: true,
      legalComments: "none",
      logLevel: "silent",
      define: { "import.meta.url": moduleUrl },
      plugins: [insidePackage(packages)],
    });
    code = outputFiles[0].text;
  } catch (thrown) {
    const first = (thrown as Partial<BuildFailure>).errors?.[0];
    if (!first) throw thrown;
    const { location } = first;
    if (!location) throw new ContractError(relative(process.cwd(), folder), first.text);
    const file = relative(process.cwd(), resolve(folder, location.file));
    throw new ContractError(
      `${file}:${location.line}:${location.column + 1}`,
      `${first.text}\n    ${location.lineText.trim()}`,
    );
  }
  // Resolved is not reached: what tree shaking removed does not count.
  const reached = [...packages].filter(([, { url }]) => code.includes(url));
  const versions = reached.map(([name, { version }]) => [name, version]).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = hashText(`${portable(code)}\n${JSON.stringify(versions)}`);
  const module = join(bundleFolder(), `${hash}.mjs`);
  writeFileSync(module, code);
  return { module: pathToFileURL(module).href, hash, packages: Object.fromEntries(versions) };
}

const moduleUrl = "guerdonModuleUrl";
const builtins = new Set(builtinModules);
const dist = join(packageRoot, "dist");

/** `guerdon…` and what it reaches go into the bundle; packages stay outside, by their place on this machine. */
function insidePackage(packages: Map<string, Found>): Plugin {
  const own = exportsOfThisPackage();
  return {
    name: "guerdon-experiment",
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ path, importer }) =>
        importer.startsWith(dist) ? { path: join(dirname(importer), path), sideEffects: false } : undefined,
      );
      build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind === "entry-point" || pluginData === insidePackage) return undefined;
        if (path.startsWith("node:") || builtins.has(path)) return { path, external: true };
        if (path === "guerdon" || path.startsWith("guerdon/")) {
          // Of guerdon/experiment an experiment needs what defines it, not what runs it.
          const target = path === "guerdon/experiment" ? join(dist, "experiment/define.js") : own.get(path);
          if (target) return { path: target, sideEffects: false };
          return { errors: [{ text: `guerdon has no ${JSON.stringify(path)}; it has ${[...own.keys()].join(", ")}` }] };
        }
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: insidePackage });
        if (found.errors.length > 0)
          return { errors: [{ text: `cannot find ${JSON.stringify(path)} from ${resolveDir}: install it there` }] };
        const { href: url } = pathToFileURL(found.path);
        packages.set(path, { url, version: versionOf(found.path) });
        return { path: url, external: true };
      });
      build.onLoad({ filter: /\.[jt]s$/ }, ({ path }) => {
        if (path.includes("node_modules")) return undefined;
        let contents = readFileSync(path, "utf8");
        // A module still knows where it lies (see `define`), and parts that nobody uses leave no trace.
        if (contents.includes("import.meta.url"))
          contents = `const ${moduleUrl} = ${JSON.stringify(pathToFileURL(path).href)};\n${contents}`;
        if (!path.startsWith(dist)) return { contents, loader: "ts" };
        return { contents: contents.replaceAll("= definePart(", "= /* @__PURE__ */ definePart("), loader: "js" };
      });
    },
  };
}

/** The code without the places where things happen to be installed: the same code hashes the same everywhere. */
function portable(code: string): string {
  return code
    .replaceAll(pathToFileURL(packageRoot).href.replace(/\/$/, ""), "guerdon:")
    .replaceAll(/file:\/\/[^"']*\/node_modules\//g, "package:");
}
