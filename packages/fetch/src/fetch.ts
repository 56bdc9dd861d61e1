/** What every kind of source has in common: fetched to where it can be unpacked from, then unpacked. */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { BuildError, redact, words } from "@tsbake/base";
import { download, downloaded, removeDownload } from "./download.js";
import { fetchGit, removeClone } from "./git-fetch.js";
import { unpackGit } from "./git-unpack.js";
import { findLocal } from "./local.js";
import type { FetchOptions } from "./options.js";
import { unsupportedType } from "./problems.js";
import { downloadName, parseSourceUri, type SourceUri } from "./source-uri.js";
import { unpackFile } from "./unpack.js";

/**
 * Brings one entry of SRC_URI to this machine.
 *
 * @returns the local file or folder, or the bare clone in DL_DIR
 * @throws BuildError `fetch/…`
 */
export async function fetchSource(uri: string | SourceUri, options: FetchOptions): Promise<string> {
  const source = typeof uri === "string" ? parseSourceUri(uri) : uri;
  switch (source.type) {
    case "file":
      return findLocal(source, options.filespath);
    case "http":
    case "https":
      return download(source, options);
    case "git":
      return fetchGit(source, options);
    default:
      return unsupported(source);
  }
}

/**
 * Deletes what `fetchSource` keeps of one entry in DL_DIR; nothing of a local one.
 *
 * @throws BuildError `fetch/unsupported-type`, system errors
 */
export async function removeSource(
  uri: string | SourceUri,
  options: Pick<FetchOptions, "dlDir" | "gitDir">,
): Promise<void> {
  const source = typeof uri === "string" ? parseSourceUri(uri) : uri;
  switch (source.type) {
    case "file":
      return;
    case "http":
    case "https":
      return removeDownload(source, options);
    case "git":
      return removeClone(source, options);
    default:
      return unsupported(source);
  }
}

/**
 * Unpacks one fetched entry below `into`. A download is verified again: what lies in DL_DIR under its name may be another's.
 *
 * @throws BuildError `fetch/…`, `archive/…`
 */
export async function unpackSource(
  uri: string | SourceUri,
  into: string,
  options: FetchOptions,
): Promise<void> {
  const source = typeof uri === "string" ? parseSourceUri(uri) : uri;
  switch (source.type) {
    case "file":
      return unpackLocal(source, into, options);
    case "http":
    case "https":
      return unpackDownload(source, into, options);
    case "git":
      return unpackGit(source, into, options);
    default:
      return unsupported(source);
  }
}

async function unpackLocal(source: SourceUri, into: string, options: FetchOptions): Promise<void> {
  const path = findLocal(source, options.filespath);
  await unpackFile(source, { path, name: basename(path) }, into);
}

/** What is unpacked is the open file that was verified, whatever gets its name meanwhile. */
async function unpackDownload(source: SourceUri, into: string, options: FetchOptions): Promise<void> {
  const name = basename(downloadName(source));
  const file = await open(await downloaded(source, options), "r");
  try {
    await unpackFile(source, { path: `/proc/${process.pid}/fd/${file.fd}`, name }, into);
  } finally {
    await file.close();
  }
}

/** What BitBake fetches and we do not. */
const BITBAKES = words(
  "az ccrc crate ftp ftps gitannex gitsm gomod gomodgit gs hg npm npmsw p4 repo s3 sftp ssh svn",
);

function unsupported({ uri, type }: SourceUri): never {
  throw new BuildError([unsupportedType(redact(uri), type, BITBAKES.includes(type))]);
}
