/** Two towers, images and texts, trained to meet in one embedding space. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ragged } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount } from "../core/ragged.ts";
import { evaluate, rowsTensor, type Tensor, tensor } from "../objective/engine.ts";
import { identity, logSoftmaxRows, ownNearest, rectangular, unitRows } from "./embedding-losses.ts";
import { type LinearTensors, layerTensors, perceptron } from "./heads.ts";

const params = z.object({
  temperature: z.number().positive().default(0.1).describe("τ"),
});

export interface DualEncoderTensors {
  /** N×D and N×V. */
  images: Tensor;
  texts: Tensor;
  imageLayers: LinearTensors[];
  textLayers: LinearTensors[];
  /** The N×N identity. */
  diagonal: Tensor;
}

/** Differentiable `model/dual-encoder`: ReLU towers, unit embeddings, symmetric InfoNCE. */
export function dualEncoderLoss(given: z.input<typeof params> = {}) {
  const { temperature } = params.parse(given);
  const tower = perceptron("relu");
  return (t: DualEncoderTensors) => {
    const imageEmbeddings = unitRows(tower(t.images, t.imageLayers));
    const textEmbeddings = unitRows(tower(t.texts, t.textLayers));
    const logits = np.matmul(imageEmbeddings.ref, np.transpose(textEmbeddings.ref)).div(temperature);
    const toText = np.sum(logSoftmaxRows(logits.ref).mul(t.diagonal.ref), -1);
    const toImage = np.sum(logSoftmaxRows(np.transpose(logits.ref)).mul(t.diagonal), -1);
    return {
      loss: np.mean(toText.add(toImage)).mul(-0.5),
      imageEmbeddings: lax.stopGradient(imageEmbeddings),
      textEmbeddings: lax.stopGradient(textEmbeddings),
      logits: lax.stopGradient(logits),
    };
  };
}

const layers = z
  .array(z.object({ weight: z.array(z.array(z.number())), bias: z.array(z.number()).nullish() }))
  .min(1)
  .describe("weight out×in and bias of each layer, ReLU between layers");

/**
 * A small image and text tower and their contrastive loss (CLIP, arXiv 2103.00020; the encoders behind zero-shot rewards, 2310.12921).
 *
 * Each tower is a perceptron with ReLU between layers; embeddings are its outputs at unit length; logits = image·text/τ;
 * loss = ½(mean cross-entropy of images over texts + of texts over images), pair i against the rest of the batch.
 * accuracy: share of images whose largest logit (the first on ties) is their own text. Shapes N×D (pixels), N×V (bag of words) → N×E.
 * Train with `dualEncoderLoss`, the same function on arrays. Null without a pair. Error: layers that do not fit.
 */
export const dualEncoder = definePart({
  id: "model/dual-encoder",
  papers: ["vlm-rm"],
  params,
  inputs: z.object({
    images: ragged("N×D", "flat pixels"),
    texts: ragged("N×V", "bag of words of each image's caption"),
    imageLayers: layers,
    textLayers: layers,
  }),
  outputs: z.object({
    imageEmbeddings: ragged("N×E", "unit vectors"),
    textEmbeddings: ragged("N×E", "unit vectors"),
    loss: z.number().nullable().describe("symmetric InfoNCE"),
    accuracy: z.number().nullable().describe("share of images nearest to their own text"),
  }),
  example: {
    inputs: {
      images: [
        [1, 0, 0],
        [0, 1, 1],
      ],
      texts: [
        [1, 0],
        [0, 1],
      ],
      imageLayers: [
        {
          weight: [
            [1, 0, 0],
            [0, 1, 1],
          ],
          bias: [0, 0],
        },
      ],
      textLayers: [
        {
          weight: [
            [1, 0.2],
            [0, 1],
          ],
          bias: null,
        },
      ],
    },
  },
  compute({ temperature }, { images, texts, imageLayers, textLayers }) {
    const pixels = rectangular(images, "images");
    const words = rectangular(texts, "texts");
    const n = rowCount(pixels.packed);
    if (n === 0) return { imageEmbeddings: [], textEmbeddings: [], loss: null, accuracy: null };
    const result = evaluate(dualEncoderLoss({ temperature }), {
      images: rowsTensor(pixels.packed),
      texts: rowsTensor(words.packed),
      imageLayers: layerTensors(imageLayers, pixels.width, "imageLayers"),
      textLayers: layerTensors(textLayers, words.width, "textLayers"),
      diagonal: tensor(identity(n), [n, n]),
    });
    const width = result.imageEmbeddings.length / n;
    const rows = (values: Float64Array) =>
      Array.from({ length: n }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width)));
    return {
      imageEmbeddings: rows(result.imageEmbeddings),
      textEmbeddings: rows(result.textEmbeddings),
      loss: result.loss,
      accuracy: ownNearest(result.logits, n),
    };
  },
});
