/** What the service counts. */
import type { Admission } from "./admission.ts";
import type { Host } from "./host.ts";
import { createMetrics, secondsBounds } from "./metrics.ts";
import type { Queue } from "./queue.ts";
import type { Store } from "./store.ts";
import type { BatchSummary } from "./summary.ts";

export interface Measures {
  request(route: string, status: number, seconds: number): void;
  scored(reward: string, batch: BatchSummary): void;
  refused(code: string): void;
  /** A request took the lane; `answered`: to its end. */
  lane(reward: string, answered: boolean): void;
  text(): string;
}

const rewardBounds = [-10, -2, -1, -0.5, -0.1, 0, 0.1, 0.25, 0.5, 0.75, 0.9, 1, 1.5, 2, 10] as const;

export interface Measured {
  readonly store?: Store | null;
  readonly queue?: Queue | null;
}

export function createMeasures(host: Host, admission: Admission, { store, queue }: Measured = {}): Measures {
  const metrics = createMetrics();
  const requests = metrics.counter("guerdon_requests_total", "Requests answered, by route and status.");
  const latency = metrics.histogram(
    "guerdon_request_seconds",
    "Seconds from a request's headers to its answer.",
    secondsBounds,
  );
  const refused = metrics.counter("guerdon_refused_total", "Requests that got an error, by its code.");
  const signal = metrics.histogram(
    "guerdon_signal_seconds",
    "Seconds that a signal spent on a rollout (mean of its batch; cache hits are not counted).",
    secondsBounds,
  );
  const rewards = metrics.histogram("guerdon_reward", "Rewards after combine and shaping.", rewardBounds);
  const batches = metrics.histogram("guerdon_batch_rollouts", "Rollouts in a batch.", [1, 4, 16, 64, 256, 1024, 4096]);
  const lane = metrics.counter(
    "guerdon_lane_requests_total",
    "Requests that one thread took whole, by whether it answered them or gave them back to be scored the ordinary way.",
  );
  const worth = metrics.counter("guerdon_signal_value_sum", "Sum of a signal's values.");
  const worthCount = metrics.counter("guerdon_signal_value_count", "Rollouts for which a signal had a value.");

  metrics.gauge("guerdon_queue_depth", "Requests that wait for their turn.", () => [
    { labels: {}, value: admission.waiting },
  ]);
  metrics.gauge("guerdon_running", "Requests that are being scored.", () => [{ labels: {}, value: admission.running }]);
  metrics.gauge("guerdon_bodies_bytes", "Bytes of the bodies under way.", () => [
    { labels: {}, value: admission.bytes },
  ]);
  metrics.gauge("guerdon_reward_loaded_timestamp_seconds", "When the version that serves was loaded.", () =>
    host.current().map(({ name, reward, loadedAt }) => ({
      labels: { reward: name, hash: reward.hash.slice(0, 16) },
      value: Date.parse(loadedAt) / 1000,
    })),
  );
  metrics.counted("guerdon_reload_failures_total", "Reloads that failed; the old version went on.", () => [
    { labels: {}, value: host.failedReloads },
  ]);
  metrics.counted("guerdon_rollouts_total", "Rollouts, scored or unscored.", () =>
    host.names.flatMap((reward) => {
      const { scored, unscored } = host.counters(reward);
      return [
        { labels: { reward, outcome: "scored" }, value: scored },
        { labels: { reward, outcome: "unscored" }, value: unscored },
      ];
    }),
  );
  metrics.counted("guerdon_unscored_total", "Unscored rollouts by cause: the code, and who failed.", () =>
    host.names.flatMap((reward) =>
      Object.entries(host.counters(reward).errors).map(([cause, value]) => {
        const colon = cause.indexOf(":");
        return { labels: { reward, code: cause.slice(0, colon), by: cause.slice(colon + 1) }, value };
      }),
    ),
  );
  const perSignal = (name: string, help: string, key: "calls" | "cacheHits" | "retries" | "timeouts" | "fallbacks") =>
    metrics.counted(name, help, () =>
      host.names.flatMap((reward) =>
        Object.entries(host.counters(reward).signals).map(([one, counts]) => ({
          labels: { reward, signal: one },
          value: counts[key],
        })),
      ),
    );
  perSignal("guerdon_signal_calls_total", "Rollouts that a signal looked at.", "calls");
  perSignal("guerdon_cache_hits_total", "Results that came from the cache.", "cacheHits");
  perSignal("guerdon_signal_retries_total", "Further tries.", "retries");
  perSignal("guerdon_signal_timeouts_total", "Tries that ran out of time.", "timeouts");
  perSignal("guerdon_signal_fallbacks_total", "Errors replaced by the reward file's fallback.", "fallbacks");
  if (store) {
    metrics.counted("guerdon_store_rollouts_total", "Rollouts that the store took, written or lost.", () => [
      { labels: { outcome: "written" }, value: store.counters.written },
      { labels: { outcome: "lost" }, value: store.counters.lost },
    ]);
    metrics.gauge("guerdon_store_waiting", "Rollouts that wait to be written.", () => [
      { labels: {}, value: store.counters.waiting },
    ]);
  }
  if (queue) {
    metrics.gauge("guerdon_queue_connected", "Whether Redis answers.", () => [
      { labels: {}, value: queue.problem === null ? 1 : 0 },
    ]);
    metrics.gauge("guerdon_queue_batches", "Batches that wait for a worker or are with one.", () => [
      { labels: {}, value: queue.pending },
    ]);
    metrics.gauge("guerdon_queue_workers", "Worker processes that have this version of a reward.", () =>
      host.current().map(({ name, reward }) => ({
        labels: { reward: name },
        value: queue.registry.workers.filter(({ hash }) => hash === reward.hash).length,
      })),
    );
    metrics.counted("guerdon_queue_events_total", "Batches submitted, submitted again, stalled, unreadable.", () =>
      Object.entries(queue.counters).map(([event, value]) => ({ labels: { event }, value })),
    );
  }
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () => [
    { labels: {}, value: process.memoryUsage.rss() },
  ]);
  metrics.gauge("process_start_time_seconds", "Start of the process.", () => [
    { labels: {}, value: performance.timeOrigin / 1000 },
  ]);

  const ofRequest = remember((route: string, status: string) => ({
    count: requests.of({ route, status }),
    latency: latency.of({ route }),
  }));
  const ofReward = remember((reward: string) => ({ batches: batches.of({ reward }), rewards: rewards.of({ reward }) }));
  const ofLane = remember((reward: string, outcome: string) => lane.of({ reward, outcome }));
  const ofSignal = remember((reward: string, name: string) => {
    const labels = { reward, signal: name };
    return { seconds: signal.of(labels), sum: worth.of(labels), count: worthCount.of(labels) };
  });

  return {
    request(route, status, seconds) {
      const own = ofRequest(route, String(status));
      own.count.add();
      own.latency.observe(seconds);
    },
    scored(reward, { size, rewards: values, signals }) {
      const own = ofReward(reward);
      own.batches.observe(size);
      for (const value of values) if (value !== null) own.rewards.observe(value);
      for (const { name, computed, milliseconds, sum, count } of signals) {
        const one = ofSignal(reward, name);
        if (computed > 0) one.seconds.observe(milliseconds / computed / 1000, computed);
        if (count === 0) continue;
        one.sum.add(sum);
        one.count.add(count);
      }
    },
    lane: (reward, answered) => ofLane(reward, answered ? "answered" : "returned").add(),
    refused: (code) => refused.of({ code }).add(),
    text: () => metrics.text(),
  };
}

/** Makes a thing once for its names, which are few. */
function remember<Names extends string[], T>(make: (...names: Names) => T): (...names: Names) => T {
  const made = new Map<string, T>();
  return (...names) => {
    const key = names.join("\n");
    let found = made.get(key);
    if (found === undefined) {
      found = make(...names);
      made.set(key, found);
    }
    return found;
  };
}
