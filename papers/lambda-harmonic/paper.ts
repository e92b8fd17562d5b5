import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "lambda-harmonic",
  title: "Subject-driven Text-to-Image Generation via Preference-based Reinforcement Learning",
  published: "2024-07",
  arxiv: "2407.12164",
  says: [
    "Teaches a diffusion model a new subject from 4–6 photos.",
    "A reward that is a weighted harmonic mean of image and text similarity both labels preferences between reference and generated images and selects the checkpoint, and training is one similarity loss plus one DPO-like loss on denoising errors (RPO).",
    "Claim to try here: Λ_val trades identity for text.",
  ],
  parts: [
    "signal/cosine-similarity",
    "signal/lambda-harmonic",
    "model/preference-label",
    "objective/rpo",
    "evaluation/early-stopping",
    "objective/diffusion-dpo",
  ],
  links: { "official code": "https://github.com/andrew-miao/RPO" },
});
