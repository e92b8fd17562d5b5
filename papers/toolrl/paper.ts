import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "toolrl",
  title: "ToolRL: Reward is All Tool Learning Needs",
  published: "2025-04",
  arxiv: "2504.13958",
  says: [
    "A rule-based reward for single-turn tool calling that compares predicted with reference calls at three levels (tool names, parameter names, parameter values), added to a format reward, with a study of what scale, granularity, schedule and length terms do.",
    "Claim to try here: RL with this reward beats base and SFT.",
    "Claim to try here: Finer decomposition learns better.",
  ],
  parts: [
    "signal/tool-call-parse",
    "signal/tool-format",
    "signal/tool-call-match",
    "signal/thinking-length",
    "shaping/reward-scale-schedule",
    "shaping/weighted-sum",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
  links: { "official code": "https://github.com/qiancheng0/ToolRL" },
});
