export { createMonitor, defaultAlarm, type Monitor, type MonitorOptions, monitorAdvice } from "./monitor.ts";
export { createReader, type LogFormat, type LogReader, logFormats, type ReaderOptions, recordsFrom } from "./reader.ts";
export { type MonitorRollout, recordOfRollouts } from "./rollouts.ts";
export { type Log, type LogOptions, openLog } from "./source.ts";
export {
  type Advice,
  type Assessment,
  type Evidence,
  type MonitorRecord,
  recordFields,
  type StatisticName,
  statisticNames,
  type Verdict,
} from "./types.ts";
export { postWebhook, type WebhookOptions, type WebhookResult } from "./webhook.ts";
