/** Prometheus text format 0.0.4: counters, gauges and histograms with labels. */

type Labels = Readonly<Record<string, string>>;

/** One series of a counter or histogram: what is counted for every request keeps its own. */
export interface Count {
  add(amount?: number): void;
}

export interface Observations {
  /** `times`: as if observed that often. */
  observe(value: number, times?: number): void;
}

export interface Counter {
  of(labels: Labels): Count;
}

export interface Histogram {
  of(labels: Labels): Observations;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** Read when somebody asks. */
  gauge(name: string, help: string, read: () => readonly { readonly labels: Labels; readonly value: number }[]): void;
  /** Like a gauge, for what is counted elsewhere. */
  counted(name: string, help: string, read: () => readonly { readonly labels: Labels; readonly value: number }[]): void;
  text(): string;
}

interface Series {
  /** Values up to each bound and above the one before. */
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

export const secondsBounds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120] as const;

const escaped = (text: string) => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');

function labelText(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}="${escaped(labels[name])}"`)
    .join(",");
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${Number.isFinite(value) ? value : "NaN"}`;
}

export function createMetrics(): Metrics {
  const families: { name: string; help: string; type: string; lines: () => string[] }[] = [];
  const family = (name: string, help: string, type: string, lines: () => string[]) => {
    families.push({ name, help, type, lines });
  };
  const read =
    (name: string, values: () => readonly { readonly labels: Labels; readonly value: number }[]) => (): string[] =>
      values().map(({ labels, value }) => sample(name, labelText(labels), value));
  return {
    counter(name, help) {
      const values = new Map<string, number>();
      family(name, help, "counter", () => [...values].map(([labels, value]) => sample(name, labels, value)));
      return {
        of(labels) {
          const key = labelText(labels);
          return { add: (amount = 1) => values.set(key, (values.get(key) ?? 0) + amount) };
        },
      };
    },
    histogram(name, help, bounds) {
      const series = new Map<string, Series>();
      family(name, help, "histogram", () =>
        [...series].flatMap(([labels, { counts, sum, count }]) => {
          const comma = labels === "" ? "" : `${labels},`;
          let cumulated = 0;
          const buckets = bounds.map((bound, i) => {
            cumulated += counts[i];
            return sample(`${name}_bucket`, `${comma}le="${bound}"`, cumulated);
          });
          return [
            ...buckets,
            sample(`${name}_bucket`, `${comma}le="+Inf"`, count),
            sample(`${name}_sum`, labels, sum),
            sample(`${name}_count`, labels, count),
          ];
        }),
      );
      const entryOf = (key: string) => {
        let entry = series.get(key);
        if (!entry) {
          entry = { counts: new Float64Array(bounds.length), sum: 0, count: 0 };
          series.set(key, entry);
        }
        return entry;
      };
      return {
        of(labels) {
          const key = labelText(labels);
          return {
            observe(value, times = 1) {
              const entry = entryOf(key);
              entry.sum += value * times;
              entry.count += times;
              for (let i = 0; i < bounds.length; i++) {
                if (value > bounds[i]) continue;
                entry.counts[i] += times;
                break;
              }
            },
          };
        },
      };
    },
    gauge: (name, help, values) => family(name, help, "gauge", read(name, values)),
    counted: (name, help, values) => family(name, help, "counter", read(name, values)),
    text() {
      const lines = families.flatMap(({ name, help, type, lines: own }) => [
        `# HELP ${name} ${help.replace(/\n/g, " ")}`,
        `# TYPE ${name} ${type}`,
        ...own(),
      ]);
      return `${lines.join("\n")}\n`;
    },
  };
}
