/** OpenAPI 3.1 document of the service. */
import type { Limits } from "./options.ts";

type Json = Readonly<Record<string, unknown>>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const list = (items: Json, description?: string): Json => ({
  type: "array",
  items,
  ...(description ? { description } : {}),
});
const text = (description?: string): Json => ({ type: "string", ...(description ? { description } : {}) });
const numberOrNull: Json = { type: ["number", "null"] };
const errorOrNull: Json = { anyOf: [ref("ScoreError"), { type: "null" }] };
const oneOrMore: Json = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" }, minItems: 1 }] };
const columns: Json = {
  type: "object",
  minProperties: 1,
  propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_.-]{0,63}$" },
  additionalProperties: { type: "array", items: {}, minItems: 1 },
};

function object(properties: Json, required: readonly string[] = [], more: boolean | Json = false): Json {
  return { type: "object", properties, required, additionalProperties: more };
}

const problem = (description: string): Json => ({
  description,
  content: { "application/json": { schema: ref("Problem") } },
});

const problems: Json = {
  400: problem("The body is no JSON object, or not UTF-8, or nested too deeply."),
  401: problem("No valid token."),
  403: problem("Without tokens: the Host header names another machine."),
  413: problem("The body is too large."),
  415: problem("Not application/json, or compressed."),
  422: problem("A field is wrong; `error.field` names it. Over protocols: a rollout could not be scored."),
  429: problem("Too much is under way; come back after `Retry-After` seconds."),
  503: problem("The service is stopping. Over protocols: a rollout could not be scored now."),
  504: problem("The deadline has passed."),
};

function operation(tag: string, summary: string, schema: Json, answer: Json, more: Json = {}): Json {
  return {
    tags: [tag],
    summary,
    requestBody: { required: true, content: { "application/json": { schema } } },
    responses: { 200: { description: "Done.", content: { "application/json": { schema: answer } } }, ...problems },
    ...more,
  };
}

function read(tag: string, summary: string, type = "application/json", more: Json = {}): Json {
  return { tags: [tag], summary, responses: { 200: { description: "Done.", content: { [type]: {} } } }, ...more };
}

const pathText = (name: string): Json => ({ name, in: "path", required: true, schema: { type: "string" } });

export function openApi({ version, limits, tokens }: { version: string; limits: Limits; tokens: boolean }): Json {
  const protocols: Record<string, Json> = {
    "/get_reward": operation(
      "OpenRLHF",
      "Rewards for OpenRLHF's remote reward model.",
      object({ query: oneOrMore, prompts: oneOrMore, labels: list({}) }, ["query"]),
      object({ rewards: list({ type: "number" }), scores: list({ type: "number" }), extra_logs: { type: "object" } }),
    ),
    "/classify": operation(
      "vLLM",
      "One reward a text, as the probability of its only class.",
      object(
        { model: { type: ["string", "null"] }, input: oneOrMore, messages: list(ref("Message")), fields: columns },
        [],
        true,
      ),
      object(
        {
          data: list(
            object({
              index: { type: "integer" },
              label: { type: "null" },
              probs: list({ type: "number" }),
              num_classes: { const: 1 },
            }),
          ),
        },
        [],
        true,
      ),
    ),
    "/score": operation(
      "vLLM",
      "One reward a pair of prompt and response.",
      object({ model: { type: ["string", "null"] }, text_1: oneOrMore, text_2: oneOrMore, fields: columns }, [], true),
      object(
        { data: list(object({ index: { type: "integer" }, object: { const: "score" }, score: { type: "number" } })) },
        [],
        true,
      ),
    ),
    "/verify": operation(
      "NeMo Gym",
      "The reward of one Responses call.",
      object(
        { responses_create_params: { type: "object" }, response: { type: "object" } },
        ["responses_create_params", "response"],
        true,
      ),
      object(
        { reward: { type: "number" }, reward_components: { type: "object", additionalProperties: { type: "number" } } },
        ["reward"],
        true,
      ),
    ),
    "/seed_session": operation("NeMo Gym", "Nothing is kept between calls.", { type: "object" }, { type: "object" }),
    "/aggregate_metrics": operation(
      "NeMo Gym",
      "Statistics over verify responses.",
      object({ verify_responses: list({ type: "object" }) }, ["verify_responses"]),
      object({
        group_level_metrics: list({ type: "object" }),
        agent_metrics: { type: "object" },
        key_metrics: { type: "object" },
      }),
    ),
  };
  return {
    openapi: "3.1.0",
    info: {
      title: "Guerdon",
      version,
      description:
        "Rewards over HTTP. A rollout that cannot be scored is null with its reason beside it; protocols that cannot say so answer with an error, never with a number.",
    },
    ...(tokens ? { security: [{ token: [] }] } : {}),
    paths: {
      "/v1/score": {
        post: operation("Score", "Scores a batch of rollouts.", ref("ScoreRequest"), ref("ScoreAnswer"), {
          description: `At most ${limits.batch} rollouts and ${limits.body} bytes. With \`Accept: application/x-ndjson\` each rollout comes as one line (ScoreLine) as soon as it is scored, in any order, then one line with done: true.`,
          parameters: [
            {
              name: "X-Deadline-Ms",
              in: "header",
              schema: { type: "integer", minimum: 1 },
              description: `Milliseconds; at most ${limits.deadline}.`,
            },
            {
              name: "X-Policy-Step",
              in: "header",
              schema: { type: "integer", minimum: 0 },
              description: "Step of the policy that wrote the rollouts; kept in the store.",
            },
            { name: "X-Request-Id", in: "header", schema: { type: "string", pattern: "^[A-Za-z0-9_.:-]{1,64}$" } },
          ],
        }),
      },
      "/v1/rewards": { get: read("Score", "The rewards that are served, and the fields that each wants.") },
      "/v1/query": {
        post: operation(
          "Store",
          "One select statement on the store (`--store`), which it cannot change.",
          object({ sql: text(), limit: { type: "integer", minimum: 1, maximum: 1_000_000, default: 10_000 } }, ["sql"]),
          object({ columns: list(text()), rows: list(list({})), more: { type: "boolean" } }),
        ),
      },
      "/v1/advice": {
        get: read(
          "Store",
          "Should the run stop? What `guerdon monitor` says of the store's policy steps.",
          "application/json",
          {
            parameters: [
              { name: "reward", in: "query", schema: { type: "string" } },
              {
                name: "gold",
                in: "query",
                schema: { type: "string" },
                description: "Signal that is watched, not optimised.",
              },
            ],
          },
        ),
      },
      "/v1/parts": { get: read("Parts", "All parts.") },
      "/v1/parts/{stage}/{name}": {
        get: read("Parts", "A part's contract.", "application/json", {
          parameters: [pathText("stage"), pathText("name")],
        }),
        post: operation(
          "Parts",
          "Runs one part.",
          object({ params: { type: "object" }, inputs: { type: "object" } }),
          { type: "object" },
          {
            parameters: [pathText("stage"), pathText("name")],
          },
        ),
      },
      ...Object.fromEntries(Object.entries(protocols).map(([path, post]) => [path, { post }])),
      ...Object.fromEntries(
        Object.entries(protocols).map(([path, post]) => [
          `/rewards/{reward}${path}`,
          { post: { ...post, parameters: [pathText("reward")] } },
        ]),
      ),
      "/reverify_mode": { get: read("NeMo Gym", 'Verification keeps nothing: "stateless".') },
      "/healthz": { get: read("Operation", "The process lives.", "application/json", { security: [] }) },
      "/readyz": { get: read("Operation", "It accepts work.", "application/json", { security: [] }) },
      "/metrics": { get: read("Operation", "Prometheus metrics.", "text/plain") },
      "/openapi.json": { get: read("Operation", "This document.") },
      "/docs": { get: read("Operation", "This document as a page.", "text/html") },
    },
    components: {
      ...(tokens ? { securitySchemes: { token: { type: "http", scheme: "bearer" } } } : {}),
      schemas: {
        ScoreRequest: {
          ...object({
            reward: text("Name of the reward; the first one when absent."),
            fields: { ...columns, description: "Lists of equal length: responses, references, groups, …" },
            rollouts: {
              type: "array",
              minItems: 1,
              items: { type: "object" },
              description: "The same as objects: { response, answer, … }.",
            },
            evidence: { type: "boolean", default: true, description: "Also what each signal's value rests on." },
            credit: {
              type: "boolean",
              default: true,
              description: "Also advantages, where the reward has credit and the batch its groups.",
            },
          }),
          oneOf: [{ required: ["fields"] }, { required: ["rollouts"] }],
        },
        ScoreAnswer: object(
          {
            reward: object({ name: text(), hash: text() }, ["name", "hash"]),
            rewards: list(numberOrNull, "null: unscored, with the reason in errors."),
            errors: list(errorOrNull),
            combined: list(numberOrNull, "Before shaping."),
            advantages: list({ anyOf: [numberOrNull, list({ type: "number" })] }),
            signals: { type: "object", additionalProperties: ref("Signal") },
            requestId: text(),
          },
          ["reward", "rewards", "errors", "combined", "signals", "requestId"],
        ),
        ScoreLine: object(
          {
            index: { type: "integer" },
            reward: numberOrNull,
            error: errorOrNull,
            combined: numberOrNull,
            advantage: {},
            signals: { type: "object" },
          },
          ["index", "reward", "error"],
        ),
        Signal: object(
          {
            values: list(numberOrNull),
            errors: list(errorOrNull, "A value beside an error is the fallback that the reward file names."),
            evidence: list({}),
            cached: list({ type: "boolean" }),
          },
          ["values", "errors", "cached"],
        ),
        ScoreError: object(
          {
            code: {
              enum: [
                "timeout",
                "not-finite",
                "threw",
                "crashed",
                "unreadable",
                "no-value",
                "unavailable",
                "bad-input",
                "incomplete-group",
                "cancelled",
              ],
            },
            message: text(),
            retryable: { type: "boolean" },
          },
          ["code", "message", "retryable"],
        ),
        Message: object({ role: text(), content: {} }, ["role", "content"], true),
        Problem: object(
          {
            error: object({ code: text(), message: text(), field: text(), retryable: { type: "boolean" } }, [
              "code",
              "message",
              "retryable",
            ]),
            requestId: text(),
          },
          ["error", "requestId"],
        ),
      },
    },
  };
}
