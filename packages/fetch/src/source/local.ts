/** `file://`: what lies beside the recipe. */
import { existsSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { BuildError } from "@tsbake/base";
import { missingFile } from "../problems.js";
import type { SourceKind } from "./source-kind.js";
import { fail, parseSourceUri, type SourceUri } from "./source-uri.js";
import { unpackFile } from "./unpack.js";

export const localFile: SourceKind = {
  fetch: async (source, { filespath }) => findLocal(source, filespath),
  async unpack(source, into, { filespath }) {
    const path = findLocal(source, filespath);
    await unpackFile(source, { path, name: basename(path) }, into);
  },
  // It is the recipe's.
  remove: () => Promise.resolve(),
};

/** Every place where the file may be, up to the first where it is; the last is that one, if any. */
function searchLocal(source: SourceUri, filespath: readonly string[]): string[] {
  if (source.path === "") fail(source.uri, "it names nothing");
  if (source.path.includes("*")) fail(source.uri, "patterns are not understood; name a folder instead");
  if (isAbsolute(source.path)) return [source.path];
  const searched: string[] = [];
  for (const folder of filespath) {
    const place = join(folder, source.path);
    searched.push(place);
    if (existsSync(place)) break;
  }
  return searched;
}

/** The file or folder that the entry means. @throws BuildError `fetch/missing-file`, `fetch/bad-uri` */
export function findLocal(source: SourceUri, filespath: readonly string[]): string {
  const searched = searchLocal(source, filespath);
  const last = searched.at(-1);
  if (last === undefined || !existsSync(last)) {
    throw new BuildError([
      missingFile(source.uri, searched.length > 0 ? searched : ["(FILESPATH is empty)"]),
    ]);
  }
  return last;
}

/**
 * The value of the flag `file-checksums`: `path:True` or `path:False` for every place where a `file://` entry was looked
 * for, so that a file that appears in an earlier place changes the signature, too. Other entries count for nothing.
 *
 * Synchronous, since metadata asks for it in the middle of an expansion.
 *
 * @throws BuildError `fetch/missing-file`, `fetch/bad-uri`
 */
export function checksumFiles(uris: readonly string[], filespath: readonly string[]): string {
  const list: string[] = [];
  for (const uri of uris) {
    const source = parseSourceUri(uri);
    if (source.type !== "file") continue;
    const found = findLocal(source, filespath);
    for (const place of searchLocal(source, filespath))
      list.push(`${place}:${place === found ? "True" : "False"}`);
  }
  return list.join(" ");
}
