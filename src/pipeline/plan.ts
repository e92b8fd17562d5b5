/** A reward definition worked out: which input comes from where, what is worth what, what runs when. */
import { ContractError } from "../core/error.ts";
import type { AnyPart } from "../core/part.ts";
import { contractOf, type FieldContract } from "./contract.ts";
import { type InputPlan, inputPlans } from "./sources.ts";
import type {
  AnyBoundPart,
  FieldRead,
  JudgeSignal,
  RewardDefinition,
  SignalFunction,
  SignalOptions,
  SignalSource,
  SignalSpec,
  StepOptions,
  StepSpec,
} from "./types.ts";

export type { InputPlan, Source } from "./sources.ts";

interface SignalBase {
  readonly name: string;
  readonly index: number;
  /** Signals of one level need only signals of lower levels. */
  readonly level: number;
  readonly timeLimit: number;
  /** The reward file names the limit itself. */
  readonly explicitLimit: boolean;
  readonly retries: number;
  readonly concurrency: number;
  readonly cache: boolean;
  readonly fallback?: number;
  readonly required: boolean;
  readonly thread: "worker" | "main";
}

export interface PartSignalPlan extends SignalBase {
  readonly kind: "part";
  readonly bound: AnyBoundPart;
  readonly inputs: readonly InputPlan[];
  readonly outputs: readonly FieldContract[];
  /** The output that counts. */
  readonly worth: FieldContract;
  /** "rows": arrays of any slice; "single": one call per rollout; "batch": everything at once. */
  readonly scope: "rows" | "single" | "batch";
  readonly initialState?: unknown;
  readonly stateful: boolean;
}

export interface FunctionSignalPlan extends SignalBase {
  readonly kind: "function" | "judge";
  readonly run: SignalFunction;
  readonly identity: unknown;
  readonly reads: readonly FieldRead[] | null;
  readonly explicitRetries: boolean;
}

export type SignalPlan = PartSignalPlan | FunctionSignalPlan;

export interface StepPlan {
  /** "shaping/running-normalization", with its position where a part is used twice. */
  readonly key: string;
  readonly stage: "shaping" | "credit";
  readonly bound: AnyBoundPart;
  readonly inputs: readonly InputPlan[];
  readonly outputs: readonly FieldContract[];
  readonly initialState?: unknown;
  readonly stateful: boolean;
}

export interface Plan {
  readonly signals: readonly SignalPlan[];
  readonly levels: readonly (readonly SignalPlan[])[];
  readonly steps: readonly StepPlan[];
  readonly combine?: RewardDefinition["combine"];
  readonly stateful: boolean;
  readonly draws: boolean;
  readonly wholeGroups: boolean;
  readonly maxUnscored: number;
}

export function isBound(value: unknown): value is AnyBoundPart {
  return typeof value === "function" && "part" in value && "params" in value;
}

function isJudge(value: unknown): value is JudgeSignal {
  return typeof value === "object" && value !== null && (value as JudgeSignal).kind === "judge";
}

function isUnboundPart(value: unknown): value is AnyPart {
  return typeof value === "function" && "stage" in value && "inputs" in value;
}

function describeSource(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object"
    ? `an object with ${Object.keys(value).join(", ") || "no keys"}`
    : `a ${typeof value}`;
}

const signalOptionNames = new Set<keyof SignalOptions>([
  "use",
  "bind",
  "inputs",
  "state",
  "output",
  "scope",
  "timeLimit",
  "retries",
  "concurrency",
  "cache",
  "fallback",
  "required",
  "thread",
]);
const stepOptionNames = new Set<keyof StepOptions>(["use", "bind", "inputs", "state"]);

function checkOptionNames(path: string, options: object, known: ReadonlySet<string>): void {
  for (const name of Object.keys(options)) {
    if (!known.has(name))
      throw new ContractError(`${path}.${name}`, `no such option; there are ${[...known].join(", ")}`);
  }
}

function signalOptions(path: string, spec: SignalSpec): SignalOptions {
  const check = (source: unknown, at: string): SignalSource => {
    if (isBound(source) || isJudge(source)) return source;
    if (isUnboundPart(source))
      throw new ContractError(at, `${source.id} needs its params: call it, e.g. ${exampleCall(source)}`);
    if (typeof source === "function") return source as SignalFunction;
    throw new ContractError(
      at,
      `expected a part, a function or a judge (or { use: … }), got ${describeSource(source)}`,
    );
  };
  if (typeof spec === "object" && spec !== null && "use" in spec) {
    checkOptionNames(path, spec, signalOptionNames);
    check(spec.use, `${path}.use`);
    return spec;
  }
  return { use: check(spec, path) };
}

function exampleCall(part: AnyPart): string {
  return `${part.id.slice(part.id.indexOf("/") + 1).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}()`;
}

function positive(path: string, value: number | undefined, integer: boolean, minimum: number): void {
  if (value === undefined) return;
  if (
    typeof value !== "number" ||
    !(value >= minimum) ||
    !Number.isFinite(value) ||
    (integer && !Number.isInteger(value))
  ) {
    throw new ContractError(
      path,
      `expected ${integer ? "an integer" : "a number"} of at least ${minimum}, got ${String(value)}`,
    );
  }
}

const preferredWorth = ["correct", "rewards", "scores", "reward", "score"] as const;

export function worthOf(
  path: string,
  part: AnyPart,
  wanted: string | undefined,
  further: readonly string[] = [],
): FieldContract {
  const { outputs } = contractOf(part);
  const usable = outputs.filter(
    (output) =>
      (output.layout === "rows" || output.layout === "single") &&
      (output.kind === "number" || output.kind === "boolean" || output.kind === "verdict") &&
      (output.layout === "single" || output.shape === "N"),
  );
  const candidates = usable.map((output) => output.name).join(", ") || "none";
  if (wanted !== undefined) {
    const found = usable.find((output) => output.name === wanted);
    if (!found)
      throw new ContractError(
        `${path}.output`,
        `${part.id} has no such output of one number or boolean per rollout; candidates: ${candidates}`,
      );
    return found;
  }
  for (const name of [...preferredWorth, ...further]) {
    const found = usable.find((output) => output.name === name);
    if (found) return found;
  }
  throw new ContractError(
    path,
    `${part.id} gives neither correct nor rewards nor scores; say what counts with { use, output }, candidates: ${candidates}`,
  );
}

function initialStateOf(path: string, part: AnyPart, given: unknown): { stateful: boolean; initialState?: unknown } {
  const schema = part.inputs.shape.state as
    | { safeParse(value: unknown): { success: boolean; data?: unknown } }
    | undefined;
  if (!schema || !("state" in part.outputs.shape)) {
    if (given !== undefined) throw new ContractError(`${path}.state`, `${part.id} keeps no state`);
    return { stateful: false };
  }
  for (const candidate of given === undefined ? [undefined, {}] : [given]) {
    const parsed = schema.safeParse(candidate);
    if (parsed.success) return { stateful: true, initialState: parsed.data };
  }
  throw new ContractError(
    `${path}.state`,
    given === undefined
      ? `${part.id} keeps state and has no default for it: give the state to begin with in { use, state }`
      : `not a state of ${part.id}`,
  );
}

function scopeOf(
  part: AnyPart,
  inputs: readonly InputPlan[],
  wanted: "rollout" | "batch" | undefined,
  stateful: boolean,
) {
  const rows = inputs.filter((input) => input.layout === "rows");
  const singles = inputs.filter(
    (input) => input.layout === "single" && input.source.from !== "constant" && !input.optional,
  );
  const coupled =
    stateful ||
    part.stage !== "signal" ||
    inputs.some((input) => input.name === "groups" || input.layout === "columns" || input.layout === "whole");
  const readsText = rows.some((input) => input.kind === "string");
  const cut = wanted ? wanted === "rollout" : rows.length === 0 || (readsText && !coupled);
  if (!cut) return "batch" as const;
  return singles.length > 0 ? ("single" as const) : ("rows" as const);
}

function levelsOf(dependencies: readonly ReadonlySet<string>[], names: readonly string[]): number[] {
  const levels = new Array<number>(names.length).fill(-1);
  const visit = (i: number, trail: readonly string[]): number => {
    if (trail.includes(names[i])) {
      throw new ContractError(
        `signals.${names[i]}`,
        `signals need one another in a circle: ${[...trail, names[i]].join(" → ")}`,
      );
    }
    if (levels[i] >= 0) return levels[i];
    let level = 0;
    for (const dependency of dependencies[i])
      level = Math.max(level, 1 + visit(names.indexOf(dependency), [...trail, names[i]]));
    levels[i] = level;
    return level;
  };
  for (let i = 0; i < names.length; i++) visit(i, []);
  return levels;
}

function isAsyncFunction(run: unknown): boolean {
  return typeof run === "function" && run.constructor.name === "AsyncFunction";
}

/** Works a definition out. Throws `ContractError` naming the place in the reward file. */
export function planReward(definition: RewardDefinition): Plan {
  if (typeof definition !== "object" || definition === null)
    throw new ContractError("", `expected { signals: … }, got ${describeSource(definition)}`);
  checkOptionNames("reward", definition, new Set(["name", "signals", "combine", "shaping", "credit", "maxUnscored"]));
  if (typeof definition.signals !== "object" || definition.signals === null || Array.isArray(definition.signals)) {
    throw new ContractError(
      "signals",
      `expected an object of named signals, got ${describeSource(definition.signals)}`,
    );
  }
  const names = Object.keys(definition.signals);
  if (names.length === 0) throw new ContractError("signals", "expected at least one signal");
  for (const name of names) {
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) || name === "rollout") {
      throw new ContractError(`signals.${name}`, "a signal's name is letters, digits, _ and -, and not `rollout`");
    }
  }
  if (definition.combine !== undefined && typeof definition.combine !== "function") {
    throw new ContractError("combine", `expected a function, got ${describeSource(definition.combine)}`);
  }
  if (isAsyncFunction(definition.combine))
    throw new ContractError("combine", "may not be asynchronous: make what it waits for a signal");
  const maxUnscored = definition.maxUnscored ?? 0.1;
  if (typeof maxUnscored !== "number" || !(maxUnscored >= 0 && maxUnscored <= 1)) {
    throw new ContractError("maxUnscored", `expected a share between 0 and 1, got ${String(maxUnscored)}`);
  }

  const options = names.map((name) => signalOptions(`signals.${name}`, definition.signals[name]));
  const provided = new Map(
    names.map((name, i) => {
      const { use } = options[i];
      return [name, isBound(use) ? contractOf(use.part).outputs.map((output) => output.name) : []] as const;
    }),
  );
  const drafts = names.map((name, index) => signalPlan(name, index, options[index], provided));
  const dependencies = drafts.map((draft) => {
    const needed = new Set<string>();
    if (draft.kind === "part")
      for (const { source } of draft.inputs) if (source.from === "signal") needed.add(source.signal);
    return needed;
  });
  const levelNumbers = levelsOf(dependencies, names);
  const signals = drafts.map((draft, i) => ({ ...draft, level: levelNumbers[i] }));
  const levels: SignalPlan[][] = [];
  for (const signal of signals) {
    levels[signal.level] ??= [];
    levels[signal.level].push(signal);
  }
  const steps = stepPlans(definition, provided);
  const parts = [...signals.filter((signal) => signal.kind === "part"), ...steps];
  return {
    signals,
    levels,
    steps,
    combine: definition.combine,
    stateful: parts.some((part) => part.stateful),
    draws: parts.some((part) => part.inputs.some((input) => input.source.from === "draw")),
    wholeGroups: parts.some((part) => part.inputs.some((input) => input.name === "groups")),
    maxUnscored,
  };
}

function signalPlan(
  name: string,
  index: number,
  options: SignalOptions,
  provided: ReadonlyMap<string, readonly string[]>,
): SignalPlan {
  const path = `signals.${name}`;
  const { use } = options;
  positive(`${path}.timeLimit`, options.timeLimit, false, 1);
  positive(`${path}.retries`, options.retries, true, 0);
  positive(`${path}.concurrency`, options.concurrency, true, 1);
  if (options.fallback !== undefined && !Number.isFinite(options.fallback)) {
    throw new ContractError(`${path}.fallback`, `expected a finite number, got ${String(options.fallback)}`);
  }
  const common = {
    name,
    index,
    level: 0,
    explicitLimit: options.timeLimit !== undefined,
    concurrency: options.concurrency ?? 16,
    fallback: options.fallback,
    required: options.required ?? true,
  };
  if (isBound(use)) {
    if (use.part.stage !== "signal" && options.output === undefined) {
      throw new ContractError(
        path,
        `${use.part.id} is no signal; if it is meant as one, say which output counts with { use, output }`,
      );
    }
    const state = initialStateOf(path, use.part, options.state);
    const inputs = inputPlans({
      path,
      self: name,
      part: use.part,
      bind: options.bind ?? {},
      constants: options.inputs ?? {},
      provided,
      earlier: null,
    });
    return {
      ...common,
      kind: "part",
      bound: use,
      inputs,
      outputs: contractOf(use.part).outputs,
      worth: worthOf(path, use.part, options.output),
      scope: scopeOf(use.part, inputs, options.scope, state.stateful),
      timeLimit: options.timeLimit ?? 1000,
      retries: options.retries ?? 0,
      cache: options.cache ?? false,
      thread: use.part.asynchronous || state.stateful ? "main" : (options.thread ?? "worker"),
      ...state,
    };
  }
  for (const option of ["bind", "inputs", "output", "state", "scope"] as const) {
    if (options[option] !== undefined)
      throw new ContractError(`${path}.${option}`, "only parts have this option; a function gets the whole rollout");
  }
  const judged = isJudge(use);
  const run = judged ? use.run : (use as SignalFunction);
  const waits = judged || isAsyncFunction(run);
  return {
    ...common,
    kind: judged ? "judge" : "function",
    run,
    identity: judged ? use.identity : String(run),
    reads: judged ? use.reads : null,
    timeLimit: options.timeLimit ?? (waits ? waiting.timeLimit : 1000),
    retries: options.retries ?? (waits ? waiting.retries : 0),
    explicitRetries: options.retries !== undefined,
    cache: options.cache ?? judged,
    thread: waits ? "main" : (options.thread ?? "worker"),
  };
}

/** Defaults of what waits for somebody else: asynchronous functions and judges. */
export const waiting = { timeLimit: 60_000, retries: 2 } as const;

function stepPlans(definition: RewardDefinition, provided: ReadonlyMap<string, readonly string[]>): StepPlan[] {
  const { shaping = [], credit = [] } = definition;
  if (!Array.isArray(shaping))
    throw new ContractError("shaping", `expected a list of parts, got ${describeSource(shaping)}`);
  const credits: readonly StepSpec[] = Array.isArray(credit) ? credit : [credit as StepSpec];
  const specs = [
    ...shaping.map((spec: StepSpec, i) => ({ spec, path: `shaping[${i}]`, stage: "shaping" as const })),
    ...credits.map((spec, i) => ({
      spec,
      path: Array.isArray(credit) ? `credit[${i}]` : "credit",
      stage: "credit" as const,
    })),
  ];
  const earlier = new Set<string>();
  const seen = new Map<string, number>();
  return specs.map(({ spec, path, stage }) => {
    const options: StepOptions = isBound(spec) ? { use: spec } : (spec as StepOptions);
    if (isUnboundPart(spec) || isUnboundPart(options?.use)) {
      throw new ContractError(
        path,
        `needs its params: call it, e.g. ${exampleCall((isUnboundPart(spec) ? spec : options.use) as AnyPart)}`,
      );
    }
    if (typeof options !== "object" || options === null || !isBound(options.use)) {
      throw new ContractError(path, `expected a part or { use: part, bind, … }, got ${describeSource(spec)}`);
    }
    if (!isBound(spec)) checkOptionNames(path, options, stepOptionNames);
    const { part } = options.use;
    const count = seen.get(part.id) ?? 0;
    seen.set(part.id, count + 1);
    const inputs = inputPlans({
      path,
      self: null,
      part,
      bind: options.bind ?? {},
      constants: options.inputs ?? {},
      provided,
      earlier,
    });
    const { outputs } = contractOf(part);
    for (const output of outputs) earlier.add(output.name);
    return {
      key: count === 0 ? part.id : `${part.id}#${count + 1}`,
      stage,
      bound: options.use,
      inputs,
      outputs,
      ...initialStateOf(path, part, options.state),
    };
  });
}
