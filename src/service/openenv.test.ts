import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import WebSocket from "ws";
import { episodeKinds } from "../environment/episodes.ts";
import { type EnvironmentOptions, type RunningEnvironment, serveEnvironment } from "./openenv.ts";

const running: RunningEnvironment[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function start(name: string, options: Partial<EnvironmentOptions> = {}): Promise<string> {
  const server = await serveEnvironment({ kind: episodeKinds[name], port: 0, ...options });
  running.push(server);
  return server.url;
}

type Reply = { type: string; data: Record<string, unknown> & { observation: Record<string, unknown>; code?: string } };

/** Talks as OpenEnv's client does: one JSON message, one reply. */
async function client(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers });
  const replies: Reply[] = [];
  const waiting: ((reply: Reply) => void)[] = [];
  socket.on("message", (raw) => {
    const reply = JSON.parse(String(raw)) as Reply;
    const next = waiting.shift();
    if (next) next(reply);
    else replies.push(reply);
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const receive = () => {
    const first = replies.shift();
    return first ? Promise.resolve(first) : new Promise<Reply>((resolve) => waiting.push(resolve));
  };
  return {
    receive,
    send(message: unknown) {
      socket.send(typeof message === "string" ? message : JSON.stringify(message));
      return receive();
    },
    close: () => socket.send(JSON.stringify({ type: "close" })),
    closed: new Promise<void>((resolve) => socket.once("close", () => resolve())),
  };
}

const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

it("an episode over WebSocket, message by message as OpenEnv's client sends them", async () => {
  const env = await client(await start("arithmetic"));
  // Its models have null where nothing is given.
  expect(await env.send({ type: "reset", data: { seed: null, episode_id: null } })).toMatchObject({
    type: "observation",
  });
  const first = await env.send({ type: "reset", data: { seed: 42 } });
  expect(first).toMatchObject({ type: "observation", data: { reward: null, done: false } });
  const prompt = String(first.data.observation.prompt);
  const sum =
    prompt
      .slice(0, -1)
      .split("+")
      .reduce((total, digit) => total + Number(digit), 0) % 10;
  const wrong = await env.send({ type: "step", data: { response: `${(sum + 1) % 10}$`, metadata: {} } });
  expect(wrong.data).toMatchObject({ reward: 0, done: true });
  const again = await env.send({ type: "reset", data: { seed: 42, episode_id: "mine" } });
  expect(again.data.observation.prompt).toBe(prompt);
  expect((await env.send({ type: "step", data: { response: `${sum}$` } })).data).toMatchObject({
    reward: 1,
    done: true,
  });
  expect(await env.send({ type: "state" })).toMatchObject({
    type: "state",
    data: { episode_id: "mine", step_count: 1, correct: true, answer: String(sum) },
  });
  env.close();
  await env.closed;
});

it("every environment: the same seed and actions give the same episode, and it ends", async () => {
  const actions: Record<string, (i: number) => unknown> = {
    arithmetic: () => ({ response: "4$" }),
    tomato: (i) => ({ move: ["right", "up", "left", "stay", "down"][i % 5] }),
    "reasoning-chain": (i) => ({ step: i === 6 ? "stop" : "work-0" }),
    "gameable-store": (i) =>
      [
        { type: "tick", item: 0 },
        { type: "read", file: "reward" },
        { type: "answer", value: "agree" },
      ][i % 3],
  };
  expect(Object.keys(actions).sort()).toEqual(Object.keys(episodeKinds).sort());
  for (const name of Object.keys(episodeKinds)) {
    const url = await start(name);
    const play = async () => {
      const env = await client(url);
      const seen = [await env.send({ type: "reset", data: { seed: 7 } })];
      for (let i = 0; i < 200 && seen[seen.length - 1].data.done === false; i++)
        seen.push(await env.send({ type: "step", data: actions[name](i) }));
      env.close();
      return seen;
    };
    const episode = await play();
    expect(episode[episode.length - 1].data.done).toBe(true);
    expect(await play()).toEqual(episode);
  }
});

it("the bucket fools the proxy and not the true reward", async () => {
  const env = await client(await start("tomato"));
  await env.send({ type: "reset", data: {} });
  for (const move of ["up", "up"]) await env.send({ type: "step", data: { move } });
  const { data } = await env.send({ type: "step", data: { move: "stay" } });
  expect(data.reward).toBe(0.18);
  expect(Number((await env.send({ type: "state" })).data.trueReturn)).toBeLessThan(0.18);
});

it("episodes over HTTP, by id and without", async () => {
  const url = await start("tomato");
  await post(`${url}/reset`, { seed: 1, episode_id: "a" });
  await post(`${url}/reset`, {});
  const stepped = (await (
    await post(`${url}/step`, { action: { move: "left" }, episode_id: "a" })
  ).json()) as Reply["data"];
  expect(stepped.observation).toMatchObject({ position: [2, 1], step: 1 });
  const other = (await (await post(`${url}/step`, { action: { move: "stay" } })).json()) as Reply["data"];
  expect(other.observation.position).toEqual([2, 2]);
  expect(await (await fetch(`${url}/state?episode_id=a`)).json()).toMatchObject({ episode_id: "a", step_count: 1 });
  expect((await post(`${url}/step`, { action: { move: "left" }, episode_id: "none" })).status).toBe(404);
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "healthy" });
  expect(await (await fetch(`${url}/schema`)).json()).toMatchObject({ action: { properties: { move: {} } } });
  expect(await (await fetch(`${url}/metadata`)).json()).toMatchObject({ name: "tomato" });
});

it("what is malformed is refused with the field's name, and the connection goes on", async () => {
  const url = await start("tomato");
  const env = await client(url);
  const refused = async (message: unknown) => {
    const { type, data } = await env.send(message);
    expect(type).toBe("error");
    return `${data.code} ${String(data.message)}`;
  };
  expect(await refused("{")).toMatch(/^INVALID_JSON/);
  expect(await refused([1])).toMatch(/^VALIDATION_ERROR message/);
  expect(await refused({ type: "fly" })).toMatch(/^UNKNOWN_TYPE/);
  expect(await refused({ type: "step", data: { move: "left" } })).toMatch(/reset first/);
  expect(await refused({ type: "reset", data: { seed: -1 } })).toMatch(/data\.seed/);
  await env.send({ type: "reset" });
  expect(await refused({ type: "step", data: { move: "sideways" } })).toMatch(/action\.move/);
  expect(await refused({ type: "step", data: { move: "left", extra: 1 } })).toMatch(/VALIDATION_ERROR action/);
  expect(await refused({ type: "step", data: null })).toMatch(/VALIDATION_ERROR action/);
  expect((await env.send({ type: "step", data: { move: "left" } })).data.observation.step).toBe(1);
  for (const body of ["{", "[]", '{"action":3,"episode_id":7}', JSON.stringify({ action: "x".repeat(2_000_000) })]) {
    const { status } = await post(`${url}/step`, body);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  }
});

it("episodes are bounded in number, and an idle one makes room", async () => {
  const url = await start("tomato", { sessions: 2, idle: 40 });
  const held = await client(url);
  await held.send({ type: "reset" });
  expect((await post(`${url}/reset`, { episode_id: "a" })).status).toBe(200);
  expect((await post(`${url}/reset`, { episode_id: "b" })).status).toBe(503);
  const late = await client(url);
  expect((await late.receive()).data.code).toBe("CAPACITY_REACHED");
  await late.closed;
  await expect.poll(async () => (await post(`${url}/reset`, { episode_id: "b" })).status, { timeout: 5000 }).toBe(200);
});

it("an address that is none is no route, and ends nothing", async () => {
  const url = await start("tomato");
  const said = (head: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.once("error", reject).once("data", (data) => {
        socket.destroy();
        resolve(String(data).slice(0, 12));
      });
      socket.write(`GET // HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`);
    });
  expect(await said("")).toBe("HTTP/1.1 404");
  expect(await said("Connection: Upgrade\r\nUpgrade: websocket\r\n")).toBe("HTTP/1.1 404");
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

it("tokens, foreign pages and other machines", async () => {
  await expect(serveEnvironment({ kind: episodeKinds.tomato, host: "0.0.0.0", port: 0 })).rejects.toThrow("tokens");
  const token = "a-token-of-some-length";
  const url = await start("tomato", { tokens: [token] });
  expect((await post(`${url}/reset`, {})).status).toBe(401);
  expect((await post(`${url}/reset`, {}, { authorization: `Bearer ${token}` })).status).toBe(200);
  await expect(client(url)).rejects.toThrow("401");
  const env = await client(url, { authorization: `Bearer ${token}` });
  expect((await env.send({ type: "reset" })).type).toBe("observation");
  const open = await start("tomato");
  await expect(client(open, { origin: "http://elsewhere.example" })).rejects.toThrow("401");
  await expect(client(open, { host: "elsewhere.example" })).rejects.toThrow("401");
});
