/**
 * Writes what can be derived from the parts' source: each stage's `index.ts`, and
 * `src/catalogue/parts.json` (id → file, export, papers, doc comment). `--check` only compares.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const partStages = [
  "signal",
  "shaping",
  "credit",
  "objective",
  "sampling",
  "model",
  "search",
  "evaluation",
  "environment",
];
const stale: string[] = [];

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter(
      (entry) => entry.isFile() && /\.ts$/.test(entry.name) && !/\.(test|fixture)\.ts$|^index\.ts$/.test(entry.name),
    )
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function put(file: string, text: string): void {
  let now = "";
  try {
    now = readFileSync(join(root, file), "utf8");
  } catch {}
  if (now === text) return;
  if (process.argv.includes("--check")) stale.push(file);
  else writeFileSync(join(root, file), text);
}

/**
 * A stage's index exports its parts, not their machinery. Where the machinery is public too (losses for
 * jitted training steps, networks, environments, searches over any generator) it exports whole files.
 */
function exportLine(stage: string, file: string): string | undefined {
  const path = `./${relative(`src/${stage}`, file)}`;
  if (["objective", "model", "environment", "search"].includes(stage)) return `export * from "${path}";`;
  const names = entries.filter((entry) => entry.file === file).map((entry) => entry.export);
  if (names.length === 0) return undefined;
  const line = `export { ${names.sort().join(", ")} } from "${path}";`;
  return line.length <= 120 ? line : `export {\n${names.map((name) => `  ${name},\n`).join("")}} from "${path}";`;
}

/** Which papers' golden cases exercise a part: they use it, whoever published it. */
function papersByPart(): Map<string, string[]> {
  const papers = new Map<string, string[]>();
  for (const name of readdirSync(join(root, "test/golden")).sort()) {
    const slug = name.replace(/\.json$/, "");
    const cases = JSON.parse(readFileSync(join(root, "test/golden", name), "utf8")) as { part: string }[];
    for (const part of new Set(cases.map((golden) => golden.part))) {
      papers.set(part, [...(papers.get(part) ?? []), slug]);
    }
  }
  return papers;
}

interface Entry {
  id: string;
  file: string;
  export: string;
  papers: string[];
  doc: string;
}

const definition =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?export const (\w+) = definePart\(\{\s*id: "([^"]+)",\s*papers: \[([^\]]*)\]/g;
const entries: Entry[] = [];
const users = papersByPart();
for (const stage of [...partStages, "pipeline"]) {
  const files = sourceFiles(`src/${stage}`);
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    for (const match of text.matchAll(definition)) {
      entries.push({
        id: match[3],
        file,
        export: match[2],
        papers: [
          ...new Set([
            ...[...match[4].matchAll(/"([^"]+)"/g)].map((paper) => paper[1]),
            ...(users.get(match[3]) ?? []),
          ]),
        ],
        doc: (match[1] ?? "").replace(/^[ \t]*\* ?/gm, "").trim(),
      });
    }
    const defined = text.match(/definePart\(\{/g)?.length ?? 0;
    const found = entries.filter((entry) => entry.file === file).length;
    if (defined !== found)
      throw new Error(
        `${file}: ${defined} definePart calls, ${found} recognised (write \`export const name = definePart({ id: "…", papers: […],\`)`,
      );
  }
  if (partStages.includes(stage)) {
    const lines = files.flatMap((file) => exportLine(stage, file) ?? []);
    put(`src/${stage}/index.ts`, lines.length > 0 ? `${lines.join("\n")}\n` : "export {};\n");
  }
}
entries.sort((a, b) => (a.id < b.id ? -1 : 1));
for (let i = 1; i < entries.length; i++) {
  if (entries[i].id === entries[i - 1].id)
    throw new Error(`${entries[i].id} is defined twice: ${entries[i - 1].file}, ${entries[i].file}`);
}
put("src/catalogue/parts.json", `${JSON.stringify(entries, null, 2)}\n`);
if (stale.length > 0) {
  console.error(`out of date: ${stale.join(", ")} (run \`npm run catalogue\`)`);
  process.exit(1);
}
console.log(`${entries.length} parts`);
