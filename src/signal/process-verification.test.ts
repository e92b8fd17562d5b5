import { expect, it } from "vitest";
import { processVerification } from "./process-verification.ts";

const node = (name: string, value: number | null, ...dependencies: string[]) => ({ name, value, dependencies });
const gold = { nodes: [node("a", 1), node("b", 2, "a"), node("c", 3, "a", "b")], answer: 3 };

it("compares parents as sets and values within the tolerance", () => {
  const predicted = { nodes: [node("c", 3.0000001, "b", "a", "a"), node("a", 1), node("b", 2, "a")], answer: 3 };
  expect(processVerification()({ gold, predicted })).toMatchObject({
    processAccuracy: 1,
    penaltyScore: 1,
    verified: true,
  });
  expect(processVerification({ tolerance: 0 })({ gold, predicted }).valueMismatches).toEqual(["c"]);
});

it("counts a node wrong in both ways twice, caps extra nodes, and floors at 0", () => {
  const wrong = { nodes: [node("a", 1), node("b", 9), node("c", 3, "a", "b")], answer: 3 };
  const out = processVerification()({ gold, predicted: wrong });
  expect(out.processAccuracy).toBeCloseTo(2 / 3, 12);
  expect(out.penaltyScore).toBeCloseTo(1 / 3, 12);
  const crowded = { nodes: [...gold.nodes, ..."defghij".split("").map((name) => node(name, 0))], answer: 4 };
  const many = processVerification()({ gold, predicted: crowded });
  expect(many).toMatchObject({ processAccuracy: 1, penaltyScore: 0, answerMismatch: true, verified: false });
});

it("keeps the last definition of a name, and treats null values as different from numbers", () => {
  const predicted = { nodes: [node("a", 7), node("a", 1), node("b", null, "a"), gold.nodes[2]], answer: 3 };
  expect(processVerification()({ gold, predicted }).valueMismatches).toEqual(["b"]);
});

it("scores an unreadable solution 0, and nothing without gold nodes", () => {
  expect(processVerification()({ gold, predicted: null })).toEqual({
    processAccuracy: 0,
    penaltyScore: 0,
    missing: [],
    extra: [],
    valueMismatches: [],
    dependencyMismatches: [],
    answerMismatch: true,
    verified: false,
  });
  const empty = processVerification()({ gold: { nodes: [], answer: null }, predicted: { nodes: [], answer: null } });
  expect(empty).toMatchObject({ processAccuracy: null, penaltyScore: null, answerMismatch: false, verified: false });
});

it("sorts the names of each list, as the release does", () => {
  const wanted = { nodes: [node("z", 1), node("m", 2), node("k", 3), node("b", 4)], answer: 1 };
  const predicted = { nodes: [node("y", 0), node("k", 0, "z"), node("c", 0), node("b", 0, "z")], answer: 1 };
  const out = processVerification()({ gold: wanted, predicted });
  expect(out.missing).toEqual(["m", "z"]);
  expect(out.extra).toEqual(["c", "y"]);
  expect(out.valueMismatches).toEqual(["b", "k"]);
  expect(out.dependencyMismatches).toEqual(["b", "k"]);
});
