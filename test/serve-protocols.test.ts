/** Requests built exactly as the trainers' own clients build them (OpenRLHF utils/agent.py, vLLM pooling protocols, NeMo Gym simple_agent). */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningService, serve } from "../src/service/index.ts";
import { postJson } from "../src/service/rewards.fixture.ts";

let service: RunningService;
beforeAll(async () => {
  const file = fileURLToPath(new URL("../examples/serve/reward.ts", import.meta.url));
  service = await serve({ rewards: [{ name: "answers", file }], port: 0, workers: 1, watchEvery: 0 });
}, 60_000);
afterAll(() => service.stop());

const post = async (path: string, body: unknown) => {
  const { status, json } = await postJson(`${service.url}${path}`, body);
  return { status, json };
};

describe("OpenRLHF", () => {
  const prompt = "<|im_start|>user\n6*7?<|im_end|>\n<|im_start|>assistant\n";

  it("one query with its prompt and label, special tokens and all", async () => {
    const { status, json } = await post("/get_reward", {
      query: [`${prompt}42<|im_end|>\n<|endoftext|>`],
      prompts: [prompt],
      labels: ["42"],
    });
    expect(status).toBe(200);
    expect(json).toEqual({ rewards: [1], scores: [1], extra_logs: { correct: [1], sane: [1] } });
  });

  it("a beginning-of-text token that decoding adds, labels that are numbers, several at once, by name", async () => {
    const { json } = await post("/rewards/answers/get_reward", {
      query: ["<s>6*7? 42</s>", "6*7? 41", "6*7? <|not closed"],
      prompts: ["6*7? ", "6*7? ", "6*7? "],
      labels: [42, 42, "<|not closed"],
    });
    expect(json.rewards).toEqual([1, 0, 1]);
  });

  it("a query that lost the beginning of its prompt: the response is what follows the rest", async () => {
    const long = `<|im_start|>user\n${"Think well. ".repeat(400)}Ärger: 6*7?<|im_end|>\n<|im_start|>assistant\n`;
    // The second is cut within a word, the third within a character, the fourth in the middle of what repeats itself.
    const rests = [long.slice(20), long.slice(-60), `\ufffd${long.slice(long.indexOf("rger"))}`, long.slice(-1000)];
    const { status, json } = await post("/get_reward", {
      query: rests.map((rest, i) => `${rest}${i === 1 ? `4${i}` : "42"}<|im_end|>`),
      prompts: rests.map(() => long),
      labels: rests.map(() => "42"),
    });
    expect(status).toBe(200);
    expect(json.rewards).toEqual([1, 0, 1, 1]);
    // The whole prompt in the response is part of the response.
    const again = { query: [`${long.slice(-100)}41 ${long}42`], prompts: [long], labels: ["42"] };
    expect((await post("/get_reward", again)).json.rewards).toEqual([0]);
    const short = { query: [`${long.slice(-10)}42`], prompts: [long], labels: ["42"] };
    expect((await post("/get_reward", short)).json.error.field).toBe("query[0]");
  });

  it("where the prompt ends in a query is found in linear time", async () => {
    const size = 2 ** 20;
    for (const [query, prompt] of [
      [`${"a".repeat(size)}b42`, `c${"a".repeat(size)}b`],
      [`${"ab".repeat(size / 2)}42`, `${"ab".repeat(size / 4)}a${"ab".repeat(size / 2)}`],
      [`${"a".repeat(size)}42`, `b${"a".repeat(size * 2)}`],
    ])
      expect((await post("/get_reward", { query, prompts: prompt, labels: ["42"] })).json.rewards).toEqual([1]);
    const none = { query: `${"a".repeat(size)}b42`, prompts: `${"a".repeat(size * 2)}c`, labels: ["42"] };
    expect((await post("/get_reward", none)).status).toBe(422);
  });

  it("an unscored rollout is an HTTP error, never a number", async () => {
    const { status, json } = await post("/get_reward", { query: ["q unscored"], prompts: ["q "], labels: ["1"] });
    expect(status).toBe(422);
    expect(json).not.toHaveProperty("rewards");
    expect(json.error).toMatchObject({ code: "unscored", field: "rollouts[0]" });
  });

  it("a query without its prompt, and labels of another number, are refused by name", async () => {
    expect((await post("/get_reward", { query: ["a"], prompts: ["b"], labels: ["1"] })).json.error.field).toBe(
      "query[0]",
    );
    expect((await post("/get_reward", { query: ["a"], prompts: ["a"], labels: [] })).json.error.field).toBe("labels");
    expect((await post("/get_reward", { query: ["a"], prompts: ["a"], labels: [null] })).json.error.field).toBe(
      "references",
    );
  });
});

describe("vLLM", () => {
  it("/classify: a list of texts, further columns beside them", async () => {
    const { json } = await post("/classify", {
      model: "answers",
      input: ["a", "b"],
      fields: { references: ["a", "a"] },
    });
    expect(json).toMatchObject({ object: "list", model: "answers", usage: { prompt_tokens: 0 } });
    expect(json.data).toEqual([
      { index: 0, label: null, probs: [1], num_classes: 1 },
      { index: 1, label: null, probs: [0], num_classes: 1 },
    ]);
  });

  it("/classify: a conversation", async () => {
    const messages = [
      { role: "user", content: "6*7?" },
      { role: "assistant", content: "42" },
    ];
    const { json } = await post("/classify", { messages, fields: { references: ["42"] } });
    expect(json.data[0].probs).toEqual([1]);
  });

  it("/score: one prompt for all responses, or one each", async () => {
    const fields = { references: ["a", "a"] };
    for (const prompts of ["q", ["q"], ["q", "r"]]) {
      const { json } = await post("/score", { text_1: prompts, text_2: ["a", "b"], fields });
      expect(json.data).toEqual([
        { index: 0, object: "score", score: 1 },
        { index: 1, object: "score", score: 0 },
      ]);
    }
    expect((await post("/score", { queries: "q", documents: ["a", "b"], fields })).json.data).toHaveLength(2);
    expect((await post("/score", { text_1: ["q", "r"], text_2: ["a"] })).json.error.field).toBe("text_1");
  });

  it("what would change the text is refused, token ids too, and unscored is an error", async () => {
    expect((await post("/classify", { input: "a", truncate_prompt_tokens: 5 })).json.error.field).toBe(
      "truncate_prompt_tokens",
    );
    expect((await post("/classify", { input: "a", chat_template_kwargs: { x: 1 } })).json.error.field).toBe(
      "chat_template_kwargs",
    );
    const nothing = { truncate_prompt_tokens: null, chat_template_kwargs: null, media_io_kwargs: null };
    const { status } = await post("/classify", { input: "a", ...nothing, fields: { references: ["a"] } });
    expect(status).toBe(200);
    expect((await post("/classify", { input: [[1, 2]] })).json.error.field).toBe("input[0]");
    expect((await post("/classify", { input: "unscored", fields: { references: ["a"] } })).status).toBe(422);
  });
});

describe("NeMo Gym", () => {
  const responsesCreateParams = {
    input: [
      { role: "developer", content: "Answer with a number.", type: "message" },
      { role: "user", content: "6*7?", type: "message" },
    ],
    parallel_tool_calls: true,
    tools: [],
  };
  const response = (text: string) => ({
    id: "resp_1",
    object: "response",
    model: "policy",
    output: [
      { id: "rs_1", summary: [], type: "reasoning", encrypted_content: null },
      {
        type: "function_call",
        call_id: "c1",
        name: "calculate",
        arguments: '{"x": "6*7"}',
        id: "fc_1",
        status: "completed",
      },
      { type: "function_call_output", call_id: "c1", output: "42", id: null, status: null },
      {
        id: "msg_1",
        type: "message",
        role: "assistant",
        status: "completed",
        content: [{ annotations: [], text, type: "output_text", logprobs: null }],
      },
    ],
    usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
  });
  const request = (text: string) => ({
    responses_create_params: responsesCreateParams,
    response: response(text),
    expected_answer: "42",
    _ng_task_index: 0,
  });

  it("/verify gives the request back with reward and components", async () => {
    const { status, json } = await post("/verify", request("42"));
    expect(status).toBe(200);
    expect(json).toMatchObject({ ...request("42"), reward: 1, reward_components: { correct: 1, sane: 1 }, correct: 1 });
    expect((await post("/verify", request("41"))).json.reward).toBe(0);
  });

  it("/verify: a row's columns that no reward can read go back as they came", async () => {
    const row = { ...request("42"), "Unnamed: 0": 7, "": 1, agent_ref: { name: "agent" } };
    const { status, json } = await post("/verify", row);
    expect(status).toBe(200);
    expect(json).toMatchObject({ ...row, reward: 1 });
  });

  it("/verify: unscored is an error; what is malformed is named", async () => {
    expect((await post("/verify", request("unscored"))).status).toBe(422);
    expect((await post("/verify", { responses_create_params: { input: "x" }, response: {} })).json.error.field).toBe(
      "response.output",
    );
  });

  it("/seed_session and /reverify_mode", async () => {
    expect((await post("/seed_session", { anything: 1 })).json).toEqual({});
    expect(await (await fetch(`${service.url}/reverify_mode`)).json()).toBe("stateless");
  });

  it("with the rollout before the path, as its clients write with observability on", async () => {
    const plain = await post("/verify", request("42"));
    for (const prefix of ["/ng-rollout/7f3a-1.b_2", "/ng-rollout/0"]) {
      expect(await post(`${prefix}/verify`, request("42"))).toEqual(plain);
      expect(await post(`${prefix}/rewards/answers/verify`, request("42"))).toEqual(plain);
      expect(await post(`${prefix}/seed_session`, {})).toEqual({ status: 200, json: {} });
      expect((await post(`${prefix}/aggregate_metrics`, { verify_responses: [] })).status).toBe(200);
      for (const path of ["/reverify_mode", "/rewards/answers/reverify_mode"])
        expect(await (await fetch(`${service.url}${prefix}${path}`)).json()).toBe("stateless");
      expect((await post(`${prefix}/rewards/other/verify`, request("42"))).status).toBe(404);
      expect((await fetch(`${service.url}${prefix}/verify`)).headers.get("allow")).toBe("POST");
    }
    for (const path of [
      "/ng-rollout/verify",
      "/ng-rollout/-a/verify",
      "/ng-rollout/a/b/verify",
      "/ng-rollout/a/v1/score",
    ])
      expect((await post(path, request("42"))).status).toBe(404);
    const { paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths).filter((path) => path.includes("ng-rollout"))).toEqual([]);
    expect(await (await fetch(`${service.url}/metrics`)).text()).not.toContain("ng-rollout");
  });

  it("/aggregate_metrics as pandas computes them", async () => {
    const rows = [
      { _ng_task_index: 0, _ng_rollout_index: 0, reward: 1, right: true, response: { usage: { output_tokens: 4 } } },
      { _ng_task_index: 0, _ng_rollout_index: 1, reward: 0, right: false, response: { usage: { output_tokens: 8 } } },
      { _ng_task_index: 1, _ng_rollout_index: 0, reward: 1, right: true, extra: 3 },
    ];
    const { json } = await post("/aggregate_metrics", { verify_responses: rows });
    expect(json.agent_metrics).toMatchObject({
      "mean/reward": expect.closeTo(2 / 3),
      "max/reward": 1,
      "min/reward": 0,
      "median/reward": 1,
      "std/reward": expect.closeTo(Math.sqrt(1 / 3)),
      "mean/output_tokens": 6,
      "mean/extra": 3,
    });
    expect(json.agent_metrics).not.toHaveProperty("std/extra");
    expect(json.key_metrics["mean/right"]).toBeCloseTo(2 / 3);
    expect(json.group_level_metrics).toHaveLength(2);
    expect(json.group_level_metrics[1]).toMatchObject({ _ng_task_index: 1, "std/reward": 0, num_rollouts: 1 });
    expect((await post("/aggregate_metrics", { verify_responses: [rows[0], rows[0]] })).status).toBe(422);
    expect((await post("/aggregate_metrics", { verify_responses: [] })).json.agent_metrics).toEqual({});
  });
});
