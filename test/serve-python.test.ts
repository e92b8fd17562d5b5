import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { serve } from "../src/service/index.ts";

const folder = fileURLToPath(new URL("../clients/python", import.meta.url));
const found = spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"]).status === 0;

describe("the Python client", () => {
  it.skipIf(!found)(
    "passes its own tests against a live service; two steps of the real TRL where it is installed (skipped without python3 3.9)",
    async () => {
      const service = await serve({
        rewards: [{ name: "answers", file: fileURLToPath(new URL("../examples/serve/reward.ts", import.meta.url)) }],
        port: 0,
        workers: 1,
        watchEvery: 0,
      });
      try {
        const { GUERDON_TOKEN: _, GUERDON_REWARD: __, ...environment } = process.env;
        const child = spawn("python3", ["-B", "-W", "error", "-m", "unittest", "discover", "-s", "tests"], {
          cwd: folder,
          env: { ...environment, GUERDON_TEST_URL: service.url },
        });
        let said = "";
        child.stderr.on("data", (chunk) => {
          said += chunk;
        });
        const code = await new Promise((resolve) => child.on("close", resolve));
        expect(said).toMatch(/^OK( \(skipped=1\))?$/m);
        expect(code).toBe(0);
        expect(Number(/Ran (\d+) tests/.exec(said)?.[1])).toBeGreaterThanOrEqual(20);
      } finally {
        await service.stop();
      }
    },
    90_000,
  );
});
