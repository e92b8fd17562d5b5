import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

function file(header: unknown, data: number[] = []): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

describe("safetensors", () => {
  it("gives back what it was given", () => {
    const parameters = {
      "0.query": { shape: [2, 3], data: Float32Array.from([1, -2, 3.5, 1e-30, 0, 7]) },
      scalar: { shape: [], data: Float32Array.from([4]) },
    };
    const bytes = encodeSafetensors(parameters, { seed: "7" });
    expect((bytes.length - 28) % 8).toBe(0);
    expect(decodeSafetensors(bytes)).toEqual({ parameters, metadata: { seed: "7" } });
    // A view into a larger buffer, as files are read.
    const larger = new Uint8Array(bytes.length + 5);
    larger.set(bytes, 5);
    expect(decodeSafetensors(larger.subarray(5)).parameters).toEqual(parameters);
  });

  it("reads half, brain and double precision", () => {
    const double = [...new Uint8Array(Float64Array.of(0.1).buffer)];
    const { parameters } = decodeSafetensors(
      file(
        {
          half: { dtype: "F16", shape: [3], data_offsets: [0, 6] },
          brain: { dtype: "BF16", shape: [1], data_offsets: [6, 8] },
          double: { dtype: "F64", shape: [1], data_offsets: [8, 16] },
        },
        [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x80, 0xbf, ...double],
      ),
    );
    expect([...parameters.half.data]).toEqual([1, -2, 2 ** -24]);
    expect([...parameters.brain.data]).toEqual([-1]);
    expect(parameters.double.data[0]).toBe(Math.fround(0.1));
  });

  it("says what is wrong with a file", () => {
    expect(() => decodeSafetensors(new Uint8Array(3))).toThrow(/header/);
    expect(() => decodeSafetensors(new Uint8Array(16).fill(255))).toThrow(/header/);
    expect(() => decodeSafetensors(file("[1]"))).toThrow(/header/);
    const tensor = (changes: object) =>
      file({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...changes } }, [0, 0, 0, 0]);
    expect(decodeSafetensors(tensor({})).parameters.x.data[0]).toBe(0);
    expect(() => decodeSafetensors(tensor({ dtype: "I8" }))).toThrow(/tensors.x.*I8/);
    expect(() => decodeSafetensors(tensor({ shape: [2] }))).toThrow(/tensors.x.*offsets/);
    expect(() => decodeSafetensors(tensor({ data_offsets: [4, 8] }))).toThrow(/tensors.x.*offsets/);
    expect(() => decodeSafetensors(tensor({ shape: [-1] }))).toThrow(/tensors.x/);
  });
});
