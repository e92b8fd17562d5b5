/** The audit: calibrates, attacks, tests properties, searches, and reports what it found. */
import { createRandom } from "../core/random.ts";
import { codeTests, needsOf, type Reward, type SignalSpec } from "../pipeline/index.ts";
import { checkAnswer, checkChat, checkFormat } from "./answers.ts";
import { type Attacker, attack, confirm, contextOf, gainOf, type Hit } from "./attack.ts";
import { responsibleFor } from "./attribute.ts";
import { type Baseline, calibrate, median } from "./calibrate.ts";
import { dictionaryOf } from "./dictionary.ts";
import { type Ask, createEvaluator, type Evaluator } from "./evaluate.ts";
import { exploitsFor } from "./exploits/index.ts";
import {
  compareFindings,
  finderOf,
  keyOf,
  mergeFindings,
  severityOfEscape,
  severityOfGain,
  severityOfLoss,
} from "./findings.ts";
import { builtinProblems } from "./problems.ts";
import { edits, twins } from "./properties.ts";
import { repairsFor } from "./repair.ts";
import { search } from "./search.ts";
import { shrink } from "./shrink.ts";
import { honest } from "./styles.ts";
import {
  type AuditOptions,
  type AuditReport,
  type Finding,
  type HiddenCheck,
  mechanisms,
  type Problem,
  type ProblemKind,
} from "./types.ts";

const heldOut = codeTests({ language: "python", timeLimit: 2, concurrency: 1 });

/** The built-in hidden check: by the known answer, by facts, by form, by tests that the reward does not have. */
export function referenceCheck(): HiddenCheck {
  const known = new Map<string, Promise<boolean | null>>();
  return (problem, response) => {
    switch (problem.kind) {
      case "format":
        return checkFormat(response);
      case "chat":
        return checkChat(problem, response);
      case "code": {
        const key = `${problem.id}\u0000${response}`;
        let verdict = known.get(key);
        if (!verdict) {
          const tests = (problem.hidden?.tests ?? problem.extra.tests) as never;
          verdict = heldOut({ responses: [response], tests: [tests] }).then(({ rewards }) =>
            rewards[0] === null ? null : rewards[0] === 1,
          );
          known.set(key, verdict);
        }
        return verdict;
      }
      default:
        return checkAnswer(problem, response);
    }
  };
}

/** Looks for inputs that a reward pays for and should not. */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const seed = String(options.seed ?? 0);
  const budget = options.budget ?? 60_000;
  const notes: string[] = [];
  const check = options.check ?? referenceCheck();
  let reward = options.reward;
  const limits = {
    seed,
    workers: options.workers,
    cacheFolder: options.cacheFolder,
    evaluations: options.evaluations ?? 20_000,
    signal: options.signal,
  };
  const started = performance.now();
  const batchSize = Object.values(needsOf(reward, { credit: false }).fields).length > 0 && isSlow(reward) ? 32 : 256;
  let findings: Finding[] = [];
  let phase = "calibration";
  const progress = (evaluator: Evaluator | null) =>
    options.onProgress?.({
      phase,
      evaluations: evaluator?.spent ?? 0,
      findings: findings.length,
      share: Math.min(1, (performance.now() - started) / budget),
    });
  const open = (of: Reward, share: number) => {
    const made: Evaluator = createEvaluator({
      ...limits,
      reward: of,
      batchSize,
      budget: Math.max(1, (budget - (performance.now() - started)) * share),
      onSpent: () => progress(made),
    });
    return made;
  };

  const chosen = await chooseProblems(options, reward, () => open(reward, 0.25), notes);
  let { problems } = chosen;
  let evaluator = open(reward, 1);
  const unfinished: string[] = [];
  try {
    let probe = open(reward, 0.3);
    let baseline: Baseline;
    try {
      baseline = await calibrate(probe, problems, options.problems === undefined);
    } finally {
      await probe.close();
    }
    if (baseline.right === null) {
      // Nothing can be scored. A judge that does not answer is held at 1, so that the rest is still audited.
      const held = withoutAsynchronous(reward);
      if (held) {
        notes.push(
          `${held.names.join(", ")} gave no value (${baseline.errors[0] ?? "out of time"}); held at 1, so the rest was audited without it`,
        );
        reward = held.reward;
        await evaluator.close();
        evaluator = open(reward, 1);
        probe = open(reward, 0.5);
        try {
          baseline = await calibrate(probe, problems, options.problems === undefined);
        } finally {
          await probe.close();
        }
      }
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
      for (const hit of await basics(attacker)) await add(hit);
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
      for (let i = 0; i < findings.length && !evaluator.over; i++) findings[i] = await smallest(context, findings[i]);
      findings = mergeFindings(findings);
      phase = "repairs";
      for (let i = 0; i < findings.length; i++) {
        findings[i] = {
          ...findings[i],
          repairs: await repairsFor(findings[i], { reward, problems, baseline, seed, over: evaluator.over }),
        };
        progress(evaluator);
      }
    }
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

/** A reward that waits is asked in smaller batches, so that a budget can end between them. */
function isSlow(reward: Reward): boolean {
  return sources(reward).some(([, source]) => waits(source));
}

function sources(reward: Reward): [string, unknown][] {
  return Object.entries(reward.definition.signals).map(([name, spec]) => [
    name,
    typeof spec === "object" && "use" in spec ? spec.use : spec,
  ]);
}

function waits(source: unknown): boolean {
  if (typeof source === "object") return true;
  return typeof source === "function" && source.constructor.name === "AsyncFunction";
}

/** The reward with every signal that waits held at 1; null when there is none. */
function withoutAsynchronous(reward: Reward): { readonly reward: Reward; readonly names: readonly string[] } | null {
  const names = sources(reward).flatMap(([name, source]) => (waits(source) ? [name] : []));
  if (names.length === 0) return null;
  const signals: Record<string, SignalSpec> = { ...reward.definition.signals };
  for (const name of names) signals[name] = () => 1;
  return {
    reward: {
      ...reward,
      definition: { ...reward.definition, signals },
      module: undefined,
      hash: `${reward.hash}-held`,
    },
    names,
  };
}

async function chooseProblems(
  { kind = "auto", problems }: AuditOptions,
  reward: Reward,
  open: () => Evaluator,
  notes: string[],
): Promise<{ problems: readonly Problem[]; chosen: boolean }> {
  if (problems && problems.length > 0) return { problems, chosen: false };
  if (kind !== "auto") return { problems: builtinProblems(kind), chosen: false };
  if ("tests" in needsOf(reward, { credit: false }).fields) return { problems: builtinProblems("code"), chosen: true };
  const order: ProblemKind[] = ["math", "choice", "text", "format", "chat"];
  let best: { kind: ProblemKind; share: number } = { kind: "math", share: 0 };
  for (const candidate of order) {
    const evaluator = open();
    try {
      const set = builtinProblems(candidate);
      const { rightOf, wrongOf, scale, discriminates } = await calibrate(evaluator, set.slice(0, 4), true);
      const told =
        set.slice(0, 4).filter(({ id }) => (rightOf.get(id) ?? 0) - (wrongOf.get(id) ?? 0) > 0.5 * scale).length / 4;
      if (discriminates && told > best.share + 1e-9) best = { kind: candidate, share: told };
      if (told === 1) break;
    } finally {
      await evaluator.close();
    }
  }
  notes.push(
    best.share > 0
      ? `problems chosen by what the reward can tell apart: ${best.kind} (--problems says otherwise)`
      : "the reward tells right from wrong on none of the built-in problems: audited on math (--problems or --data says otherwise)",
  );
  return { problems: builtinProblems(best.kind), chosen: true };
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

/** What needs no exploit: wrong paid like right, different rewards for the same, unreadable references, agreement of a group. */
async function basics(attacker: Attacker): Promise<Hit[]> {
  const { evaluator, problems, baseline } = attacker;
  const hits: Hit[] = [];
  const first = problems.find(({ id }) => baseline.rightOf.has(id)) ?? problems[0];
  const wrongAsk = (problem: Problem): Ask => ({ problem, response: honest(problem, baseline.style, false) });
  const common = { strict: true, evaluations: evaluator.spent, milliseconds: evaluator.milliseconds };
  if (!baseline.discriminates) {
    const [scored] = await evaluator.score([wrongAsk(first)]);
    if (scored)
      hits.push({
        ...common,
        mechanism: "blind",
        exploit: "basic/honest-wrong",
        title: "an honest wrong answer",
        ease: "trivial",
        what: "gain",
        gain: 1,
        source: "the hidden check",
        hits: problems.length,
        of: problems.length,
        sample: { ...wrongAsk(first), scored },
      });
  }
  const same: Ask = { problem: first, response: honest(first, baseline.style, true) };
  const repeated = await evaluator.again([same, same, same, same, same, same]);
  const rewards = repeated.flatMap((one) => (one && one.reward !== null ? [one.reward] : []));
  const spread = rewards.length > 1 ? (Math.max(...rewards) - Math.min(...rewards)) / baseline.scale : 0;
  if (spread > 0.05 && repeated[0]) {
    hits.push({
      ...common,
      mechanism: "unstable",
      exploit: "basic/same-twice",
      title: "the same response, scored again",
      ease: "trivial",
      what: "gain",
      gain: Math.min(0.5, spread),
      source: "spurious and random rewards, arXiv 2507.10532",
      hits: 1,
      of: 1,
      sample: { ...same, scored: repeated[0] },
    });
  }
  if (baseline.discriminates && first.kind !== "code" && first.kind !== "format") {
    for (const reference of first.kind === "math"
      ? ["see the attached figure", "", "\\text{proof omitted}"]
      : ["", "n/a"]) {
      const hit = await confirm(attacker, {
        mechanism: "unreadable-reference",
        exploit: "basic/unreadable-reference",
        ease: "trivial",
        title: reference === "" ? "a row whose reference is missing" : "a row whose reference has no answer",
        source: "github huggingface/open-r1 issues 215 and 293: an unreadable gold answer was worth 1",
        ask: (problem) => ({ ...wrongAsk(problem), reference }),
      });
      if (hit?.what === "gain") hits.push(hit);
    }
  }
  const alone = await confirm(attacker, {
    mechanism: "collusion",
    exploit: "basic/agreeing-group",
    title: "a whole group gives the same wrong answer",
    ease: "easy",
    source: "label-free majority rewards (Co-Reward, arXiv 2508.00410)",
    ask: (problem) => {
      const { response } = wrongAsk(problem);
      return { problem, response, company: [response, response, response] };
    },
  });
  if (alone?.what === "gain") hits.push(alone);
  return hits;
}

/** Right answers must not lose by edits; answers that differ must not be paid; real rollouts must not contradict the check. */
async function properties(attacker: Attacker): Promise<Hit[]> {
  const { evaluator, problems, baseline, check } = attacker;
  const { style, kind } = { style: baseline.style, kind: problems[0].kind };
  const hits: Hit[] = [];
  const common = () => ({ evaluations: evaluator.spent, milliseconds: evaluator.milliseconds });
  if (baseline.discriminates) {
    for (const edit of edits) {
      if (evaluator.over) break;
      if (edit.kinds && !edit.kinds.includes(kind)) continue;
      const asks = problems.flatMap((problem): Ask[] => {
        const response = baseline.rightOf.has(problem.id) ? edit.make(problem, style) : null;
        return response === null ? [] : [{ problem, response }];
      });
      const scored = await evaluator.score(asks);
      const losses = asks.flatMap(({ problem }, i) => {
        const one = scored[i];
        if (!one) return [];
        return [
          {
            i,
            loss: one.reward === null ? 1 : ((baseline.rightOf.get(problem.id) ?? 0) - one.reward) / baseline.scale,
          },
        ];
      });
      const loss = median(losses.map((one) => one.loss)) ?? 0;
      const worst = losses.reduce<(typeof losses)[number] | null>(
        (most, one) => (most === null || one.loss > most.loss ? one : most),
        null,
      );
      const sample = worst && scored[worst.i];
      if (!worst || !sample || severityOfLoss(loss, edit.strict) === null) continue;
      hits.push({
        ...common(),
        mechanism: "right-loses",
        exploit: edit.id,
        title: edit.title,
        ease: "trivial",
        what: "loss",
        strict: edit.strict,
        gain: loss,
        source: "github huggingface/open-r1 issue 237, unslothai/unsloth issue 1761, ZHZisZZ/dllm issue 118",
        hits: losses.filter((one) => one.loss >= 0.05).length,
        of: losses.length,
        sample: { ...asks[worst.i], scored: sample },
      });
    }
  }
  for (const twin of twins) {
    if (evaluator.over) break;
    if (!twin.kinds.includes(kind)) continue;
    const hit = await confirm(attacker, {
      mechanism: twin.mechanism,
      exploit: twin.id,
      title: twin.title,
      ease: "easy",
      source: "different answers must not compare as equal",
      ask: (problem) => {
        const answer = twin.make(problem);
        return answer === null || answer === problem.answer
          ? null
          : { problem, response: style.render(problem.reasoning, answer) };
      },
    });
    if (hit?.what === "gain") hits.push(hit);
  }
  const real = problems.flatMap((problem) =>
    (problem.responses ?? []).slice(0, 8).map((response) => ({ problem, response })),
  );
  const scored = await evaluator.score(real);
  const paid: Hit[] = [];
  for (let i = 0; i < real.length; i++) {
    const one = scored[i];
    if (!one || one.reward === null) continue;
    const gain = gainOf(one.reward, real[i].problem, baseline);
    if (gain < 0.2 || (await check(real[i].problem, real[i].response)) !== false) continue;
    paid.push({
      ...common(),
      mechanism: "near-miss",
      exploit: "data/wrong-and-paid",
      title: "a rollout of the data that is wrong and paid",
      ease: "trivial",
      what: "gain",
      strict: true,
      gain,
      source: "the data",
      hits: 1,
      of: real.length,
      sample: { ...real[i], scored: one },
    });
  }
  const most = paid.sort((a, b) => b.gain - a.gain)[0];
  if (most) hits.push({ ...most, hits: paid.length });
  return hits;
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

/** Search from everything that was tried; counts only where it beats the catalogue. */
async function climb(
  attacker: Attacker,
  hits: readonly Hit[],
  options: AuditOptions,
  seed: string,
): Promise<Hit | null> {
  const { evaluator, problems, baseline, check, dictionary } = attacker;
  const [problem] = problems;
  if (problem.kind === "code") return null;
  const context = contextOf(attacker, problem);
  const seeds = [
    context.honestWrong,
    context.render("", context.wrong),
    context.wrong,
    problem.prompt,
    ...dictionary,
    ...hits
      .filter((hit) => hit.sample.problem.id === problem.id)
      .map((hit) => hit.sample.response)
      .slice(0, 40),
    ...(problem.responses ?? []).slice(0, 20),
  ];
  const reached = Math.max(0, ...hits.filter(({ what }) => what === "gain").map(({ gain }) => gain));
  const result = await search({
    evaluator,
    problem,
    seeds: seeds.filter((text) => text.length < 4000),
    dictionary,
    check,
    random: createRandom(`${seed}/search`),
    generations: 25,
    population: 24,
    rewrite: options.rewrite,
    enough: (baseline.wrongOf.get(problem.id) ?? 0) + 1.5 * baseline.scale,
  });
  if (!result) return null;
  const gain = gainOf(result.best.reward, problem, baseline);
  if (gain < Math.max(0.02, reached + 0.1)) return null;
  const [scored] = await evaluator.score([{ problem, response: result.best.response }]);
  if (!scored) return null;
  return {
    mechanism: "search",
    exploit: "search/climb",
    title: "a wrong response found by mutation and crossover",
    ease: "hard",
    what: "gain",
    strict: true,
    gain,
    source: "search",
    hits: 1,
    of: 1,
    evaluations: evaluator.spent,
    milliseconds: evaluator.milliseconds,
    sample: { problem, response: result.best.response, scored },
  };
}

interface Reporting {
  readonly reward: Reward;
  readonly attacker: Attacker;
}

function viewOf(problem: Problem, response: string, reference: string): Record<string, unknown> {
  return { ...problem.extra, prompt: problem.prompt, response, reference, id: problem.id };
}

async function toFinding({ reward, attacker }: Reporting, hit: Hit): Promise<Finding> {
  const { baseline, evaluator } = attacker;
  const { problem, response, reference, company, scored } = hit.sample;
  const standard = honest(problem, baseline.style, hit.what === "loss");
  const [honestScored] = await evaluator.score([{ problem, response: standard }]);
  const shown = reference ?? baseline.form.render(problem.reference, problem);
  const explained = await evaluator.explain({ problem, response, reference, company });
  const responsible = honestScored
    ? responsibleFor(reward, scored, honestScored, viewOf(problem, response, shown), explained)
    : [];
  const severity =
    hit.mechanism === "blind"
      ? "critical"
      : hit.what === "escape"
        ? severityOfEscape(hit.ease)
        : hit.what === "loss"
          ? (severityOfLoss(hit.gain, hit.strict) ?? "minor")
          : hit.mechanism === "unstable"
            ? hit.gain >= 0.2
              ? "major"
              : "minor"
            : (severityOfGain(hit.gain, hit.ease) ?? "minor");
  return {
    key: keyOf(hit.mechanism, responsible),
    severity,
    mechanism: hit.mechanism,
    title: `${mechanisms[hit.mechanism]}: ${hit.title}`,
    exploit: hit.exploit,
    source: hit.source,
    also: [],
    ease: hit.ease,
    finder: finderOf(hit.ease),
    problem: problem.id,
    prompt: problem.prompt,
    response,
    reward: scored.reward,
    error: scored.error,
    honestRight: baseline.rightOf.get(problem.id) ?? baseline.right,
    honestWrong: baseline.wrongOf.get(problem.id) ?? baseline.wrong,
    gain: hit.gain,
    problemsHit: `${hit.hits} of ${hit.of}`,
    responsible,
    repairs: [],
    evaluations: hit.evaluations,
    milliseconds: Math.round(hit.milliseconds),
  };
}

const notShrunk = new Set(["blind", "unstable", "unreadable-reference", "collusion"]);

/** The finding with the smallest response that does the same. */
async function smallest({ attacker }: Reporting, finding: Finding): Promise<Finding> {
  const { evaluator, problems, check, baseline } = attacker;
  const problem = problems.find(({ id }) => id === finding.problem);
  if (!problem || notShrunk.has(finding.mechanism)) return finding;
  const verdict = await check(problem, finding.response);
  const loses = finding.mechanism === "right-loses";
  const bound =
    finding.reward === null ? null : (finding.honestWrong ?? 0) + 0.9 * (finding.reward - (finding.honestWrong ?? 0));
  const holds = async (texts: readonly string[]) => {
    const scored = await evaluator.score(texts.map((response) => ({ problem, response })));
    const verdicts: boolean[] = [];
    for (let i = 0; i < texts.length; i++) {
      const one = scored[i];
      const paid =
        one !== null &&
        (bound === null
          ? one.reward === null
          : one.reward !== null && (loses ? one.reward <= (finding.reward ?? 0) + 1e-9 : one.reward >= bound - 1e-9));
      verdicts.push(paid && (await check(problem, texts[i])) === (loses ? true : verdict));
    }
    return verdicts;
  };
  if (loses && verdict !== true) return finding;
  const slow = problem.kind === "code" || baseline.kind === "code";
  const response = await shrink(finding.response, holds, slow ? 60 : 400);
  if (response === finding.response) return finding;
  const [scored] = await evaluator.score([{ problem, response }]);
  return scored ? { ...finding, response, reward: scored.reward, error: scored.error } : finding;
}
