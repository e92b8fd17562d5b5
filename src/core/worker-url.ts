/**
 * Where a worker's or child process's compiled file is.
 *
 * Node cannot load TypeScript in a worker, so workers always run from `dist/`: a compiled module
 * finds its neighbour, and a module run from source (`src/…/x.ts`, under vitest or tsx) finds the
 * same file in `dist/`, which `npm run build` makes.
 *
 * @param moduleUrl `import.meta.url` of the caller
 * @param name path of the worker relative to the caller, without extension: `"./python-worker"`
 */
export function workerUrl(moduleUrl: string, name: string): URL {
  const url = new URL(`${name}.js`, moduleUrl);
  if (!moduleUrl.endsWith(".ts")) return url;
  const at = url.pathname.lastIndexOf("/src/");
  if (at < 0) return url;
  url.pathname = `${url.pathname.slice(0, at)}/dist/${url.pathname.slice(at + "/src/".length)}`;
  return url;
}
