/** `npm run bench <name>` runs bench/<name>.ts; without a name, lists them. */
import { readdirSync } from "node:fs";

const names = readdirSync(new URL(".", import.meta.url))
  .filter((file) => file.endsWith(".ts") && file !== "run.ts" && !file.endsWith(".test.ts"))
  .map((file) => file.slice(0, -3));
const name = process.argv[2];
if (!names.includes(name)) {
  console.error(`usage: npm run bench <${names.join(" | ")}>`);
  process.exit(2);
}
await import(`./${name}.ts`);
