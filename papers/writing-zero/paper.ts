import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "writing-zero",
  title: "Writing-Zero: Bridge the Gap Between Non-verifiable Problems and Verifiable Rewards",
  published: "2025-05",
  arxiv: "2506.00103",
  says: [
    "Makes creative writing trainable with RLVR machinery: a pairwise generative judge that invents its own criteria and outputs two scores, and BRPO, which compares every rollout of a group with one rollout drawn at random from the same group, so that the reference improves with the policy and no scalar reward model is needed.",
    "Claim to try here: Pairwise bootstrapped RL from scratch works.",
    "Claim to try here: A bootstrapped reference beats a fixed one.",
  ],
  parts: [
    "signal/pairwise-judge-prompt",
    "signal/pairwise-judge-parse",
    "signal/verdict-reward",
    "sampling/bootstrapped-reference",
    "credit/bootstrapped-relative",
    "objective/clipped-surrogate",
    "search/majority-vote",
  ],
});
