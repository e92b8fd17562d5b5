import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const golden = fileURLToPath(new URL("./golden/potential-based-shaping.json", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function guerdon(
  args: readonly string[],
  { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
) {
  return new Promise<Result>((resolve, reject) => {
    const { NO_COLOR: _, FORCE_COLOR: __, COLUMNS: ___, ...inherited } = process.env;
    const child = spawn(process.execPath, [bin, ...args], { env: { ...inherited, ...env } });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    // A command that fails early does not read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("guerdon", () => {
  it("documents commands, exit codes and examples in --help", async () => {
    const { code, stdout } = await guerdon(["--help"]);
    expect(code).toBe(0);
    for (const text of ["parts", "call", "cases", "Exit codes:", "130  interrupted"]) expect(stdout).toContain(text);
    for (const command of ["parts", "call", "cases"]) {
      expect((await guerdon([command, "--help"])).stdout).toMatch(/Examples:\n {2}\$ /);
    }
  });

  it.skipIf(!existsSync("/dev/full"))("fails with 1 where standard output is full", () => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [bin, "parts"], { stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    expect(String(stderr)).toBe("error: standard output: cannot be written (no space left on the disk)\n");
    expect(status).toBe(1);
  });

  it("answers wrong usage with exit code 2 on standard error", async () => {
    const unknown = await guerdon(["nonsense"]);
    expect([unknown.code, unknown.stdout]).toEqual([2, ""]);
    expect(unknown.stderr).toContain("error: unknown command 'nonsense'");
    expect((await guerdon(["parts", "--nonsense"])).code).toBe(2);
    expect((await guerdon([])).code).toBe(2);
  });

  it("is quiet when the reader of a pipe goes away", async () => {
    const child = spawn("sh", ["-c", `"${process.execPath}" "${bin}" parts --json | head -c 1`]);
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    expect(stderr).toBe("");
  });

  it("exits with 130 when interrupted", async () => {
    const child = spawn(process.execPath, [bin, "call", "credit/gae"]);
    // It waits for standard input; give it time to start listening.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGINT");
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130);
  });
});

describe("guerdon parts", () => {
  it("lists parts by stage, within the terminal's width, without colour in a pipe", async () => {
    const { code, stdout } = await guerdon(["parts", "--stage", "credit"], { env: { COLUMNS: "80" } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^credit \(\d+\)\n/);
    expect(stdout).toMatch(/ {2}group-relative +src\/credit\/group-relative\.ts/);
    for (const line of stdout.split("\n")) expect([...line].length).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain("\u001b");
    const forced = await guerdon(["parts", "--stage", "credit"], { env: { FORCE_COLOR: "1" } });
    expect(forced.stdout).toContain("\u001b[1mcredit");
  });

  it("gives contracts as JSON Schema with shapes", async () => {
    const { stdout } = await guerdon(["parts", "--paper", "grpo", "--json"]);
    const parts = JSON.parse(stdout) as { id: string; file: string; docs: string; inputs: Record<string, unknown> }[];
    const gae = parts.find((part) => part.id === "credit/gae");
    expect(gae).toMatchObject({
      stage: "credit",
      papers: expect.arrayContaining(["grpo"]),
      file: "src/credit/gae.ts",
      docs: "docs/parts/credit/gae.md",
      params: {
        type: "object",
        properties: { whiten: { type: "boolean", default: true } },
        additionalProperties: false,
      },
      inputs: { required: ["tokenRewards", "values"], properties: { mask: { shape: "N×T" } } },
    });
    expect(parts.every((part) => part.docs.endsWith(".md"))).toBe(true);
  });

  it("names the stages and papers there are", async () => {
    const stage = await guerdon(["parts", "--stage", "credits"]);
    expect([stage.code, stage.stderr]).toEqual([
      2,
      expect.stringContaining("--stage: expected one of signal, shaping"),
    ]);
    const paper = await guerdon(["parts", "--paper", "grpp"]);
    expect([paper.code, paper.stderr]).toEqual([2, expect.stringContaining("did you mean grpo")]);
  });
});

describe("guerdon call", () => {
  const call = (part: string, body: unknown) =>
    guerdon(["call", part], { input: typeof body === "string" ? body : JSON.stringify(body) });

  it("runs a part on JSON", async () => {
    const inputs = { lengths: [70, 90, 200] };
    const { code, stdout, stderr } = await call("shaping/overlong-penalty", {
      params: { maxLength: 100, cache: 20 },
      inputs,
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({ lengthRewards: [0, -0.5, -1] });
    expect(stdout.trimEnd()).not.toContain("\n");
  });

  it("names the field that breaks the contract, without a stack", async () => {
    const wrong = await call("credit/group-relative", { inputs: { rewards: [1, "x"], groups: ["a", "a"] } });
    expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).toMatch(/^error: inputs\.rewards\[1\]: .*number/);
    expect(wrong.stderr.trim()).not.toContain("\n");
    const uneven = await call("credit/group-relative", { inputs: { rewards: [1], groups: ["a", "b"] } });
    expect(uneven.stderr).toContain("inputs.groups: expected 1 entries (N, as in inputs.rewards), got 2");
    const surplus = await call("credit/gae", { inputs: { tokenRewards: [], values: [], extra: 1 } });
    expect([surplus.code, surplus.stderr]).toEqual([2, expect.stringContaining("extra")]);
    expect((await call("credit/gae", { input: {} })).stderr).toContain('unknown key "input"');
  });

  it("shows the stack of an error only when asked to", async () => {
    const { stderr } = await guerdon(["call", "credit/gae"], { input: "[]", env: { GUERDON_DEBUG: "1" } });
    expect(stderr).toMatch(/\n +at /);
  });

  it("says where JSON is broken", async () => {
    const broken = await call("credit/gae", '{"inputs": {\n  "values": [1, 2,]\n}}');
    expect([broken.code, broken.stderr]).toEqual([
      2,
      expect.stringContaining("standard input: bad JSON at line 2, column 19 (in inputs.values[2])"),
    ]);
    expect((await call("credit/gae", "")).stderr).toContain("expected JSON, got nothing");
    expect((await call("credit/gae", "abc")).stderr).toContain("line 1, column 1");
  });

  it("suggests near ids for an unknown part", async () => {
    const typo = await call("credit/group-realtive", {});
    expect([typo.code, typo.stderr]).toEqual([2, expect.stringContaining("did you mean credit/group-relative?")]);
    expect((await call("gae", {})).stderr).toContain("did you mean credit/gae");
    expect((await call("constructor", {})).stderr).toContain("`guerdon parts` lists them");
  });
});

describe("guerdon cases", () => {
  const good = {
    part: "shaping/overlong-penalty",
    title: "half way",
    params: { maxLength: 100, cache: 20 },
    inputs: { lengths: [90] },
    outputs: { lengthRewards: [-0.5] },
    tolerance: 1e-6,
  };

  it("counts what passes", async () => {
    const { code, stdout } = await guerdon(["cases", "--part", "shaping/potential-based", golden]);
    expect([code, stdout]).toEqual([0, "4 passed, 0 failed\n"]);
  });

  it("prints each failure with its place and ends with the count and exit code 1", async () => {
    const path = file("mixed.json", [
      good,
      { ...good, title: "wrong number", outputs: { lengthRewards: [-0.4] } },
      { ...good, title: "null is not a number", outputs: { lengthRewards: [null] } },
      { ...good, title: "missing key", outputs: { other: null } },
      { ...good, title: "no such part", part: "shaping/none-such" },
      { ...good, title: "bad input", inputs: {} },
    ]);
    const { code, stdout } = await guerdon(["cases", path]);
    expect(code).toBe(1);
    expect(stdout).toContain(`failed ${path}[1] shaping/overlong-penalty: wrong number`);
    expect(stdout).toContain("outputs.lengthRewards[0]: expected -0.4, got -0.5");
    expect(stdout).toContain("outputs.lengthRewards[0]: expected null, got -0.5");
    expect(stdout).toContain("outputs.other: expected null, got nothing");
    expect(stdout).toContain('no part "shaping/none-such"');
    expect(stdout).toContain("inputs.lengths: ");
    expect(stdout.endsWith("\n1 passed, 5 failed\n")).toBe(true);
    const { stdout: json } = await guerdon(["cases", "--json", path]);
    const report = JSON.parse(json) as { passed: number; failed: number; failures: { index: number }[] };
    expect([report.passed, report.failed, report.failures.map((failure) => failure.index)]).toEqual([
      1,
      5,
      [1, 2, 3, 4, 5],
    ]);
    expect((await guerdon(["cases", "--stage", "credit", path])).stdout).toBe("0 passed, 0 failed\n");
  });

  it("names the file and the place of what is no case", async () => {
    const check = async (content: unknown, message: string) => {
      const path = file("bad.json", content);
      const { code, stderr } = await guerdon(["cases", path]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`error: ${path}${message}`)]);
    };
    await check("[1,\n2", ": bad JSON at line 2, column 2");
    await check({}, ": expected an array of cases");
    await check([good, 3], "[1]: expected an object");
    await check([{ ...good, part: 3 }], "[0].part: expected a part id");
    await check([{ ...good, tolerance: "x" }], "[0].tolerance: expected a number from 0");
    expect((await guerdon(["cases", join(folder, "absent.json")])).stderr).toContain("absent.json: no such file");
    expect((await guerdon(["cases", folder])).stderr).toContain("expected a file, got a directory");
  });
});
