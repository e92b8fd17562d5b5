/**
 * An environment server in OpenEnv's protocol: reset, step and state over WebSocket (one episode a connection, what
 * its client uses) and over HTTP (episodes by id).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { ContractError, messageOf } from "../core/error.ts";
import { createRandom } from "../core/random.ts";
import type { Episode, EpisodeKind, Turn } from "../environment/episodes.ts";
import { packageVersion } from "../pipeline/define.ts";
import { createAuthorize, isLoopback, isLoopbackHost } from "./auth.ts";

export interface EnvironmentOptions {
  readonly kind: EpisodeKind;
  readonly host?: string;
  /** Default 8421; 0: any free port. */
  readonly port?: number;
  readonly tokens?: readonly string[];
  /** Episodes at once, WebSocket and HTTP together. Default 256. */
  readonly sessions?: number;
  /** Milliseconds after which an episode nobody touches is given up. Default 10 minutes. */
  readonly idle?: number;
  /** Seed of the episodes whose reset names none: the n-th of them is the same in every run. Default 0. */
  readonly seed?: string | number;
}

export interface RunningEnvironment {
  readonly url: string;
  stop(): Promise<void>;
}

interface Session {
  id: string | null;
  episode: Episode | null;
  steps: number;
  touched: number;
}

/** Error codes of the protocol. */
type Code =
  | "INVALID_JSON"
  | "UNKNOWN_TYPE"
  | "VALIDATION_ERROR"
  | "EXECUTION_ERROR"
  | "CAPACITY_REACHED"
  | "SESSION_ERROR";

class Refusal extends Error {
  readonly code: Code;
  readonly status: number;
  constructor(code: Code, message: string, status = 422) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const longestMessage = 1024 * 1024;
const unset = "__default__";

/** Starts the server. Throws `ContractError` when the address cannot be had, or may not without tokens. */
export async function serveEnvironment(options: EnvironmentOptions): Promise<RunningEnvironment> {
  const {
    kind,
    host = "127.0.0.1",
    port = 8421,
    tokens = [],
    sessions: most = 256,
    idle = 600_000,
    seed = 0,
  } = options;
  if (!isLoopback(host) && tokens.length === 0)
    throw new ContractError("host", `${host} can be reached from other machines: give tokens (--token-file)`);
  const authorize = tokens.length > 0 ? createAuthorize(tokens) : null;
  const byConnection = new Set<Session>();
  const byId = new Map<string, Session>();
  let started = 0;

  const allowed = (request: IncomingMessage) =>
    authorize
      ? authorize(request.headers.authorization ?? null)
      : !isLoopback(host) || isLoopbackHost(request.headers.host ?? null);

  const open = (): Session => {
    if (byConnection.size + byId.size >= most)
      throw new Refusal("CAPACITY_REACHED", `${most} episodes are open; close one, or wait`, 503);
    return { id: null, episode: null, steps: 0, touched: Date.now() };
  };

  const reset = (session: Session, data: unknown): Turn => {
    const { seed: given, episode_id: id } = read(resetSchema, data, "data");
    session.episode = kind.start(createRandom(given === undefined ? `${seed}/${started}` : `seed/${given}`));
    session.id = id ?? session.id ?? `episode-${started}`;
    session.steps = 0;
    session.touched = Date.now();
    started++;
    return session.episode.first;
  };

  const step = (session: Session, action: unknown): Turn => {
    if (!session.episode) throw new Refusal("EXECUTION_ERROR", "reset first: there is no episode yet", 409);
    // The client's base class sends metadata along with every action.
    const { metadata: _, ...own } = read(z.looseObject({}), action, "action");
    const turn = session.episode.step(own);
    session.steps++;
    session.touched = Date.now();
    return turn;
  };

  const state = (session: Session) => {
    session.touched = Date.now();
    return { episode_id: session.id, step_count: session.steps, ...session.episode?.state() };
  };

  const base = "http://localhost";
  const server = createServer((request, response) => void answerHttp(request, response));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: longestMessage, perMessageDeflate: false });

  async function answerHttp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: unknown) => {
      const text = JSON.stringify(body);
      response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
      response.end(text);
    };
    try {
      // What is no address ("//") is no route either.
      const address = URL.canParse(request.url ?? "/", base) ? (request.url ?? "/") : "/";
      const { pathname, searchParams } = new URL(address, base);
      if (request.method === "GET" && pathname === "/health") return send(200, { status: "healthy" });
      if (!allowed(request)) return send(401, { detail: "expected a token of this service" });
      if (request.method === "GET" && pathname === "/metadata")
        return send(200, { name: kind.name, description: kind.description, version: packageVersion });
      if (request.method === "GET" && pathname === "/schema") return send(200, schemas(kind));
      if (request.method === "GET" && pathname === "/state") {
        const session = byId.get(searchParams.get("episode_id") ?? unset);
        if (!session) throw new Refusal("SESSION_ERROR", "episode_id: there is no such episode", 404);
        return send(200, state(session));
      }
      if (request.method !== "POST" || (pathname !== "/reset" && pathname !== "/step"))
        return send(404, { detail: "there are /reset, /step, /state, /schema, /metadata, /health and /ws" });
      const body = await bodyOf(request);
      if (pathname === "/reset") {
        const { episode_id: id = unset } = read(resetSchema, body, "body");
        const session = byId.get(id) ?? open();
        const turn = reset(session, body);
        byId.set(id, session);
        return send(200, shown(turn));
      }
      const { episode_id: id = unset, action } = read(stepSchema, body, "body");
      const session = byId.get(id);
      if (!session) throw new Refusal("SESSION_ERROR", "episode_id: there is no such episode; reset first", 404);
      const turn = step(session, action);
      // A finished episode is kept for its state until it is idle or reset.
      return send(200, shown(turn));
    } catch (thrown) {
      const { status, message } = refusalOf(thrown);
      send(status, { detail: message });
    }
  }

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const path = (request.url ?? "/").split("?", 1)[0];
    // A page of another site may open a socket to this machine; a client that is no browser sends no origin.
    const foreign = request.headers.origin !== undefined && authorize === null;
    if (path !== "/ws" || foreign || !allowed(request)) {
      socket.end(`HTTP/1.1 ${path === "/ws" ? "401 Unauthorized" : "404 Not Found"}\r\nconnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => converse(connection));
  });

  function converse(connection: WebSocket): void {
    connection.on("error", () => connection.terminate());
    const say = (type: string, data: unknown) => connection.send(JSON.stringify({ type, data }));
    const refuse = (thrown: unknown) => {
      const { code, message } = refusalOf(thrown);
      say("error", { message, code });
    };
    let session: Session;
    try {
      session = open();
    } catch (thrown) {
      refuse(thrown);
      connection.close();
      return;
    }
    byConnection.add(session);
    connection.on("close", () => byConnection.delete(session));
    connection.on("message", (raw) => {
      try {
        const message = parse(String(raw));
        const { type, data } = read(
          z.looseObject({ type: z.string().optional(), data: z.unknown().optional() }),
          message,
          "message",
        );
        if (type === "reset") say("observation", shown(reset(session, data ?? {})));
        else if (type === "step") say("observation", shown(step(session, data)));
        else if (type === "state") say("state", state(session));
        else if (type === "close") connection.close();
        else throw new Refusal("UNKNOWN_TYPE", `unknown message type ${JSON.stringify(String(type).slice(0, 40))}`);
      } catch (thrown) {
        refuse(thrown);
      }
    });
  }

  const reaper = setInterval(
    () => {
      const limit = Date.now() - idle;
      for (const [id, session] of byId) if (session.touched < limit) byId.delete(id);
    },
    Math.min(idle, 30_000),
  );
  reaper.unref();

  await listen(server, port, host);
  const { address, family, port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`,
    stop() {
      clearInterval(reaper);
      for (const connection of sockets.clients) connection.close(1001);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      setTimeout(() => {
        for (const connection of sockets.clients) connection.terminate();
        server.closeAllConnections();
      }, 200).unref();
      return closed;
    },
  };
}

// The protocol's own models have null where nothing is given.
const episodeId = z
  .string()
  .min(1)
  .max(255)
  .nullish()
  .transform((id) => id ?? undefined);
const resetSchema = z.looseObject({
  seed: z
    .int()
    .nonnegative()
    .nullish()
    .transform((seed) => seed ?? undefined),
  episode_id: episodeId,
});
const stepSchema = z.looseObject({ action: z.unknown().optional(), episode_id: episodeId });

function read<T extends z.ZodType>(schema: T, value: unknown, at: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal("VALIDATION_ERROR", `${[at, ...issue.path.map(String)].join(".")}: ${issue.message}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new Refusal("INVALID_JSON", `not JSON: ${messageOf(thrown).slice(0, 100)}`, 400);
  }
}

/** What the client reads: a cut episode is done too; which it was stands in the observation. */
function shown({ observation, reward, terminated, truncated }: Turn) {
  return { observation: { ...observation, truncated }, reward, done: terminated || truncated };
}

function schemas(kind: EpisodeKind) {
  return {
    action: z.toJSONSchema(kind.action),
    observation: z.toJSONSchema(kind.observation),
    state: { type: "object", description: "everything there is to know of the episode, true reward included" },
  };
}

function refusalOf(thrown: unknown): { code: Code; status: number; message: string } {
  if (thrown instanceof Refusal) return { code: thrown.code, status: thrown.status, message: thrown.message };
  if (thrown instanceof ContractError) return { code: "VALIDATION_ERROR", status: 422, message: thrown.message };
  return { code: "EXECUTION_ERROR", status: 500, message: "the environment failed" };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > longestMessage) throw new Refusal("VALIDATION_ERROR", `body: longer than ${longestMessage} bytes`, 413);
    pieces.push(piece);
  }
  return size === 0 ? {} : parse(Buffer.concat(pieces).toString("utf8"));
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (thrown) =>
      reject(new ContractError("port", `cannot listen on ${host}: ${messageOf(thrown)}`)),
    );
    server.listen(port, host, resolve);
  });
}
