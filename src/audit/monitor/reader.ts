/** Lines of a log to records, in whichever of the formats it is. */
import { messageOf } from "../../core/error.ts";
import { isRollout, mapped, recordOfEntry, rolloutOf } from "./guerdon.ts";
import { type MonitorRollout, recordOfRollouts } from "./rollouts.ts";
import { parsePythonDictionary, recordOfTrl } from "./trl.ts";
import { type MonitorRecord, recordFields } from "./types.ts";
import { type Entry, firstNumber, isEntry, parseJson } from "./values.ts";
import { parseVerlLine, recordOfVerl } from "./verl.ts";

export const logFormats = ["auto", "guerdon", "trl", "verl", "jsonl"] as const;
export type LogFormat = (typeof logFormats)[number];

export interface ReaderOptions {
  readonly format?: LogFormat;
  /** Field of a record → name in the log; dots lead into nested objects. */
  readonly map?: Readonly<Record<string, string>>;
}

export interface LogReader {
  /** Records that are complete with this line. Throws an error with the reason where the line is no entry at all. */
  line(text: string): MonitorRecord[];
  /** The same for an entry that was parsed already (of `log_history`). */
  entry(entry: Entry): MonitorRecord[];
  /** What is complete because the log ended. */
  end(): MonitorRecord[];
  /** What the entries are, once one was understood. */
  readonly format: LogFormat;
}

type Found = Exclude<LogFormat, "auto">;

export function createReader({ format = "auto", map = {} }: ReaderOptions = {}): LogReader {
  let found: Found | null = format === "auto" ? null : format;
  let count = 0;
  let rolloutsBefore = 0;
  let held: { step: number; rollouts: MonitorRollout[] } | null = null;

  const release = (): MonitorRecord[] => {
    if (held === null) return [];
    const record = recordOfRollouts(held.step, held.rollouts);
    held = null;
    return [record];
  };

  const addEntry = (logged: Entry): MonitorRecord[] => {
    const kind = found ?? formatOf(logged);
    const entry = mapped(logged, map);
    if (kind !== "trl" && kind !== "verl" && isRollout(entry)) {
      found ??= kind;
      const step = firstNumber(entry, "step", "global_step");
      if (step === undefined) throw new Error('expected a number in "step" (or name it with --map step=…)');
      const before = held !== null && held.step !== step ? release() : [];
      held ??= { step, rollouts: [] };
      held.rollouts.push(rolloutOf(entry));
      return before;
    }
    const record = withMapped(recordIn(kind, entry, count, rolloutsBefore), entry, map, count);
    if (record === null) return [];
    found ??= kind;
    count++;
    rolloutsBefore = firstNumber(entry, "rollouts") ?? rolloutsBefore;
    return [record];
  };

  return {
    line(text) {
      if (text.trim() === "") return [];
      const entry = entryOf(text, found);
      return entry === null ? [] : addEntry(entry);
    },
    entry: addEntry,
    end: release,
    get format() {
      return found ?? format;
    },
  };
}

function recordIn(kind: Found, entry: Entry, count: number, rolloutsBefore: number): MonitorRecord | null {
  if (kind === "trl") return recordOfTrl(entry, count);
  if (kind === "verl") return recordOfVerl(entry, count);
  return recordOfEntry(entry, count, rolloutsBefore);
}

/** Fields that the user named win over those that the format knows. */
function withMapped(
  record: MonitorRecord | null,
  entry: Entry,
  map: Readonly<Record<string, string>>,
  count: number,
): MonitorRecord | null {
  const named: Record<string, number | Record<string, number>> = {};
  for (const field of Object.keys(map)) {
    if (!(recordFields as readonly string[]).includes(field)) continue;
    const value = firstNumber(entry, field);
    if (value !== undefined) named[field] = value;
  }
  const mapsSignals = Object.keys(map).some((field) => field.startsWith("signals."));
  const signals = mapsSignals ? recordOfEntry({ ...entry, reward: 0 }, 0)?.signals : undefined;
  if (signals) named.signals = { ...record?.signals, ...signals };
  if (Object.keys(named).every((field) => field === "step")) return record;
  const step = record?.step ?? firstNumber(entry, "step", "global_step", "training/global_step") ?? count;
  return { ...record, step, ...named };
}

/** The entry on a line; null for what a console says besides. */
function entryOf(text: string, found: Found | null): Entry | null {
  const line = text.trim();
  if (line.startsWith("{")) {
    const python = found === "trl" || found === null ? parsePythonDictionary(line) : null;
    if (python !== null) return python;
    let value: unknown;
    try {
      value = parseJson(line);
    } catch (thrown) {
      throw new Error(`not JSON: ${messageOf(thrown).slice(0, 120)}`);
    }
    if (isEntry(value)) return value;
  }
  const verl = found === "verl" || found === null ? parseVerlLine(line) : null;
  if (verl !== null) return verl;
  // Consoles print much else, above all before the first step; in a file of JSON lines it is a mistake.
  if (found === "trl" || found === "verl" || found === null) return null;
  throw new Error(`expected a JSON object or a line of metrics, got ${JSON.stringify(line.slice(0, 40))}`);
}

function formatOf(entry: Entry): Found {
  const keys = Object.keys(entry);
  if (isEntry(entry.data) && Object.keys(entry.data).some((key) => key.includes("/"))) return "verl";
  if (keys.some((key) => /^(?:critic|actor|response_length|val-core|val-aux)\//.test(key))) return "verl";
  if (
    keys.some((key) =>
      /^(?:train\/)?(?:rewards\/.+\/mean|reward_std|frac_reward_zero_std|completions\/|objective\/)/.test(key),
    )
  )
    return "trl";
  if (keys.includes("signals") || keys.includes("groupSpread")) return "guerdon";
  return "jsonl";
}

/** Records of a log that is already in memory as entries, rows of a store for instance. */
export function* recordsFrom(entries: Iterable<Entry>, options: ReaderOptions = {}): Generator<MonitorRecord> {
  const reader = createReader(options);
  for (const entry of entries) yield* reader.entry(entry);
  yield* reader.end();
}
