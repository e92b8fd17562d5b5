/**
 * Makes `npx guerdon` in this repository run bin/guerdon.js directly. npm links the commands of
 * dependencies, not of the package itself; without the link npx would install the folder elsewhere.
 */
import { mkdirSync, rmSync, symlinkSync } from "node:fs";

const folder = new URL("../node_modules/.bin/", import.meta.url);
mkdirSync(folder, { recursive: true });
rmSync(new URL("guerdon", folder), { force: true });
try {
  symlinkSync("../../bin/guerdon.js", new URL("guerdon", folder));
} catch (thrown) {
  // Windows without the right to make links: `node bin/guerdon.js` works all the same.
  if (process.platform !== "win32") throw thrown;
}
