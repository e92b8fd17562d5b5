import { messageOf } from "../core/error.ts";
import { callPart } from "../core/part.ts";
import { loadPart } from "./index.ts";

/** A worked case: `outputs` lists only the fields it pins down. */
export interface GoldenCase {
  readonly part: string;
  readonly title: string;
  readonly params?: unknown;
  readonly inputs?: unknown;
  readonly outputs: unknown;
  readonly tolerance?: number;
  readonly from?: string;
}

/** A place where a case and the part disagree. */
export interface Mismatch {
  readonly path: string;
  readonly expected: unknown;
  /** Absent where the part gave nothing at this place. */
  readonly got?: unknown;
  /** Why there is no output at all: no such part, or it refused the case. */
  readonly error?: string;
}

/** Runs one case; empty when every pinned output agrees. A part that throws is a mismatch at its root. */
export async function runCase(golden: GoldenCase): Promise<Mismatch[]> {
  try {
    const part = await loadPart(golden.part);
    const got = await callPart(part, { params: golden.params, inputs: golden.inputs });
    return compare(golden.outputs, got, golden.tolerance ?? 1e-6, "outputs");
  } catch (thrown) {
    return [{ path: "outputs", expected: golden.outputs, error: messageOf(thrown) }];
  }
}

/**
 * Numbers agree within `tolerance`, absolute below 1 and relative above; everything else agrees exactly, so
 * null is not 0 and not a missing key. Arrays agree in length; objects may have more keys than expected.
 */
export function compare(expected: unknown, got: unknown, tolerance: number, path: string): Mismatch[] {
  if (typeof expected === "number" && typeof got === "number") {
    return Math.abs(expected - got) <= tolerance * Math.max(1, Math.abs(expected)) ? [] : [{ path, expected, got }];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length) return [{ path, expected, got }];
    return expected.flatMap((item, i) => compare(item, got[i], tolerance, `${path}[${i}]`));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof got !== "object" || got === null || Array.isArray(got)) return [{ path, expected, got }];
    return Object.entries(expected).flatMap(([key, item]) =>
      Object.hasOwn(got, key)
        ? compare(item, (got as Record<string, unknown>)[key], tolerance, `${path}.${key}`)
        : [{ path: `${path}.${key}`, expected: item }],
    );
  }
  return expected === got ? [] : [{ path, expected, got }];
}
