/**
 * The safetensors format (little-endian header length, JSON header, raw data): parameters to bytes and
 * back. Written as F32; F32, F64, F16 and BF16 are read, into float32.
 */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import type { HostParameters } from "./networks/parameters.ts";

const entry = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

/** Longest header that is read, in bytes (the limit of the reference implementation). */
const longestHeader = 100_000_000;

export function encodeSafetensors(parameters: HostParameters, metadata: Record<string, string> = {}): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(parameters)) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // The data starts at a multiple of 8; spaces fill the header.
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.fill(32, 8, 8 + length);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const { data } of Object.values(parameters)) {
    for (let i = 0; i < data.length; i++) view.setFloat32(at + 4 * i, data[i], true);
    at += data.byteLength;
  }
  return bytes;
}

/** Throws `ContractError` naming the tensor, or the place in the file, that is wrong. */
export function decodeSafetensors(bytes: Uint8Array): { parameters: HostParameters; metadata: Record<string, string> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? Number.POSITIVE_INFINITY : Number(view.getBigUint64(0, true));
  if (length > Math.min(longestHeader, bytes.length - 8))
    throw new ContractError("header", "expected a safetensors file, whose first 8 bytes are the header's length");
  const start = 8 + length;
  const { __metadata__: metadata, ...tensors } = readHeader(bytes.subarray(8, start));
  const parameters: HostParameters = {};
  for (const [name, raw] of Object.entries(tensors)) {
    const parsed = entry.safeParse(raw);
    if (!parsed.success) throw new ContractError(`tensors.${name}`, parsed.error.issues[0].message);
    const { dtype, shape, data_offsets: offsets } = parsed.data;
    const reader = readers[dtype];
    if (reader === undefined)
      throw new ContractError(`tensors.${name}`, `expected dtype ${Object.keys(readers).join(", ")}, got ${dtype}`);
    const size = shape.reduce((a, b) => a * b, 1);
    const [from, to] = offsets;
    if (to - from !== size * reader.bytes || start + to > bytes.length)
      throw new ContractError(
        `tensors.${name}`,
        `offsets [${from}, ${to}] do not hold ${size} × ${dtype} in this file`,
      );
    const data = new Float32Array(size);
    for (let i = 0; i < size; i++) data[i] = reader.read(view, start + from + reader.bytes * i);
    parameters[name] = { shape, data };
  }
  return {
    parameters,
    metadata: z
      .record(z.string(), z.string())
      .catch({})
      .parse(metadata ?? {}),
  };
}

function readHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw new ContractError("header", "expected a JSON object in UTF-8");
  }
}

const readers: Record<string, { bytes: number; read: (view: DataView, at: number) => number }> = {
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  F16: { bytes: 2, read: (view, at) => fromHalf(view.getUint16(at, true)) },
  BF16: { bytes: 2, read: (view, at) => fromBrain(view.getUint16(at, true)) },
};

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));
function fromBrain(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
