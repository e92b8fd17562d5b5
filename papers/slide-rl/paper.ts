import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "slide-rl",
  title: "Learning to Present: Inverse Specification Rewards for Agentic Slide Generation",
  published: "2026-03",
  arxiv: "2603.16839",
  says: [
    "An agent builds an HTML deck through tool calls.",
    "Six rewards score structure, rendering, content, looks (twice, by an LLM) and — the new one — whether a reader who sees only the slides can recover the brief.",
    "Claim to try here: RL lifts a small agent.",
  ],
  parts: [
    "signal/slide-structure",
    "signal/slide-render",
    "signal/slide-content",
    "signal/slide-scores-prompt",
    "signal/slide-scores-parse",
    "signal/inverse-specification-prompt",
    "signal/inverse-specification-parse",
    "signal/inverse-specification",
    "shaping/weighted-sum",
    "shaping/quality-delta",
    "signal/tool-call-parse",
    "signal/tool-step-reward",
    "evaluation/win-rate",
  ],
  links: { "official code": "https://github.com/pushing-the-frontier/slide-forge-llm" },
});
