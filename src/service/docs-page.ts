/** The OpenAPI document as a page, without scripts and without anything from elsewhere. */

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: unknown;
  readonly responses?: Readonly<Record<string, unknown>>;
}

const escaped = (text: string) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

export function docsPage(document: Readonly<Record<string, unknown>>): string {
  const { info, paths, components } = document as {
    info: { title: string; version: string; description?: string };
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    components: unknown;
  };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method === "get" || method === "post")
      .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags ?? ["other"]))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags ?? ["other"]).includes(tag));
    return `<h2>${escaped(tag)}</h2>${own.map(section).join("")}`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(info.title)}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ccc}
details{margin:.5rem 0;border:1px solid #ddd;border-radius:.4rem;padding:.5rem .8rem}
summary{cursor:pointer}code,pre{font:13px/1.45 ui-monospace,monospace}pre{overflow:auto;background:#f4f4f4;padding:.6rem;border-radius:.3rem}
.m{display:inline-block;min-width:3.2rem;font-weight:700}
@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#161616}pre{background:#242424}details{border-color:#444}}
</style></head><body><h1>${escaped(info.title)} ${escaped(info.version)}</h1>
<p>${escaped(info.description ?? "")}</p><p>The same as a document: <a href="/openapi.json">/openapi.json</a></p>
${sections.join("\n")}
<h2>Schemas</h2><details><summary>All schemas</summary><pre>${escaped(JSON.stringify(components, null, 2))}</pre></details>
</body></html>`;
}

function section({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const block = (title: string, value: unknown) =>
    value === undefined ? "" : `<p>${title}</p><pre>${escaped(JSON.stringify(value, null, 2))}</pre>`;
  return `<details><summary><span class="m">${method}</span><code>${escaped(path)}</code> ${escaped(operation.summary ?? "")}</summary>
<p>${escaped(operation.description ?? "")}</p>${block("Request", operation.requestBody)}${block("Answers", operation.responses)}</details>`;
}
