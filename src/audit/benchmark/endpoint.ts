/** Reward models behind HTTP: vLLM's pooling endpoints, OpenRLHF's remote reward model; Guerdon's service speaks them too. */
import { ContractError, scoreError } from "../../core/error.ts";
import { isChat, messageText } from "../../core/rollout.ts";
import type { JudgeSignal, RolloutView, SignalResult } from "../../pipeline/index.ts";

export interface EndpointOptions {
  /** Whole address; its last part says which protocol it speaks. */
  readonly url: string;
  readonly model?: string;
  /** Sent as a bearer token. */
  readonly apiKey?: string;
  /** What the model reads: a chat, which the server puts into its template, or prompt and response as one text. */
  readonly input?: "messages" | "text";
}

interface Protocol {
  readonly body: (prompt: unknown, response: string, options: EndpointOptions) => unknown;
  readonly read: (answer: unknown) => unknown;
}

const first = (answer: unknown, name: string): unknown => {
  const list = (answer as Readonly<Record<string, unknown>> | null)?.[name];
  return Array.isArray(list) ? list[0] : undefined;
};

/** A list of one, however deep, is its only entry: servers differ in how they wrap a scalar. */
const single = (value: unknown): unknown => {
  let inner = value;
  for (let depth = 0; depth < 4 && Array.isArray(inner) && inner.length === 1; depth++) inner = inner[0];
  return inner;
};

const protocols: Readonly<Record<string, Protocol>> = {
  classify: {
    body: (prompt, response, options) => ({ ...modelOf(options), ...inputOf(prompt, response, options, "text", true) }),
    read: (answer) => single((first(answer, "data") as { probs?: unknown } | undefined)?.probs),
  },
  score: {
    body: (prompt, response, options) => ({ ...modelOf(options), text_1: plain(prompt), text_2: [response] }),
    read: (answer) => (first(answer, "data") as { score?: unknown } | undefined)?.score,
  },
  pooling: {
    body: (prompt, response, options) => ({
      ...modelOf(options),
      ...inputOf(prompt, response, options, "messages", false),
    }),
    read: (answer) => single((first(answer, "data") as { data?: unknown } | undefined)?.data),
  },
  get_reward: {
    body: (prompt, response) => ({ query: [plain(prompt) + response], prompts: [plain(prompt)], labels: [null] }),
    read: (answer) => first(answer, "rewards"),
  },
  embeddings: {
    body: (prompt, response, options) => ({
      ...modelOf(options),
      ...inputOf(prompt, response, options, "text", false),
    }),
    read: (answer) => (first(answer, "data") as { embedding?: unknown } | undefined)?.embedding,
  },
};

function modelOf({ model }: EndpointOptions): { model?: string } {
  return model === undefined ? {} : { model };
}

function inputOf(
  prompt: unknown,
  response: string,
  { input }: EndpointOptions,
  usual: "messages" | "text",
  list: boolean,
): object {
  if ((input ?? usual) === "messages") {
    const asked = isChat(prompt) ? prompt : [{ role: "user", content: plain(prompt) }];
    return { messages: [...asked, { role: "assistant", content: response }] };
  }
  const text = `${plain(prompt)}\n\n${response}`;
  return { input: list ? [text] : text };
}

function plain(prompt: unknown): string {
  if (isChat(prompt)) return prompt.map((message) => messageText(message)).join("\n\n");
  return typeof prompt === "string" ? prompt : JSON.stringify(prompt);
}

/** Which protocol an address speaks, by its last part. Throws `ContractError` for an unknown one. */
function protocolOf(url: string): string {
  let path: string;
  try {
    path = new URL(url).pathname;
  } catch {
    throw new ContractError("endpoint", `expected an address such as http://127.0.0.1:8000/pooling, got ${url}`);
  }
  const name = path.split("/").filter(Boolean).at(-1) ?? "";
  if (!Object.hasOwn(protocols, name))
    throw new ContractError(
      "endpoint",
      `expected an address that ends in /${Object.keys(protocols).join(", /")}, got ${path}`,
    );
  return name;
}

const mostBytes = 16 * 1024 * 1024;

/**
 * A signal that asks an endpoint about one response. What is no finite number is an error (`unreadable`), a busy or
 * broken server is `unavailable` and tried again. For `/embeddings` and for hidden states the vector is the evidence
 * and the value is its length.
 */
export function endpointSignal(options: EndpointOptions): JudgeSignal {
  const name = protocolOf(options.url);
  const protocol = protocols[name];
  async function run(rollout: RolloutView, { signal }: { readonly signal: AbortSignal }): Promise<SignalResult> {
    const answer = await fetch(options.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
      },
      body: JSON.stringify(protocol.body(rollout.prompt, rollout.response, options)),
      redirect: "error",
      signal,
    });
    const text = await bodyOf(answer);
    if (!answer.ok) {
      const busy = answer.status === 408 || answer.status === 429 || answer.status >= 500;
      return { error: scoreError("unavailable", `HTTP ${answer.status} from ${name}: ${text.slice(0, 120)}`, busy) };
    }
    let value: unknown;
    try {
      value = protocol.read(JSON.parse(text));
    } catch {
      return {
        error: scoreError("unreadable", `${name}: the answer is no JSON: ${JSON.stringify(text.slice(0, 80))}`, true),
      };
    }
    if (typeof value === "number" && Number.isFinite(value)) return { value };
    if (Array.isArray(value) && value.length > 1 && value.every((x) => typeof x === "number" && Number.isFinite(x)))
      return { value: value.length, evidence: value };
    return {
      error: scoreError("unreadable", `${name}: the answer holds no number: ${JSON.stringify(text.slice(0, 80))}`),
    };
  }
  return {
    kind: "judge",
    run,
    identity: { url: options.url, model: options.model ?? null, input: options.input ?? null },
    reads: [
      { names: ["prompts"], optional: false },
      { names: ["responses"], optional: false },
    ],
  };
}

async function bodyOf(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (!reader) return "";
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(pieces).toString("utf8");
    size += value.length;
    if (size > mostBytes) {
      await reader.cancel();
      throw new Error(`the answer is longer than ${mostBytes} bytes`);
    }
    pieces.push(value);
  }
}
