/** What every kind of source has in common: fetched to where it can be unpacked from, then unpacked. */
import { BuildError } from "@tsbake/base";
import { download, downloadPath, removeDownload } from "./download.js";
import { fetchGit, removeClone, unpackGit } from "./git.js";
import { findLocal } from "./local.js";
import type { FetchOptions } from "./options.js";
import { unsupportedType } from "./problems.js";
import { parseSourceUri, type SourceUri } from "./source-uri.js";
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
      throw new BuildError([unsupportedType(source.uri, source.type)]);
  }
}

/**
 * Deletes what `fetchSource` keeps of one entry in DL_DIR; nothing of a local one.
 *
 * @throws BuildError `fetch/unsupported-type`, system errors
 */
export async function removeSource(
  uri: string | SourceUri,
  options: Pick<FetchOptions, "dlDir">,
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
      throw new BuildError([unsupportedType(source.uri, source.type)]);
  }
}

/**
 * Unpacks one fetched entry below `into`. Downloads are not verified again: `fetchSource` has done it.
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
      return unpackFile(source, findLocal(source, options.filespath), into);
    case "http":
    case "https":
      return unpackFile(source, downloadPath(source, options), into);
    case "git":
      return unpackGit(source, into, options);
    default:
      throw new BuildError([unsupportedType(source.uri, source.type)]);
  }
}
