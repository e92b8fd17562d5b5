import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "lipschitz-gail",
  title: "Lipschitzness Is All You Need To Tame Off-policy Generative Adversarial Imitation Learning",
  published: "2020-06",
  arxiv: "2006.16785",
  says: [
    "Off-policy adversarial imitation bootstraps a critic on a reward that is itself being learnt.",
    "The paper shows that what makes this work is keeping the learnt reward locally Lipschitz (a gradient penalty on the discriminator), derives what that buys for the value function, and adds a pessimistic factor that shrinks the reward where its gradient is large.",
    "Claim to try here: The Lipschitz constraint is a sine qua non of off-policy GAIL.",
  ],
  parts: [
    "model/gail-discriminator",
    "objective/gradient-penalty",
    "sampling/penalty-points",
    "shaping/pessimistic-preconditioning",
    "evaluation/value-lipschitz-bound",
    "evaluation/lipschitz-estimate",
    "signal/adversarial-imitation",
  ],
  links: { "official code": "https://github.com/lionelblonde/liayn-pytorch" },
});
