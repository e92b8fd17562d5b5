import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "cm2",
  title: "CM2: Reinforcement Learning with Checklist Rewards for Multi-Turn and Multi-Step Agentic Tool Use",
  published: "2026-02",
  says: [
    "Replaces outcome verification in tool-using dialogues by per-turn checklists of weighted binary items with evidence, dependencies and must-pass flags, judged after every step in an LLM-simulated tool environment, and studies at which granularity the resulting reward should be turned into advantages.",
    "Claim to try here: Checklist RL beats the SFT policy.",
    "Claim to try here: Finer assignment learns faster early.",
  ],
  parts: [
    "signal/checklist-prompt",
    "signal/checklist-parse",
    "signal/checklist-steps",
    "credit/checklist-advantage",
    "environment/checklist-gate",
    "environment/tool-replay",
  ],
  links: { "official code": "https://github.com/namezhenzhang/CM2-RLCR-Tool-Agent" },
});
