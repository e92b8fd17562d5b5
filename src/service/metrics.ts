/** Prometheus text format 0.0.4: counters, gauges and histograms with labels. */

type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels: Labels, amount?: number): void;
}

export interface Histogram {
  /** `times`: as if observed that often. */
  observe(labels: Labels, value: number, times?: number): void;
  /** Observes every value that there is. */
  observeAll(labels: Labels, values: readonly (number | null)[]): void;
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
        add(labels, amount = 1) {
          const key = labelText(labels);
          values.set(key, (values.get(key) ?? 0) + amount);
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
      const entryOf = (labels: Labels) => {
        const key = labelText(labels);
        let entry = series.get(key);
        if (!entry) {
          entry = { counts: new Float64Array(bounds.length), sum: 0, count: 0 };
          series.set(key, entry);
        }
        return entry;
      };
      const put = (entry: Series, value: number, times: number) => {
        entry.sum += value * times;
        entry.count += times;
        for (let i = 0; i < bounds.length; i++) {
          if (value > bounds[i]) continue;
          entry.counts[i] += times;
          break;
        }
      };
      return {
        observe: (labels, value, times = 1) => put(entryOf(labels), value, times),
        observeAll(labels, values) {
          const entry = entryOf(labels);
          for (const value of values) if (value !== null) put(entry, value, 1);
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
