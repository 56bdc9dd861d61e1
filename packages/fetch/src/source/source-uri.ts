/**
 * One entry of SRC_URI, and what its parameters mean.
 * @see BitBake user manual, "Fetchers"
 */
import { isAbsolute, normalize } from "node:path";
import { BuildError, decodeUrl, localName, toBoolean } from "@tsbake/base";
import { parameterFault } from "../settings/parameters.js";
import { badUri } from "../problems.js";

/** One entry of SRC_URI: `type://host/path;name=value;…`. */
export interface SourceUri {
  readonly uri: string;
  readonly type: string;
  /** With a port, if any; empty for `file`. */
  readonly host: string;
  /** Decoded, without query and fragment; with its leading slash, but for a file beside the recipe. */
  readonly path: string;
  readonly user?: string;
  readonly password?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** @throws BuildError `fetch/bad-uri` */
export function parseSourceUri(uri: string): SourceUri {
  const parts = decodeUrl(uri);
  if (!parts) return fail(uri, "it is no `type://host/path` with a port that is a number");
  const { type, host, path, user, password, parameters } = parts;
  if (/\p{Cc}/u.test(uri + path)) fail(uri, "it has a control character in it");
  if (path === "" || (path === "/" && host === "")) fail(uri, "it names nothing");
  if (type.startsWith("git") && /(^|\/)\.\.(\/|$)/.test(path)) fail(uri, "it has `..` in its path");
  // A program would take it for an option.
  if (host.startsWith("-")) fail(uri, "its host begins with `-`");
  for (const word of uri.split(";").slice(1)) {
    if (word !== "" && !word.includes("=")) fail(uri, `the parameter \`${word}\` has no value`);
  }
  const login = { user: user || parameters["user"] || "", password: password || parameters["pswd"] || "" };
  const fault = parameterFault(type, parameters);
  if (fault !== undefined) fail(uri, fault);
  return {
    uri,
    type,
    host,
    path,
    ...(login.user === "" ? {} : { user: login.user }),
    ...(login.password === "" ? {} : { password: login.password }),
    parameters,
  };
}

/** The `name` parameter, by which SRCREV and checksums are found; `default` without one. */
export function fileNameOf({ parameters }: SourceUri): string {
  return parameters["name"] ?? "default";
}

/** A parameter that means yes or no, as BitBake reads it. @throws BuildError `fetch/bad-uri` */
export function flagOf(source: SourceUri, name: string, otherwise: boolean): boolean {
  const text = source.parameters[name]?.toLowerCase();
  if (text === undefined) return otherwise;
  if (text === "") return otherwise;
  return toBoolean(text) ?? fail(source.uri, `\`${name}=${text}\` is neither yes nor no`);
}

/** A parameter that is a path below some folder. @throws BuildError `fetch/bad-uri` when it leaves that */
export function pathOf(source: SourceUri, name: string): string | undefined {
  const text = source.parameters[name];
  if (text === undefined) return undefined;
  const path = normalize(text);
  if (isAbsolute(path) || path === ".." || path.startsWith("../")) {
    fail(source.uri, `\`${name}=${text}\` leads out of its folder`);
  }
  return path;
}

/** The file's name in DL_DIR. @throws BuildError `fetch/bad-uri` */
export function downloadName(source: SourceUri): string {
  const given = pathOf(source, "downloadfilename");
  if (given !== undefined && given !== ".") return given;
  const name = localName(source.uri);
  if (name === "." || name === ".." || /[/\0]/.test(name))
    fail(source.uri, `\`${name}\` is no name of a file`);
  return name;
}

/** @throws BuildError `fetch/bad-uri` */
export function fail(uri: string, why: string): never {
  throw new BuildError([badUri(uri, why)]);
}
