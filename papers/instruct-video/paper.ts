import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "instruct-video",
  title: "InstructVideo: Instructing Video Diffusion Models with Human Feedback",
  published: "2023-12",
  arxiv: "2312.12490",
  says: [
    "Reward fine-tuning of a text-to-video diffusion model made affordable: noise a real training clip part of the way, denoise only that part, score a few frames with an image reward model, weight the frames so that the middle of the clip counts most, and back-propagate through the last DDIM step only.",
    "Claim to try here: Reward rises, also on unseen prompts.",
    "Claim to try here: Attenuation protects temporal modelling.",
  ],
  parts: [
    "environment/partial-ddim",
    "environment/q-sample",
    "environment/temporal-offset-noise",
    "environment/ddim-step",
    "environment/ddpm-schedule",
    "signal/segmental-video-reward",
    "evaluation/motion",
    "objective/reward-backprop-schedule",
  ],
  links: { "official code": "https://github.com/ali-vilab/VGen" },
});
