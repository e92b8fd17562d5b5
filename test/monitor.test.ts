import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
const example = (name: string) => fileURLToPath(new URL(`../examples/monitor/${name}.jsonl`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "guerdon-monitor-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function monitor(args: readonly string[], input = "", keepOpen = false) {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const child = spawn(process.execPath, [bin, "monitor", ...args], { env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.on("error", () => {});
  child.stdin.write(input);
  if (!keepOpen) child.stdin.end();
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { child, ended, said: () => stdout + stderr };
}

const lines = (name: string) => readFileSync(example(name), "utf8").trimEnd().split("\n");

describe("guerdon monitor", () => {
  it("says when a second run in one log is left out", async () => {
    const twice = join(folder, "twice.jsonl");
    writeFileSync(twice, `${[...lines("healthy"), ...lines("hacking")].join("\n")}\n`);
    const { code, stderr } = await monitor([twice]).ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^139 records left out: .*second run/);
  });

  it("alarms on the hacked example with exit code 1, and not on the healthy one", async () => {
    const [hacked, healthy] = await Promise.all([
      monitor([example("hacking")]).ended,
      monitor([example("healthy"), "--json"]).ended,
    ]);
    expect(hacked.code).toBe(1);
    expect(hacked.stdout).toMatch(
      /^alarm: this looks like reward hacking, from step \d+ on; it could be known at step \d+/,
    );
    expect(hacked.stdout).toMatch(/gold fell from 0\.\d+ to 0\.\d+ since step \d+/);
    expect(hacked.stdout).not.toContain("\u001b");
    expect(healthy.code).toBe(0);
    expect(JSON.parse(healthy.stdout)).toMatchObject({ alarm: false, records: 140, knownAt: null, badLines: 0 });
  });

  it("reads standard input, another level of alarm, and reports bad lines without stopping", async () => {
    const text = lines("hacking").toSpliced(3, 0, '{"step": 3, "rew').join("\n");
    const strict = await monitor(["-", "--alarm", "0.9999999"], text).ended;
    expect(strict.code).toBe(0);
    expect(strict.stderr).toMatch(/^standard input:4: not JSON.*; left out\n$/);
    expect(strict.stdout).toContain("no alarm: highest score");
  });

  it("answers bad use with exit code 2", async () => {
    const results = await Promise.all(
      [
        [join(folder, "none.jsonl")],
        [example("hacking"), "--alarm", "2"],
        [example("hacking"), "--map", "nonsense=x"],
        [example("hacking"), "--webhook", "file:///etc/passwd"],
        [example("hacking"), "--format", "wandb"],
      ].map((args) => monitor(args).ended),
    );
    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2]);
    expect(results[0].stderr).toContain("none.jsonl: no such file");
    expect(results[2].stderr).toContain("--map: expected one of step, reward");
    expect(results[3].stderr).toContain("--webhook: expected an http or https address");
    const empty = await monitor(["-"], '{"other": 1}\n').ended;
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining("no record in it")]);
  });

  it("follows a growing log to the alarm and tells the webhook", async () => {
    const bodies: { alarm: boolean; knownAt: number; log: string }[] = [];
    const server = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        bodies.push(JSON.parse(text));
        response.writeHead(bodies.length === 1 ? 503 : 200).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const log = join(folder, "growing.jsonl");
    const all = lines("hacking");
    writeFileSync(log, `${all.slice(0, 40).join("\n")}\n`);
    const running = monitor([
      log,
      "--follow",
      "--json",
      "--exit-on-alarm",
      "--webhook",
      `http://127.0.0.1:${port}/alarm`,
    ]);
    for (let look = 0; look < 400 && !running.said().includes('"step":39'); look++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    appendFileSync(log, `${all.slice(40).join("\n")}\n`);
    const { code, stdout } = await running.ended;
    server.close();
    const said = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const verdict = said[said.length - 1];
    expect(code).toBe(1);
    expect(said[0]).toMatchObject({ step: 0, evidence: [] });
    expect(verdict).toMatchObject({ alarm: true, format: "guerdon" });
    expect(verdict.knownAt).toBe(said[said.length - 2].step);
    expect(bodies.map(({ alarm, knownAt }) => [alarm, knownAt])).toEqual([
      [true, verdict.knownAt],
      [true, verdict.knownAt],
    ]);
  });

  it("begins anew, and says so, when the log it follows is replaced by another run's", async () => {
    const log = join(folder, "replaced.jsonl");
    writeFileSync(log, `${lines("hacking").join("\n")}\n`);
    const running = monitor([log, "--follow", "--json"]);
    const until = async (said: RegExp) => {
      for (let look = 0; look < 400 && !said.test(running.said()); look++)
        await new Promise((resolve) => setTimeout(resolve, 25));
    };
    await until(/"step":139/);
    renameSync(log, `${log}.old`);
    writeFileSync(log, `${lines("healthy").slice(0, 60).join("\n")}\n`);
    await until(/"step":139[\s\S]*"step":59/);
    // Rotated: another file, but the steps go on.
    renameSync(log, `${log}.older`);
    writeFileSync(log, `${lines("healthy").slice(60).join("\n")}\n`);
    await until(/"step":139[\s\S]*"step":139/);
    running.child.kill("SIGINT");
    const { code, stdout, stderr } = await running.ended;
    const said = stdout.trimEnd().split("\n");
    const { runsBefore, ...verdict } = JSON.parse(said[said.length - 1]);
    expect(verdict).toMatchObject({ alarm: false, records: 140, lastStep: 139 });
    expect(runsBefore).toMatchObject([{ alarm: true, records: 140 }]);
    expect(stderr).toMatch(/begin anew.*140 records to step 139, alarm at step 90/);
    expect(stderr).not.toContain("left out");
    expect(code).toBe(1);
  });

  it("ends on an interrupt with what it knows", async () => {
    const running = monitor([example("healthy"), "--follow", "--json"]);
    for (let look = 0; look < 400 && !running.said().includes('"step":139'); look++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    running.child.kill("SIGINT");
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('"alarm":false');
  });

  it("ends on an interrupt while standard input is still open", async () => {
    const running = monitor(["-", "--follow", "--json"], `${lines("hacking").join("\n")}\n`, true);
    for (let look = 0; look < 400 && !running.said().includes('"step":139'); look++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    running.child.kill("SIGINT");
    const { code, stdout } = await running.ended;
    expect(code).toBe(1);
    expect(stdout).toContain('"alarm":true');
  });

  it("keeps control characters of a log out of the terminal", async () => {
    const text = lines("hacking").join("\n").replaceAll('"correct"', '"\\u001b[2Jcorrect"');
    const { stdout, code } = await monitor(["-"], text).ended;
    expect(code).toBe(1);
    expect(stdout).toContain("component-fall");
    expect(stdout).not.toContain("\u001b[2J");
  });
});
