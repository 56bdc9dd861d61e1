/**
 * Another place for a URL, by `pattern replacement` rules.
 *
 * A rule is matched and applied part by part: type, host, path, user, password, parameters. The words TYPE, HOST, PATH,
 * BASENAME and MIRRORNAME in a replacement stand for those of the URL.
 *
 * @see BitBake user manual, PREMIRRORS and MIRRORS; lib/bb/fetch2/__init__.py, uri_replace
 */

export interface UrlParts {
  readonly type: string;
  /** With a port, if any. */
  readonly host: string;
  /** With its leading slash, if the URL has one; not decoded. */
  readonly path: string;
  readonly user: string;
  readonly password: string;
  /** What follows the first `;`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** `type://user:password@host/path;name=value`; undefined when it has no `type://`. */
export function splitUrl(url: string): UrlParts | undefined {
  const shape = /^([^:/;]*):\/\/(?:([^/;@]+)@)?([^;]*)(?:;(.*))?$/s.exec(url);
  if (!shape) return undefined;
  const [, type = "", before = "", after = "", tail = ""] = shape;
  // A file has neither host nor user: what stands in their place is the start of its path.
  const isFile = type === "file";
  const login = isFile ? "" : before;
  const location = isFile && before !== "" ? `${before}@${after}` : after;
  const slash = isFile ? 0 : location.indexOf("/");
  const colon = login.indexOf(":");
  const parameters: Record<string, string> = {};
  for (const word of tail.split(";")) {
    const equals = word.indexOf("=");
    if (equals > 0) parameters[word.slice(0, equals)] = word.slice(equals + 1);
    else if (word !== "") parameters[word] = "";
  }
  return {
    type,
    host: slash === -1 ? location : location.slice(0, slash),
    path: slash === -1 ? "" : location.slice(slash),
    user: colon === -1 ? login : login.slice(0, colon),
    password: colon === -1 ? "" : login.slice(colon + 1),
    parameters,
  };
}

export function joinUrl(parts: UrlParts): string {
  const login = parts.user === "" ? "" : `${parts.user}${parts.password === "" ? "" : `:${parts.password}`}@`;
  const slash = parts.host !== "" && parts.path !== "" && !parts.path.startsWith("/") ? "/" : "";
  const parameters = Object.entries(parts.parameters).map(([name, value]) => `;${name}=${value}`);
  return `${parts.type}://${login}${parts.host}${slash}${parts.path}${parameters.join("")}`;
}

/** A text for people: URLs in it keep the user's name and lose the password. */
export function hidePasswords(text: string): string {
  return text.replace(/(:\/\/[^\s/:@]*):[^\s/@]*@/g, "$1:***@");
}

export interface MirrorRule {
  readonly find: string;
  readonly replace: string;
}

/**
 * The rules of a list: words in pairs, separated by blanks or by the two characters `\n`.
 *
 * @returns also what is wrong with it, as text for a message
 */
export function parseMirrors(text: string): { rules: MirrorRule[]; faults: string[] } {
  const all = text
    .replaceAll("\\n", " ")
    .split(/\s+/)
    .filter((word) => word !== "");
  const rules: MirrorRule[] = [];
  const faults: string[] = [];
  for (let at = 0; at < all.length; at += 2) {
    const find = all[at]!;
    const replace = all[at + 1];
    if (replace === undefined) faults.push(`${find} has no replacement`);
    else if (!splitUrl(find)) faults.push(`${find} has no type://`);
    else if (!splitUrl(replace)) faults.push(`${replace} has no type://`);
    else if (!compiles(find)) faults.push(`${find} is no regular expression`);
    else rules.push({ find, replace });
  }
  return { rules, faults };
}

function compiles(find: string): boolean {
  const { type, host, path } = splitUrl(find)!;
  try {
    return [type, host, path].every((one) => pattern(one) !== undefined);
  } catch {
    return false;
  }
}

/** Matches where Python's `re.match` does: at the start. */
function pattern(text: string): RegExp {
  return new RegExp(`^(?:${text.replaceAll("(?P<", "(?<")})`);
}

/**
 * Where `url` is on the mirror that the rule describes, or undefined when the rule is not about it.
 *
 * @param basename the file's name on the mirror: a replacement that does not end with it is a folder
 */
export function applyMirror(url: string, rule: MirrorRule, basename: string): string | undefined {
  const from = splitUrl(url);
  const find = splitUrl(rule.find);
  const replace = splitUrl(rule.replace);
  if (!from || !find || !replace) return undefined;
  const fill = (text: string): string =>
    text.replace(/MIRRORNAME|BASENAME|TYPE|HOST|PATH/g, (word) => valueOf(word, from));
  const type = part(`${find.type}$`, from.type, fill(replace.type));
  const host = part(find.host, from.host, fill(replace.host));
  const path = part(find.path, from.path, fill(replace.path));
  if (type === undefined || host === undefined || path === undefined) return undefined;
  for (const [name, value] of Object.entries(find.parameters)) {
    if (from.parameters[name] !== value) return undefined;
  }
  const parameters = { ...from.parameters };
  for (const [name, value] of Object.entries(replace.parameters)) parameters[name] = fill(value);
  const result = joinUrl({
    type,
    host,
    path: `/${path}`.endsWith(`/${basename}`) ? path : `${path.replace(/\/$/, "")}/${basename}`,
    user: replace.user === "" ? from.user : replace.user,
    password: replace.password === "" ? from.password : replace.password,
    parameters,
  });
  return result === url ? undefined : result;
}

function valueOf(word: string, url: UrlParts): string {
  if (word === "TYPE") return url.type;
  if (word === "HOST") return url.host;
  if (word === "PATH") return url.type === "file" ? url.path : url.path.replace(/^\//, "");
  if (word === "BASENAME") return url.path.slice(url.path.lastIndexOf("/") + 1);
  return `${url.host.replace(":", ".")}${url.path.replace(/[/*]/g, ".")}`;
}

function part(find: string, value: string, replacement: string): string | undefined {
  const match = pattern(find).exec(value);
  if (!match) return undefined;
  if (replacement === "") return "";
  const filled = replacement.replace(/\\(\d)/g, (_all, digit: string) => match[Number(digit)] ?? "");
  return filled + value.slice(match[0].length);
}
