/** Keeps paths and secrets out of answers. Messages of signals may quote anything, a path or a key among it. */

const longestMessage = 500;
const secretName = /key|token|secret|passw|credential/i;

/** A path of this machine: at least two levels, and not the path of a URL. */
const path = /(?<![\w/:.@-])(?:file:\/\/)?(?:\/[\w.@+~%-]+){2,}\/?(?::\d+){0,2}|\b[A-Za-z]:\\[\w.\\@+~-]+/g;
const bearer = /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi;
const apiKey = /\b(?:sk|hf|gsk|xai|ghp|key)[-_][\w-]{8,}/g;

export type Redact = (text: string) => string;

/** `secrets` (the tokens) and every value of the environment whose name says that it is one. */
export function createRedact(
  secrets: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Redact {
  const known = new Set(secrets);
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && value.length >= 8 && secretName.test(name)) known.add(value);
  }
  const longestFirst = [...known].filter((secret) => secret !== "").sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text.length > 4 * longestMessage ? text.slice(0, 4 * longestMessage) : text;
    for (const secret of longestFirst) clean = clean.replaceAll(secret, "[secret]");
    // A stack begins at the first line that says where.
    const stack = clean.search(/\n\s+at /);
    if (stack >= 0) clean = clean.slice(0, stack);
    clean = clean.replace(bearer, "$1 [secret]").replace(apiKey, "[secret]").replace(path, "[path]");
    return clean.length > longestMessage ? `${clean.slice(0, longestMessage)}…` : clean;
  };
}
