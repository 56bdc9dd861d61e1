/** Trees made up of a few paths, as data and as the tar that tasks hand on. */
import { foldersAbove, TarWriter, type FileEntry } from "@tsbake/archive";
import { sha256 } from "@tsbake/base";
import { ContentTree } from "@tsbake/image";

export interface Thing {
  readonly text?: string | Buffer;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly package?: string;
  readonly folder?: true;
}
/** Path → text, or more. Folders above come by themselves. */
export type Things = Readonly<Record<string, string | Buffer | Thing>>;

export const link = (target: string): Thing => ({ target });
export const program = (text: string | Buffer): Thing => ({ text, mode: 0o755 });

export function treeOf(things: Things): ContentTree {
  const contents = new Map<string, Buffer>();
  const entries = new Map<string, FileEntry>();
  for (const [path, written] of Object.entries(things)) {
    const thing: Thing =
      typeof written === "string" || Buffer.isBuffer(written) ? { text: written } : written;
    for (const folder of foldersAbove(path))
      if (!entries.has(folder)) entries.set(folder, entry(folder, { folder: true }));
    entries.set(path, entry(path, thing));
    if (thing.text !== undefined) contents.set(path, Buffer.from(thing.text));
  }
  return new ContentTree(
    entries.values(),
    (path, at, size) => contents.get(path)?.subarray(at, at + size) ?? Buffer.alloc(0),
  );
}

function entry(path: string, thing: Thing): FileEntry {
  const { uid = 0, gid = 0, target, text = "" } = thing;
  const owner = thing.package === undefined ? {} : { package: thing.package };
  if (thing.folder) return { path, kind: "directory", mode: 0o755, uid, gid, sizeBytes: 0, ...owner };
  if (target !== undefined)
    return { path, kind: "symlink", mode: 0o777, uid, gid, sizeBytes: 0, target, ...owner };
  const bytes = Buffer.from(text);
  const mode = thing.mode ?? 0o644;
  return { path, kind: "file", mode, uid, gid, sizeBytes: bytes.length, sha256: sha256(bytes), ...owner };
}

/** Writes it as do_image does. */
export function writeTar(tree: ContentTree, path: string): void {
  using writer = new TarWriter(path);
  writer.root(1_700_000_000);
  for (const one of tree.entries()) {
    writer.begin(one, 1_700_000_000);
    if (one.kind !== "file") continue;
    writer.write(tree.bytes(one, 0, one.sizeBytes));
    writer.pad();
  }
  writer.finish();
}
