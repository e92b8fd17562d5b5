import { type Html, html } from "./html.ts";
import { style } from "./style.ts";

/** A part of a page; one without a body is left out. */
export type Section = readonly [id: string, title: string, body: Html | null];

/**
 * One self-contained HTML file that opens offline, has no script, and loads nothing. Every text from a run is
 * escaped; its Content-Security-Policy forbids whatever might slip through.
 */
export function page({
  title,
  subtitle,
  sections,
  writtenBy,
}: {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly Section[];
  readonly writtenBy: string;
}): string {
  const shown = sections.filter(([, , body]) => body !== null);
  return html`${{ markup: "<!doctype html>\n" }}<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer"><title>${title}</title><style>${{ markup: style }}</style></head>
<body><header><h1>${title}</h1><p class="quiet">${subtitle}</p>
<nav aria-label="Sections">${shown.map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav></header>
<main>${shown.map(
    ([id, name, body]) => html`<section aria-labelledby="${id}"><h2 id="${id}">${name}</h2>${body}</section>\n`,
  )}</main>
<footer>Written by <code>${writtenBy}</code>. This file contains text written by a model; it is shown, never run.</footer>
</body></html>\n`.markup;
}

/** 2026-01-31T12:00:00.123Z → 2026-01-31 12:00:00 UTC */
export function shownTime(iso: string): string {
  return iso
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z")
    .replace(/Z$/, " UTC");
}
