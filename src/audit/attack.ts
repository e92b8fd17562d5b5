/** Tries the catalogue: a few problems first, all of them for what pays there. */
import type { Baseline } from "./calibrate.ts";
import { median } from "./calibrate.ts";
import type { Ask, Evaluator } from "./evaluate.ts";
import { thresholds } from "./findings.ts";
import { honest } from "./styles.ts";
import type { Attack, Ease, Exploit, ExploitContext, HiddenCheck, Mechanism, Place, Problem, Scored } from "./types.ts";

/** A response (one for each problem) that is paid, lost or unscored and should not be. */
export interface Hit {
  readonly mechanism: Mechanism;
  readonly exploit: string;
  readonly title: string;
  readonly source: string;
  readonly ease: Ease;
  /** "gain": wrong and paid; "escape": wrong and unscored; "loss": right and not paid; "inflation": right and paid for more than that. */
  readonly what: "gain" | "escape" | "loss" | "inflation";
  readonly strict: boolean;
  /** Median over the problems. */
  readonly gain: number;
  readonly hits: number;
  readonly of: number;
  readonly sample: {
    readonly problem: Problem;
    readonly response: string;
    readonly reference?: string;
    readonly company?: readonly string[];
    readonly scored: Scored;
  };
  readonly evaluations: number;
  readonly milliseconds: number;
}

export interface Attacker {
  readonly evaluator: Evaluator;
  readonly problems: readonly Problem[];
  readonly baseline: Baseline;
  readonly check: HiddenCheck;
  readonly dictionary: readonly string[];
}

interface Candidate {
  readonly exploit: Exploit;
  readonly index: number;
  readonly place: Place;
  response(problem: Problem): string | null;
}

const screened = 2;
const defaultPlaces: readonly Place[] = ["whole", "answer"];

/** Gain of a reward over the honest wrong answer to its problem, in steps from wrong to right. */
export function gainOf(reward: number, problem: Problem, { wrongOf, wrong, scale }: Baseline): number {
  return (reward - (wrongOf.get(problem.id) ?? wrong ?? 0)) / scale;
}

export function contextOf({ problems, baseline, dictionary }: Attacker, problem: Problem): ExploitContext {
  const { answer: _a, near: _n, far: _f, hidden: _h, reference: _r, responses: _s, ...seen } = problem;
  const others = problems.filter(({ id }) => id !== problem.id).map((other) => honest(other, baseline.style, true));
  return {
    problem: seen,
    wrong: problem.far,
    nearMiss: problem.near,
    honestWrong: honest(problem, baseline.style, false),
    others,
    render: baseline.style.render,
    dictionary,
  };
}

export function placed(text: string, place: Place, context: ExploitContext): string {
  switch (place) {
    case "whole":
      return text;
    case "answer":
      return context.render("reasoning" in context.problem ? context.problem.reasoning : "", text);
    case "reasoning":
      return context.render(text, context.wrong);
    case "before":
      return `${text}\n${context.honestWrong}`;
    case "after":
      return `${context.honestWrong}\n${text}`;
  }
}

/** Every exploit's first attacks before anybody's second, so that a short budget sees all of them. */
function candidatesOf(attacker: Attacker, exploits: readonly Exploit[]): Candidate[] {
  const contexts = new Map(attacker.problems.map((problem) => [problem.id, contextOf(attacker, problem)]));
  const lists = exploits.map((exploit) => {
    const made = new Map<string, readonly Attack[]>();
    const attacksOn = (problem: Problem): readonly Attack[] => {
      const context = contexts.get(problem.id);
      let attacks = made.get(problem.id);
      if (!attacks && context) {
        attacks = exploit.make(context);
        made.set(problem.id, attacks);
      }
      return attacks ?? [];
    };
    return attacksOn(attacker.problems[0]).flatMap(({ places }, index) =>
      (places ?? defaultPlaces).map(
        (place): Candidate => ({
          exploit,
          index,
          place,
          response(problem) {
            const attack = attacksOn(problem)[index];
            const context = contexts.get(problem.id);
            return attack && context ? placed(attack.text, place, context) : null;
          },
        }),
      ),
    );
  });
  const longestList = Math.max(0, ...lists.map((list) => list.length));
  const ordered: Candidate[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < longestList; i++) {
    for (const list of lists) {
      if (i >= list.length) continue;
      const response = list[i].response(attacker.problems[0]);
      const key = `${list[i].exploit.mechanism}\u0000${response}`;
      if (response === null || seen.has(key)) continue;
      seen.add(key);
      ordered.push(list[i]);
    }
  }
  return ordered;
}

/** Tries exploits; gives what pays (or escapes) on most problems. */
export async function attack(
  attacker: Attacker,
  exploits: readonly Exploit[],
  onHit: (hit: Hit) => void,
): Promise<Hit[]> {
  const candidates = candidatesOf(attacker, exploits);
  const hits: Hit[] = [];
  const chunk = 48;
  for (let from = 0; from < candidates.length && !attacker.evaluator.over; from += chunk) {
    const slice = candidates.slice(from, from + chunk);
    const few = attacker.problems.slice(0, screened);
    const tries = slice.flatMap((candidate) =>
      few.flatMap((problem) => {
        const response = candidate.response(problem);
        return response === null ? [] : [{ candidate, problem, response }];
      }),
    );
    const scored = await attacker.evaluator.score(tries);
    const promising = new Set<Candidate>();
    tries.forEach(({ candidate, problem }, i) => {
      const one = scored[i];
      if (!one) return;
      if (
        one.reward === null
          ? attacker.baseline.wrongOf.has(problem.id)
          : gainOf(one.reward, problem, attacker.baseline) >= thresholds.minor
      )
        promising.add(candidate);
    });
    for (const candidate of promising) {
      const { exploit } = candidate;
      const hit = await confirm(attacker, {
        mechanism: exploit.mechanism,
        exploit: exploit.id,
        title: exploit.title,
        source: exploit.source,
        ease: exploit.ease,
        ask: (problem) => {
          const response = candidate.response(problem);
          return response === null ? null : { problem, response };
        },
      });
      if (hit) {
        const named = await withControl(attacker, hit, candidate.place);
        hits.push(named);
        onHit(named);
      }
    }
  }
  return hits;
}

export interface Suspicion {
  readonly mechanism: Mechanism;
  readonly exploit: string;
  readonly title: string;
  readonly source: string;
  readonly ease: Ease;
  ask(problem: Problem): Ask | null;
}

/** Does it pay on most problems where it applies? Responses that the hidden check calls right do not count. */
export async function confirm(attacker: Attacker, suspicion: Suspicion): Promise<Hit | null> {
  const { evaluator, problems, baseline, check } = attacker;
  const asks = problems.flatMap((problem) => suspicion.ask(problem) ?? []);
  const scored = await evaluator.score(asks);
  const gains: number[] = [];
  let escapes = 0;
  let counted = 0;
  let best: { gain: number; sample: Hit["sample"] } | null = null;
  let escaped: Hit["sample"] | null = null;
  for (let i = 0; i < asks.length; i++) {
    const one = scored[i];
    const { problem, response } = asks[i];
    if (!one) continue;
    if (one.reward === null) {
      counted++;
      if (baseline.wrongOf.has(problem.id)) {
        escapes++;
        escaped ??= { ...asks[i], scored: one };
      }
      continue;
    }
    const gain = gainOf(one.reward, problem, baseline);
    const verdict = gain > 0 ? await check(problem, response) : false;
    if (verdict === true || verdict === "unchecked") continue;
    counted++;
    gains.push(gain);
    if (gain >= thresholds.minor && (best === null || gain > best.gain + 1e-9))
      best = { gain, sample: { ...asks[i], scored: one } };
  }
  const common = {
    exploit: suspicion.exploit,
    title: suspicion.title,
    source: suspicion.source,
    ease: suspicion.ease,
    strict: true,
    of: counted,
    evaluations: evaluator.spent,
    milliseconds: evaluator.milliseconds,
  };
  const gain = median(gains) ?? 0;
  const hits = gains.filter((one) => one >= thresholds.minor).length;
  if (best && hits * 2 > counted && gain >= thresholds.minor)
    return { ...common, mechanism: suspicion.mechanism, what: "gain", gain, hits, sample: best.sample };
  if (escaped && escapes * 2 > counted)
    return { ...common, mechanism: "unscoreable", what: "escape", gain: 0, hits: escapes, sample: escaped };
  return null;
}

const fillerWords = "consider however detail aspect method note simple question further general".split(" ");

/** Text of the same length that says nothing: what is paid as well is paid for its length. */
function filler(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) text += `${fillerWords[(i * 7) % fillerWords.length]} `;
  return text.slice(0, length);
}

const ofLength: ReadonlySet<Mechanism> = new Set(["padding", "contentless"]);

/** The control: is it what the text says, or only how long it is? */
async function withControl(attacker: Attacker, hit: Hit, place: Place): Promise<Hit> {
  const { problem, response } = hit.sample;
  if (problem.kind === "format" && hit.what === "gain") return { ...hit, mechanism: "format-shell" };
  if (hit.what !== "gain" || ofLength.has(hit.mechanism)) return hit;
  const context = contextOf(attacker, problem);
  const own = gainOf(hit.sample.scored.reward ?? 0, problem, attacker.baseline);
  const paysLike = async (control: string) => {
    const [scored] = await attacker.evaluator.score([{ problem, response: control }]);
    return scored !== null && scored.reward !== null && gainOf(scored.reward, problem, attacker.baseline) >= 0.9 * own;
  };
  // A short wrong answer is as short as no answer.
  if (hit.mechanism === "brevity") return (await paysLike(context.wrong)) ? hit : { ...hit, mechanism: "contentless" };
  const plain = context.honestWrong.length;
  const extra = Math.max(0, response.length - (place === "whole" ? 0 : plain));
  if (!(await paysLike(placed(filler(Math.max(1, extra)), place, context)))) return hit;
  return { ...hit, mechanism: response.length > plain * 1.2 ? "padding" : "contentless" };
}
