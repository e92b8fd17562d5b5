/** A store whose disk is full: rows are lost, counted and shown; answers stay right; with room again it goes on. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { queryFile } from "../src/service/store-reader.ts";

const folder = mkdtempSync(join(tmpdir(), "guerdon-full-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// A limit on the size of files stands for the full disk: writes fail beyond it.
const limited = spawnSync("sh", ["-c", "ulimit -S -f 8000 && prlimit --version"]).status === 0;

interface Kept {
  readonly written: number;
  readonly lost: number;
  readonly waiting: number;
  readonly problem: string | null;
}

it.skipIf(!limited)(
  "loses rows, says so, answers right, and goes on when there is room (skipped without ulimit and prlimit)",
  { timeout: 90_000 },
  async () => {
    const bin = fileURLToPath(new URL("../bin/guerdon.js", import.meta.url));
    const reward = fileURLToPath(new URL("../examples/serve/reward.ts", import.meta.url));
    const path = join(folder, "store.duckdb");
    const child = spawn(
      "sh",
      [
        "-c",
        `ulimit -S -f 8000; exec "$0" "$1" serve "$2" --port 0 --workers 0 --no-cache --store "$3" --log-level error`,
        ...[process.execPath, bin, reward, path],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    try {
      let said = "";
      child.stderr.on("data", (piece) => {
        said += piece;
      });
      let logged = "";
      child.stdout.on("data", (piece) => {
        logged += piece;
      });
      await expect.poll(() => said, { timeout: 30_000 }).toMatch(/ at http:\S+ /);
      const url = / at (http:\S+) /.exec(said)?.[1] ?? "";
      const score = async (responses: readonly string[]) => {
        const answer = await fetch(`${url}/v1/score`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ fields: { responses, references: responses } }),
        });
        const { rewards } = (await answer.json()) as { rewards: unknown };
        expect([answer.status, rewards]).toEqual([200, responses.map(() => 1)]);
      };
      const kept = async () => ((await (await fetch(`${url}/readyz`)).json()) as { store: Kept }).store;
      let sent = 0;
      let store = await kept();
      for (let i = 0; i < 100 && store.lost === 0; i++) {
        await score(Array.from({ length: 16 }, () => randomBytes(12_000).toString("hex")));
        sent += 16;
        await new Promise((resolve) => setTimeout(resolve, 100));
        store = await kept();
      }
      expect(store.lost).toBeGreaterThan(0);
      expect(store.problem).toMatch(/too large|space|write/i);
      expect(store.problem).not.toContain(folder);
      expect(logged).toContain("the store loses rows");
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
        /^guerdon_store_rollouts_total\{outcome="lost"\} [1-9]/m,
      );

      spawnSync("prlimit", ["--pid", String(child.pid), "--fsize=unlimited:unlimited"]);
      await score(["a", "b"]);
      sent += 2;
      await expect.poll(kept, { timeout: 10_000 }).toMatchObject({ problem: null, waiting: 0 });
      store = await kept();
      expect(store.written + store.lost).toBe(sent);
      child.kill("SIGTERM");
      expect((await once(child, "exit"))[0]).toBe(0);
      const { rows } = await queryFile(path, "select count(*), count(distinct id) from rollouts", 1);
      expect(rows).toEqual([[String(store.written), String(store.written)]]);
    } finally {
      child.kill("SIGKILL");
    }
  },
);
