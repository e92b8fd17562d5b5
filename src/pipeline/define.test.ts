import { describe, expect, it } from "vitest";
import { ContractError } from "../core/error.ts";
import { defineReward } from "./define.ts";
import { centred, counting, echo, equal, lengthOfOne, noisy, runningMean } from "./parts.fixture.ts";
import { checkWiring, needsOf } from "./wiring.ts";

function problem(make: () => unknown): string {
  try {
    make();
  } catch (thrown) {
    if (thrown instanceof ContractError) return thrown.message;
    throw thrown;
  }
  return "none";
}

describe("defineReward", () => {
  it("names the place of every mistake", () => {
    const cases: [unknown, RegExp][] = [
      [{}, /^signals: expected an object/],
      [{ signals: {} }, /^signals: expected at least one/],
      [{ signals: { a: 3 } }, /^signals\.a: expected a part, a function or a judge.*a number/],
      [{ signals: { a: equal } }, /^signals\.a: signal\/equal-fixture needs its params: call it/],
      [{ signals: { a: { use: equal(), tmeLimit: 3 } } }, /^signals\.a\.tmeLimit: no such option/],
      [{ signals: { a: { use: equal(), timeLimit: 0 } } }, /^signals\.a\.timeLimit: expected a number/],
      [
        { signals: { a: { use: equal(), bind: { reference: "x" } } } },
        /^signals\.a\.bind\.reference: .*it has responses, references/,
      ],
      [
        { signals: { a: { use: equal(), bind: { references: "b.c" } } } },
        /^signals\.a\.bind\.references: no signal "b"/,
      ],
      [{ signals: { a: { use: equal(), output: "answers" } } }, /^signals\.a\.output: .*candidates: correct/],
      [{ signals: { a: equal() }, combine: async () => 1 }, /^combine: may not be asynchronous/],
      [{ signals: { a: equal() }, maxUnscored: 2 }, /^maxUnscored: /],
      [{ signals: { a: equal() }, shaping: [centred] }, /^shaping\[0\]: needs its params/],
      [{ signals: { a: equal() }, credit: { use: 1 } }, /^credit: expected a part/],
      [
        { signals: { a: equal() }, shaping: [{ use: runningMean(), state: { n: "x" } }] },
        /^shaping\[0\]\.state: not a state/,
      ],
      [{ signals: { a: { use: centred() } } }, /^signals\.a: credit\/centred-fixture is no signal/],
      [{ signals: { a: equal() }, shapping: [] }, /^reward\.shapping: no such option/],
      [
        {
          signals: {
            a: { use: equal(), bind: { references: "b.answers" } },
            b: { use: equal(), bind: { references: "a.answers" } },
          },
        },
        /circle: a → b → a/,
      ],
    ];
    for (const [definition, message] of cases)
      expect(problem(() => defineReward(definition as never))).toMatch(message);
  });

  it("types combine by the signals", () => {
    const reward = defineReward({
      signals: { right: equal(), size: { use: lengthOfOne(), required: false } },
      combine: ({ right, size }, { response }) => {
        // @ts-expect-error a signal that is not required may have no value
        const sum: number = right + size;
        return sum + response.length;
      },
    });
    expect(reward.kind).toBe("reward");
  });

  it("hashes parts, params and function text", () => {
    const one = (scale: number) => defineReward({ signals: { a: lengthOfOne({ scale }) } }).hash;
    expect(one(1)).toBe(one(1));
    expect(one(1)).not.toBe(one(2));
    expect(defineReward({ signals: { a: () => 1 } }).hash).not.toBe(defineReward({ signals: { a: () => 2 } }).hash);
  });
});

describe("wiring", () => {
  const reward = defineReward({
    signals: {
      math: { use: equal(), bind: { references: "rubric" } },
      size: lengthOfOne(),
      again: { use: echo(), bind: { x: "size.doubled" } },
    },
    shaping: [noisy()],
    credit: centred(),
  });

  it("says which fields are wanted, and by whom", () => {
    expect(needsOf(reward)).toEqual({
      wholeGroups: true,
      fields: { responses: "signal math", rubric: "signal math", groups: "credit/centred-fixture" },
      optionalFields: { uniforms: "shaping/noisy-fixture" },
    });
  });

  it("names the missing field and who wanted it", () => {
    expect(() => checkWiring(reward, new Set(["responses", "rubric", "groups"]))).not.toThrow();
    expect(() => checkWiring(reward, new Set(["response", "groups", "rubric"]))).toThrow(
      /^responses: signal math wants/,
    );
    expect(problem(() => checkWiring(reward, new Set(["responses", "rubric"])))).toMatch(
      /^groups: credit\/centred-fixture wants this field.*fields there: responses, rubric/,
    );
  });

  it("takes a field from the one signal that gives it, and asks when several do", () => {
    const one = defineReward({ signals: { a: equal() }, shaping: [{ use: noisy(), bind: { uniforms: "a" } }] });
    expect(needsOf(one).fields).toEqual({ responses: "signal a", references: "signal a" });
    const two = defineReward({
      signals: { a: equal(), b: equal(), c: { use: counting() } },
      shaping: [{ use: echo(), bind: { x: "rollout.correct" } }],
    });
    expect(needsOf(two).fields.correct).toBe("signal/echo-fixture");
  });
});
