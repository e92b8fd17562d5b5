import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder } from "./make-folder.ts";

const at = mkdtempSync(join(tmpdir(), "guerdon-folder-"));
afterAll(() => rmSync(at, { recursive: true, force: true }));

describe("makeFolder", () => {
  it("makes what is missing, and leaves what is there", () => {
    const deep = join(at, "a", "b", "c");
    makeFolder(deep);
    makeFolder(deep);
    expect(statSync(deep).isDirectory()).toBe(true);
    symlinkSync(deep, join(at, "link"));
    makeFolder(join(at, "link", "d"));
    expect(existsSync(join(deep, "d"))).toBe(true);
  });

  it("refuses a place below a file", () => {
    writeFileSync(join(at, "file"), "");
    expect(() => makeFolder(join(at, "file"))).toThrow(/file: no folder can be made here/);
    expect(() => makeFolder(join(at, "file", "x"))).toThrow(/file.x: no folder can be made here/);
  });

  it.skipIf(!existsSync("/proc/self"))("refuses a file system that takes no folders", () => {
    expect(() => makeFolder("/proc/x/y")).toThrow(/\/proc\/x\/y: no folder can be made here \(ENOENT/);
  });
});
