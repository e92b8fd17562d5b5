/** Contracts and values as Markdown, for scripts/docs.ts. */
import { z } from "zod";
import { fieldInfo } from "../src/core/shapes.ts";

/** Markdown takes `<word` for HTML and drops it; outside code it is text. */
export function inlineHtml(text: string): string {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((piece, i) => (i % 2 === 1 ? piece : piece.replace(/<(?=[a-zA-Z/!?])/g, "&lt;")))
    .join("");
}

export function escapeCell(text: string): string {
  return inlineHtml(text).replace(/\s+/g, " ").replaceAll("|", "\\|");
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly default?: unknown;
  readonly $ref?: string;
}

/** A type as a reader writes it: `"mean" | "none"`, `number ≥ 0`, `integer[]`, `{beta}`. */
function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return [...new Set(union.map(typeOf))].join(" | ");
  if (schema.allOf) return schema.allOf.map(typeOf).join(" & ");
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(", ")}]`;
  if (schema.type === "array") {
    const item = schema.items ? typeOf(schema.items) : "any";
    return /^[\w{}, ?]+$/.test(item) || item.endsWith("[]") ? `${item}[]` : `(${item})[]`;
  }
  if (schema.type === "object") {
    const { properties, additionalProperties } = schema;
    if (properties && Object.keys(properties).length > 0) {
      const names = Object.keys(properties).map((name) => (schema.required?.includes(name) ? name : `${name}?`));
      return `{${names.join(", ")}}`;
    }
    return typeof additionalProperties === "object" ? `{name: ${typeOf(additionalProperties)}}` : "object";
  }
  if (schema.type === "number" || schema.type === "integer") return schema.type + bounds(schema);
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  return typeof schema.type === "string" ? schema.type : "any";
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const parts: string[] = [];
  if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER) parts.push(`≥ ${minimum}`);
  if (exclusiveMinimum !== undefined) parts.push(`> ${exclusiveMinimum}`);
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) parts.push(`≤ ${maximum}`);
  if (exclusiveMaximum !== undefined) parts.push(`< ${exclusiveMaximum}`);
  return parts.length > 0 ? ` ${parts.join(", ")}` : "";
}

/** The fields of a contract as a table; `defaults` for params, shapes for inputs and outputs. */
export function contractTable(title: string, schema: z.ZodObject, defaults: boolean): string {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const rows = Object.entries(schema.shape).map(([name, field]) => {
    const property = json.properties?.[name] ?? {};
    const { shape, description, optional } = fieldInfo(field as z.ZodType);
    const required = defaults
      ? property.default !== undefined
        ? `\`${JSON.stringify(property.default)}\``
        : optional
          ? "none"
          : "required"
      : (shape ?? "");
    const mark = !defaults && optional ? "?" : "";
    const type = escapeCell(typeOf(property));
    return `| \`${name}\`${mark} | ${type} | ${escapeCell(required)} | ${escapeCell(description ?? "")} |`;
  });
  if (rows.length === 0) return `## ${title}\n\nNone.\n`;
  const head = `| name | type | ${defaults ? "default" : "shape"} | meaning |\n|---|---|---|---|`;
  return `## ${title}\n\n${head}\n${rows.join("\n")}\n`;
}

/** A JSON value as TypeScript source, broken over lines where it is long. */
export function typescriptLiteral(value: unknown, indent = ""): string {
  const flat = flatLiteral(value);
  if (flat.length + indent.length <= 90 || typeof value !== "object" || value === null) return flat;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    // Numbers stay on one line: a row is read as a row.
    if (value.every((item) => typeof item !== "object" && typeof item !== "string")) return flat;
    return `[\n${value.map((item) => `${deeper}${typescriptLiteral(item, deeper)},\n`).join("")}${indent}]`;
  }
  const lines = Object.entries(value).map(
    ([key, item]) => `${deeper}${keyOf(key)}: ${typescriptLiteral(item, deeper)},\n`,
  );
  return `{\n${lines.join("")}${indent}}`;
}

function flatLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flatLiteral).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  const entries = Object.entries(value).map(([key, item]) => `${keyOf(key)}: ${flatLiteral(item)}`);
  return entries.length > 0 ? `{ ${entries.join(", ")} }` : "{}";
}

const keyOf = (key: string) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key));
