import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "barfi",
  title: "Behavior Alignment via Reward Function Optimization",
  published: "2023-10",
  arxiv: "2310.19007",
  says: [
    "A designer has a primary reward r_p (what counts) and a heuristic auxiliary reward r_aux (of unknown quality).",
    "Instead of adding them, or turning the heuristic into a potential, BARFI learns the blend: an outer problem chooses the reward function and the discount that the inner RL algorithm is trained on, so that the trained policy scores best on r_p alone.",
    "Claim to try here: PBS leaves the expected policy gradient unchanged and can raise its variance.",
  ],
  parts: [
    "shaping/behavior-alignment",
    "objective/bilevel-terms",
    "objective/implicit-gradient",
    "evaluation/gradient-moments",
    "shaping/weighted-sum",
    "shaping/potential-based",
  ],
});
