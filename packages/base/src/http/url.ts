/**
 * URLs as SRC_URI has them: `type://user:password@host:port/path;name=value;…`.
 *
 * They are read in two ways, as BitBake does: `decodeUrl` for an entry (query and fragment left out, host in lower case,
 * path decoded), `splitUrl` for the parts as they are written, which may be patterns.
 *
 * @see lib/bb/fetch2/__init__.py, decodeurl, decodemirrorurl, encodeurl; tests/golden/fetch/urls.txt
 */

export interface UrlParts {
  readonly type: string;
  /** With a port, if any. */
  readonly host: string;
  /** With its leading slash, if the URL has one. */
  readonly path: string;
  readonly user: string;
  readonly password: string;
  /** What follows the first `;`. One without `=` has the value `undefined`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The parts as they are written; undefined when it has no `type://`. */
export function splitUrl(url: string): UrlParts | undefined {
  const shape = /^([^:/;]*):\/\/(?:([^/;]+)@)?([^;]*)(?:;(.*))?$/s.exec(url);
  if (!shape) return undefined;
  const [, type = "", before = "", after = "", tail = ""] = shape;
  // A file has neither host nor user: what stands in their place is the start of its path.
  const isFile = type === "file";
  const location = isFile && before !== "" ? `${before}@${after}` : after;
  const slash = isFile ? 0 : location.indexOf("/");
  return {
    type,
    host: slash === -1 ? location : location.slice(0, slash),
    path: slash === -1 ? "" : location.slice(slash),
    ...loginOf(isFile ? "" : before),
    parameters: parametersOf(tail),
  };
}

/** An entry of SRC_URI; undefined when it is none: no `type://`, a port that is no number. */
export function decodeUrl(url: string): UrlParts | undefined {
  const semicolon = url.indexOf(";");
  const tail = semicolon === -1 ? "" : url.slice(semicolon + 1);
  const text = (semicolon === -1 ? url : url.slice(0, semicolon)).replace(/[?#].*$/s, "");
  const shape = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text);
  if (!shape) return undefined;
  const type = shape[1]!.toLowerCase();
  const rest = shape[2]!;
  const parameters = parametersOf(tail);
  if (type === "file")
    return { type, host: "", path: unquoted(rest) || "/", user: "", password: "", parameters };
  const slash = rest.indexOf("/");
  const place = slash === -1 ? rest : rest.slice(0, slash);
  const at = place.lastIndexOf("@");
  const host = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]*))?$/.exec(place.slice(at + 1));
  if (!host) return undefined;
  const port = host[3] ? `:${Number(host[3])}` : "";
  return {
    type,
    host: `${(host[1] ?? host[2] ?? "").toLowerCase()}${port}`,
    path: unquoted(slash === -1 ? "/" : rest.slice(slash)),
    ...loginOf(at === -1 ? "" : place.slice(0, at)),
    parameters,
  };
}

function loginOf(login: string): { user: string; password: string } {
  const colon = login.indexOf(":");
  return {
    user: colon === -1 ? login : login.slice(0, colon),
    password: colon === -1 ? "" : login.slice(colon + 1),
  };
}

function parametersOf(tail: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const word of tail.split(";")) {
    const equals = word.indexOf("=");
    if (equals !== -1) parameters[word.slice(0, equals)] = word.slice(equals + 1);
    else if (word !== "") parameters[word] = "";
  }
  return parameters;
}

/** Parts of `splitUrl`, as they are, in one text. */
export function joinUrl(parts: UrlParts): string {
  const slash = parts.host !== "" && parts.path !== "" && !parts.path.startsWith("/") ? "/" : "";
  return `${parts.type}://${loginText(parts)}${parts.host}${slash}${parts.path}${parameterText(parts)}`;
}

/** Decoded parts in one text: the path is encoded, and slashes in it are single. */
export function encodeUrl(parts: UrlParts): string {
  const host = parts.type === "file" ? "" : `${loginText(parts)}${parts.host}`;
  return `${parts.type}://${host}${quoted(parts.path.replace(/\/\/+/g, "/"))}${parameterText(parts)}`;
}

function loginText({ user, password }: UrlParts): string {
  return user === "" ? "" : `${user}${password === "" ? "" : `:${password}`}@`;
}

function parameterText({ parameters }: UrlParts): string {
  return Object.entries(parameters)
    .map(([name, value]) => `;${name}=${value}`)
    .join("");
}

/** `%41` and its like decoded; what is no UTF-8 then stays a replacement character, as in Python's `unquote`. */
export function unquoted(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

/** All but letters, digits and `_.-~/` encoded, as Python's `quote` does. */
export function quoted(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\uFFFD"))
    .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/");
}
