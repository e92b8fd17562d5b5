/** Findings that somebody looked at and accepted: a file beside the reward, keys and reasons. */
import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import { ContractError, messageOf } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
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
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new ContractError(path, `is no baseline of guerdon audit: ${messageOf(thrown).split("\n")[0]}`);
  }
  const read = schema.safeParse(value);
  if (read.success) return new Set(read.data.accepted.map(({ key }) => key));
  const [{ path: at, message }] = read.error.issues;
  throw new ContractError(path, `is no baseline of guerdon audit: ${at.map(String).join(".") || "it"}: ${message}`);
}

/**
 * Accepts all findings of a report; reasons that were written into the file by hand are kept. An audit that did not get
 * through everything does not drop what it did not look at.
 */
export async function writeBaseline(path: string, { findings, accepted, unfinished }: AuditReport): Promise<void> {
  const before = new Map<string, z.infer<typeof schema>["accepted"][number]>();
  try {
    for (const entry of schema.parse(JSON.parse(await readFile(path, "utf8"))).accepted) before.set(entry.key, entry);
  } catch {
    // There is none yet.
  }
  const now = [...findings, ...accepted].map(({ key, severity, exploit }) => ({
    key,
    severity,
    exploit,
    reason: before.get(key)?.reason ?? "",
  }));
  const found = new Set(now.map(({ key }) => key));
  const kept = unfinished.length > 0 ? [...before.values()].filter(({ key }) => !found.has(key)) : [];
  const entries = [...now, ...kept].sort((a, b) => (a.key < b.key ? -1 : 1));
  await writeFile(path, `${JSON.stringify({ version: 1, accepted: entries }, null, 2)}\n`).catch((thrown) => {
    throw new OutputError(path, thrown);
  });
}
