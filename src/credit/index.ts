export { gae } from "./gae.ts";
export { groupRelative } from "./group-relative.ts";
export { reinforcePlusPlus } from "./reinforce-plus-plus.ts";
