/** Reward files for the tests of the service, written to a folder of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Folder {
  file(name: string, text: string): string;
  remove(): void;
}

export function createFolder(): Folder {
  const at = mkdtempSync(join(tmpdir(), "guerdon-service-"));
  return {
    file(name, text) {
      const path = join(at, name);
      writeFileSync(path, text);
      return path;
    },
    remove: () => rmSync(at, { recursive: true, force: true }),
  };
}

/** 1 for a response equal to its reference; "boom" throws, and says where it was thrown. */
export const plainReward = `import { defineReward } from "guerdon";
import { exactMatch } from "guerdon/signal";
import { groupRelative } from "guerdon/credit";
export default defineReward({
  signals: {
    right: exactMatch(),
    calm: ({ response }) => {
      if (response === "boom") throw new Error("boom at /home/someone/secret/reward.ts:3:1 with Bearer abcdefghijklmnop");
      if (response === "exit") process.exit(3);
      if (response === "hang") for (;;);
      return { value: response.length < 100, evidence: { length: response.length } };
    },
  },
  combine: ({ right, calm }) => right + 0.5 * calm,
  credit: groupRelative({ scale: "none" }),
});
`;

/** Waits for as many milliseconds as the response says; "never" waits until it is stopped. */
export const slowReward = `import { defineReward } from "guerdon";
export default defineReward({
  signals: {
    late: {
      use: ({ response }, { signal }) =>
        new Promise((resolve, reject) => {
          if (response !== "never") setTimeout(() => resolve(1), Number(response));
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
      timeLimit: 20000,
      retries: 0,
      concurrency: 1000,
    },
  },
});
`;
