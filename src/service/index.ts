export { parseTokens } from "./auth.ts";
export { parseSource, type ReloadResult, type RewardSource } from "./host.ts";
export { defaultLimits, type Limits } from "./options.ts";
export { openQueue, type Queue, type QueueOptions } from "./queue.ts";
export { createQueueScorer } from "./queue-scorer.ts";
export { type RunningWork, type WorkOptions, work } from "./queue-work.ts";
export { type RunningService, type ServeOptions, serve } from "./serve.ts";
