/**
 * `POST /v1/score` by the lane, straight from Node's request to Node's answer. It only ever gives a complete answer
 * with status 200: whatever else happens, the request goes on to the application as if it had just come in.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { cleaned } from "./answer.ts";
import type { Arrival } from "./app.ts";
import { createGuard } from "./auth.ts";
import { announcedBytes } from "./body.ts";
import type { LaneOutcome } from "./lane.ts";
import { Problem } from "./problem.ts";
import { answerHeaders, deadlineOf, late, noteBatch, noteRequest, policyStepOf, requestIdOf } from "./request.ts";
import type { Service } from "./service.ts";

const route = "/v1/score";

interface Application {
  fetch(request: Request, arrival: Arrival): Response | Promise<Response>;
}

export function createListener(service: Service, app: Application, tokens: readonly string[]): RequestListener {
  const ordinary = getRequestListener((request) => app.fetch(request, {}));
  const guard = createGuard(tokens);

  const mayBeShort = ({ method, url, headers }: IncomingMessage): boolean =>
    method === "POST" &&
    url === route &&
    !service.draining &&
    headers["content-length"] !== undefined &&
    !(headers.accept ?? "").includes("ndjson") &&
    service.host.current().some(({ lane }) => lane?.open) &&
    guard(route, headers.host, headers.authorization) === null;

  return (incoming, outgoing) => {
    const way = mayBeShort(incoming) ? enter(service, incoming) : null;
    if (way === null) void ordinary(incoming, outgoing);
    else travel(service, app, way, incoming, outgoing);
  };
}

/** A request that has been let in; its body is still to come. */
interface Way {
  readonly started: number;
  readonly id: string;
  readonly bytes: number;
  readonly deadline: number;
  readonly leave: () => void;
}

/** Null: something about its headers is for the application to say. */
function enter({ limits, admission }: Service, { headers }: IncomingMessage): Way | null {
  try {
    const get = (name: string) => {
      const value = headers[name];
      return value === undefined ? null : String(value);
    };
    const bytes = announcedBytes({ get }, limits.body);
    const deadline = deadlineOf(get("x-deadline-ms") ?? undefined, limits.deadline);
    // For the store, which this service does not have where there are lanes; wrong is wrong all the same.
    policyStepOf(get("x-policy-step") ?? undefined);
    const id = requestIdOf(get("x-request-id") ?? undefined);
    return { started: performance.now(), id, bytes, deadline, leave: admission.enter(bytes) };
  } catch {
    return null;
  }
}

function travel(
  service: Service,
  app: Application,
  { started, id, bytes, deadline, leave }: Way,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const noted: Record<string, unknown> = {};
  let over = false;
  const end = (status: number) => {
    over = true;
    clearTimeout(timer);
    leave();
    noteRequest(service, { id, method: "POST", path: route, route, status, started, noted });
  };
  const ordinary = (pieces: readonly Buffer[], problem?: Problem) => {
    over = true;
    clearTimeout(timer);
    ordinaryWay(app, incoming, outgoing, Buffer.concat(pieces), id, { started, problem, inside: true })
      .catch((thrown: unknown) => {
        service.log.error({ requestId: id, err: thrown }, "a request failed for a reason that nobody foresaw");
        outgoing.destroy();
      })
      .finally(leave);
  };
  const timer = setTimeout(() => {
    if (!over) ordinary([], late(deadline));
  }, deadline);
  outgoing.once("close", () => {
    if (over) return;
    service.measures.refused("gone");
    end(499);
  });
  readBody(incoming, bytes, (pieces) => {
    if (over) return;
    throughLane(
      service,
      pieces,
      id,
      () => !over,
      (outcome) => {
        if (over) return;
        if (outcome === null || outcome instanceof Problem) {
          ordinary(pieces, outcome ?? undefined);
          return;
        }
        noteBatch(noted, outcome.summary);
        const text = outcome.kind === "text" ? outcome.text : JSON.stringify(cleaned(outcome.answer, service.redact));
        outgoing.writeHead(200, {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(text),
          "x-request-id": id,
          ...answerHeaders,
        });
        outgoing.end(text);
        end(200);
      },
    );
  });
}

function throughLane(
  { host, admission, measures }: Service,
  body: readonly Buffer[],
  id: string,
  wanted: () => boolean,
  settle: (outcome: LaneOutcome) => void,
): void {
  const held = host.hold(host.names.length === 1 ? host.names[0] : rewardNamed(body, host.names));
  if (!held) {
    settle(null);
    return;
  }
  const { name, lane } = held.loaded;
  const leave = (outcome: LaneOutcome) => {
    held.release();
    settle(outcome);
  };
  if (!lane?.open) {
    leave(null);
    return;
  }
  admission.whenTurn((end) => {
    if (!wanted() || !lane.open) {
      end();
      leave(null);
      return;
    }
    lane.score(body, id, (outcome) => {
      const answered = outcome !== null && !(outcome instanceof Problem);
      measures.lane(name, answered);
      if (answered) {
        measures.scored(name, outcome.summary);
        lane.observe(outcome.summary);
      }
      end();
      leave(outcome);
    });
  });
}

/**
 * The reward that a body seems to ask for; null when that cannot be told without reading it all. The lane reads it, and
 * refuses what is for another reward.
 */
function rewardNamed(pieces: readonly Buffer[], names: readonly string[]): string | null {
  const body = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  const at = body.indexOf('"reward"');
  if (at < 0) return names[0];
  const name = /^"reward"\s*:\s*"([\w.-]{1,64})"/.exec(body.toString("latin1", at, at + 100))?.[1] ?? null;
  return name !== null && names.includes(name) ? name : null;
}

/** A connection that ends before the body does shows in the answer's `close`. */
function readBody(incoming: IncomingMessage, bytes: number, settle: (body: readonly Buffer[]) => void): void {
  const pieces: Buffer[] = [];
  let size = 0;
  incoming.on("data", (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
  });
  incoming.once("end", () => {
    if (size === bytes) settle(pieces);
  });
}

/** As if the request had come straight to the application. */
async function ordinaryWay(
  app: Application,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  body: Buffer,
  id: string,
  arrival: Arrival,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const headers = new Headers({ "x-request-id": id });
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined && name !== "x-request-id") headers.set(name, String(value));
  // The Host header may be no URL's; who looks at it finds it among the headers.
  const request = new Request(`http://localhost${route}`, {
    method: "POST",
    headers,
    body: new Uint8Array(body),
    signal: gone.signal,
  });
  const response = await app.fetch(request, arrival);
  const text = await response.text();
  if (outgoing.destroyed) return;
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(response.headers),
    "content-length": Buffer.byteLength(text),
  });
  outgoing.end(text);
}
