/** Findings that somebody looked at and accepted: a file beside the reward, keys and reasons. */
import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import { ContractError, messageOf } from "../core/error.ts";
import type { AuditReport } from "./types.ts";

const schema = z.object({
  version: z.literal(1),
  accepted: z.array(
    z.object({
      key: z.string(),
      severity: z.string().optional(),
      exploit: z.string().optional(),
      reason: z.string().optional(),
    }),
  ),
});

/** Keys of the accepted findings. A missing file accepts nothing where `update` will write it. */
export async function baselineKeys(path: string, update: boolean): Promise<ReadonlySet<string>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (update && (thrown as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw new ContractError(path, messageOf(thrown));
  }
  try {
    return new Set(schema.parse(JSON.parse(text)).accepted.map(({ key }) => key));
  } catch (thrown) {
    throw new ContractError(path, `is no baseline of guerdon audit: ${messageOf(thrown).split("\n")[0]}`);
  }
}

/** Accepts all findings of a report; reasons that were written into the file by hand are kept. */
export async function writeBaseline(path: string, { findings, accepted }: AuditReport): Promise<void> {
  const reasons = new Map<string, string>();
  try {
    for (const { key, reason } of schema.parse(JSON.parse(await readFile(path, "utf8"))).accepted)
      if (reason) reasons.set(key, reason);
  } catch {
    // There is none yet.
  }
  const entries = [...findings, ...accepted]
    .map(({ key, severity, exploit }) => ({ key, severity, exploit, reason: reasons.get(key) ?? "" }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  await writeFile(path, `${JSON.stringify({ version: 1, accepted: entries }, null, 2)}\n`);
}
