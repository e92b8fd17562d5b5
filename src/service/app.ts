/** The HTTP application: routes, and what every request goes through. Knows no socket. */
import { type Context, Hono } from "hono";
import { catalogue, loadPart, stageOf, summaryOf } from "../catalogue/index.ts";
import { cleaned, toAnswer } from "./answer.ts";
import { createGuard } from "./auth.ts";
import { announcedBytes, readJson } from "./body.ts";
import { toBatch } from "./columns.ts";
import { docsPage } from "./docs-page.ts";
import type { LoadedReward } from "./host.ts";
import { verify } from "./nemo-gym.ts";
import { aggregateMetrics } from "./nemo-gym-metrics.ts";
import { openApi } from "./openapi.ts";
import { getReward } from "./openrlhf.ts";
import { describePart } from "./part-schema.ts";
import { badField, Problem, problemOf } from "./problem.ts";
import { answerHeaders, deadlineOf, noteRequest, policyStepOf, requestIdOf, startClock } from "./request.ts";
import { checkKeys, readScoreRequest } from "./score-request.ts";
import { type Service, scoreBatch, type Visit } from "./service.ts";
import { stepRows, stepsStatement } from "./store-steps.ts";
import { streamScores } from "./stream.ts";
import { classify, scorePairs } from "./vllm.ts";

interface Environment {
  Bindings: Arrival;
  Variables: { id: string; noted: Record<string, unknown>; route: string };
}

/** What is known already of a request that tried the lane before it came here. */
export interface Arrival {
  /** `performance.now()` when it came in. */
  readonly started?: number;
  /** What it is to be answered with. */
  readonly problem?: Problem;
  /** It has a place already, and whoever sent it here gives it back. */
  readonly inside?: boolean;
}

type Handler = (
  body: Readonly<Record<string, unknown>>,
  visit: Visit,
  c: Context<Environment>,
) => Promise<Response | Record<string, unknown>>;

/** One of the protocols: a body and the reward it is for → the answer in the protocol's own shape. */
export type Protocol = (
  service: Service,
  loaded: LoadedReward,
  body: Readonly<Record<string, unknown>>,
  visit: Visit,
) => Promise<Record<string, unknown>>;

export interface AppOptions {
  readonly tokens: readonly string[];
}

export function createApp(service: Service, { tokens }: AppOptions): Hono<Environment> {
  const { host, admission, measures, limits, redact, log } = service;
  const app = new Hono<Environment>();
  const guard = createGuard(tokens);

  const answerProblem = (c: Context<Environment>, thrown: unknown): Response => {
    let problem = problemOf(thrown);
    if (problem.code === "internal") {
      log.error({ requestId: c.get("id"), err: thrown }, "a request failed for a reason that nobody foresaw");
      if (service.draining) problem = stopping();
    }
    measures.refused(problem.code);
    c.get("noted").problem = problem.code;
    c.header("content-type", "application/json");
    if (problem.retryAfter !== undefined) c.header("retry-after", String(problem.retryAfter));
    if (problem.status === 401) c.header("www-authenticate", "Bearer");
    if (problem.status === 503 && service.draining) c.header("connection", "close");
    const { code, field, retryable } = problem;
    const error = { code, message: redact(problem.message), field: field && redact(field), retryable };
    return c.body(JSON.stringify({ error, requestId: c.get("id") }), problem.status as 400);
  };

  app.use("*", async (c, next) => {
    const started = c.env?.started ?? performance.now();
    const id = requestIdOf(c.req.header("x-request-id"));
    c.set("id", id);
    c.set("noted", {});
    c.set("route", "other");
    c.header("x-request-id", id);
    for (const [name, value] of Object.entries(answerHeaders)) c.header(name, value);
    const { path, method } = c.req;
    const turnedAway = guard(path, c.req.header("host"), c.req.header("authorization"));
    if (turnedAway) c.res = answerProblem(c, turnedAway);
    else await next();
    const { status } = c.res;
    noteRequest(service, { id, method, path, route: c.get("route"), status, started, noted: c.get("noted") });
  });

  app.onError((thrown, c) => answerProblem(c, thrown));
  app.notFound((c) => answerProblem(c, new Problem(404, "no-route", "no such route; GET /openapi.json lists them")));

  const routes = new Map<string, string[]>();
  const declare = (method: string, path: string) => routes.set(path, [...(routes.get(path) ?? []), method]);

  const get = (path: string, handle: (c: Context<Environment>) => Promise<Response> | Response) => {
    declare("GET", path);
    app.get(path, (c) => {
      c.set("route", plainRoute(path));
      return handle(c);
    });
  };

  /** A body comes in: a place is taken before it is read, and given back when the answer is complete. */
  const post = (path: string, handle: Handler) => {
    declare("POST", path);
    app.post(path, async (c) => {
      c.set("route", plainRoute(path));
      if (c.env?.problem) throw c.env.problem;
      const inside = c.env?.inside ?? false;
      if (service.draining && !inside) throw stopping();
      const milliseconds = deadlineOf(c.req.header("x-deadline-ms"), limits.deadline);
      const bytes = announcedBytes(c.req.raw.headers, limits.body);
      const leave = inside ? () => {} : admission.enter(bytes);
      let streaming = false;
      const clock = startClock(milliseconds, c.env?.started);
      const { signal } = c.req.raw;
      signal.addEventListener("abort", clock.gone, { once: true });
      if (signal.aborted) clock.gone();
      try {
        const body = await readJson(c.req.raw, limits.body);
        const visit: Visit = {
          id: c.get("id"),
          signal: clock.signal,
          noted: c.get("noted"),
          policyStep: policyStepOf(c.req.header("x-policy-step")),
        };
        const answer = await handle(body, visit, c);
        if (!(answer instanceof Response)) return c.json(answer);
        if (answer.body === null) return answer;
        streaming = true;
        const [whole, ended] = watched(answer.body);
        void ended.finally(() => {
          clock.stop();
          leave();
        });
        return new Response(whole, answer);
      } finally {
        if (!streaming) {
          clock.stop();
          leave();
        }
      }
    });
  };

  get("/healthz", (c) => c.json({ status: "ok" }));
  get("/readyz", (c) => {
    if (service.draining) return c.json({ status: "stopping" }, 503);
    const rewards = host.current().map(({ name, reward, loadedAt }) => ({ name, hash: reward.hash, loadedAt }));
    const { store } = service;
    // Rewards are right without a store, so that a broken one is no reason to send trainers away.
    const kept = store ? { store: { ...store.counters, problem: store.problem && redact(store.problem) } } : {};
    const problem = service.queue?.problem ?? null;
    if (problem !== null) return c.json({ status: "waiting", problem: redact(problem), rewards, ...kept }, 503);
    return c.json({ status: "ready", version: service.version, rewards, ...kept });
  });
  get("/metrics", (c) => c.text(measures.text(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }));
  get("/openapi.json", (c) => c.json(openApi({ version: service.version, limits, tokens: tokens.length > 0 })));
  get("/docs", (c) => {
    c.header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
    return c.html(docsPage(openApi({ version: service.version, limits, tokens: tokens.length > 0 })));
  });
  get("/", (c) => c.redirect("/docs"));

  get("/v1/rewards", (c) =>
    c.json({
      rewards: host.current().map(({ name, reward, needs, loadedAt, hasCredit }) => ({
        name,
        hash: reward.hash,
        loadedAt,
        credit: hasCredit,
        fields: needs.fields,
        optionalFields: needs.optionalFields,
        signals: Object.keys(reward.definition.signals),
      })),
    }),
  );

  post("/v1/score", async (body, visit, c) => {
    const request = readScoreRequest(body, limits.batch);
    const wantsLines = (c.req.header("accept") ?? "").includes("application/x-ndjson");
    if (!wantsLines) {
      return host.use(request.reward, async (loaded) => {
        const batch = toBatch(request.columns, request.size, loaded.needs);
        const scored = await scoreBatch(service, loaded, batch, visit, request);
        return {
          reward: { name: loaded.name, hash: loaded.reward.hash },
          ...cleaned(toAnswer(scored, request.evidence), redact),
          requestId: visit.id,
        };
      });
    }
    // The version of the reward is held until the last line is out.
    return new Promise<Response>((resolve, reject) => {
      host
        .use(request.reward, async (loaded) => {
          const batch = toBatch(request.columns, request.size, loaded.needs);
          checkWants(loaded, batch.fields);
          const [lines, ended] = watched(streamScores(service, loaded, batch, visit, request));
          resolve(new Response(lines, { headers: { "content-type": "application/x-ndjson" } }));
          await ended;
        })
        .catch(reject);
    });
  });

  post("/v1/query", async (body) => {
    checkKeys(body, ["sql", "limit"]);
    const { sql, limit = 10_000 } = body;
    if (!service.store) throw new Problem(404, "no-store", "this service keeps no store; start it with --store");
    if (typeof sql !== "string" || sql.trim() === "" || sql.length > 100_000)
      throw badField("sql", "expected one select statement of at most 100,000 characters");
    if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > 1_000_000)
      throw badField("limit", "expected an integer from 1 to 1,000,000");
    return { ...(await service.store.query(sql, { limit })) };
  });

  get("/v1/advice", async (c) => {
    if (!service.store) throw new Problem(404, "no-store", "advice rests on the store; start the service with --store");
    const reward = c.req.query("reward") ?? host.names[0];
    if (!host.names.includes(reward))
      throw new Problem(404, "no-reward", `there are ${host.names.join(", ")}`, { field: "reward" });
    const gold = c.req.query("gold");
    if (gold !== undefined && !/^[\w.-]{1,64}$/.test(gold)) throw badField("gold", "expected the name of a signal");
    const signals = await host.use(reward, async (loaded) => Object.keys(loaded.reward.definition.signals));
    if (gold !== undefined && !signals.includes(gold))
      throw badField("gold", `expected one of the signals ${signals.join(", ")}`);
    const answer = await service.store.query(stepsStatement(-1, reward), { limit: mostSteps });
    const { monitorAdvice, recordsFrom } = await import("../audit/monitor/index.ts");
    const map = gold === undefined ? undefined : { gold: `signals.${gold}` };
    const entries = stepRows(answer).map(({ entry }) => entry);
    const advice = monitorAdvice(recordsFrom(entries, { format: "jsonl", map }));
    return c.json({ reward, steps: entries.length, gold: gold ?? null, ...advice });
  });

  get("/v1/parts", (c) =>
    c.json({
      parts: catalogue.map((entry) => ({
        id: entry.id,
        stage: stageOf(entry),
        papers: entry.papers,
        summary: summaryOf(entry),
      })),
    }),
  );
  const partId = (c: Context<Environment>) => {
    const id = `${c.req.param("stage")}/${c.req.param("name")}`;
    const entry = catalogue.find((one) => one.id === id);
    if (!entry)
      throw new Problem(404, "no-part", `no part ${JSON.stringify(id.slice(0, 100))}; GET /v1/parts lists them`);
    return entry;
  };
  get("/v1/parts/:stage/:name", async (c) => {
    const entry = partId(c);
    return c.json(describePart(entry, await loadPart(entry.id)));
  });
  post("/v1/parts/:stage/:name", async (body, visit, c) => {
    const { id } = partId(c);
    checkKeys(body, ["params", "inputs"]);
    return service.parts.run({ part: id, params: body.params, inputs: body.inputs }, visit.signal);
  });

  /** Protocols speak to the first reward, or to the one named in the path. */
  const protocol = (path: string, speak: Protocol, prefix = "") => {
    post(`${prefix}${path}`, (body, visit) => host.use(undefined, (loaded) => speak(service, loaded, body, visit)));
    post(`${prefix}/rewards/:reward${path}`, (body, visit, c) =>
      host.use(c.req.param("reward"), (loaded) => speak(service, loaded, body, visit)),
    );
  };
  protocol("/get_reward", getReward);
  protocol("/classify", classify);
  protocol("/score", scorePairs);
  for (const prefix of ["", rolloutPrefix]) {
    protocol("/verify", verify, prefix);
    protocol("/seed_session", async () => ({}), prefix);
    protocol("/aggregate_metrics", async (_, __, body) => aggregateMetrics(body), prefix);
    get(`${prefix}/reverify_mode`, (c) => c.json("stateless"));
    get(`${prefix}/rewards/:reward/reverify_mode`, (c) =>
      host.use(c.req.param("reward"), async () => c.json("stateless")),
    );
  }

  for (const [path, methods] of routes) {
    app.all(path, (c) => {
      c.set("route", plainRoute(path));
      c.header("allow", methods.join(", "));
      throw new Problem(405, "method", `expected ${methods.join(" or ")}, got ${c.req.method.slice(0, 20)}`);
    });
  }
  return app;
}

/** NeMo Gym's clients put the rollout before the path when its observability is on. */
const rolloutPrefix = "/ng-rollout/:rollout{[A-Za-z0-9][A-Za-z0-9._-]*}";

/** The same route is one line of the metrics. */
function plainRoute(path: string): string {
  return path.startsWith(rolloutPrefix) ? path.slice(rolloutPrefix.length) : path;
}

function stopping(): Problem {
  return new Problem(503, "stopping", "the service is stopping; ask again in a moment", {
    retryable: true,
    retryAfter: 5,
  });
}

/** A stream that begins answers before anything is scored must know that the wiring holds. */
function checkWants({ needsWithoutCredit }: LoadedReward, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, who] of Object.entries(needsWithoutCredit.fields)) {
    if (!Object.hasOwn(fields, name))
      throw new Problem(422, "bad-field", `${who} wants this field, and the request does not have it`, {
        field: name,
      });
  }
}

/** Policy steps that advice rests on: the first ones of a run. */
const mostSteps = 20_000;

/** The same stream, and a promise of its end, however it ends. */
function watched(stream: ReadableStream<Uint8Array>): [ReadableStream<Uint8Array>, Promise<void>] {
  const reader = stream.getReader();
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const passed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        controller.close();
      } catch (thrown) {
        controller.error(thrown);
      }
      end();
    },
    async cancel(reason) {
      end();
      await reader.cancel(reason);
    },
  });
  return [passed, ended];
}
