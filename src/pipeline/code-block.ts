const labels = {
  python: new Set(["python", "py", "python3", "py3"]),
  javascript: new Set(["javascript", "js", "node", "mjs", "cjs"]),
} as const;

const looks = {
  python:
    /^[ \t]{0,80}(?:(?:def|class|import|from|async def|for|while|if|try|with)\b|print\(|@\w|[A-Za-z_]\w{0,80}(?:[ \t]{0,8},[ \t]{0,8}\w{1,80}){0,8}[ \t]{0,8}[-+*/]?=[^=])/m,
  javascript:
    /^[ \t]{0,80}(?:(?:function|const|let|var|class|async function|import|export|for|while|if)\b|console\.|module\.|process\.)/m,
} as const;

/**
 * The code of a response: the last fenced block labelled with the language, else the last without a
 * label, else the whole text when it looks like code; null when there is none. A last fence without an
 * end reaches to the end of the text. Linear.
 */
export function codeBlock(response: string, language: "python" | "javascript"): string | null {
  let labelled: string | null = null;
  let plain: string | null = null;
  let fences = 0;
  let open: { mark: string; label: string; start: number } | null = null;
  const close = (end: number) => {
    if (!open) return;
    const code = response.slice(open.start, Math.max(open.start, end));
    if ((labels[language] as ReadonlySet<string>).has(open.label)) labelled = code;
    else if (open.label === "") plain = code;
    open = null;
  };
  for (let at = 0; at <= response.length; ) {
    let end = response.indexOf("\n", at);
    if (end < 0) end = response.length;
    const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*([\w+-]*)/.exec(response.slice(at, Math.min(end, at + 80)));
    if (fence) {
      fences++;
      if (open === null)
        open = { mark: fence[1], label: fence[2].toLowerCase(), start: Math.min(end + 1, response.length) };
      else if (fence[2] === "" && fence[1][0] === open.mark[0] && fence[1].length >= open.mark.length) close(at);
    }
    at = end + 1;
  }
  close(response.length);
  if (labelled !== null || plain !== null) return labelled ?? plain;
  return fences === 0 && looks[language].test(response) ? response : null;
}
