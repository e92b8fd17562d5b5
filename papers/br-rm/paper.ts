import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "br-rm",
  title: "Think Twice: Branch-and-Rethink Reasoning Reward Model",
  published: "2025-10",
  arxiv: "2510.23596",
  says: [
    "A two-turn pairwise judge.",
    "Turn 1 picks one to three quality dimensions that decide this instance and lists suspected issues per answer; turn 2 re-reads both answers through those findings only and names a winner.",
    "Trained by GRPO over the two-turn trace with an outcome reward and a heavy format penalty.",
  ],
  parts: [
    "signal/pairwise-judge-prompt",
    "signal/branch-parse",
    "signal/pairwise-judge-parse",
    "signal/verdict-reward",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "evaluation/rm-bench",
    "evaluation/pairwise-accuracy",
  ],
  links: { "official code": "https://github.com/yzjiao/BR-RM" },
});
