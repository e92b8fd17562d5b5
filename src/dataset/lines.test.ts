import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines } from "./lines.ts";
import { start } from "./source.ts";

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function lines(bytes: Buffer, size: number, limit = 1000, from = start) {
  const found = [];
  for await (const block of readLines(inChunks(bytes, size), from, limit)) found.push(...block);
  return found;
}

describe("readLines", () => {
  it("gives the same lines however the bytes are cut", async () => {
    const text = fc.string({ unit: "binary", maxLength: 12 }).map((line) => line.replace(/[\r\n\ufeff]/g, ""));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text),
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        async (list, ending, ended, size) => {
          const bytes = Buffer.from(list.join(ending) + (ended ? ending : ""));
          const found = await lines(bytes, size);
          expect(found.map((line) => line.text)).toEqual(list.filter((line) => line.trim() !== ""));
        },
      ),
    );
  });

  it("reads on from any line's place as if it had begun before", async () => {
    const bytes = Buffer.from("\ufeff{a}\r\n\n  \n😀é\n{c}\n\nlast");
    const all = await lines(bytes, 5);
    expect(all.map(({ text, place }) => [text, place.row, place.line])).toEqual([
      ["{a}", 0, 1],
      ["😀é", 1, 4],
      ["{c}", 2, 5],
      ["last", 3, 7],
    ]);
    for (const [i, line] of all.entries()) {
      expect(await lines(bytes.subarray(line.place.byte), 3, 1000, line.place)).toEqual(all.slice(i));
    }
  });

  it("lets go of a line beyond the limit and goes on after it", async () => {
    const found = await lines(Buffer.from(`ok\n${"x".repeat(5000)}\nagain\n`), 64, 100);
    expect(found.map(({ text, tooLong }) => [text, tooLong])).toEqual([
      ["ok", false],
      ["", true],
      ["again", false],
    ]);
    expect(found[2].place).toEqual({ row: 2, byte: 5004, line: 3 });
  });
});
