/**
 * The service under load: batches of 64 GSM8K-like rollouts over 32 connections, a regular-expression verifier.
 * Beside FastAPI with uvicorn doing the same work, where those Python packages are installed; alone otherwise.
 *
 *   npx tsx bench/serve.ts [seconds]
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom } from "../src/core/random.ts";

const seconds = Number(process.argv[2] ?? 8);
const connections = 32;
const batch = 64;
const folder = mkdtempSync(join(tmpdir(), "guerdon-bench-"));

const reward = `import { defineReward } from "guerdon";
const number = /-?\\d[\\d,]*(?:\\.\\d+)?/g;
const last = (text) => (text.match(number) ?? []).at(-1)?.replaceAll(",", "") ?? null;
export default defineReward({ signals: { right: ({ response, reference }) => last(response) === reference } });
`;

const peer = `import re
from typing import List
from fastapi import FastAPI
from pydantic import BaseModel
number = re.compile(r"-?\\d[\\d,]*(?:\\.\\d+)?")
app = FastAPI()
class Batch(BaseModel):
    responses: List[str]
    references: List[str]
class Request(BaseModel):
    fields: Batch
def score(response, reference):
    found = number.findall(response)
    return 1.0 if found and found[-1].replace(",", "") == reference else 0.0
@app.get("/healthz")
def healthz():
    return {}
@app.post("/v1/score")
def rewards(body: Request):
    return {"rewards": [score(a, b) for a, b in zip(body.fields.responses, body.fields.references)]}
`;

/** Solutions with a few lines of arithmetic and an answer, right two times in three. */
function bodies(count: number): { body: string; expected: number[] }[] {
  const random = createRandom("bench/serve");
  return Array.from({ length: count }, () => {
    const responses: string[] = [];
    const references: string[] = [];
    const expected: number[] = [];
    for (let i = 0; i < batch; i++) {
      let total = random.integer(90) + 10;
      const lines = Array.from({ length: 3 + random.integer(4) }, (_, k) => {
        const more = random.integer(50) + 1;
        total += more;
        return `Step ${k + 1}: adding the ${more} that came in gives ${total - more} + ${more} = <<${total - more}+${more}=${total}>>${total}.`;
      });
      const right = random.uniform() < 2 / 3;
      responses.push(`${lines.join("\n")}\n#### ${right ? total : total + 1}`);
      references.push(String(total));
      expected.push(right ? 1 : 0);
    }
    return { body: JSON.stringify({ fields: { responses, references }, evidence: false }), expected };
  });
}

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
  /** Megabytes, after the warm-up and at the end. */
  readonly memory: readonly [number, number] | null;
}

async function load(url: string, memory: () => number | null): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const work = bodies(64);
  let failures = 0;
  const once = (i: number) =>
    new Promise<number>((resolve) => {
      const { body, expected } = work[i % work.length];
      const started = performance.now();
      const sent = request(
        `${url}/v1/score`,
        {
          method: "POST",
          agent,
          headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on("data", (piece: Buffer) => pieces.push(piece));
          answer.on("end", () => {
            const elapsed = performance.now() - started;
            const text = Buffer.concat(pieces).toString();
            const rewards = answer.statusCode === 200 ? (JSON.parse(text) as { rewards: number[] }).rewards : [];
            if (rewards.join() !== expected.join()) failures++;
            resolve(elapsed);
          });
        },
      );
      sent.on("error", () => {
        failures++;
        resolve(performance.now() - started);
      });
      sent.end(body);
    });
  const run = async (duration: number): Promise<{ times: number[]; elapsed: number }> => {
    const started = performance.now();
    const times: number[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() - started < duration) times.push(await once(next++));
      }),
    );
    return { times, elapsed: performance.now() - started };
  };
  await run(2000);
  const before = memory();
  const { times, elapsed } = await run(seconds * 1000);
  const after = memory();
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (q: number) => times[Math.min(times.length - 1, Math.floor(q * times.length))];
  return {
    perSecond: times.length / (elapsed / 1000),
    p50: at(0.5),
    p99: at(0.99),
    failures,
    memory: before === null || after === null ? null : [before, after],
  };
}

function residentOf(child: ChildProcess): () => number | null {
  return () => {
    const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(child.pid)], { encoding: "utf8" });
    const kilobytes = Number(stdout?.trim());
    return kilobytes > 0 ? kilobytes / 1024 : null;
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

async function measure(name: string, command: string, args: readonly string[], port: number): Promise<Measured> {
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  try {
    for (let tries = 0; ; tries++) {
      const up = await fetch(`${url}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (up) break;
      if (tries > 200) throw new Error(`${name} does not start`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const measured = await load(url, residentOf(child));
    const { perSecond, p50, p99, failures, memory } = measured;
    const resident = memory ? `, resident ${memory[0].toFixed(0)} → ${memory[1].toFixed(0)} MB` : "";
    console.log(
      `${name.padEnd(18)}${perSecond.toFixed(0).padStart(6)} requests/s (${(perSecond * batch).toFixed(0)} rollouts/s), p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${failures} wrong${resident}`,
    );
    return measured;
  } finally {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("close", resolve));
  }
}

try {
  console.log(
    `batches of ${batch} rollouts, ${connections} connections, ${seconds} s, seed bench/serve, node ${process.versions.node}`,
  );
  writeFileSync(join(folder, "reward.ts"), reward);
  const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
  const port = await freePort();
  const own = await measure(
    "guerdon",
    process.execPath,
    [bin, "serve", "reward.ts", "--port", String(port), "--no-cache", "--log-level", "warn"],
    port,
  );
  if (spawnSync("python3", ["-c", "import fastapi, uvicorn"]).status === 0) {
    writeFileSync(join(folder, "peer.py"), peer);
    const other = await freePort();
    const theirs = await measure(
      "fastapi + uvicorn",
      "python3",
      ["-m", "uvicorn", "peer:app", "--port", String(other), "--log-level", "warning"],
      other,
    );
    console.log(
      `ratio: ${(own.perSecond / theirs.perSecond).toFixed(1)}× the requests/s, p99 ${(own.p99 / theirs.p99).toFixed(2)}×`,
    );
  } else console.log("fastapi + uvicorn: not measured, the packages are not installed");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
