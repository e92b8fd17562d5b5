import { ContractError } from "../core/error.ts";
import type { Check, DefinedPaper, Experiment, ExperimentDefinition, Paper } from "./types.ts";

const slugForm = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Facts about a paper. Throws `ContractError` naming the field that is not as `Paper` says. */
export function definePaper(paper: Paper): DefinedPaper {
  expectSlug("slug", paper.slug);
  if (paper.title.trim() === "") throw new ContractError("title", "expected a title");
  if (paper.says.length !== 3 || paper.says.some((line) => line.trim() === ""))
    throw new ContractError("says", `expected three lines, got ${paper.says.length}`);
  if (paper.arxiv !== undefined && !/^\d{4}\.\d{4,5}$/.test(paper.arxiv))
    throw new ContractError("arxiv", `expected an id like 2502.18770, got ${JSON.stringify(paper.arxiv)}`);
  if (paper.published !== undefined && !/^\d{4}(-\d\d)?$/.test(paper.published))
    throw new ContractError("published", `expected YYYY-MM or YYYY, got ${JSON.stringify(paper.published)}`);
  return { kind: "paper", ...paper };
}

/**
 * Defines an experiment. Names of arms and metrics are checked by the compiler in `gates`, `claims` and `figure`;
 * the rest is checked here, so that a mistake shows before anything runs.
 */
export function defineExperiment<Budget, Settings, Prepared, ArmName extends string, Metric extends string>(
  definition: ExperimentDefinition<Budget, Settings, Prepared, ArmName, Metric>,
): Experiment {
  expectSlug("paper", definition.paper);
  if (!Number.isInteger(definition.seeds) || definition.seeds < 3)
    throw new ContractError("seeds", `expected at least 3, got ${definition.seeds}`);
  const arms = Object.keys(definition.arms);
  if (arms.length === 0) throw new ContractError("arms", "expected at least one");
  const { sweep } = definition;
  if (sweep && !sweep.values.includes(sweep.fixed))
    throw new ContractError("sweep.fixed", `expected one of ${sweep.values.join(", ")}, got ${sweep.fixed}`);
  for (const [i, gate] of (definition.gates ?? []).entries()) expectBound(`gates[${i}]`, gate);
  for (const [i, claim] of definition.claims.entries()) {
    const path = `claims[${i}]`;
    if (definition.claims.findIndex(({ card }) => card === claim.card) !== i)
      throw new ContractError(`${path}.card`, `claim ${claim.card} stands twice`);
    if ((claim.checks.length === 0) !== (claim.omitted !== undefined))
      throw new ContractError(`${path}.checks`, "expected checks, or `omitted` with the reason why there are none");
    for (const [k, check] of claim.checks.entries()) if (!claim.reportOnly) expectBound(`${path}.checks[${k}]`, check);
  }
  for (const [i, panel] of definition.figure.panels.entries()) {
    for (const arm of panel.arms ?? [])
      if (!arms.includes(arm)) throw new ContractError(`figure.panels[${i}].arms`, `no arm ${JSON.stringify(arm)}`);
  }
  return { kind: "experiment", ...definition } as unknown as Experiment;
}

export function isExperiment(value: unknown): value is Experiment {
  return typeof value === "object" && value !== null && (value as Experiment).kind === "experiment";
}

export function isPaper(value: unknown): value is DefinedPaper {
  return typeof value === "object" && value !== null && (value as DefinedPaper).kind === "paper";
}

function expectSlug(field: string, slug: string): void {
  if (!slugForm.test(slug)) throw new ContractError(field, `expected a kebab-case slug, got ${JSON.stringify(slug)}`);
}

function expectBound(path: string, { atLeast, atMost }: Check<string, string>): void {
  if (atLeast === undefined && atMost === undefined)
    throw new ContractError(path, "expected a bound: atLeast, atMost or both");
}
