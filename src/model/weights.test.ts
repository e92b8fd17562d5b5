import { describe, expect, it } from "vitest";
import { emaUpdate, ensembleTerminalValue, ensembleWeights, weightAverage, weightExtrapolation } from "./weights.ts";

describe("weight arithmetic", () => {
  it("moving averages, averages and extrapolations meet at the ends", () => {
    const teacher = [1, -2];
    const student = [3, 5];
    expect(Array.from(emaUpdate({ decay: 1 })({ teacher, student }).teacher)).toEqual(teacher);
    expect(Array.from(emaUpdate({ decay: 0 })({ teacher, student }).teacher)).toEqual(student);
    const half = emaUpdate({ decay: 0.5 })({ teacher, student }).teacher;
    expect(half).toEqual(weightAverage()({ parameters: [teacher, student] }).parameters);
    expect(half).toEqual(weightExtrapolation({ factor: 0.5 })({ weak: teacher, strong: student }).weights);
  });

  it("normalises weights and refuses what cannot be averaged", () => {
    expect(Array.from(weightAverage({ weights: [3, 1] })({ parameters: [[0], [4]] }).parameters)).toEqual([1]);
    expect(() => weightAverage({ weights: [1] })({ parameters: [[0], [4]] })).toThrow("params.weights");
    expect(() => weightAverage({ weights: [1, -1] })({ parameters: [[0], [4]] })).toThrow("params.weights");
    expect(() => weightAverage()({ parameters: [] })).toThrow("inputs.parameters");
    expect(() => weightAverage()({ parameters: [[1], [1, 2]] })).toThrow("inputs.parameters[1]");
  });
});

describe("ensembles", () => {
  it("weights are undefined without pairs or with ratings that cancel", () => {
    expect(ensembleWeights()({ chosen: [[]], rejected: [[]] })).toEqual({ raw: [null], weights: [null] });
    const inputs = { chosen: [[1], [0]], rejected: [[0], [1]] };
    expect(ensembleWeights({ method: "confidence" })(inputs)).toEqual({ raw: [1, -1], weights: [null, null] });
    expect(ensembleWeights()({ chosen: [[1, 1]], rejected: [[1, 0]] })).toEqual({ raw: [0.5], weights: [1] });
  });

  it("a single policy is its own judge; ragged tables are named", () => {
    expect(
      ensembleTerminalValue()({
        qValues: [
          [
            [
              [1, 2],
              [3, 4],
            ],
          ],
        ],
      }).terminalValues,
    ).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(ensembleTerminalValue()({ qValues: [] }).terminalValues).toEqual([]);
    expect(() => ensembleTerminalValue()({ qValues: [[[[0]], [[1, 2]], [[3]]]] })).toThrow("inputs.qValues[0]");
  });
});
