/** Entries of SRC_URI by their kind: fetched to where they can be unpacked from, then unpacked. */
import { BuildError, redact, words } from "@tsbake/base";
import { httpFile } from "../download/download.js";
import { gitClone } from "../git/git.js";
import { localFile } from "./local.js";
import type { FetchOptions } from "../settings/options.js";
import { unsupportedType } from "../problems.js";
import type { SourceKind } from "./source-kind.js";
import { parseSourceUri, type SourceUri } from "./source-uri.js";

/** By the type of the URI. */
const KINDS: ReadonlyMap<string, SourceKind> = new Map([
  ["file", localFile],
  ["git", gitClone],
  ["http", httpFile],
  ["https", httpFile],
]);

/** What BitBake fetches and we do not. */
const BITBAKES = words(
  "az ccrc crate ftp ftps gitannex gitsm gomod gomodgit gs hg npm npmsw p4 repo s3 sftp ssh svn",
);

/** {@link SourceKind.fetch} @throws BuildError `fetch/unsupported-type` */
export async function fetchSource(uri: string | SourceUri, options: FetchOptions): Promise<string> {
  const { source, kind } = read(uri);
  return kind.fetch(source, options);
}

/** {@link SourceKind.unpack} @throws BuildError `fetch/unsupported-type` */
export async function unpackSource(
  uri: string | SourceUri,
  into: string,
  options: FetchOptions,
): Promise<void> {
  const { source, kind } = read(uri);
  await kind.unpack(source, into, options);
}

/** {@link SourceKind.remove} @throws BuildError `fetch/unsupported-type` */
export async function removeSource(
  uri: string | SourceUri,
  options: Pick<FetchOptions, "dlDir" | "gitDir">,
): Promise<void> {
  const { source, kind } = read(uri);
  await kind.remove(source, options);
}

function read(uri: string | SourceUri): { source: SourceUri; kind: SourceKind } {
  const source = typeof uri === "string" ? parseSourceUri(uri) : uri;
  const kind = KINDS.get(source.type);
  if (kind) return { source, kind };
  const { type } = source;
  throw new BuildError([unsupportedType(redact(source.uri), type, BITBAKES.includes(type))]);
}
