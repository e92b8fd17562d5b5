import { expect, test } from "vitest";
import { defineExperiment } from "./define.ts";
import { judge } from "./judge.ts";
import type { Experiment, Measurement } from "./types.ts";

type Values = Readonly<Record<string, readonly (number | null)[]>>;

/** An experiment over two arms whose only metric is given, by arm and seed. */
function experimentOf(parts: Partial<Pick<Experiment, "gates" | "claims" | "sweep">>): Experiment {
  return defineExperiment({
    paper: "made-up",
    question: "?",
    bed: "none",
    seeds: 3,
    budgets: { quick: {}, full: {} },
    arms: { a: { role: "method", settings: {} }, b: { role: "baseline", settings: {} } },
    run: (): Measurement<string> => ({ metrics: {} }),
    claims: [],
    figure: { title: "", panels: [] },
    ...parts,
  });
}

const difference = {
  card: 1,
  text: "a beats b by one",
  paper: "",
  checks: [
    {
      text: "a − b",
      value: (runs: Readonly<Record<string, Readonly<Record<string, number>>>>) => runs.a.x - runs.b.x,
      atLeast: 1,
    },
  ],
};

const full = { budget: "full", seeds: [0, 1, 2], hash: "h", versions: {} } as const;
const measured = (values: Values) => (arm: string, _: number, seed: number) => ({ metrics: { x: values[arm][seed] } });

test("a claim is reproduced when the whole interval clears the margin, and not when all of it falls short", () => {
  const verdict = (a: number[]) =>
    judge(experimentOf({ claims: [difference] }), measured({ a, b: [0, 10, 20] }), full).claims[0].verdict;
  expect(verdict([2, 12.5, 22])).toBe("reproduced");
  expect(verdict([0.5, 10.2, 20.9])).toBe("not reproduced");
  expect(verdict([-1, 12, 24])).toBe("inconclusive");
});

test("differences are paired: the spread between seeds does not count, that of the differences does", () => {
  const { checks } = judge(
    experimentOf({ claims: [difference] }),
    measured({ a: [2, 102, 1002], b: [0, 100, 1000] }),
    full,
  ).claims[0];
  expect(checks[0]).toMatchObject({ mean: 2, lower: 2, upper: 2, perSeed: [2, 2, 2], holds: true });
});

test("an undefined metric, the quick budget and two seeds are inconclusive, with the reason", () => {
  const experiment = experimentOf({ claims: [difference] });
  const claim = (values: Values, run: Parameters<typeof judge>[2]) =>
    judge(experiment, measured(values), run).claims[0];
  const good = { a: [5, 5, 5], b: [0, 0, 0] };
  expect(claim({ ...good, a: [5, null, 5] }, full)).toMatchObject({
    verdict: "inconclusive",
    reason: "undefined for a seed: a − b",
  });
  expect(claim(good, { ...full, budget: "quick" }).verdict).toBe("inconclusive");
  expect(claim(good, { ...full, seeds: [0, 1] })).toMatchObject({
    verdict: "inconclusive",
    reason: "2 of at least 3 seeds",
  });
});

test("a gate that does not hold makes its claims inconclusive and no others", () => {
  const gates = [
    { text: "b can fail", value: ({ b }: Record<string, Record<string, number>>) => b.x, atMost: -1, claims: [1] },
  ];
  const claims = [difference, { ...difference, card: 2 }];
  const result = judge(experimentOf({ gates, claims }), measured({ a: [5, 5, 5], b: [0, 0, 0] }), full);
  expect(result.claims.map(({ verdict }) => verdict)).toEqual(["inconclusive", "reproduced"]);
  expect(result.claims[0].reason).toBe("its gate does not hold: b can fail");
});

test("with a sweep every arm is judged at its own best value, and fixed at the fixed one", () => {
  const sweep = { name: "step", values: [1, 2, 3], fixed: 2, select: "x", best: "max" } as const;
  const fixed = {
    ...difference,
    card: 2,
    checks: [
      {
        text: "fixed",
        value: (_: unknown, at: Readonly<Record<string, Readonly<Record<string, number>>>>) => at.a.x - at.b.x,
        atLeast: 0,
      },
    ],
  };
  // a is best at 3, b at 1; at 2 b leads.
  const table: Record<string, number[]> = { a: [0, 4, 9], b: [7, 5, 0] };
  const result = judge(
    experimentOf({ sweep, claims: [difference, fixed] }),
    (arm, value) => ({ metrics: { x: table[arm][value - 1] } }),
    full,
  );
  expect(result.arms.a.sweep).toBe(3);
  expect(result.arms.b.sweep).toBe(1);
  expect(result.claims[0].checks[0].mean).toBe(2);
  expect(result.claims[1].checks[0].mean).toBe(-1);
});

test("a misspelt metric and a check that gives NaN are errors that say where", () => {
  const wrong = (value: (runs: Readonly<Record<string, Readonly<Record<string, number>>>>) => number) =>
    judge(
      experimentOf({ claims: [{ ...difference, checks: [{ text: "wrong", value, atLeast: 0 }] }] }),
      measured({ a: [1, 1, 1], b: [0, 0, 0] }),
      full,
    );
  expect(() => wrong(({ a }) => a.y)).toThrow('arms.a: measures no "y"');
  expect(() => wrong(({ a, b }) => (a.x - a.x) / b.x)).toThrow("gave NaN");
});

test("definitions that cannot be judged are refused", () => {
  expect(() => experimentOf({ claims: [{ ...difference, checks: [{ text: "no bound", value: () => 0 }] }] })).toThrow(
    "expected a bound",
  );
  expect(() => experimentOf({ claims: [difference, difference] })).toThrow("stands twice");
  expect(() => experimentOf({ claims: [{ ...difference, checks: [] }] })).toThrow("omitted");
});
