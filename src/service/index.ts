export { parseTokens } from "./auth.ts";
export { parseSource, type ReloadResult, type RewardSource } from "./host.ts";
export { defaultLimits, type Limits } from "./options.ts";
export { type RunningService, type ServeOptions, serve } from "./serve.ts";
