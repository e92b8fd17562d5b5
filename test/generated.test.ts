import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

// Each script exits non-zero, naming the files, when what it would write differs from what is there.
for (const script of ["catalogue", "docs"]) {
  it(`what scripts/${script}.ts generates is up to date`, { timeout: 120_000 }, () => {
    const output = execFileSync(process.execPath, ["--import", "tsx", `scripts/${script}.ts`, "--check"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output).toMatch(/^\d+ parts/m);
  });
}
