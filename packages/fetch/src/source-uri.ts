/**
 * One entry of SRC_URI, and what its parameters mean.
 * @see BitBake user manual, "Fetchers"
 */
import { isAbsolute, normalize } from "node:path";
import { BuildError, splitUrl } from "@tsbake/base";
import { badUri } from "./problems.js";

/** One entry of SRC_URI: `type://host/path;name=value;…`. */
export interface SourceUri {
  readonly uri: string;
  readonly type: string;
  /** With a port, if any; empty for `file`. */
  readonly host: string;
  /** Percent-decoded for `file`; else as it is written, with its leading slash. */
  readonly path: string;
  readonly user?: string;
  readonly password?: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** @throws BuildError `fetch/bad-uri` */
export function parseSourceUri(uri: string): SourceUri {
  const parts = splitUrl(uri);
  if (!parts) return fail(uri, "it has no `type://`");
  const { type, host, path, user, password, parameters } = parts;
  if (!/^[a-z][a-z0-9+.-]*$/.test(type)) fail(uri, `\`${type}\` is no type of a URL`);
  if (/[\0-\x20]/.test(uri)) fail(uri, "it has a blank or a control character in it");
  if (host === "" && path === "") fail(uri, "it names nothing");
  if (type === "git" && /(^|\/)\.\.(\/|$)/.test(path)) fail(uri, "it has `..` in its path");
  // A program would take it for an option.
  if (host.startsWith("-")) fail(uri, "its host begins with `-`");
  for (const word of uri.split(";").slice(1)) {
    if (word !== "" && !word.includes("=")) fail(uri, `the parameter \`${word}\` has no value`);
  }
  return {
    uri,
    type,
    host,
    path: type === "file" ? decoded(path) : path,
    ...(user === "" ? {} : { user }),
    ...(password === "" ? {} : { password }),
    parameters,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The `name` parameter, by which SRCREV and checksums are found; `default` without one. */
export function nameOf({ parameters }: SourceUri): string {
  return parameters["name"] ?? "default";
}

/** A parameter that means yes or no, as BitBake reads it. @throws BuildError `fetch/bad-uri` */
export function flagOf(source: SourceUri, name: string, otherwise: boolean): boolean {
  const text = source.parameters[name]?.toLowerCase();
  if (text === undefined) return otherwise;
  if (["1", "y", "yes", "t", "true", "on"].includes(text)) return true;
  if (["0", "n", "no", "f", "false", "off"].includes(text)) return false;
  return fail(source.uri, `\`${name}=${text}\` is neither yes nor no`);
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
  const name = decoded(source.path.slice(source.path.lastIndexOf("/") + 1));
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) {
    return `${source.host}${source.path.replaceAll("/", ".")}`;
  }
  return name;
}

export function fail(uri: string, why: string): never {
  throw new BuildError([badUri(uri, why)]);
}
