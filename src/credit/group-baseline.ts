/** Parts whose baseline is made of the other rollouts of the group, one rollout a row; what their params say otherwise. */
const groupBaselines: Readonly<Record<string, (params: Params) => boolean>> = {
  "credit/group-relative": ({ baseline }) => baseline !== "none",
  "credit/reinforce-plus-plus": ({ baseline }) => baseline === "group-mean",
  "credit/conditional-group": always,
  "credit/rloo-process": always,
  "credit/process-baseline": always,
  "credit/selective-advantage": always,
  "credit/global-step-advantage": always,
  "credit/uncertainty-shaped": always,
};

interface Params {
  readonly baseline?: unknown;
}

function always(): boolean {
  return true;
}

/**
 * Does the part compare a rollout with the others of its group? Then the only scored rollout of a larger group has no
 * advantage, whatever the part makes of a group that was drawn as one rollout.
 */
export function hasGroupBaseline(id: string, params: unknown): boolean {
  return Object.hasOwn(groupBaselines, id) && groupBaselines[id](params as Params);
}
