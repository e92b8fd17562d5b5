import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { scoreError } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch } from "../pipeline/types.ts";
import { createReportData } from "./data.ts";
import { renderReport } from "./render.ts";
import { scoredBatches } from "./rollouts.fixture.ts";

const rule = { signals: ["correct"] } as const;

/** Every tag of a page, in order, with the names of its attributes. */
function tagsOf(page: string): string[] {
  return [...page.matchAll(/<(\/?[a-zA-Z!][^\s>/]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/g)].map(
    ([, name, rest]) =>
      `${name} ${[...rest.matchAll(/([^\s="']+)="[^"]*"/g)].map(([, attribute]) => attribute).join(",")}`,
  );
}

/** A run of three rollouts in which every text that a model or a file can choose is `text`. */
function runOf(text: string): { batch: RolloutBatch; scored: ScoredBatch } {
  const column = <T>(value: T) => [value, value, value];
  const error = scoreError("threw", text);
  const errors = [null, null, error];
  return {
    batch: {
      size: 3,
      fields: {
        ids: column(text),
        groups: ["a", "a", "b"],
        prompts: [text, [{ role: text, content: text }], text],
        responses: column(text),
        references: column(text),
        lengths: [3, 9, 4],
      },
    },
    scored: {
      size: 3,
      rewards: [1, 0.5, null],
      errors,
      advantages: [1, -1, null],
      combined: [1, 0.5, null],
      signals: {
        correct: {
          values: [1, 0, null],
          errors,
          evidence: column({ [text]: text }),
          cached: column(false),
          milliseconds: 1,
        },
      },
      fields: { lengthRewards: column(text) },
    },
  };
}

const infoOf = (text: string) => ({
  title: text,
  rewardFile: text,
  rewardHash: text,
  input: text,
  output: text,
  command: text,
  seed: text,
  startedAt: text,
  seconds: 1,
  versions: { [text]: text },
  notes: { [`${text} `]: text },
});

async function pageOf(text: string): Promise<string> {
  const data = createReportData({ success: rule });
  const { batch, scored } = runOf(text);
  data.add(batch, scored);
  return renderReport(data, infoOf(text));
}

describe("renderReport", () => {
  it("has the same tags whatever the texts of the run say", async () => {
    const expected = tagsOf(await pageOf("ordinary"));
    const attack = fc.constantFrom(
      "</pre><script>alert(1)</script>",
      '"><img src=x onerror=alert(1)>',
      "' onmouseover='alert(1)",
      "<!--",
      "]]></svg><style>*{display:none}</style>",
      "</title><meta http-equiv=refresh content=0>",
      "\u202e\ud800\u0000<svg/onload=alert(1)>",
      "`alert(1)`{{alert(1)}}",
      "&#60;script&#62;",
      "__proto__",
    );
    const hostile = fc.oneof(attack, fc.string({ unit: "binary", minLength: 1, maxLength: 40 }));
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const page = await pageOf(text);
        expect(tagsOf(page)).toEqual(expected);
        expect(/\p{Cs}|[\u202a-\u202e\u2066-\u2069]/u.test(page)).toBe(false);
        expect(page.includes("\0")).toBe(false);
      }),
      { numRuns: 15 },
    );
  });

  it("escapes signal names in the plots too", async () => {
    const name = "</text><script>x</script>\u202e";
    const data = createReportData({ success: { signals: [name] } });
    const { batch, scored } = runOf("fine");
    data.add(batch, { ...scored, signals: { [name]: scored.signals.correct, reward: scored.signals.correct } });
    const page = await renderReport(data);
    expect(/<script|\u202e/.test(page)).toBe(false);
    expect(page.includes("&lt;/text&gt;&lt;script&gt;")).toBe(true);
  });

  it("draws any shape of data without a complaint from the plotting library", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    for (const lengths of [
      [0, 0, 0],
      [1, 2, 5000],
      [5, 5, 5],
      [1e6, 3, 7],
    ]) {
      const data = createReportData({ success: rule });
      const { batch, scored } = runOf("x");
      data.add({ ...batch, fields: { ...batch.fields, lengths } }, scored);
      await renderReport(data);
    }
    const many = createReportData({ success: rule });
    for (const { batch, scored } of scoredBatches(60, 7, 100)) {
      const lengths = Array.from(batch.fields.lengths as number[], (length, i) => (i % 9 ? length : 9000 + i));
      many.add({ ...batch, fields: { ...batch.fields, lengths } }, scored);
    }
    expect(await renderReport(many)).toContain("logarithmic");
    expect(warned.mock.calls).toEqual([]);
    warned.mockRestore();
  });

  it("stands alone: no script, nothing loaded, a policy that forbids both", async () => {
    const data = createReportData({ success: rule, wholeGroups: true });
    for (const { batch, scored } of scoredBatches(40, 8, 64)) data.add(batch, scored);
    const page = await renderReport(data, { rewardFile: "reward.ts" });
    expect(page.startsWith("<!doctype html>\n<html lang=")).toBe(true);
    expect(page).toContain("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    const names = new Set(tagsOf(page).map((tag) => tag.split(" ")[0].toLowerCase()));
    for (const forbidden of ["script", "link", "img", "iframe", "object", "form", "base", "image", "use"]) {
      expect(names).not.toContain(forbidden);
    }
    const external = [...page.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, target]) => target);
    expect(external.every((target) => target.startsWith("#"))).toBe(true);
    expect(/url\(|@import|<defs>/.test(page)).toBe(false);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(page.match(/<svg/g)).toHaveLength(9);
  });

  it("shows a run of nothing and one without any score", async () => {
    expect(await renderReport(createReportData())).toContain("0 rollouts");
    const data = createReportData({ success: rule });
    const { batch, scored } = runOf("x");
    const none = [null, null, null];
    const signals = { correct: { ...scored.signals.correct, values: none } };
    data.add(batch, { ...scored, rewards: none, combined: none, advantages: none, signals });
    const page = await renderReport(data);
    expect(page).toContain("Unscored");
    expect(/NaN|undefined|Infinity/.test(page)).toBe(false);
  });
});
