export { advicePotential } from "./advice-potential.ts";
export { klInReward } from "./kl-in-reward.ts";
export { overlongPenalty } from "./length.ts";
export { potentialBased } from "./potential-based.ts";
