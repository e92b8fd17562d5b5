/**
 * Rollouts as the pipeline sees them: columns under the contract names of the parts.
 *
 * A batch of N rollouts is `{ size: N, fields }`; every column has N entries. Columns that any input
 * can carry: `ids`, `prompts` (text or chat), `responses` (the policy's text), `messages` (the whole
 * conversation, tool calls included), `references`, `groups`, `lengths`, `logprobs`, `stepEnds` and so
 * on: whatever the file or request brings, by contract name.
 */
export interface ToolCall {
  readonly id?: string;
  readonly type?: string;
  readonly function: { readonly name: string; readonly arguments: string | Record<string, unknown> };
}

/** One chat message, in the shape that OpenAI-compatible APIs and trainers exchange. */
export interface Message {
  readonly role: string;
  readonly content: string | readonly { readonly type: string; readonly text?: string }[] | null;
  readonly name?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

export interface RolloutBatch {
  /** N. */
  readonly size: number;
  /** Contract name → N entries. */
  readonly fields: Readonly<Record<string, ArrayLike<unknown>>>;
}

/** The text of a message: its string, or its text pieces joined. */
export function messageText(message: Message): string {
  if (typeof message.content === "string") return message.content;
  if (message.content === null || message.content === undefined) return "";
  return message.content.map((piece) => piece.text ?? "").join("");
}

/** Is this a chat (a non-empty list of `{ role, content }`)? */
export function isChat(value: unknown): value is readonly Message[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((item) => typeof item === "object" && item !== null && typeof (item as Message).role === "string")
  );
}
