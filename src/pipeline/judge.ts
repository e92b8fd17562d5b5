import type OpenAI from "openai";
import { ContractError, messageOf, type ScoreError, scoreError } from "../core/error.ts";
import type { Ragged } from "../core/ragged.ts";
import { columnsFor, contractOf, type FieldContract, singularOf } from "./contract.ts";
import { isBound, worthOf } from "./plan.ts";
import type { AnyBoundPart, JudgeSignal, RolloutView, SignalContext, SignalResult } from "./types.ts";
import { type Aggregate, poll } from "./votes.ts";

export interface JudgeOptions {
  readonly model: string;
  /** Any OpenAI-compatible server. Default: the client's own (environment `OPENAI_BASE_URL`, else OpenAI). */
  readonly baseURL?: string;
  /** Default: environment `OPENAI_API_KEY`; servers of one's own often want none. */
  readonly apiKey?: string;
  /** A part whose outputs hold `messages` (or the text `prompt`). */
  readonly prompt: AnyBoundPart;
  /** A part that reads `reply` (or `replies`) and gives a number, a boolean or a verdict; A is worth 1, B 0, a tie ½. */
  readonly parse: AnyBoundPart;
  /** Renames inputs of both parts: contract name → field of the rollout. */
  readonly bind?: Readonly<Record<string, string>>;
  /** Inputs of both parts that are the same for every rollout. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** Output of `parse` that counts, where it is not one of the usual names. */
  readonly output?: string;
  /**
   * For an output that is a list for each rollout (scores of keypoints, criteria that are satisfied): what becomes of it.
   * The list is `output`. An entry without a value leaves the whole reply without one, unless `skipMissing`.
   */
  readonly reduce?: ListReduction;
  /** With `reduce`: entries without a value (a key point that does not apply) are left out. Default false. */
  readonly skipMissing?: boolean;
  /** Calls per rollout (and per order). Default 1. */
  readonly votes?: number;
  /**
   * Two inputs of the prompt that are exchanged for a second round of votes, against position bias. The
   * second round's values are turned round: 1 − value, or −value with `flip: "negate"`.
   */
  readonly orderSwap?: { readonly inputs: readonly [string, string]; readonly flip?: "one-minus" | "negate" };
  /** Votes → value. "majority" of a tie is no value. Default "mean". */
  readonly aggregate?: Aggregate;
  /** Least share of readable votes that must be equal to the commonest one, else there is no value. Default 0. */
  readonly minAgreement?: number;
  /** Default 0 for one vote, 1 for several. */
  readonly temperature?: number;
  /** Tokens of a reply. Default 1,024. */
  readonly maxTokens?: number;
  /** Top log-probabilities to ask for; `parse` gets them as `topLogprobs`. */
  readonly topLogprobs?: number;
  /** Further fields of the request, as the server understands them. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export type ListReduction = "mean" | "min" | "max" | "sum";

const preferred = ["rating", "verdict", "verdicts", "probabilities", "rewards", "satisfied"];
const shownReply = 500;

/**
 * A signal that asks a model: `prompt` turns the rollout into messages, the model replies, `parse` turns
 * the reply into a value. What the parser refuses is `unreadable`; a busy or broken endpoint is
 * `unavailable` and may be tried again, after as long as it asks for. Neither ever becomes a number.
 *
 * The judged text goes where the prompt part puts it, and nowhere else.
 */
export function judge(options: JudgeOptions): JudgeSignal {
  const {
    model,
    prompt,
    parse,
    votes = 1,
    aggregate = "mean",
    minAgreement = 0,
    bind = {},
    inputs: constants = {},
  } = options;
  if (typeof model !== "string" || model === "") throw new ContractError("judge.model", "expected the name of a model");
  if (!isBound(prompt)) throw new ContractError("judge.prompt", "expected a part with its params, e.g. rubricPrompt()");
  if (!isBound(parse)) throw new ContractError("judge.parse", "expected a part with its params, e.g. rubricParse()");
  if (!Number.isInteger(votes) || votes < 1)
    throw new ContractError("judge.votes", `expected an integer of at least 1, got ${votes}`);
  if (!(minAgreement >= 0 && minAgreement <= 1))
    throw new ContractError("judge.minAgreement", `expected a share between 0 and 1, got ${minAgreement}`);
  const promptContract = contractOf(prompt.part);
  const parseContract = contractOf(parse.part);
  if (!promptContract.outputs.some(({ name }) => name === "messages" || name === "prompt")) {
    throw new ContractError("judge.prompt", `${prompt.part.id} gives no messages`);
  }
  if (!parseContract.inputs.some(({ name }) => name === "reply" || name === "replies" || name === "topLogprobs")) {
    throw new ContractError("judge.parse", `${parse.part.id} reads no reply`);
  }
  const known = new Set([...promptContract.inputs, ...parseContract.inputs].map(({ name }) => name));
  for (const name of [...Object.keys(bind), ...Object.keys(constants), ...(options.orderSwap?.inputs ?? [])]) {
    if (!known.has(name))
      throw new ContractError(
        `judge.${name}`,
        `neither ${prompt.part.id} nor ${parse.part.id} has such an input; there are ${[...known].join(", ")}`,
      );
  }
  const worth = options.reduce
    ? listOf(parse, options.output, options.reduce)
    : worthOf("judge", parse.part, options.output, preferred);
  const temperature = options.temperature ?? (votes > 1 ? 1 : 0);
  const fromReply = new Set(["reply", "replies", "topLogprobs", ...promptContract.outputs.map(({ name }) => name)]);
  const wanted = [...promptContract.inputs, ...parseContract.inputs.filter(({ name }) => !fromReply.has(name))].filter(
    ({ name }) => !Object.hasOwn(constants, name),
  );
  const client = lazyClient(options);
  const orders = options.orderSwap ? [false, true] : [false];
  const ballots = orders.flatMap((swapped) => Array.from({ length: votes }, () => swapped));
  /** Votes that a rollout already has, so that a retry asks only for what is missing. */
  const polled = new WeakMap<RolloutView, (Vote | null)[]>();

  async function vote(rollout: RolloutView, swapped: boolean, { signal }: SignalContext): Promise<Vote> {
    const promptInputs = inputsOf(promptContract.inputs, rollout, bind, constants, {});
    if (swapped && options.orderSwap) {
      const [first, second] = options.orderSwap.inputs;
      [promptInputs[first], promptInputs[second]] = [promptInputs[second], promptInputs[first]];
    }
    const asked = (await call(prompt, promptInputs)) as { messages?: unknown; prompt?: unknown };
    const { text, topLogprobs } = await ask(await client(), options, temperature, messagesOf(asked), signal);
    const parseInputs = inputsOf(parseContract.inputs, rollout, bind, constants, {
      ...asked,
      reply: text,
      replies: text,
      topLogprobs,
    });
    let outputs: Record<string, unknown>;
    try {
      outputs = (await call(parse, parseInputs)) as Record<string, unknown>;
    } catch (thrown) {
      throw Object.assign(new Error(`${parse.part.id}: ${messageOf(thrown)}`), { parser: true });
    }
    const value = options.reduce
      ? readList(outputs, worth, options.reduce, options.skipMissing ?? false)
      : readValue(outputs, worth);
    const turned = value === null || !swapped ? value : options.orderSwap?.flip === "negate" ? -value : 1 - value;
    return { value: turned, reply: text.slice(0, shownReply) };
  }

  async function run(rollout: RolloutView, context: SignalContext): Promise<SignalResult> {
    const cast = polled.get(rollout) ?? ballots.map(() => null);
    polled.set(rollout, cast);
    const problems = await Promise.all(
      ballots.map(async (swapped, k) => {
        if (cast[k]) return null;
        try {
          cast[k] = await vote(rollout, swapped, context);
          return null;
        } catch (thrown) {
          return failureOf(thrown);
        }
      }),
    );
    const problem = problems.find((one) => one && !one.error.retryable) ?? problems.find((one) => one);
    if (problem) return problem;
    const result = poll(
      cast.map((one) => one?.value ?? null),
      aggregate,
    );
    const evidence = { votes: result.votes, agreement: result.agreement, replies: cast.map((one) => one?.reply ?? "") };
    if (result.readable * 2 <= ballots.length) {
      // Asking again helps only where the model may answer differently.
      for (let k = 0; k < cast.length; k++) if (cast[k]?.value === null) cast[k] = null;
      const shown = evidence.replies[result.votes.indexOf(null)] ?? "";
      return {
        error: scoreError(
          "unreadable",
          `${ballots.length - result.readable} of ${ballots.length} replies could not be read, e.g. ${JSON.stringify(shown.slice(0, 80))}`,
          temperature > 0,
        ),
      };
    }
    if (result.agreement < minAgreement) {
      return {
        error: scoreError(
          "no-value",
          `the votes agree by ${result.agreement.toFixed(2)}, less than ${minAgreement}: ${JSON.stringify(result.votes)}`,
        ),
      };
    }
    if (result.value === null)
      return { error: scoreError("no-value", `the votes tie: ${JSON.stringify(result.votes)}`) };
    return { value: result.value, evidence };
  }

  return {
    kind: "judge",
    run,
    reads: wanted.map((input) => ({
      names: Object.hasOwn(bind, input.name)
        ? columnsFor(bind[input.name], "single")
        : columnsFor(input.name, input.layout),
      optional: input.optional,
    })),
    identity: {
      model,
      baseURL: options.baseURL ?? null,
      prompt: [prompt.part.id, prompt.params],
      parse: [parse.part.id, parse.params],
      output: worth.name,
      // Absent for others, whose cached answers stay what they were.
      ...(options.reduce ? { reduce: options.reduce, skipMissing: options.skipMissing ?? false } : {}),
      bind,
      constants,
      votes,
      aggregate,
      minAgreement,
      orderSwap: options.orderSwap ?? null,
      temperature,
      maxTokens: options.maxTokens ?? null,
      topLogprobs: options.topLogprobs ?? null,
      extra: options.extra ?? null,
    },
  };
}

interface Vote {
  readonly value: number | null;
  readonly reply: string;
}

function call(bound: AnyBoundPart, inputs: Record<string, unknown>): unknown {
  return (bound as unknown as (inputs: unknown) => unknown)(inputs);
}

/** Inputs of a judge's part for one rollout: constants, then what came from the call, then the rollout's fields. */
function inputsOf(
  contract: readonly FieldContract[],
  rollout: RolloutView,
  bind: Readonly<Record<string, string>>,
  constants: Readonly<Record<string, unknown>>,
  fromCall: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const inputs: Record<string, unknown> = {};
  for (const { name, layout, optional } of contract) {
    if (Object.hasOwn(constants, name)) {
      inputs[name] = constants[name];
      continue;
    }
    const field = bind[name] ?? name;
    const value = fromCall[name] ?? rollout[field] ?? rollout[singularOf(field)] ?? rollout[`${field}s`];
    if (value === undefined || value === null) {
      if (optional) continue;
      throw Object.assign(new Error(`${field}: this rollout has none`), { missing: true });
    }
    inputs[name] = layout === "rows" ? [value] : value;
  }
  return inputs;
}

/** Messages of one request: a part that builds one per rollout was given one rollout. */
function messagesOf({ messages, prompt }: { messages?: unknown; prompt?: unknown }): unknown {
  if (messages === undefined) return [{ role: "user", content: prompt }];
  return Array.isArray(messages) && Array.isArray(messages[0]) ? messages[0] : messages;
}

function readValue(outputs: Record<string, unknown>, { name, layout }: FieldContract): number | null {
  const one = (output: unknown) => (layout === "rows" ? (output as ArrayLike<unknown> | undefined)?.[0] : output);
  const valid =
    outputs.valid === undefined
      ? undefined
      : typeof outputs.valid === "boolean"
        ? outputs.valid
        : (outputs.valid as ArrayLike<unknown>)[0];
  if (valid === false) return null;
  const value = one(outputs[name]);
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === "A") return 1;
  if (value === "B") return 0;
  if ((name === "verdict" || name === "verdicts") && value === null && valid === true) return 0.5;
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

const reductions: Readonly<Record<ListReduction, (values: readonly number[]) => number>> = {
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
};

/** The output of a parser that `reduce` reads. */
function listOf({ part }: AnyBoundPart, output: string | undefined, reduce: string): FieldContract {
  if (!Object.hasOwn(reductions, reduce))
    throw new ContractError("judge.reduce", `expected ${Object.keys(reductions).join(", ")}, got ${reduce}`);
  const { outputs } = contractOf(part);
  const lists = outputs.filter(({ layout, kind }) => layout === "whole" || kind === "array");
  const found =
    lists.find(({ name }) => name === output) ?? (output === undefined && lists.length === 1 ? lists[0] : null);
  if (!found)
    throw new ContractError(
      "judge.output",
      `expected one of ${part.id}'s lists, ${lists.map(({ name }) => name).join(", ") || "none"}, since reduce is given`,
    );
  return found;
}

/** One number of a list: verdicts count 1 and 0. null of nothing, and where an entry is no number. */
function readList(
  outputs: Record<string, unknown>,
  field: FieldContract,
  reduce: ListReduction,
  skipMissing: boolean,
): number | null {
  const valid = Array.isArray(outputs.valid) ? (outputs.valid as unknown[])[0] : outputs.valid;
  if (valid === false) return null;
  const output = outputs[field.name];
  const list = field.layout === "rows" ? firstRow(output) : output;
  if (!Array.isArray(list) && !ArrayBuffer.isView(list)) return null;
  const entries = Array.from(list as ArrayLike<unknown>, (one) => (typeof one === "boolean" ? Number(one) : one));
  const values = skipMissing ? entries.filter((one) => one !== null) : entries;
  if (values.length === 0 || !values.every((entry) => typeof entry === "number" && Number.isFinite(entry))) return null;
  return reductions[reduce](values as number[]);
}

function firstRow(rows: unknown): unknown {
  const ragged = rows as Partial<Ragged> | null;
  if (ragged?.values && ragged.offsets) return ragged.values.slice(ragged.offsets[0], ragged.offsets[1]);
  return (rows as ArrayLike<unknown> | undefined)?.[0];
}

/** The client is loaded and made at the first call: reward files with a judge stay cheap to import. */
function lazyClient({ baseURL, apiKey }: JudgeOptions): () => Promise<OpenAI> {
  let made: Promise<OpenAI> | null = null;
  return () => {
    made ??= import("openai").then(
      ({ default: Client }) =>
        new Client({
          baseURL,
          apiKey: apiKey ?? process.env.OPENAI_API_KEY ?? "none",
          maxRetries: 0,
          fetch: boundedFetch,
        }),
    );
    return made;
  };
}

const longestAnswer = 16 * 1024 * 1024;

/** An answer that never ends must not fill the memory until its time is up. */
async function boundedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const { body, status, statusText, headers } = await fetch(input, init);
  if (body === null) return new Response(null, { status, statusText, headers });
  let size = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      size += piece.byteLength;
      if (size <= longestAnswer) controller.enqueue(piece);
      else
        controller.error(
          Object.assign(new Error(`the endpoint's answer is longer than ${longestAnswer} bytes`), { garbage: true }),
        );
    },
  });
  return new Response(body.pipeThrough(bounded), { status, statusText, headers });
}

async function ask(
  client: OpenAI,
  { model, maxTokens = 1024, topLogprobs, extra }: JudgeOptions,
  temperature: number,
  messages: unknown,
  signal: AbortSignal,
): Promise<{ text: string; topLogprobs?: unknown }> {
  const completion = await client.chat.completions.create(
    {
      model,
      messages: messages as OpenAI.ChatCompletionMessageParam[],
      temperature,
      max_tokens: maxTokens,
      stream: false,
      ...(topLogprobs === undefined ? {} : { logprobs: true, top_logprobs: topLogprobs }),
      ...extra,
    },
    { signal },
  );
  // What a server calls a completion may be anything.
  const choice = (completion as unknown as { choices?: unknown[] } | null)?.choices?.[0] as
    | { message?: { content?: unknown }; logprobs?: { content?: { top_logprobs?: unknown }[] } | null }
    | undefined;
  const text = choice?.message?.content;
  if (typeof text !== "string")
    throw Object.assign(new Error("the endpoint's answer holds no text"), { garbage: true });
  return { text, topLogprobs: choice?.logprobs?.content?.map((token) => token.top_logprobs) };
}

const longestRetryAfter = 300_000;

function failureOf(thrown: unknown): { error: ScoreError; retryAfter?: number } {
  const { status, headers, garbage, parser, missing, name } = thrown as {
    status?: number;
    headers?: Headers;
    garbage?: boolean;
    parser?: boolean;
    missing?: boolean;
    name?: string;
  };
  const message = messageOf(thrown);
  if (missing) return { error: scoreError("bad-input", message) };
  if (garbage || thrown instanceof SyntaxError) return { error: scoreError("unreadable", message, true) };
  if (parser) return { error: scoreError("threw", message) };
  if (typeof status === "number") {
    const busy = status === 408 || status === 409 || status === 429 || status >= 500;
    return { error: scoreError("unavailable", `HTTP ${status}: ${message}`, busy), retryAfter: retryAfterOf(headers) };
  }
  const constructorName = (thrown as object | null)?.constructor?.name ?? "";
  if (/^API(Connection|UserAbort)/.test(constructorName) || name === "AbortError") {
    return { error: scoreError("unavailable", message, true) };
  }
  return { error: scoreError("threw", message) };
}

/** Milliseconds that `Retry-After` asks for: seconds or a date. */
function retryAfterOf(headers: Headers | undefined): number | undefined {
  const exact = Number(headers?.get("retry-after-ms") ?? Number.NaN);
  const text = headers?.get("retry-after");
  const wait = Number.isFinite(exact)
    ? exact
    : text
      ? /^\d+(\.\d+)?$/.test(text)
        ? Number(text) * 1000
        : Date.parse(text) - Date.now()
      : Number.NaN;
  return Number.isFinite(wait) ? Math.min(longestRetryAfter, Math.max(0, wait)) : undefined;
}
