/**
 * Checkpoints of a run: `checkpoint-<step>.safetensors` (parameters and both moments of the optimiser) and
 * `checkpoint.json` (everything else). The second is renamed into place when the first is safely on disk, so
 * that a kill at any moment leaves the one before or the new one, whole.
 */
import { createHash } from "node:crypto";
import { open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import { checkParameters, type HostParameters } from "../model/networks/parameters.ts";
import { type TransformerConfig, transformerShapes } from "../model/networks/transformer.ts";
import { decodeSafetensors, encodeSafetensors } from "../model/safetensors.ts";
import type { PolicyGradientSnapshot } from "./policy-gradient.ts";

const version = 1;
const name = "checkpoint.json";
const unknown = z.unknown();

const schema = z.object({
  version: z.literal(version),
  /** `starting`: nothing to go on from yet. */
  status: z.enum(["starting", "running", "finished", "stopped"]),
  step: z.int().nonnegative(),
  /** Of the file with the parameters; null while starting. */
  tensors: z.object({ file: z.string().regex(/^checkpoint-\d+\.safetensors$/), sha256: z.string() }).nullable(),
  /** Of metrics.jsonl. */
  bytes: z.int().nonnegative(),
  seconds: z.number().nonnegative(),
  /** When the run began, ISO 8601. */
  startedAt: z.string(),
  /** What decides the run's numbers, field by field. */
  identity: z.record(z.string(), unknown),
  warmUp: z.object({ steps: z.int(), seconds: z.number(), cached: z.boolean() }).nullable(),
  totals: z.object({
    tokens: z.int(),
    rollouts: z.int(),
    scored: z.int(),
    unscored: z.int(),
    errors: z.record(z.string(), z.int()),
  }),
  /** Of the scorer. */
  reward: unknown,
  /** Evaluation before the first step, and the last one. */
  before: unknown,
  after: unknown,
  /** Best success of an evaluation, and evaluations since. */
  progress: z.object({ best: z.number().nullable(), since: z.int() }),
  /** Why it ended early. */
  reason: z.string().nullable(),
});

export type Checkpoint = z.output<typeof schema>;
export type CheckpointState = Omit<Checkpoint, "version" | "tensors">;

/** The checkpoint of a folder; null where there is none. Throws `ContractError` for one that is damaged. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | null> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw thrown;
  }
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ContractError(
    path,
    `is no checkpoint of this version (${issue.path.join(".") || "file"}: ${issue.message}); --restart begins anew`,
  );
}

/** The arrays of a checkpoint, checked against the network. */
export async function readTensors(
  folder: string,
  { tensors, step }: Checkpoint,
  model: TransformerConfig,
): Promise<PolicyGradientSnapshot> {
  const file = join(folder, tensors?.file ?? "");
  const bytes = await readFile(file);
  if (sha256(bytes) !== tensors?.sha256)
    throw new ContractError(file, "was changed since it was written; --restart begins anew");
  const { parameters } = decodeSafetensors(bytes);
  const part = (prefix: string): HostParameters => {
    const picked: HostParameters = {};
    for (const [key, array] of Object.entries(parameters))
      if (key.startsWith(prefix)) picked[key.slice(prefix.length)] = array;
    checkParameters(picked, transformerShapes(model));
    return picked;
  };
  return { steps: step, parameters: part("policy/"), first: part("first/"), second: part("second/") };
}

/** Writes a checkpoint, then removes the arrays of the one before. Without a snapshot: a run that is starting. */
export async function writeCheckpoint(
  folder: string,
  state: CheckpointState,
  snapshot: PolicyGradientSnapshot | null,
): Promise<void> {
  let tensors: Checkpoint["tensors"] = null;
  if (snapshot !== null) {
    const all: HostParameters = {};
    for (const [prefix, arrays] of [
      ["policy", snapshot.parameters],
      ["first", snapshot.first],
      ["second", snapshot.second],
    ] as const)
      for (const [key, array] of Object.entries(arrays)) all[`${prefix}/${key}`] = array;
    const bytes = encodeSafetensors(all, { step: String(state.step) });
    tensors = { file: `checkpoint-${state.step}.safetensors`, sha256: sha256(bytes) };
    await writeWhole(join(folder, tensors.file), bytes);
  }
  const checkpoint: Checkpoint = { version, ...state, tensors };
  await writeWhole(join(folder, name), `${JSON.stringify(checkpoint)}\n`);
  for (const file of await readdir(folder))
    if (/^checkpoint-\d+\.safetensors(\.part)?$/.test(file) && file !== tensors?.file) await unlink(join(folder, file));
}

/** Written whole or not at all: flushed under another name, then renamed. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const part = `${path}.part`;
  try {
    const handle = await open(part, "w");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (thrown) {
    throw new OutputError(path, thrown);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
