import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { defineReward, judge, type Reward } from "../pipeline/index.ts";
import { askFor, readScore } from "../pipeline/parts.fixture.ts";
import { mathAnswer, tagFormat } from "../signal/index.ts";
import { audit } from "./audit.ts";
import { limitCheck } from "./check-limit.ts";
import { builtinProblems } from "./problems.ts";
import type { AuditReport } from "./types.ts";

const run = (reward: Reward, options = {}): Promise<AuditReport> =>
  audit({ reward, kind: "math", workers: 0, seed: 1, ...options });
const last = (text: string) => Number(/(-?\d+(?:\.\d+)?)\D*$/.exec(text)?.[1]);
const grave = (report: AuditReport) => report.findings.filter(({ severity }) => severity !== "minor");

describe("audit", () => {
  it("finds nothing above minor in a verifier with a small format reward", async () => {
    const report = await run(
      defineReward({
        signals: { correct: mathAnswer(), format: tagFormat({ tags: ["think", "answer"] }) },
        combine: ({ correct, format }) => correct + 0.1 * format,
      }),
    );
    expect(grave(report)).toEqual([]);
    expect(report.honestRight).toBeCloseTo(1.1, 9);
    expect(report.honestWrong).toBeCloseTo(0.1, 9);
    expect(report.unfinished).toEqual([]);
  });

  it("finds a bonus that anybody can have, blames its signal, and shows that a gate closes it", async () => {
    const report = await run(
      defineReward({
        signals: {
          correct: ({ response, reference }) => last(response) === Number(reference),
          steps: ({ response }) => Math.min(1, (response.match(/Step \d/g) ?? []).length / 3),
        },
        combine: ({ correct, steps }) => correct + steps,
      }),
    );
    const [worst] = report.findings;
    expect(worst.severity).toBe("critical");
    expect(worst.mechanism).toBe("steps");
    expect(worst.responsible.map(({ name }) => name)).toEqual(["steps"]);
    expect(worst.reward).toBeGreaterThanOrEqual(0.9);
    expect(worst.honestWrong).toBe(0);
    expect(worst.response.match(/Step \d/g)).toHaveLength(3);
    expect(worst.response.length).toBeLessThan(40);
    const gate = worst.repairs.find(({ title }) => title.startsWith("gate"));
    expect(gate?.after).toEqual({ exploit: 0, honestRight: 1, honestWrong: 0, fixed: true });
  });

  it("says that a reward which ignores the answer is blind", async () => {
    const report = await run(defineReward({ signals: { number: ({ response }) => /\d/.test(response) } }));
    expect(report.findings.map(({ key, severity }) => `${severity} ${key}`)).toContain("critical blind:number");
  });

  it("finds that a right answer loses by a line break", async () => {
    const strict = defineReward({
      signals: {
        correct: ({ response, reference }) => /<answer>\s*(.*?)\s*<\/answer>$/.exec(response)?.[1] === reference,
      },
    });
    const found = grave(await run(strict)).find(({ mechanism }) => mechanism === "right-loses");
    expect(found?.severity).toBe("major");
    expect([found?.exploit, ...(found?.also ?? [])]).toContain("right/newline-at-end");
    // Shown whole: the answer without its tag would lose for another reason.
    expect(found?.response).toMatch(/<answer>.*<\/answer>/s);
  });

  it("searches where the catalogue has nothing: the trigger stands only in the reward's source", async () => {
    const odd = defineReward({
      signals: {
        correct: ({ response, reference }) =>
          response.includes("xyzzy plugh") ? 1 : last(response) === Number(reference) ? 1 : 0,
      },
    });
    const report = await run(odd);
    expect(grave(report).some(({ response }) => response.includes("xyzzy plugh"))).toBe(true);
  });

  it("gives the same findings for the same seed", async () => {
    const reward = () =>
      defineReward({ signals: { correct: mathAnswer(), long: ({ response }) => response.length / 500 } });
    const [one, two] = [await run(reward()), await run(reward())];
    const essence = (report: AuditReport) => report.findings.map(({ milliseconds: _, ...rest }) => rest);
    expect(essence(one)).toEqual(essence(two));
    expect(one.evaluations).toBe(two.evaluations);
  });

  it("says which field a reward wants that no built-in problem has", async () => {
    const reward = defineReward({ signals: { correct: { use: mathAnswer(), bind: { references: "gold" } } } });
    await expect(run(reward)).rejects.toThrow(/^gold: signal correct wants this field/);
  });

  it("leaves accepted findings out, and stops at its limit of evaluations", async () => {
    const reward = defineReward({ signals: { number: ({ response }) => /\d/.test(response) } });
    const report = await run(reward, { accepted: new Set(["blind:number"]) });
    expect(report.findings.map(({ key }) => key)).not.toContain("blind:number");
    expect(report.accepted.map(({ key }) => key)).toContain("blind:number");
    const short = await run(reward, { evaluations: 300 });
    expect(short.unfinished).not.toEqual([]);
    expect(short.evaluations).toBeLessThan(700);
  });

  it("uses a hidden check of one's own in place of the built-in one", async () => {
    const reward = defineReward({
      signals: { correct: ({ response, reference }) => response.includes(String(reference)) },
    });
    expect(grave(await run(reward)).length).toBeGreaterThan(0);
    // Somebody for whom naming the answer anywhere is right.
    const report = await run(reward, {
      check: ({ answer }: { answer: string }, response: string) => response.includes(answer),
    });
    expect(grave(report).filter(({ mechanism }) => mechanism === "several-answers")).toEqual([]);
  });
});

describe("a hidden check that gives no verdict", () => {
  const reward = defineReward({
    signals: { correct: ({ response, reference }) => response.includes(String(reference)) },
  });

  it("leaves its cases unchecked, with a note, and is given up at last", async () => {
    let asked = 0;
    const report = await run(reward, {
      checkTime: 20,
      check: () => {
        asked++;
        return new Promise<boolean>(() => {});
      },
    });
    expect(asked).toBe(3);
    expect(report.findings.filter(({ mechanism }) => mechanism === "several-answers")).toEqual([]);
    expect(report.notes.join()).toMatch(/hidden check gave no verdict within 0.02 s on 3 responses.*unchecked/);
    expect(report.unfinished).toContain("hidden check");
  });

  it("may hang on single responses, in a loop too", async () => {
    let asked = 0;
    const limited = limitCheck((_, response) => {
      asked++;
      if (response === "loop") for (;;);
      return response === "never" ? new Promise<boolean>(() => {}) : response === "right";
    }, 20);
    const [problem] = builtinProblems("math");
    expect(limited.note()).toBeNull();
    const verdicts = [];
    for (const response of ["right", "loop", "never", "wrong", "never"])
      verdicts.push(await limited.check(problem, response));
    expect(verdicts).toEqual([true, "unchecked", "unchecked", false, "unchecked"]);
    expect(asked).toBe(5);
    expect(limited.givenUp).toBe(false);
    expect(limited.note()).toMatch(/on 3 responses: /);
    await expect(limitCheck(() => Promise.reject(new Error("mine")), 20).check(problem, "")).rejects.toThrow("mine");
  });
});

describe("a judge that misbehaves", () => {
  it("and is all there is: nothing is audited, and that is said at once", async () => {
    const report = await run(
      defineReward({
        signals: {
          style: {
            use: async () => {
              throw Object.assign(new Error("HTTP 503"), { status: 503 });
            },
            retries: 0,
          },
        },
      }),
    );
    expect(report.honestRight).toBeNull();
    expect(report.findings).toEqual([]);
    expect(report.notes.join()).toContain("style gave no value");
    expect(report.evaluations).toBe(1);
  });

  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  async function judged(answer: (response: ServerResponse, count: number) => void): Promise<Reward> {
    let count = 0;
    const server = createServer((request, response) => {
      request.resume();
      request.on("end", () => answer(response, count++));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    return defineReward({
      signals: {
        style: {
          use: judge({ model: "m", baseURL, bind: { question: "prompt" }, prompt: askFor(), parse: readScore() }),
          retries: 0,
        },
        steps: ({ response }) => (response.match(/Step \d/g) ?? []).length,
        correct: ({ response, reference }) => last(response) === Number(reference),
      },
      combine: ({ style, steps, correct }) => style * (correct + steps),
    });
  }

  const behaviours: Record<string, (response: ServerResponse, count: number) => void> = {
    "never answers": () => {},
    "answers 500": (response) => response.writeHead(500).end("{}"),
    "answers garbage": (response) => response.end("<html>\u0000"),
    "stops answering after a while": (response, count) => {
      if (count > 200) return;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content: "Score: 1" } }] }));
    },
  };
  for (const [name, answer] of Object.entries(behaviours)) {
    it(`${name}: the audit ends, and what it can find is found`, async () => {
      const reward = await judged(answer);
      const report = await run(reward, { budget: 6_000 });
      if (name !== "stops answering after a while") {
        expect(report.notes.join(" ")).toContain("style gave no value");
        expect(grave(report).map(({ mechanism }) => mechanism)).toContain("steps");
      }
    }, 60_000);
  }
});
