import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const docs = readFileSync(new URL("../docs/audit.md", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "guerdon-audit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function guerdon(...args: readonly string[]) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder, env });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const block = (language: string) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(docs)?.[1] ?? "";
const quick = ["--problems", "math", "--workers", "0", "--no-cache"];

describe("guerdon audit", () => {
  const reward = file("reward.ts", block("ts"));
  file("bad-baseline.json", "{}");

  it("prints what docs/audit.md shows, writes JSON and a page, and fails", async () => {
    const { code, stdout } = await guerdon("audit", reward, ...quick, "--json", "out.json", "--report", "out.html");
    expect(code).toBe(1);
    const timeless = (text: string) => text.replace(/, \d+\.\d s, /, ", - s, ").trim();
    const shown = block("console").replace(/^\$.*\n/, "");
    expect(timeless(stdout)).toBe(timeless(shown));
    const report = JSON.parse(readFileSync(join(folder, "out.json"), "utf8")) as { findings: { key: string }[] };
    expect(report.findings.map(({ key }) => key)).toContain("steps:steps");
    expect(readFileSync(join(folder, "out.html"), "utf8")).toContain("the number of steps is paid");
  }, 60_000);

  it("goes on, and ends, with a check that gives no verdict", async () => {
    file("silent.ts", "export default async () => new Promise(() => setInterval(() => {}, 1000));");
    const { code, stdout } = await guerdon("audit", reward, ...quick, "--check", "silent.ts", "--check-time", "50ms");
    expect(stdout).toMatch(/hidden check gave no verdict within 0.05 s on 3 responses.*left out as unchecked/);
    expect(code).toBe(1);
  }, 60_000);

  it.skipIf(!existsSync("/dev/full"))(
    "fails with 1 and the file's name when the disk is full",
    async () => {
      for (const option of ["--json", "--report"]) {
        const { code, stderr } = await guerdon("audit", reward, ...quick, "--fail-on", "never", option, "/dev/full");
        expect(stderr).toContain("/dev/full: cannot be written (no space left on the disk)");
        expect(code).toBe(1);
      }
    },
    60_000,
  );

  it("accepts what the baseline accepts, and nothing else", async () => {
    expect((await guerdon("audit", reward, ...quick, "--baseline", "accepted.json", "--update-baseline")).code).toBe(0);
    const again = await guerdon("audit", reward, ...quick, "--baseline", "accepted.json", "--fail-on", "minor");
    expect(again.stdout).toContain("no findings");
    expect(again.code).toBe(0);
    const baseline = JSON.parse(readFileSync(join(folder, "accepted.json"), "utf8")) as { accepted: { key: string }[] };
    file(
      "one-less.json",
      JSON.stringify({ version: 1, accepted: baseline.accepted.filter(({ key }) => key !== "steps:steps") }),
    );
    expect((await guerdon("audit", reward, ...quick, "--baseline", "one-less.json")).code).toBe(1);
  }, 90_000);

  it("keeps what was accepted where an audit did not get through everything, or not at all", async () => {
    const entry = { key: "steps:steps", severity: "critical", exploit: "form/step-inflation", reason: "known" };
    const accepted = file("kept.json", JSON.stringify({ version: 1, accepted: [entry] }));
    const kept = () => (JSON.parse(readFileSync(join(folder, accepted), "utf8")) as { accepted: unknown[] }).accepted;
    await guerdon("audit", reward, ...quick, "--baseline", accepted, "--update-baseline", "--evaluations", "1");
    expect(kept()).toEqual([entry]);
    const failing = file(
      "failing.ts",
      'import { defineReward } from "guerdon";\nexport default defineReward({ signals: { a: () => { throw new Error("no"); } } });',
    );
    const nothing = await guerdon("audit", failing, ...quick, "--baseline", accepted, "--update-baseline");
    expect(nothing.stderr).toContain("nothing could be audited");
    expect(nothing.code).toBe(1);
    expect(kept()).toEqual([entry]);
  }, 60_000);

  it("audits with data and with a check of one's own", async () => {
    const rows = [
      { prompt: "What is 3 + 4?", completion: "Step 1: add. The answer is 7", answer: "7" },
      { prompt: "What is 3 + 5?", completion: "Step 1: add. Step 2: look. Step 3: stop. The answer is 9", answer: "8" },
    ];
    file("rollouts.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
    file(
      "check.ts",
      "export default ({ response, reference }: { response: string; reference: string }) => response.endsWith(reference);",
    );
    const { code, stdout } = await guerdon(
      "audit",
      reward,
      "--data",
      "rollouts.jsonl",
      "--check",
      "check.ts",
      "--workers",
      "0",
      "--no-cache",
      "--json",
    );
    expect(code).toBe(1);
    const report = JSON.parse(stdout) as {
      findings: { exploit: string; also: string[]; prompt: string }[];
      problems: number;
    };
    expect(report.problems).toBe(2);
    expect(report.findings.flatMap(({ exploit, also }) => [exploit, ...also])).toContain("data/wrong-and-paid");
  }, 60_000);

  it("shows hostile text as text: no control characters, no markup", async () => {
    file(
      "hostile.ts",
      `import { defineReward } from "guerdon";
export default defineReward({ name: "\\u001b[31m<script>alert(1)</script>", signals: { odd: ({ response, reference }) => response.includes("\\u001b]0;owned\\u0007<img src=x>") ? 1 : response === reference } });`,
    );
    const { stdout } = await guerdon("audit", "hostile.ts", ...quick, "--report", "hostile.html");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    const page = readFileSync(join(folder, "hostile.html"), "utf8");
    expect(page).not.toContain("<script>");
    expect(page).not.toContain("<img");
  }, 60_000);

  it.each([
    [["audit", "missing.ts"], "missing.ts: no such file"],
    [["audit", "reward.ts", "--budget", "soon"], "expected a time"],
    [["audit", "reward.ts", "--update-baseline"], "--update-baseline: needs --baseline"],
    [["audit", "reward.ts", "--baseline", "bad-baseline.json"], "is no baseline of guerdon audit: version"],
    [["audit", "reward.ts", "--check", "reward.json"], "reward.json: no such file"],
    [["audit", "reward.ts", "--data", "nothing.jsonl"], "nothing.jsonl"],
  ])(
    "bad use is 2: %j",
    async (args, message) => {
      const { code, stderr } = await guerdon(...args);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    },
    30_000,
  );
});
