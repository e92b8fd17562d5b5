import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "prompt-enhancer",
  title: "PromptEnhancer: A Simple Approach to Enhance Text-to-Image Models via Chain-of-Thought Prompt Rewriting",
  published: "2025-09",
  arxiv: "2509.04545",
  says: [
    "Trains a small language model to rewrite user prompts, with reasoning first, so that a *frozen* image generator follows them better; the RL reward is an evaluator that scores the resulting image on 24 kinds of failure.",
    "Claim to try here: Rewriting helps a frozen generator.",
    "Claim to try here: RL beats SFT alone.",
  ],
  parts: [
    "signal/rewrite-prompt",
    "signal/rewrite-parse",
    "signal/keypoint-prompt",
    "signal/keypoint-parse",
    "signal/rubric-aggregation",
    "evaluation/keypoint-accuracy",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "objective/sft",
  ],
  links: { "official code": "https://github.com/Hunyuan-PromptEnhancer/PromptEnhancer" },
});
