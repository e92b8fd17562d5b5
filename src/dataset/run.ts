/**
 * Scores a file: rows in, rows with rewards out, in the same order, in bounded memory, and so that a run
 * that was killed goes on where it was and ends with the same bytes.
 *
 * Rows are numbered from 0. Rows [written, taken) are held as slots: some wait in the regrouping window,
 * some are under way in the scorer, some are scored and wait for an earlier one. A checkpoint names them
 * all; what is under way at that moment is given out again on resuming, in the same batches.
 */
import { rename, unlink } from "node:fs/promises";
import { ContractError, type ScoreError } from "../core/error.ts";
import { OutputError } from "../core/output-error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch } from "../pipeline/types.ts";
import { type Checkpoint, readCheckpoint, syncFolder, writeCheckpoint } from "./checkpoint.ts";
import { exists, explainMissing, identityOf, refuseClashes, removeFiles, sameFile } from "./checks.ts";
import { hasChats, planColumns } from "./columns.ts";
import { convertJournal } from "./convert.ts";
import { type Journal, nowhere, openJournal, standardOutput } from "./journal.ts";
import type { DatasetRun, RunResult } from "./options.ts";
import { outputColumns, outputLine, outputTail, resultColumns, spread, wellFormedLine } from "./output-row.ts";
import { gatherUnit, type Slot, type Taking, takeRow } from "./slots.ts";
import { type Format, formatOf, type Place, type SourceRow, start } from "./source.ts";
import { addCounters, createTally } from "./tally.ts";
import { type ColumnType, sqlType, typeOf, unite } from "./types.ts";
import { createWindow, type Unit } from "./window.ts";

interface Work {
  readonly unit: Unit<Slot>;
  readonly batch: RolloutBatch;
  readonly refused: readonly (ScoreError | null)[] | null;
  readonly promise: Promise<ScoredBatch>;
}

/** Rows whose columns decide the plan. */
const sampleRows = 1000;

export async function scoreDataset(run: DatasetRun): Promise<RunResult> {
  const { source, output, options, needs, scorer, reward } = run;
  const began = performance.now();
  const format: Format | null = output === null ? null : formatOf(output);
  const toFile = output !== null && output !== "-";
  const partial = `${output}.partial`;
  const progressFile = `${output}.progress`;
  const signalNames = Object.keys(reward.definition.signals);
  const withCredit = reward.definition.credit !== undefined;
  if (options.groupSize !== null && options.groupSize > options.window) {
    throw new ContractError("--window", `${options.window} rollouts cannot hold a group of ${options.groupSize}`);
  }

  const identity = await identityOf(run);
  if (toFile && identity && (await sameFile(source.path, output))) {
    throw new ContractError(output, "is the input; give the output another name");
  }
  if (toFile && options.restart) await removeFiles([progressFile, partial]);
  if (toFile && !identity && (await exists(progressFile))) {
    throw new ContractError(
      progressFile,
      "belongs to an unfinished run; finish that one, or start over with --restart",
    );
  }
  const checkpoint = toFile && identity ? await readCheckpoint(progressFile, identity) : null;
  const baseline = structuredClone(scorer.counters());
  const tally = createTally(checkpoint?.tally, baseline);
  if (checkpoint) {
    scorer.restore(checkpoint.scorer);
    run.report?.restore(checkpoint.report);
  }
  const types: Record<string, ColumnType> = { ...checkpoint?.types };
  const tracked = toFile && format !== "jsonl" && source.columns === null;
  const secondsBefore = checkpoint?.seconds ?? 0;
  const seconds = () => secondsBefore + (performance.now() - began) / 1000;

  let columns: readonly string[] = checkpoint?.columns ?? [];
  let chats = checkpoint?.chats ?? false;
  let taking: Taking | null = null;
  const planned = (): Taking => {
    if (taking === null) throw new Error("rows were taken before their columns were known");
    return taking;
  };
  const makePlan = (sample: readonly Readonly<Record<string, unknown>>[]): void => {
    const plan = planColumns({ columns, sample, map: options.map, needs, format: source.format, chats });
    const available = new Set(plan.fields);
    const implicitGroups = needs.wholeGroups && !available.has("groups") && available.has("prompts");
    if (implicitGroups) available.add("groups");
    explainMissing(() => run.checkWiring(reward, available), needs, columns);
    taking = { plan, implicitGroups, wholeGroups: needs.wholeGroups };
  };

  const result = (status: RunResult["status"]): RunResult => ({
    status,
    tally: { ...tally },
    counters: addCounters(tally.counters, scorer.counters(), baseline),
    resumedAt: checkpoint ? checkpoint.place.row : null,
    seconds: seconds(),
    sources: taking?.plan.sources ?? {},
    resumable: toFile && identity !== null,
  });

  const finish = async (): Promise<RunResult> => {
    const done = result("finished");
    const pending = toFile && (checkpoint?.complete !== true || (await exists(partial)));
    if (toFile && pending && format !== null && format !== "jsonl") {
      const own = source.columns ?? Object.entries(types).map(([name, type]) => ({ name, type: sqlType(type) }));
      const credit = withCredit ? (tally.advantageLists ? "list" : "number") : "none";
      const results = resultColumns({ signals: signalNames, credit, evidence: options.evidence });
      const replaced = new Set<string>(outputColumns);
      const temporary = `${output}.converting`;
      const kept = own.filter(({ name }) => !replaced.has(name));
      await convertJournal(partial, temporary, format, [...kept, ...results], tally.longestLine);
      await run.onComplete?.(done);
      await rename(temporary, output);
      await unlink(partial);
    } else {
      await run.onComplete?.(done);
      if (toFile && pending) await rename(partial, output);
    }
    if (toFile) {
      await syncFolder(output);
      await removeFiles([progressFile]);
    }
    return done;
  };
  if (checkpoint?.complete) {
    if ((await exists(partial)) || (await exists(output ?? ""))) return finish();
    throw new ContractError(partial, "is gone; start over with --restart");
  }

  let journal: Journal = nowhere;
  /** Only once the input has turned out to be usable, so that a typing error leaves nothing behind. */
  const openOutput = async (): Promise<void> => {
    if (toFile) journal = await openJournal(partial, checkpoint?.offset ?? 0);
    else if (output === "-") journal = standardOutput();
  };
  const window = createWindow<Slot>({
    window: options.window,
    batchSize: options.batchSize,
    groupSize: needs.wholeGroups ? options.groupSize : null,
    strict: needs.wholeGroups,
  });
  const place = checkpoint?.place ?? start;
  let slots: Slot[] = [];
  let taken = place.row;
  let read = place.row;
  /** A row that was read and not taken. */
  let next: Place | null = null;
  let restored = checkpoint === null;
  const work: Work[] = [];
  const backlog: Unit<Slot>[] = [];
  const interruption = new Error("interrupted");
  const stopper = new AbortController();
  /** State of the scorer after the last batch that was recorded. */
  let settledState: () => unknown = () => initialState;
  const initialState = scorer.snapshot();
  let nextCheckpoint = performance.now() + options.checkpointEvery;

  const submit = (unit: Unit<Slot>): void => {
    const { batch, good, refused } = gatherUnit(unit, planned());
    // Rows that cannot be scored don't reach the scorer.
    const promise =
      good.size === 0
        ? Promise.resolve(spread(null, [], signalNames, withCredit))
        : scorer.score(good, { signal: stopper.signal });
    promise.catch(() => {});
    work.push({ unit, batch, refused, promise });
  };

  // Not Promise.race with one long-lived promise: that one would keep every batch alive.
  const unlessAborted = <T>(promise: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const onAbort = () => reject(interruption);
      if (run.signal.aborted) return onAbort();
      run.signal.addEventListener("abort", onAbort, { once: true });
      promise.then(resolve, reject).finally(() => run.signal.removeEventListener("abort", onAbort));
    });

  /** Waits for the oldest batch and records it; throws `interruption` when the run is stopped meanwhile. */
  const settle = async (): Promise<void> => record(await unlessAborted(work[0].promise));

  const record = async (answer: ScoredBatch): Promise<void> => {
    const [{ unit, batch, refused }] = work;
    work.shift();
    if (answer.size > 0) settledState = () => answer.snapshot;
    const scored = refused === null ? answer : spread(answer, refused, signalNames, withCredit);
    run.report?.add(batch, scored);
    for (let i = 0; i < unit.rows.length; i++) {
      const slot = unit.rows[i];
      slot.tail = outputTail(scored, i, withCredit, options.evidence);
      slot.fields = null;
      const advantage = scored.advantages?.[i];
      if (typeof advantage === "object" && advantage !== null) tally.advantageLists = true;
      tally.count(scored.rewards[i], scored.errors[i], unit.kind);
    }
    await writeReady();
    run.onProgress?.({ rows: tally.scored + tally.unscored, unscored: tally.unscored, read });
  };

  const writeReady = async (): Promise<void> => {
    let text = "";
    let count = 0;
    for (const slot of slots) {
      if (slot.tail === null) break;
      count++;
      if (format === null) continue;
      const value = slot.row.value ?? {};
      const replaced = outputColumns.some((name) => Object.hasOwn(value, name));
      if (replaced) tally.replaced = true;
      if (tracked) {
        for (const [name, item] of Object.entries(value)) {
          if (name === "__proto__") continue;
          const found = typeOf(item);
          types[name] = Object.hasOwn(types, name) ? unite(types[name], found) : found;
        }
      }
      const line = outputLine(slot.row.value === null ? "{}" : slot.row.text, replaced, slot.tail);
      tally.longestLine = Math.max(tally.longestLine, 3 * line.length);
      text += `${toFile && format !== "jsonl" ? wellFormedLine(line) : line}\n`;
    }
    if (count === 0) return;
    if (text !== "") await journal.write(text);
    slots = slots.slice(count);
  };

  const save = async (complete: boolean): Promise<void> => {
    const from = slots.length > 0 ? slots[0].row.place : next;
    if (!toFile || !identity || !restored || (from === null && !complete)) return;
    await journal.sync();
    const waiting: [number, string][] = [];
    for (const slot of slots) if (slot.tail !== null) waiting.push([slot.index, slot.tail]);
    const saved: Checkpoint = {
      identity,
      complete,
      offset: journal.offset,
      place: from ?? start,
      taken,
      columns,
      chats,
      window: window.snapshot(),
      underWay: [...work.map(({ unit }) => unit), ...backlog].map(({ kind, rows }) => ({
        kind,
        rows: rows.map((slot) => slot.index),
      })),
      waiting,
      scorer: settledState(),
      report: run.report?.snapshot() ?? null,
      tally: { ...tally, counters: addCounters(tally.counters, scorer.counters(), baseline) },
      types,
      seconds: seconds(),
    };
    await writeCheckpoint(progressFile, saved);
  };

  /** Saves when it is time to. */
  const saveIfDue = async (): Promise<void> => {
    if (performance.now() < nextCheckpoint || !toFile || !identity) return;
    const started = performance.now();
    await save(false);
    const took = performance.now() - started;
    nextCheckpoint = performance.now() + Math.max(options.checkpointEvery, 20 * took);
  };

  /** Hands units to the scorer, as fast as it takes them. Nothing is forgotten when this is interrupted. */
  const give = async (units: readonly Unit<Slot>[]): Promise<void> => {
    backlog.push(...units);
    for (;;) {
      const [next] = backlog;
      if (next === undefined) return;
      while (work.length >= options.underWay) {
        await settle();
        await saveIfDue();
      }
      backlog.shift();
      submit(next);
    }
  };

  /** Takes what finishes in time, saves, and lets the rest go. */
  const stop = async (): Promise<RunResult> => {
    const patience = setTimeout(() => stopper.abort(), options.grace);
    const givenUp = new Promise<null>((resolve) => stopper.signal.addEventListener("abort", () => resolve(null)));
    while (work.length > 0) {
      const answer = await Promise.race([work[0].promise.catch(() => null), givenUp]);
      if (answer === null || stopper.signal.aborted) break;
      await record(answer);
    }
    clearTimeout(patience);
    await save(false);
    return result("interrupted");
  };

  const refuse = async (problem: string): Promise<void> => {
    if (options.onBadLine === "stop") {
      // The last group may go on after the bad line: without groups, all that came before can be scored.
      await give(needs.wholeGroups ? [] : window.end());
      while (work.length > 0) await settle();
      await save(false);
      const kept = tally.scored + tally.unscored;
      const keeps = toFile ? `${kept} rollouts before it are kept in ${partial}; ` : "";
      throw new ContractError("", `${problem}\n${keeps}--on-bad-line skip leaves such lines out, and counts them`);
    }
    tally.badLine(problem);
  };

  const accept = async (rows: readonly SourceRow[]): Promise<void> => {
    for (const row of rows) {
      next = row.place;
      if (run.signal.aborted) throw interruption;
      if (row.problem !== null && restored) await refuse(row.problem);
      const slot = takeRow(row, taken++, planned());
      slots.push(slot);
      next = null;
      if (restored) await give(window.add(slot));
      else if (checkpoint !== null && taken === checkpoint.taken) await restore(checkpoint);
    }
    await saveIfDue();
  };

  const restore = async (from: Checkpoint): Promise<void> => {
    const at = (index: number) => slots[index - from.place.row];
    for (const [index, tail] of from.waiting) at(index).tail = tail;
    window.restore(from.window, at);
    restored = true;
    await give(from.underWay.map(({ kind, rows }) => ({ kind, rows: rows.map(at) })));
  };

  const begin = async (rows: readonly SourceRow[]): Promise<void> => {
    const first = rows.slice(0, sampleRows);
    const values = first.flatMap((row) => (row.value ? [row.value] : []));
    if (values.length === 0) {
      throw new ContractError("", first.length > 0 ? `${first[0].problem}` : `${source.path}: there are no rows in it`);
    }
    chats = hasChats(values, options.map);
    columns = source.columns?.map(({ name }) => name) ?? [...new Set(values.flatMap((row) => Object.keys(row)))];
    makePlan(values);
    if (tracked) refuseClashes(columns, output);
    await openOutput();
    await accept(rows);
  };

  try {
    if (checkpoint) {
      makePlan([]);
      await openOutput();
    }
    let sample: SourceRow[] = [];
    for await (const block of source.read(place)) {
      read += block.length;
      if (taking !== null) {
        await accept(block);
        continue;
      }
      sample.push(...block);
      if (sample.length < sampleRows) continue;
      const first = sample;
      sample = [];
      await begin(first);
    }
    if (taking === null) await begin(sample);
    await give(window.end());
    while (work.length > 0) {
      await settle();
      await saveIfDue();
    }
    await save(true);
    await journal.close();
    // Before the conversion of the output, which needs memory of its own.
    await source.close();
    return await finish();
  } catch (thrown) {
    if (thrown === interruption) return await stop();
    // What was scored is kept if there is room to say so; else the last checkpoint stands.
    if (thrown instanceof OutputError) {
      await journal
        .trim()
        .then(() => save(false))
        .catch(() => {});
    }
    throw thrown;
  } finally {
    stopper.abort();
    await journal.close().catch(() => {});
  }
}
