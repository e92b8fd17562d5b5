/** For the tests of the service: reward files in a folder of their own, and requests. */
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

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, asserted on
  readonly json: any;
}

/** Texts and bytes go as they are, everything else as JSON. */
export async function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  more: RequestInit = {},
): Promise<Answer> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    ...more,
  });
  return { status: answer.status, headers: answer.headers, json: await answer.json() };
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
