import { describe, expect, it } from "vitest";
import { correctedScore, imageDifference, keypointAccuracy, motion, positiveSpread } from "./images.ts";

describe("image-difference", () => {
  it("measures a flat offset of 0.1 as 20 dB, and nothing without pixels", () => {
    const result = imageDifference()({ pixels: [[0.5, 0.5]], targets: [[0.6, 0.4]] });
    expect(result.l1).toBeCloseTo(0.1, 12);
    expect(result.psnr).toBeCloseTo(20, 9);
    expect(imageDifference()({ pixels: [], targets: [] })).toEqual({ l1: null, l2: null, psnr: null });
    expect(() => imageDifference()({ pixels: [[1]], targets: [[1, 1]] })).toThrow(/inputs\.targets\[0\]/);
  });
});

describe("keypoint-accuracy", () => {
  it("averages key points, not prompts", () => {
    expect(
      keypointAccuracy()({
        scores: [
          [1, null],
          [0, 1],
        ],
        keypoints: ["count", "text"],
        categories: ["a", "a"],
      }),
    ).toEqual({ byKeypoint: { count: 0.5, text: 1 }, byCategory: { a: 0.75 }, macro: 0.75 });
    expect(keypointAccuracy()({ scores: [[null]], keypoints: ["x"], categories: ["y"] }).macro).toBeNull();
    expect(() => keypointAccuracy()({ scores: [[1]], keypoints: [], categories: [] })).toThrow(/scores\[0\]/);
  });
});

describe("corrected-score", () => {
  it("leaves out images without quality scores", () => {
    expect(correctedScore()({ rewards: [1, 2], qualityScores: [[], [4, 5]] })).toEqual({
      qualityMeans: [null, 4.5],
      correctedScores: [null, 3.2],
      mean: 3.2,
    });
  });
});

describe("positive-spread", () => {
  it("needs two passes for a spread, a positive gap for a ratio", () => {
    expect(positiveSpread()({ scores: [1, 0], passed: [true, false] })).toEqual({
      positiveStd: null,
      gap: 1,
      ratio: null,
    });
    expect(positiveSpread()({ scores: [0, 2, 5], passed: [true, true, false] })).toEqual({
      positiveStd: Math.SQRT2,
      gap: -4,
      ratio: null,
    });
    expect(positiveSpread()({ scores: [1, 3], passed: [true, true] }).gap).toBeNull();
  });
});

describe("motion", () => {
  it("is null for too few frames, and a jump of (3, 4) is 5", () => {
    const still = [[0, 0]];
    const jump = [
      [0, 0],
      [3, 4],
    ];
    expect(motion()({ clips: [[], still, jump] })).toEqual({ speed: [null, null, 5], jerk: [null, null, null] });
    expect(() => motion()({ clips: [[[0], [1, 2]]] })).toThrow(/clips\[0\]\[1\]/);
  });
});
