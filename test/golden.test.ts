import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type GoldenCase, runCase } from "../src/catalogue/golden.ts";
import { catalogue } from "../src/catalogue/index.ts";

const folder = new URL("./golden/", import.meta.url);
const known = new Set(catalogue.map((entry) => entry.id));

for (const file of readdirSync(folder)) {
  const cases = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as GoldenCase[];
  describe(file, () => {
    for (const golden of cases) {
      // A part that does not exist yet shows as skipped, by name.
      it.skipIf(!known.has(golden.part))(`${golden.part}: ${golden.title}`, async () => {
        expect(await runCase(golden)).toEqual([]);
      });
    }
  });
}
