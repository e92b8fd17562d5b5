import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "modem-v2",
  title: "MoDem-V2: Visuo-Motor World Models for Real-World Robot Manipulation",
  published: "2023-09",
  arxiv: "2309.14236",
  says: [
    "Demonstration-bootstrapped model-based RL (TD-MPC) from sparse visual rewards, made safe enough for a real arm by three changes: explore around the learnt policy instead of around zero, hand control to the planner gradually, and judge plans pessimistically with an ensemble of actor-critics.",
    "Claim to try here: The pessimistic ensemble removes the planner's optimism.",
    "Claim to try here: Centering and hand-over cut unsafe contact at equal success.",
  ],
  parts: [
    "model/ema-update",
    "model/ensemble-terminal-value",
    "search/ensemble-plan-value",
    "search/elite-distribution",
    "search/plan-candidates",
    "sampling/agency-handover",
    "sampling/linear-schedule",
    "sampling/demonstration-quota",
    "sampling/prioritized-replay",
    "objective/td-mpc",
    "evaluation/safety-violations",
  ],
  links: { "official code": "https://github.com/facebookresearch/modemv2" },
});
