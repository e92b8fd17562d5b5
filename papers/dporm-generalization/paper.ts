import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "dporm-generalization",
  title:
    "On the Limited Generalization Capability of the Implicit Reward Model Induced by Direct Preference Optimization",
  published: "2024-09",
  arxiv: "2409.03650",
  says: [
    "Compares, on the same preference data and base model, an explicit reward model (EXRM: scalar head, Bradley–Terry loss) with the implicit reward of a DPO policy (DPORM).",
    "Both fit the training set.",
    "DPORM ranks held-out pairs less well once prompts or responses shift. Consequence: iterative DPO should label with an EXRM.",
  ],
  parts: [
    "signal/implicit-reward",
    "model/bradley-terry",
    "objective/dpo",
    "evaluation/pairwise-accuracy",
    "evaluation/generalization-gap",
    "sampling/preference-pairs",
  ],
});
