export { createMonitor, defaultAlarm, type Monitor, type MonitorOptions, monitorAdvice } from "./monitor.ts";
export { createReader, type LogFormat, type LogReader, logFormats, type ReaderOptions, recordsFrom } from "./reader.ts";
export { type MonitorRollout, recordOfRollouts } from "./rollouts.ts";
export { type Log as MonitorLog, type LogOptions as MonitorLogOptions, openLog } from "./source.ts";
export {
  type Advice as MonitorAdvice,
  type Assessment as MonitorAssessment,
  type Evidence as MonitorEvidence,
  type MonitorRecord,
  recordFields,
  type StatisticName,
  statisticNames,
  type Verdict as MonitorVerdict,
} from "./types.ts";
export { postWebhook, type WebhookOptions, type WebhookResult } from "./webhook.ts";
