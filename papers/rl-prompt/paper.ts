import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rl-prompt",
  title: "RLPrompt: Optimizing Discrete Text Prompts with Reinforcement Learning",
  published: "2022-05",
  arxiv: "2205.12548",
  says: [
    "A small MLP on top of a frozen language model writes a short discrete prompt token by token; a second frozen model uses the prompt on a task, and the task result is the reward.",
    "Soft Q-learning trains the MLP; two reward stabilisers (piecewise gap, input-wise z-score) make it work.",
    "Claim to try here: Reward standardisation makes training efficient.",
  ],
  parts: [
    "signal/piecewise-gap",
    "signal/style-transfer",
    "signal/bootstrap-max",
    "shaping/input-z-score",
    "shaping/linear-rescale",
    "objective/soft-q",
    "model/ema-update",
    "evaluation/style-transfer-joint",
  ],
  links: { "official code": "https://github.com/mingkaid/rl-prompt" },
});
