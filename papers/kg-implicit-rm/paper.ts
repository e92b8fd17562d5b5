import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "kg-implicit-rm",
  title: "Knowledge Graphs are Implicit Reward Models: Path-Derived Signals Enable Compositional Reasoning",
  published: "2026-01",
  arxiv: "2601.15160",
  says: [
    "Questions are built from knowledge-graph paths, so the path is a free process reference: the reward counts how much of it appears in the reasoning trace.",
    "SFT plus a short GRPO stage on 1–3-hop questions generalises to 4–5 hops.",
    "Claim to try here: Path reward beats SFT on unseen hops, more so for longer chains.",
  ],
  parts: [
    "signal/path-coverage",
    "signal/repetition-factor",
    "signal/path-reward",
    "signal/verdict-reward",
    "shaping/weighted-sum",
    "credit/group-relative",
    "environment/sample-path",
    "environment/path-question",
    "evaluation/option-shuffle",
    "evaluation/hop-accuracy",
  ],
  links: { "official code": "https://github.com/yuvalkansal/kg_si_rl" },
});
