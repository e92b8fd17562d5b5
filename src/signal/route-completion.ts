import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Step rewards of one drive from route completion, up to its end (CaRL, arXiv 2504.17838, eq. 1).
 *
 * `multiplicative` r_t = ΔRC_t·Π_i p_{i,t} · `weighted` ((5Δ + 5·ttc + 4·speed + 2·comfort)/16)·lane·outsideLanes, where the
 * three are fullScore/lengthFactor per tick while their factor is 1 and 0 otherwise (standing still pays) · `survival`
 * (1 − ρ)·ΔRC·Πp + ρ·fullScore/lengthFactor, ρ = `survivalRatio`.
 *
 * The episode ends with the first tick that has an infraction (terminated) or is finished (truncated; termination wins).
 * At termination the tick's own reward is dropped if `zeroOnTermination`, `terminalReward` is added and `terminalHint`
 * subtracted if one of `hintInfractions` happened. All of it times `scale`. ΔRC starts from `initialCompletion`, in the
 * unit of `routeCompletion` (percent in CARLA, shares in nuPlan).
 */
export const routeCompletion = definePart({
  id: "signal/route-completion",
  papers: ["carl"],
  params: z.object({
    accumulation: z.enum(["multiplicative", "weighted", "survival"]).default("multiplicative"),
    terminalReward: z.number().default(0).describe("added when an infraction ends the episode"),
    terminalHint: z.number().default(1).describe("subtracted when one of hintInfractions does"),
    hintInfractions: z.array(z.string()).default(["collision", "vehicleTooClose", "redLight"]),
    zeroOnTermination: z.boolean().default(false).describe("the terminal tick's progress is not paid"),
    scale: z.number().default(1),
    initialCompletion: z.number().default(0).describe("completion before the first tick"),
    lengthFactor: z.number().positive().nullable().default(null).describe("ticks; null: 2000 weighted, 150 survival"),
    fullScore: z.number().nullable().default(null).describe("a whole route's score; null: 100 weighted, 1 survival"),
    survivalRatio: z.number().min(0).max(1).default(0.6).describe("ρ"),
  }),
  inputs: z.object({
    routeCompletion: vector("T", "completion after each tick"),
    penalties: z.record(z.string(), vector("T", "factor per tick")).describe("soft factors by name"),
    infractions: z.record(z.string(), flags("T", "happened in this tick")).describe("hard infractions by name"),
    finished: flags("T", "the end of the route was reached"),
  }),
  outputs: z.object({
    rewards: vector("E", "reward per tick up to the end"),
    terminated: z.boolean().describe("an infraction ended the episode"),
    truncated: z.boolean().describe("the route was finished"),
    endStep: z.int().nullable().describe("last tick; null: the episode goes on"),
    infractions: shaped(z.array(z.string()), "infractions", "what ended the episode"),
    return: z.number().describe("sum of the rewards"),
  }),
  compute(params, { routeCompletion: completion, penalties, infractions, finished }) {
    const n = completion.length;
    for (const [name, factors] of Object.entries(penalties)) expectLength(factors, n, `penalties.${name}`);
    for (const [name, happened] of Object.entries(infractions)) expectLength(happened, n, `infractions.${name}`);
    expectLength(finished, n, "finished");
    const rewards: number[] = [];
    let ended: string[] = [];
    let endStep: number | null = null;
    let before = params.initialCompletion;
    let total = 0;
    for (let t = 0; t < n && endStep === null; t++) {
      ended = Object.keys(infractions).filter((name) => infractions[name][t]);
      const terminated = ended.length > 0;
      let reward = tickReward(params, penalties, completion[t] - before, t);
      before = completion[t];
      if (terminated) {
        if (params.zeroOnTermination) reward = 0;
        reward += params.terminalReward;
        if (ended.some((name) => params.hintInfractions.includes(name))) reward -= params.terminalHint;
      }
      rewards.push(reward * params.scale);
      total += reward * params.scale;
      if (terminated || finished[t]) endStep = t;
    }
    const terminated = ended.length > 0;
    const truncated = endStep !== null && !terminated;
    return { rewards, terminated, truncated, endStep, infractions: ended, return: total };
  },
});

interface Accumulation {
  readonly accumulation: "multiplicative" | "weighted" | "survival";
  readonly lengthFactor: number | null;
  readonly fullScore: number | null;
  readonly survivalRatio: number;
}

function tickReward(
  { accumulation, lengthFactor, fullScore, survivalRatio }: Accumulation,
  penalties: Readonly<Record<string, ArrayLike<number>>>,
  progress: number,
  t: number,
): number {
  if (accumulation === "weighted") {
    const factor = (name: string): number => {
      if (!Object.hasOwn(penalties, name)) {
        throw new ContractError(`inputs.penalties.${name}`, "expected factors: accumulation is weighted");
      }
      return penalties[name][t];
    };
    const perTick = (fullScore ?? 100) / (lengthFactor ?? 2000);
    const kept = (name: string) => (factor(name) === 1 ? perTick : 0);
    const sum = 5 * progress + 5 * kept("ttc") + 4 * kept("speed") + 2 * kept("comfort");
    return (sum / 16) * factor("lane") * factor("outsideLanes");
  }
  let product = progress;
  for (const factors of Object.values(penalties)) product *= factors[t];
  if (accumulation === "multiplicative") return product;
  return (1 - survivalRatio) * product + (survivalRatio * (fullScore ?? 1)) / (lengthFactor ?? 150);
}
