/** Chat messages as OpenAI-compatible servers take them, and how prompt parts build them. */
import { z } from "zod";
import { enclose, fence } from "./fence.ts";

export interface Message {
  role: string;
  content: string;
}

export type ContentPart = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };

export interface PartsMessage {
  role: string;
  content: string | ContentPart[];
}

const contentPart = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("image_url"), image_url: z.object({ url: z.string() }) }),
]);

/** Schema of messages that may hold images. */
export const partsMessages = z
  .array(z.object({ role: z.string(), content: z.union([z.string(), z.array(contentPart)]) }))
  .describe("chat messages, {role, content}; content is a text or a list of text and image parts");

/** Schema of a `template` param with the given placeholders. */
export function templateParam(...placeholders: readonly string[]): z.ZodOptional<z.ZodString> {
  const names = placeholders.map((name) => `{${name}}`).join(", ");
  return z
    .string()
    .optional()
    .describe(
      `wording of your own${names ? ` with ${names}, each replaced once` : ""}: nothing is added to it, so fence judged texts yourself; absent: ours, fenced`,
    );
}

/** Replaces the first `{name}` of each name, in one pass: what is put in is never searched for placeholders. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const left = new Set(Object.keys(values));
  return template.replace(/\{([A-Za-z]+)\}/g, (placeholder, name: string) =>
    left.delete(name) ? values[name] : placeholder,
  );
}

export interface Request {
  /** Who the model is and what it has to do. */
  readonly task: string;
  /** What it is shown: a label, and a text nobody vouches for. */
  readonly data: readonly (readonly [label: string, text: string])[];
  /** The reply's format; said last, behind the data. */
  readonly reply: string;
}

/** System and user message of a request, every text in a fence that none of them can close. */
export function fencedMessages({ task, data, reply }: Request): Message[] {
  const made = fence(...data.map(([, text]) => text));
  const blocks = data.map(([label, text]) => `${label}:\n${enclose(made, text)}`);
  return [
    { role: "system", content: `${task}\n\n${made.rule}` },
    { role: "user", content: [...blocks, reply].join("\n\n") },
  ];
}

/** The same with images behind the text of the user message. */
export function fencedImageMessages(request: Request, images: readonly string[]): PartsMessage[] {
  const [system, user] = fencedMessages(request);
  return [system, imageMessage(user.content, images)];
}

/** One user message: a text, then images (URLs or data URLs). */
export function imageMessage(text: string, images: readonly string[]): PartsMessage {
  return {
    role: "user",
    content: [{ type: "text", text }, ...images.map((url) => ({ type: "image_url" as const, image_url: { url } }))],
  };
}

export function userMessage(content: string): Message {
  return { role: "user", content };
}

/** "1. first\n2. second", counted from 1. */
export function numbered(items: readonly string[], label = ""): string {
  return items.map((item, i) => `${label ? `${label} ${i + 1}:` : `${i + 1}.`} ${item}`).join("\n");
}
