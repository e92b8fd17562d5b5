/** The audit: calibrates, attacks, tests properties, searches, and reports what it found. */
import { createRandom } from "../core/random.ts";
import { checkWiring, type Reward } from "../pipeline/index.ts";
import { type Attacker, attack, type Hit } from "./attack.ts";
import { basics } from "./basics.ts";
import { calibrate } from "./calibrate.ts";
import { defaultCheckTime, limitCheck } from "./check-limit.ts";
import { answersAtAll, chooseProblems, isSlow, withoutWaiting } from "./choose.ts";
import { climb } from "./climb.ts";
import { dictionaryOf } from "./dictionary.ts";
import { createEvaluator, type Evaluator, givenFields } from "./evaluate.ts";
import { exploitsFor } from "./exploits/index.ts";
import { compareFindings, mergeFindings } from "./findings.ts";
import { referenceCheck } from "./hidden-check.ts";
import { builtinProblems } from "./problems.ts";
import { properties } from "./property-tests.ts";
import { repairsFor } from "./repair.ts";
import { honest } from "./styles.ts";
import { type Reporting, smallest, toFinding } from "./to-finding.ts";
import type { AuditOptions, AuditReport, Finding, Problem } from "./types.ts";

/** Looks for inputs that a reward pays for and should not. */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const seed = String(options.seed ?? 0);
  const budget = options.budget ?? 60_000;
  const notes: string[] = [];
  const limited = options.check && limitCheck(options.check, options.checkTime ?? defaultCheckTime);
  const check = limited?.check ?? referenceCheck();
  let reward = options.reward;
  const limits = {
    seed,
    workers: options.workers,
    cacheFolder: options.cacheFolder,
    evaluations: options.evaluations ?? 20_000,
    signal: options.signal,
  };
  const started = performance.now();
  const batchSize = isSlow(reward) ? 32 : 256;
  let findings: Finding[] = [];
  let phase = "calibration";
  const progress = (evaluator: Evaluator | null) =>
    options.onProgress?.({
      phase,
      evaluations: evaluator?.spent ?? 0,
      findings: findings.length,
      share: Math.min(1, (performance.now() - started) / budget),
    });
  const open = (of: Reward, share: number, patience = 0.2) => {
    const made: Evaluator = createEvaluator({
      ...limits,
      reward: of,
      batchSize,
      patience: isSlow(of) ? Math.max(2_000, patience * budget) : undefined,
      budget: Math.max(1, (budget - (performance.now() - started)) * share),
      onSpent: () => progress(made),
    });
    return made;
  };

  /** A judge that does not answer is held at 1, so that the rest is still audited. */
  let held = false;
  const hold = (reason: string): boolean => {
    const rest = withoutWaiting(reward);
    if (!rest || held) return false;
    notes.push(
      `${rest.names.join(", ")} gave no value (${reason})${rest.reward ? "; held at 1: the rest was audited without it" : ""}`,
    );
    if (!rest.reward) return false;
    reward = rest.reward;
    held = true;
    return true;
  };
  const bringing = options.problems?.length ? Object.keys(options.problems[0].extra) : ["tests"];
  checkWiring(reward, new Set([...givenFields, ...bringing]), { credit: false });
  if (isSlow(reward)) {
    const first = options.problems?.length
      ? options.problems
      : builtinProblems(options.kind && options.kind !== "auto" ? options.kind : "math");
    const { ok, reason } = await answersAtAll(first, open(reward, 0.4, 1));
    if (!ok && !hold(reason)) {
      return {
        reward: {
          name: reward.definition.name ?? null,
          hash: reward.hash,
          signals: Object.keys(reward.definition.signals),
        },
        kind: first[0].kind,
        kindChosen: false,
        style: "none",
        referenceForm: "none",
        problems: 0,
        honestRight: null,
        honestWrong: null,
        findings: [],
        accepted: [],
        exploits: 0,
        evaluations: 1,
        milliseconds: performance.now() - started,
        seed,
        unfinished: ["calibration"],
        notes,
      };
    }
  }
  const chosen = await chooseProblems(options, reward, () => open(reward, 0.2), notes);
  let { problems } = chosen;
  let evaluator = open(reward, 1);
  const unfinished: string[] = [];
  try {
    let baseline = await calibrate(evaluator, problems, options.problems === undefined);
    if (baseline.right === null && hold(baseline.errors[0] ?? "out of time")) {
      await evaluator.close();
      evaluator = open(reward, 1);
      baseline = await calibrate(evaluator, problems, options.problems === undefined);
    }
    evaluator.setForm(baseline.form);
    evaluator.setCompany((problem) => [honest(problem, baseline.style, true), honest(problem, baseline.style, false)]);
    // The order of problems is the seed's, the choice of style is not.
    problems = shuffled(problems, seed);
    const attacker: Attacker = { evaluator, problems, baseline, check, dictionary: dictionaryOf(reward) };
    const kind = problems[0].kind;
    const exploits = exploitsFor(kind);
    const context: Reporting = { reward, attacker };
    const add = async (hit: Hit) => {
      findings.push(await toFinding(context, hit));
      progress(evaluator);
    };
    if (baseline.right === null) {
      notes.push(`no honest answer could be scored: ${baseline.errors.slice(0, 3).join("; ") || "the budget ran out"}`);
      unfinished.push("calibration");
    } else {
      const first = await basics(attacker, held);
      for (const hit of first) await add(hit);
      if (first.some(({ mechanism, gain }) => mechanism === "unstable" && gain >= 0.5)) {
        // Differences between responses would be noise.
        notes.push("the same response gets different rewards: nothing that compares responses was tried");
      } else {
        phase = "properties";
        for (const hit of await properties(attacker)) await add(hit);
        phase = "exploits";
        const hits = await attack(attacker, exploits, () => progress(evaluator));
        for (const hit of strongest(hits)) await add(hit);
        if (evaluator.over) unfinished.push("exploits");
        phase = "search";
        const climbed = evaluator.over ? null : await climb(attacker, hits, options, seed);
        if (climbed) await add(climbed);
        if (evaluator.over && !unfinished.includes("exploits")) unfinished.push("search");
        phase = "shrinking";
        findings = mergeFindings(findings);
        for (let i = 0; i < findings.length && !evaluator.over; i++) {
          findings[i] = await smallest(context, findings[i]);
        }
        findings = mergeFindings(findings);
      }
      phase = "repairs";
      for (let i = 0; i < findings.length; i++) {
        findings[i] = {
          ...findings[i],
          repairs: await repairsFor(findings[i], { reward, problems, baseline, seed, over: evaluator.over }),
        };
        progress(evaluator);
      }
    }
    const unchecked = limited?.note() ?? null;
    if (unchecked !== null) notes.push(unchecked);
    if (limited?.givenUp) unfinished.push("hidden check");
    const accepted = options.accepted ?? new Set<string>();
    findings.sort(compareFindings);
    return {
      reward: {
        name: reward.definition.name ?? null,
        hash: options.reward.hash,
        signals: Object.keys(reward.definition.signals),
      },
      kind,
      kindChosen: chosen.chosen,
      style: baseline.style.id,
      referenceForm: baseline.form.id,
      problems: problems.length,
      honestRight: baseline.right,
      honestWrong: baseline.wrong,
      findings: findings.filter(({ key }) => !accepted.has(key)),
      accepted: findings.filter(({ key }) => accepted.has(key)),
      exploits: exploits.length,
      evaluations: evaluator.spent,
      milliseconds: performance.now() - started,
      seed,
      unfinished,
      notes,
    };
  } finally {
    await evaluator.close();
  }
}

function shuffled(problems: readonly Problem[], seed: string): Problem[] {
  const random = createRandom(`${seed}/problems`);
  const list = [...problems];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** Of the hits through one exploit the most paid; the names of all are kept by the merge. */
function strongest(hits: readonly Hit[]): Hit[] {
  const best = new Map<string, Hit>();
  for (const hit of hits) {
    const key = `${hit.mechanism}\u0000${hit.exploit}\u0000${hit.what}`;
    const before = best.get(key);
    if (
      !before ||
      hit.gain > before.gain + 1e-9 ||
      (hit.gain > before.gain - 1e-9 && hit.sample.response.length < before.sample.response.length)
    )
      best.set(key, {
        ...hit,
        evaluations: Math.min(hit.evaluations, before?.evaluations ?? hit.evaluations),
        milliseconds: Math.min(hit.milliseconds, before?.milliseconds ?? hit.milliseconds),
      });
  }
  return [...best.values()];
}
