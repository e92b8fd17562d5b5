/**
 * npm's `prepare`: builds dist where it is missing or older than the sources. `npm ci` runs it once;
 * `npx guerdon` in a clone runs it again, and should not wait for a build that is there already.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = modified(join(root, "dist/cli/main.js"));
const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true });
const newest = Math.max(...sources.map((entry) => modified(join(entry.parentPath, entry.name))));
if (built < newest) {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  execFileSync("npm", ["run", "build"], { cwd: root, stdio: "inherit", shell: process.platform === "win32" });
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
