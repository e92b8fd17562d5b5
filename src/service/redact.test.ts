import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedact } from "./redact.ts";

const redact = createRedact(["token-0123456789abcdef"], {
  OPENAI_API_KEY: "quite-secret-value",
  HOME: "/root/x",
  PATH: "/usr/bin",
});

describe("redact", () => {
  it.each([
    ["ENOENT: no such file, open '/home/me/data.json'", "ENOENT: no such file, open '[path]'"],
    ["at file:///srv/app/reward.ts:3:14 it broke", "at [path] it broke"],
    ["C:\\Users\\me\\reward.ts is gone", "[path] is gone"],
    ["Incorrect API key provided: sk-proj-abcdefghij", "Incorrect API key provided: [secret]"],
    ["sent Bearer abcdefghijkl", "sent Bearer [secret]"],
    ["got quite-secret-value and token-0123456789abcdef", "got [secret] and [secret]"],
    ["broke\n    at f (/a/b.ts:1:2)\n    at g", "broke"],
    ["fetch http://localhost:9000/style/a failed", "fetch http://localhost:9000/style/a failed"],
    ["expected 1/2, got 3/4 of and/or", "expected 1/2, got 3/4 of and/or"],
  ])("%s", (text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it("takes any text, gives a bounded one, and is quick about it", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (text) => redact(text).length <= 501));
    const started = performance.now();
    for (const text of [
      "/a".repeat(1e6),
      "/".repeat(1e6),
      "sk-".repeat(1e6),
      "Bearer ".repeat(1e6),
      "C:\\".repeat(1e6),
    ])
      expect(redact(text).length).toBeLessThanOrEqual(501);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
