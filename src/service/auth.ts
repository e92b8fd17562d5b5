/** Bearer tokens, and the guards that stand in for them on loopback. */
import { createHash, timingSafeEqual } from "node:crypto";
import { ContractError } from "../core/error.ts";
import { Problem } from "./problem.ts";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** One token a line; empty lines and lines that begin with # are skipped. Throws `ContractError`. */
export function parseTokens(text: string, shown: string): string[] {
  const tokens = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (tokens.length === 0) throw new ContractError(shown, "has no token; write one a line, of at least 16 characters");
  tokens.forEach((token, i) => {
    if (!/^[\x21-\x7e]{16,}$/.test(token))
      throw new ContractError(shown, `token ${i + 1} is not at least 16 printable ASCII characters without spaces`);
  });
  return tokens;
}

/** Does a header carry one of the tokens? All are compared, in constant time. */
export function createAuthorize(tokens: readonly string[]): (authorization: string | null) => boolean {
  const digests = tokens.map(digest);
  return (authorization) => {
    const given = digest(tokenOf(authorization));
    let matches = 0;
    for (const known of digests) matches |= timingSafeEqual(known, given) ? 1 : 0;
    return matches === 1 && tokenOf(authorization) !== "";
  };
}

/** `Bearer <token>`, or the password of `Basic …`: clients that only know a URL can write `http://:token@host`. */
function tokenOf(authorization: string | null): string {
  if (authorization === null) return "";
  const [, scheme, value] = /^(Bearer|Basic) +([^ ]+) *$/i.exec(authorization) ?? [];
  if (scheme === undefined) return "";
  if (scheme.toLowerCase() === "bearer") return value;
  const pair = Buffer.from(value, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? "" : pair.slice(colon + 1);
}

/** Probes carry no token. */
const open = new Set(["/healthz", "/readyz"]);

/** Who may call what: the problem of a request that is turned away, by its path and headers. */
export function createGuard(
  tokens: readonly string[],
): (path: string, host: string | undefined, authorization: string | undefined) => Problem | null {
  const authorize = createAuthorize(tokens);
  return (path, host, authorization) => {
    if (tokens.length === 0) {
      if (isLoopbackHost(host ?? null)) return null;
      return new Problem(403, "host", "without tokens this service answers to localhost only", { field: "Host" });
    }
    if (open.has(path) || authorize(authorization ?? null)) return null;
    return new Problem(401, "unauthorized", "expected `Authorization: Bearer <token>` with a token of this service");
  };
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Without tokens only this machine may call, and a web page that resolves its own name to 127.0.0.1 is not
 * this machine: the Host header has to name it.
 */
export function isLoopbackHost(header: string | null): boolean {
  if (header === null) return false;
  return isLoopback(
    header
      .replace(/:\d+$/, "")
      .replace(/^\[(.*)\]$/, "$1")
      .toLowerCase(),
  );
}
