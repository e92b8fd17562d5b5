import { describe, expect, it } from "vitest";
import {
  keypointParse,
  layoutScoreParse,
  progressJudgeParse,
  rankingReward,
  regionScoresParse,
  weightedMetricsParse,
} from "./images.ts";
import { thinkingScoreParse, thinkingScorePrompt } from "./thinking.ts";

describe("judges of images", () => {
  it("keypoint-parse: own keys only, lists and texts are not applicable", () => {
    const { scores, valid } = keypointParse()({
      replies: ['{"a": [1], "b": -2}', "[1]"],
      keypoints: ["a", "b", "toString"],
    });
    expect(scores).toEqual([
      [null, 0, null],
      [null, null, null],
    ]);
    expect(valid).toEqual([true, false]);
  });

  it("layout- and region-scores-parse", () => {
    expect(
      layoutScoreParse()({ replies: ["SCORE:-.5", "score: 1.", "Score: x Score: 2", "Score: 1</think> none"] }).scores,
    ).toEqual([null, 1, 2, null]);
    const { regions } = regionScoresParse()({
      replies: ["Region ID: 1\nIdentified Object:\nScore: 1\n \t\nRegion ID: 1\nScore: -1"],
    });
    expect(regions).toEqual([[{ id: 1, object: null, score: -1 }]]);
  });

  it("weighted-metrics-parse: no weight, no score; names keep what is theirs", () => {
    const { metrics, scores } = weightedMetricsParse()({
      replies: ["a (0%): 5", "2. warm (tones) (50%) : 10 / 10\nnot a line (50%): 3 of 10", "x (50%): -1", ""],
    });
    expect(scores).toEqual([null, 10, null, null]);
    expect(metrics[1]).toEqual([{ name: "warm (tones)", weight: 0.5, score: 10 }]);
  });

  it("ranking-reward: null never wins", () => {
    const inputs = { chosen: [1, null, 2], rejected: [null, 1, 1], formatted: [false, false, false] };
    expect(Array.from(rankingReward()(inputs).rewards)).toEqual([0, 0, 1]);
  });

  it("progress-judge-parse: last tag, clipped, unreadable is null", () => {
    const read = (reply: string) => progressJudgeParse()({ reply });
    expect(read("<score>+5%</score> <score> -150 % </score>")).toEqual({ hop: -1, valid: true });
    expect(read("<score>12.5</score>")).toEqual({ hop: 0.125, valid: true });
    expect(read("<score>5%")).toEqual({ hop: null, valid: false });
  });

  it("thinking-score: strict mode reads decimals, an absent image is no part", () => {
    const { scores } = thinkingScoreParse()({
      replies: ["<answer> 0.85 </answer>", "<answer>1.1</answer>", "<answer>.5</answer>"],
    });
    expect(scores).toEqual([0.85, null, 0.5]);
    const official = thinkingScoreParse({ mode: "official" });
    expect(
      official({ replies: ["</think> 5", "**2 wrong steps**", "**in all, Wrong Steps**: 4", "\\boxed{0.35} 7"] })
        .scores,
    ).toEqual([1, 1, 1, 0]);
    expect(official({ replies: ["**2 Wrong Steps**"] }).scores).toEqual([0]);
    // Case, boundaries and tags as released: a letter of any script next to a digit makes one word of them.
    expect(
      official({
        replies: [
          "**3 wrong steps**",
          "</think> .5",
          "</think><answer>7 of 9</answer>",
          "得分0.8分",
          "\\box{ 0.4 } 9",
          "x 0.4 y",
        ],
      }).scores,
    ).toEqual([1, 0.5, 0, 0, 0.4, 0.4]);
    const [, user] = thinkingScorePrompt()({ question: "q", reasoning: "r" }).messages;
    expect(user.content).toHaveLength(1);
  });
});
