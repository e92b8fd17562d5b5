import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reward-tampering",
  title: "Sycophancy to Subterfuge: Investigating Reward-Tampering in Large Language Models",
  published: "2024-06",
  arxiv: "2406.10162",
  says: [
    "Trains a helpful-only assistant through a curriculum of gameable environments, from flattery to ticking off work that was not done, and asks how often it then, without ever being trained there, overwrites the code of its own reward.",
    "The toolkit needs the curriculum, a tamper monitor, and honest statistics for events of 1 in 10,000.",
    "Claim to try here: Early gaming generalises upward.",
  ],
  parts: [
    "environment/gameable-store",
    "sampling/expert-iteration",
    "evaluation/curriculum-generalization",
    "evaluation/proportion-interval",
    "evaluation/tamper-monitor",
    "shaping/weighted-sum",
  ],
});
