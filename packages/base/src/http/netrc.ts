/**
 * `~/.netrc` (or the file that NETRC names): logins by host, for servers whose URL has none.
 *
 * @see curl's description of the file (docs/netrc.md of curl), ftp(1)
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { hasCode } from "../diagnostics/errno.js";

export interface NetrcEntry {
  /** Undefined: `default`, for every host. */
  readonly machine: string | undefined;
  readonly login: string;
  readonly password: string;
}

/** The user's own file; none when there is none or it is not for us to read. */
export function readNetrc(environment: NodeJS.ProcessEnv = process.env): readonly NetrcEntry[] {
  try {
    return parseNetrc(readFileSync(environment["NETRC"] || join(homedir(), ".netrc"), "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EISDIR")) return [];
    throw error;
  }
}

/** In the order of the file. What cannot be understood is passed over. */
export function parseNetrc(text: string): NetrcEntry[] {
  const entries: { machine: string | undefined; login: string; password: string }[] = [];
  // A macro reaches to the next empty line.
  const plain = text.replace(/^[ \t]*macdef\b[^]*?(?:\n[ \t]*\n|$(?![^]))/gm, "\n");
  const tokens = plain.split("\n").flatMap(tokensOf);
  for (let at = 0; at < tokens.length; at++) {
    const entry = entries.at(-1);
    const word = tokens[at]!;
    if (word === "default") entries.push({ machine: undefined, login: "", password: "" });
    else if (word === "machine") entries.push({ machine: tokens[++at] ?? "", login: "", password: "" });
    else if (word === "login" && entry) entry.login = tokens[++at] ?? "";
    else if (word === "password" && entry) entry.password = tokens[++at] ?? "";
    else if (word === "account") at++;
  }
  return entries;
}

/** Words of a line: with blanks in them when quoted; a `#` at the start of a line, or before a keyword's place, ends it. */
function tokensOf(line: string): string[] {
  const tokens: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    const isKeyword = !["machine", "login", "password", "account"].includes(tokens.at(-1) ?? "");
    if (plain?.startsWith("#") && isKeyword) break;
    tokens.push(plain ?? unescaped(quoted!));
  }
  return tokens;
}

function unescaped(text: string): string {
  const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
  return text.replace(/\\(.)/g, (_all, letter: string) => controls[letter] ?? letter);
}

/**
 * What to log in with: the first entry of the host, else the first `default`.
 *
 * @param login the user name that the URL has, if any: only his password is wanted
 * @param isAsked somebody here has named the host; a server that redirects to it has not, and `default` is not for that
 */
export function netrcLogin(
  entries: readonly NetrcEntry[],
  host: string,
  login = "",
  isAsked = true,
): { readonly login: string; readonly password: string } | undefined {
  const fits = (entry: NetrcEntry) => login === "" || entry.login === login;
  return (
    entries.find((entry) => entry.machine?.toLowerCase() === host.toLowerCase() && fits(entry)) ??
    entries.find((entry) => isAsked && entry.machine === undefined && fits(entry))
  );
}
