import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQueueUrl } from "./queue-connection.ts";
import { readJob, readResult, writeJob, writeResult } from "./queue-messages.ts";
import { pack, unpack } from "./queue-values.ts";

const through = (value: unknown) => unpack(JSON.parse(JSON.stringify(pack(value))), "x");
const hash = "ab".repeat(32);

describe("values through JSON", () => {
  it("come out as they went in, whatever they are", () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: false,
          maxDepth: 4,
          key: fc.string().filter((key) => key !== "__proto__" && key !== "toJSON"),
        }),
        (value) => {
          expect(through(value)).toEqual(value);
        },
      ),
      { numRuns: 300, seed: 6 },
    );
  });

  it("numbers that are none, typed arrays, keys of our own, and a cycle", () => {
    const value = { a: [Number.NaN, -Infinity], b: Float64Array.of(1, Number.NaN), c: { $: "map", v: 1 } };
    expect(through(value)).toEqual(value);
    expect((through(value) as { b: unknown }).b).toBeInstanceOf(Float64Array);
    const cycle: Record<string, unknown> = {};
    cycle.own = cycle;
    expect(() => JSON.stringify(through(cycle))).toThrow();
  });

  it("nothing that was not packed is taken", () => {
    for (const text of [
      '{"$":"Float64Array","v":["x"]}',
      '{"$":"constructor","v":[]}',
      '{"$":"number","v":"1"}',
      '{"$":"object","v":[[1,2]]}',
      '{"$":"bigint","v":"1e9"}',
      '{"a":{"__proto__":{"b":1}}}',
    ])
      expect(() => unpack(JSON.parse(text), "x"), text).toThrow(/^x: /);
    expect(() => unpack(JSON.parse(`${"[".repeat(200)}[]${"]".repeat(200)}`), "x")).toThrow(/too deep/);
  });
});

describe("messages", () => {
  const batch = { size: 2, fields: { responses: ["a", "\ud800"], lengths: Float64Array.of(1, 2) } };
  const job = { reward: hash, batch, credit: true, snapshot: null, deadline: 5 };
  const scored = {
    size: 2,
    rewards: [0.1, null],
    errors: [null, { code: "threw", message: "own: x", retryable: false } as const],
    advantages: [[0.5, -1], null],
    combined: [0.1, null],
    signals: {
      own: {
        values: [0.1, null],
        errors: [null, null],
        evidence: [{ n: Number.NaN }, null],
        cached: [true, false],
        milliseconds: 1.5,
      },
    },
    fields: { baselines: Float64Array.of(1, 2) },
  };
  const expected = { reward: hash, size: 2, signals: ["own"] };
  const written = () => writeResult(hash, { scored, snapshot: null, retries: { own: 2 } });

  it("a job and a result come out as they went in", () => {
    const read = readJob(JSON.parse(JSON.stringify(writeJob(job))));
    expect(read).toEqual({ ...job, batch: { size: 2, fields: { responses: ["a", "\ud800"], lengths: [1, 2] } } });
    expect(readResult(written(), expected)).toEqual({ scored, snapshot: null, retries: { own: 2 } });
  });

  it.each<[string, (result: Record<string, unknown>) => unknown, RegExp]>([
    ["no JSON", () => "{", /^result: /],
    ["a list", () => [], /^result: /],
    ["another version", (r) => ({ ...r, version: 2 }), /same guerdon/],
    ["another reward", (r) => ({ ...r, reward: "x" }), /result\.reward/],
    ["too few rewards", (r) => ({ ...r, rewards: [1] }), /result\.rewards/],
    ["a reward that is a text", (r) => ({ ...r, rewards: ["1", null] }), /result\.rewards\[0\]/],
    [
      "an infinite reward",
      (r) => JSON.stringify({ ...r, rewards: [7, null] }).replace("[7,", "[1e999,"),
      /rewards\[0\]/,
    ],
    ["no reward and no reason", (r) => ({ ...r, rewards: [null, null] }), /errors\[0\]/],
    [
      "a code of its own",
      (r) => ({ ...r, errors: [null, { code: "zero", message: "", retryable: false }] }),
      /errors\[1\]/,
    ],
    [
      "a signal too many",
      (r) => ({ ...r, signals: { ...(r.signals as object), x: (r.signals as { own: object }).own } }),
      /signals/,
    ],
    ["a missing signal", (r) => ({ ...r, signals: {} }), /signals\.own/],
    ["advantages that are none", (r) => ({ ...r, advantages: [1, "x"] }), /advantages\[1\]/],
  ])("a result with %s is refused", (_, spoil, message) => {
    const spoilt = spoil(JSON.parse(written()) as Record<string, unknown>);
    expect(() => readResult(typeof spoilt === "string" ? spoilt : JSON.stringify(spoilt), expected)).toThrow(message);
  });

  it.each<[string, (job: Record<string, unknown>) => unknown, RegExp]>([
    ["nothing", () => null, /^job: /],
    ["no hash", (j) => ({ ...j, reward: "../x" }), /job\.reward/],
    ["no size", (j) => ({ ...j, size: 1e9 }), /job\.size/],
    ["columns of another length", (j) => ({ ...j, size: 3 }), /job\.fields\.responses/],
    ["a column that is none", (j) => ({ ...j, fields: { responses: "ab" } }), /job\.fields\.responses/],
    ["a name that is none", (j) => JSON.parse(JSON.stringify(j).replace('"lengths"', '"__proto__"')), /job\.fields/],
    ["a deadline that is none", (j) => ({ ...j, deadline: "soon" }), /job\.deadline/],
  ])("a job with %s is refused", (_, spoil, message) => {
    expect(() => readJob(spoil(JSON.parse(JSON.stringify(writeJob(job))) as Record<string, unknown>))).toThrow(message);
  });
});

describe("the queue's URL", () => {
  it("is read with user, password, database, prefix and TLS", () => {
    const address = parseQueueUrl("rediss://me:p%40ss@queue.example:6380/2?prefix=team", {});
    expect(address).toMatchObject({
      options: { host: "queue.example", port: 6380, db: 2, username: "me", password: "p@ss", tls: {} },
      prefix: "team",
      shown: "queue.example:6380/2",
      secrets: ["p@ss"],
    });
    expect(parseQueueUrl("redis://queue", { GUERDON_QUEUE_PASSWORD: "hidden" }).options.password).toBe("hidden");
  });

  it.each(["queue:6379", "http://queue", "redis://", "redis://q/x", "redis://q?tls=no", "redis://q?prefix=a:b", ""])(
    "%s is refused, and not repeated",
    (text) => {
      expect(() => parseQueueUrl(text, {})).toThrow(/^--queue: (?!.*:\/\/q)/);
    },
  );
});
