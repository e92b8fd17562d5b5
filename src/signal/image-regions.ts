/** Rewards of generated images from detected or scored regions. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";
import { type Box, continuousIou } from "./boxes.ts";

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const near = new Set(["next to", "near", "on side of"]);

/** Direction of the reference seen from the subject: +1 or −1 along x or y. */
const directions = new Map<string, readonly [axis: "x" | "y", sign: 1 | -1]>([
  ["on the right of", ["x", -1]],
  ["right of", ["x", -1]],
  ["on the left of", ["x", 1]],
  ["left of", ["x", 1]],
  ["on the bottom of", ["y", -1]],
  ["below", ["y", -1]],
  ["on the top of", ["y", 1]],
  ["top of", ["y", 1]],
]);

function relationScore(relation: string, a: Box, b: Box, iouThreshold: number, distanceThreshold: number): number {
  const x = (b[0] + b[2] - a[0] - a[2]) / 2;
  const y = (b[1] + b[3] - a[1] - a[3]) / 2;
  if (near.has(relation)) {
    if (Math.abs(x) < distanceThreshold || Math.abs(y) < distanceThreshold) return 1;
    return distanceThreshold / Math.max(Math.abs(x), Math.abs(y));
  }
  const direction = directions.get(relation);
  if (direction === undefined) return 0;
  const [along, across] = direction[0] === "x" ? [x, y] : [y, x];
  if (along * direction[1] <= 0 || Math.abs(along) <= Math.abs(across)) return 0;
  const iou = continuousIou(a, b);
  return iou < iouThreshold ? 1 : iouThreshold / iou;
}

/**
 * Does a box stand in the named relation to another (arXiv 2601.03468, detector reward, after T2I-CompBench).
 *
 * Δ = centre of the reference − centre of the subject, pixels. Near words (next to, near, on side of): 1 if |Δx| or |Δy| is
 * below `distanceThreshold` d, else d/max(|Δx|, |Δy|). Directions (on the right of, right of, on the left of, left of, on the
 * bottom of, below, on the top of, top of): 0 unless Δ has the right sign on its axis and dominates the other; then 1 where
 * IoU is below `iouThreshold` τ, else τ/IoU. Every other word, "above" and "on top of" among them as released: 0.
 */
export const spatialRelation = definePart({
  id: "signal/spatial-relation",
  papers: ["artifact-reward"],
  params: z.object({
    iouThreshold: z.number().positive().default(0.1).describe("τ"),
    distanceThreshold: z.number().positive().default(150).describe("d, pixels"),
  }),
  inputs: z.object({
    relations: strings("N", "relation of the box to the reference box"),
    boxes: shaped(z.array(box), "N", "corner boxes of the subjects"),
    referenceBoxes: shaped(z.array(box), "N", "corner boxes of the objects"),
  }),
  outputs: z.object({ scores: vector("N", "in [0, 1]") }),
  compute({ iouThreshold, distanceThreshold }, { relations, boxes, referenceBoxes }) {
    expectLength(boxes, relations.length, "boxes");
    expectLength(referenceBoxes, relations.length, "referenceBoxes");
    const scores = relations.map((relation, i) =>
      relationScore(relation, boxes[i], referenceBoxes[i], iouThreshold, distanceThreshold),
    );
    return { scores: Float64Array.from(scores) };
  },
});

const detection = z.object({ label: z.string(), score: z.number(), box });
type Detection = z.output<typeof detection>;

/**
 * Does an image show what was asked for, by an object detector (arXiv 2601.03468, detector reward).
 *
 * `object`: share of `nouns` that were detected. `spatial`: .2 for each of subject and object detected, and with both
 * ½·signal/spatial-relation of their most confident boxes (at most .9). `numeracy`: mean over `counts` of 1 for the exact
 * count (after suppression of same-label boxes at IoU > `nmsThreshold`), .2 for a wrong one above 0, 0 for none. Nothing
 * asked for is worth 1. Corner boxes; equal confidences: the first.
 */
export const detectorScore = definePart({
  id: "signal/detector-score",
  papers: ["artifact-reward"],
  params: z.object({
    task: z.enum(["object", "spatial", "numeracy"]).default("object"),
    nmsThreshold: z.number().min(0).max(1).default(0.5).describe("IoU above which a box repeats a better one"),
  }),
  inputs: z.object({
    detections: shaped(z.array(detection), "detections", "detected boxes with label and confidence"),
    spec: z
      .object({
        nouns: z.array(z.string()).optional(),
        subject: z.string().optional(),
        object: z.string().optional(),
        relation: z.string().optional(),
        counts: z.array(z.object({ name: z.string(), count: z.int().nonnegative() })).optional(),
      })
      .describe("nouns (object); subject, object, relation (spatial); counts (numeracy)"),
  }),
  outputs: z.object({ score: z.number() }),
  compute({ task, nmsThreshold }, { detections, spec }) {
    const found = new Map<string, Detection[]>();
    for (const entry of detections) {
      const known = found.get(entry.label);
      if (known) known.push(entry);
      else found.set(entry.label, [entry]);
    }
    if (task === "object") {
      const nouns = expectGiven(spec.nouns, "inputs.spec.nouns", "task is object");
      return { score: nouns.length === 0 ? 1 : nouns.filter((noun) => found.has(noun)).length / nouns.length };
    }
    if (task === "numeracy") {
      const counts = expectGiven(spec.counts, "inputs.spec.counts", "task is numeracy");
      let sum = 0;
      for (const { name, count } of counts) {
        const seen = distinctBoxes(found.get(name) ?? [], nmsThreshold);
        sum += seen === count ? 1 : seen > 0 ? 0.2 : 0;
      }
      return { score: counts.length === 0 ? 1 : sum / counts.length };
    }
    const subject = mostConfident(found.get(expectGiven(spec.subject, "inputs.spec.subject", "task is spatial")));
    const object = mostConfident(found.get(expectGiven(spec.object, "inputs.spec.object", "task is spatial")));
    const relation = expectGiven(spec.relation, "inputs.spec.relation", "task is spatial");
    let score = (subject ? 0.2 : 0) + (object ? 0.2 : 0);
    if (subject && object) score += 0.5 * relationScore(relation, subject.box, object.box, 0.1, 150);
    return { score };
  },
});

function mostConfident(detections: readonly Detection[] | undefined): Detection | undefined {
  return detections?.reduce((best, entry) => (entry.score > best.score ? entry : best));
}

/** Boxes that survive suppression by better ones. */
function distinctBoxes(detections: readonly Detection[], threshold: number): number {
  const kept: Box[] = [];
  for (const { box: corners } of [...detections].sort((a, b) => b.score - a.score)) {
    if (!kept.some((other) => continuousIou(other, corners) > threshold)) kept.push(corners);
  }
  return kept.length;
}

/**
 * Reward map over the pixels of an image from scored regions and a global score (SRUM, arXiv 2510.12784, eq. 1).
 *
 * `code`, as released: background ½; each region sets the maximum of what is there and (s + 1)/2; the whole times
 * (g + 1)/2: in [0, 1], negative scores change nothing. `paper`: α·s inside a region (overlaps: the maximum), 0 outside,
 * α = (g + 1)/2: signed. Boxes [x0, y0, x1, y1], end exclusive, are truncated to integers and clipped; those with x0 ≥ x1
 * or y0 ≥ y1, or not four numbers, are skipped, as are regions without a score. A null global score (judge failure) gives
 * a null map. height × width.
 */
export const regionRewardMap = definePart({
  id: "signal/region-reward-map",
  papers: ["srum"],
  params: z.object({ variant: z.enum(["code", "paper"]).default("code") }),
  inputs: z.object({
    regions: shaped(
      z.array(z.object({ box: z.array(z.number()).nullable(), score: z.number().nullable() })),
      "regions",
      "boxes with scores in [−1, 1]",
    ),
    globalScore: z.number().nullable().describe("score of the whole image, in [−1, 1]"),
    width: z.int().positive().describe("pixels"),
    height: z.int().positive().describe("pixels"),
  }),
  outputs: z.object({
    map: shaped(z.array(z.array(z.number())).nullable(), "height×width", "reward per pixel; null: no global score"),
  }),
  compute({ variant }, { regions, globalScore, width, height }) {
    if (globalScore === null) return { map: null };
    const factor = (globalScore + 1) / 2;
    const signed = variant === "paper";
    const cells = new Float64Array(width * height).fill(signed ? Number.NEGATIVE_INFINITY : 0.5);
    for (const { box: corners, score } of regions) {
      if (corners === null || corners.length !== 4 || score === null) continue;
      const [x0, y0, x1, y1] = corners;
      if (x0 >= x1 || y0 >= y1) continue;
      const value = signed ? score : (score + 1) / 2;
      const right = Math.min(Math.trunc(x1), width);
      const bottom = Math.min(Math.trunc(y1), height);
      for (let y = Math.max(Math.trunc(y0), 0); y < bottom; y++) {
        for (let x = Math.max(Math.trunc(x0), 0); x < right; x++) {
          if (value > cells[y * width + x]) cells[y * width + x] = value;
        }
      }
    }
    const scaled = cells.map((cell) => (cell === Number.NEGATIVE_INFINITY ? 0 : factor * cell));
    if (!scaled.every(Number.isFinite)) throw new ContractError("inputs.regions", "expected finite scores");
    return { map: Array.from({ length: height }, (_, y) => Array.from(scaled.subarray(y * width, (y + 1) * width))) };
  },
});
