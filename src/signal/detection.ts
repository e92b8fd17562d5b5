/** Rewards of grounding and detection: predicted boxes against target boxes. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";
import { type Box, continuousIou, pixelIou } from "./boxes.ts";

const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const labelled = z.object({ box, label: z.string().optional() });
const boxLists = (description: string) => shaped(z.array(z.array(labelled)), "N", description);

type Labelled = z.output<typeof labelled>;

/**
 * Intersection over union of each predicted box with its target (VLM-R1, arXiv 2504.07615; RECAP, arXiv 2510.21978).
 *
 * Boxes are [x1, y1, x2, y2]. `continuous`: real areas. `pixel-inclusive`, as VLM-R1 released it: x2, y2 reduced by one, the
 * overlap counted inclusively but only where it is wider and higher than one pixel, areas without the extra pixel. Empty or
 * inverted boxes and a zero union are worth 0, as is a null box (the reply held none).
 */
export const boxIou = definePart({
  id: "signal/box-iou",
  papers: ["recap", "vlm-r1"],
  params: z.object({ convention: z.enum(["continuous", "pixel-inclusive"]).default("continuous") }),
  inputs: z.object({
    boxes: shaped(z.array(box.nullable()), "N", "predicted boxes; null: none in the reply"),
    targets: shaped(z.array(box), "N", "right boxes"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ convention }, { boxes, targets }) {
    expectLength(targets, boxes.length, "targets");
    const iou = convention === "continuous" ? continuousIou : pixelIou;
    const rewards = boxes.map((predicted, i) => (predicted === null ? 0 : iou(predicted, targets[i])));
    return { rewards: Float64Array.from(rewards) };
  },
});

/** linspace(0.5, 0.95, 10), to the last bit: ties of recall and overlap depend on it. */
const cocoThresholds = Array.from({ length: 10 }, (_, k) => (k === 9 ? 0.95 : 0.5 + k * ((0.95 - 0.5) / 9)));
const largestDetections = 100;

/**
 * COCO average precision of one reply's boxes, every box scored alike, so that list order is rank order (VLM-R1,
 * arXiv 2504.07615, detection reward).
 *
 * `coco`: mean over IoU .50:.05:.95, `ap50`: IoU .50 only; 101 recall points; mean over target classes first. Per threshold
 * each prediction takes the free target of its class with the highest IoU (ties: the later) if that reaches the threshold;
 * precision is made non-increasing from the right. A label that no target has is dropped, a missing label is "", a class
 * without predictions has AP 0, at most 100 predictions per class count. Both lists empty: 1; one empty: 0. False boxes
 * after the last true one cost nothing: combine with signal/detection-match-score or a length factor.
 */
export const detectionAveragePrecision = definePart({
  id: "signal/detection-average-precision",
  papers: ["vlm-r1"],
  params: z.object({ iou: z.enum(["coco", "ap50"]).default("coco") }),
  inputs: z.object({
    predictions: boxLists("predicted boxes of each reply, best first"),
    targets: boxLists("right boxes"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ iou }, { predictions, targets }) {
    expectLength(targets, predictions.length, "targets");
    const thresholds = iou === "coco" ? cocoThresholds : [0.5];
    const rewards = predictions.map((list, i) => meanAveragePrecision(list, targets[i], thresholds));
    return { rewards: Float64Array.from(rewards) };
  },
});

function byLabel(list: readonly Labelled[]): Map<string, Box[]> {
  const classes = new Map<string, Box[]>();
  for (const { box: corners, label = "" } of list) {
    const known = classes.get(label);
    if (known) known.push(corners);
    else classes.set(label, [corners]);
  }
  return classes;
}

function meanAveragePrecision(
  predictions: readonly Labelled[],
  targets: readonly Labelled[],
  thresholds: readonly number[],
): number {
  if (targets.length === 0 || predictions.length === 0) return targets.length === predictions.length ? 1 : 0;
  const wanted = byLabel(targets);
  const found = byLabel(predictions);
  let sum = 0;
  for (const [label, boxes] of wanted) {
    const candidates = (found.get(label) ?? []).slice(0, largestDetections);
    const overlaps = candidates.map((candidate) => boxes.map((target) => continuousIou(candidate, target)));
    for (const threshold of thresholds) sum += averagePrecision(overlaps, boxes.length, threshold);
  }
  return sum / wanted.size / thresholds.length;
}

/** Area under the 101-point precision envelope; `overlaps` are predictions × targets. */
function averagePrecision(overlaps: readonly (readonly number[])[], targets: number, threshold: number): number {
  const taken = new Array<boolean>(targets).fill(false);
  const recall: number[] = [];
  const precision: number[] = [];
  let right = 0;
  overlaps.forEach((row, rank) => {
    let best = Math.min(threshold, 1 - 1e-10);
    let match = -1;
    for (let g = 0; g < targets; g++) {
      if (taken[g] || row[g] < best) continue;
      best = row[g];
      match = g;
    }
    if (match >= 0) {
      taken[match] = true;
      right++;
    }
    recall.push(right / targets);
    precision.push(right / (rank + 1));
  });
  for (let rank = precision.length - 2; rank >= 0; rank--) {
    precision[rank] = Math.max(precision[rank], precision[rank + 1]);
  }
  let sum = 0;
  let rank = 0;
  for (let point = 0; point <= 100; point++) {
    while (rank < recall.length && recall[rank] < point * 0.01) rank++;
    if (rank < precision.length) sum += precision[rank];
  }
  return sum / 101;
}

/**
 * Weighted sum of position, label and completeness of detected boxes (VLM-R1, arXiv 2504.07615, its `weighted_sum`).
 *
 * Greedily, the pair of highest IoU (pixel convention; ties: first prediction, then first target) is matched while it
 * reaches `iouThreshold`; a pair whose lower-cased labels differ uses up both boxes with IoU 0. position = Σ IoU/|targets|,
 * label = matches with the right label/|targets|, completeness = 1 − (unmatched targets/|targets| + unmatched
 * predictions/|predictions|)/2; reward = weighted mean of the three. No targets: 1 if nothing was predicted, else 0; no
 * predictions: 0.
 */
export const detectionMatchScore = definePart({
  id: "signal/detection-match-score",
  papers: ["vlm-r1"],
  params: z.object({
    iouThreshold: z.number().min(0).max(1).default(0.5).describe("smallest IoU of a match"),
    positionWeight: z.number().nonnegative().default(0.7),
    labelWeight: z.number().nonnegative().default(0),
    completenessWeight: z.number().nonnegative().default(0.3),
  }),
  inputs: z.object({ predictions: boxLists("predicted boxes of each reply"), targets: boxLists("right boxes") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ iouThreshold, positionWeight, labelWeight, completenessWeight }, { predictions, targets }) {
    expectLength(targets, predictions.length, "targets");
    const weight = positionWeight + labelWeight + completenessWeight;
    if (!(weight > 0)) throw new ContractError("params.positionWeight", "expected a positive sum of weights");
    const rewards = predictions.map((list, i) => {
      const wanted = targets[i];
      if (wanted.length === 0) return list.length === 0 ? 1 : 0;
      if (list.length === 0) return 0;
      const { matched, labels, overlap } = matchGreedily(list, wanted, iouThreshold);
      const missed = (wanted.length - matched) / wanted.length + (list.length - matched) / list.length;
      const position = overlap / wanted.length;
      const label = labels / wanted.length;
      return (positionWeight * position + labelWeight * label + completenessWeight * (1 - missed / 2)) / weight;
    });
    return { rewards: Float64Array.from(rewards) };
  },
});

function matchGreedily(
  predictions: readonly Labelled[],
  targets: readonly Labelled[],
  threshold: number,
): { matched: number; labels: number; overlap: number } {
  const pairs: { p: number; g: number; iou: number }[] = [];
  predictions.forEach((predicted, p) => {
    targets.forEach((target, g) => {
      const iou = pixelIou(predicted.box, target.box);
      if (iou >= threshold) pairs.push({ p, g, iou });
    });
  });
  // Stable: equal overlaps stay in the order of predictions, then targets.
  pairs.sort((a, b) => b.iou - a.iou);
  const usedPredictions = new Set<number>();
  const usedTargets = new Set<number>();
  let labels = 0;
  let overlap = 0;
  for (const { p, g, iou } of pairs) {
    if (usedPredictions.has(p) || usedTargets.has(g)) continue;
    usedPredictions.add(p);
    usedTargets.add(g);
    if ((predictions[p].label ?? "").toLowerCase() !== (targets[g].label ?? "").toLowerCase()) continue;
    labels++;
    overlap += iou;
  }
  return { matched: usedPredictions.size, labels, overlap };
}
