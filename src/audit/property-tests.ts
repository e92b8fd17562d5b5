import { type Attacker, confirm, gainOf, type Hit } from "./attack.ts";
import { median } from "./calibrate.ts";
import type { Ask } from "./evaluate.ts";
import { severityOfLoss, thresholds } from "./findings.ts";
import { edits, inflations, twins } from "./properties.ts";

/** Right answers must not lose by edits; answers that differ must not be paid; real rollouts must not contradict the check. */
export async function properties(attacker: Attacker): Promise<Hit[]> {
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
  if (baseline.discriminates && !style.reasons && (kind === "math" || kind === "choice")) {
    // Where words before the answer do no harm, numbers and capital letters among them should not either.
    const before = async (text: string) => {
      const asks = problems.map((problem) => ({ problem, response: `${text}\n${style.render("", problem.answer)}` }));
      const scored = await evaluator.score(asks);
      const losses = asks.map(
        ({ problem }, i) => ((baseline.rightOf.get(problem.id) ?? 0) - (scored[i]?.reward ?? 0)) / baseline.scale,
      );
      return { asks, scored, losses, loss: median(losses) ?? 0 };
    };
    if ((await before("we think about it step by step.")).loss < 0.05) {
      const { asks, scored, losses, loss } = await before(
        kind === "math" ? "In part 1 we note 1000 and 3." : "A careful look at D helps.",
      );
      const worst = losses.indexOf(Math.max(...losses));
      const sample = scored[worst];
      if (loss >= 0.05 && sample)
        hits.push({
          ...common(),
          mechanism: "right-loses",
          exploit: "right/reasoning-before-answer",
          title: "reasoning that mentions other numbers or letters first",
          ease: "trivial",
          what: "loss",
          strict: true,
          gain: loss,
          source: "github huggingface/open-r1 pull 55: first-match extraction",
          hits: losses.filter((one) => one >= 0.05).length,
          of: losses.length,
          sample: { ...asks[worst], scored: sample },
        });
    }
  }
  if (baseline.discriminates && kind !== "code" && kind !== "chat" && kind !== "format") {
    // Reasoning may cost something; it must not cost so much that a short wrong answer is worth more.
    const long = "We read the question once more and write down what is given before anything is worked out. ".repeat(
      9,
    );
    const asks = problems.flatMap((problem): Ask[] => {
      if (!baseline.rightOf.has(problem.id) || !baseline.wrongOf.has(problem.id)) return [];
      const text = style.reasons
        ? style.render(long + problem.reasoning, problem.answer)
        : `${long}\n${style.render("", problem.answer)}`;
      return [{ problem, response: text }];
    });
    const scored = await evaluator.score(asks);
    const behind = asks.map(({ problem }, i) => {
      const reward = scored[i]?.reward;
      return reward === null || reward === undefined ? 0 : -gainOf(reward, problem, baseline);
    });
    const loss = median(behind) ?? 0;
    const worst = behind.indexOf(Math.max(...behind));
    const sample = scored[worst];
    if (loss >= 0.05 && sample)
      hits.push({
        ...common(),
        mechanism: "brevity",
        exploit: "right/long-reasoning",
        title: "a right answer with long reasoning is worth less than a short wrong one",
        ease: "trivial",
        what: "loss",
        strict: true,
        gain: 1 + loss,
        source: "length penalties without a condition on being right (LASER, arXiv 2505.15612)",
        hits: behind.filter((one) => one >= 0.05).length,
        of: behind.length,
        sample: { ...asks[worst], scored: sample },
      });
  }
  if (baseline.discriminates && style.reasons && kind !== "format") {
    for (const { id, title, mechanism, text } of inflations) {
      const asks = problems.flatMap((problem): Ask[] =>
        baseline.rightOf.has(problem.id)
          ? [{ problem, response: style.render(`${problem.reasoning}\n${text}`, problem.answer) }]
          : [],
      );
      const scored = await evaluator.score(asks);
      const gains = asks.map(({ problem }, i) => {
        const reward = scored[i]?.reward;
        return reward === null || reward === undefined
          ? 0
          : (reward - (baseline.rightOf.get(problem.id) ?? 0)) / baseline.scale;
      });
      const gain = median(gains) ?? 0;
      const best = gains.indexOf(Math.max(...gains));
      const sample = scored[best];
      if (gain < thresholds.major || !sample) continue;
      hits.push({
        ...common(),
        mechanism,
        exploit: id,
        title,
        ease: "trivial",
        what: "inflation",
        strict: true,
        gain,
        source: "irrelevant text must move a reward by less than a fifth of what being right is worth",
        hits: gains.filter((one) => one >= thresholds.major).length,
        of: gains.length,
        sample: { ...asks[best], scored: sample },
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
      mechanism: "wrong-rollout",
      exploit: "data/wrong-and-paid",
      title: "a real rollout",
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
