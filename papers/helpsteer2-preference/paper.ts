import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "helpsteer2-preference",
  title: "HelpSteer2-Preference: Complementing Ratings with Preferences",
  published: "2024-10",
  arxiv: "2410.01257",
  says: [
    "Same prompts and response pairs carry both Likert ratings and graded preferences, so regression and Bradley-Terry reward models can be compared on equal data.",
    "The winner is a chain: regression on helpfulness, then Bradley-Terry with the loss multiplied by preference strength, then weight extrapolation.",
    "Claim to try here: Scaled BT beats regular BT from scratch.",
  ],
  parts: [
    "model/preference-orientation",
    "model/bradley-terry",
    "model/attribute-regression",
    "model/annotation-aggregation",
    "model/weight-extrapolation",
    "credit/group-relative",
    "shaping/kl-in-reward",
    "objective/dpo",
    "objective/reinforce",
  ],
  links: { "official code": "https://github.com/NVIDIA/NeMo-Aligner" },
});
