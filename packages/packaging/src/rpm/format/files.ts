/** The files that a header tells of. */
import { isTreePath, type EntryKind, type FileEntry } from "@tsbake/archive";
import { HeaderFault, type RpmHeader } from "./header.js";
import { FILE_FLAG, TAG } from "./tags.js";

export interface HeaderFile {
  readonly entry: Omit<FileEntry, "uid" | "gid">;
  readonly user: string;
  readonly group: string;
  readonly mtimeSeconds: number;
  /** Hex, "" for what has no content. */
  readonly digest: string;
  readonly isConfig: boolean;
  /** Hard links have the same. */
  readonly inode: number;
}

const KINDS: ReadonlyMap<number, EntryKind> = new Map([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
]);
const KIND_MASK = 0o170000;

/** In the header's order, which is that of paths. @throws HeaderFault for a hostile path, a device, or lists of unlike length */
export function headerFiles(header: RpmHeader): HeaderFile[] {
  const names = header.texts(TAG.baseNames);
  const folders = header.texts(TAG.folderNames);
  const [folderAt, modes, times, inodes, flags] = [
    TAG.folderIndexes,
    TAG.fileModes,
    TAG.fileTimes,
    TAG.fileInodes,
    TAG.fileFlags,
  ].map((tag) => header.numbers(tag));
  const long = header.numbers(TAG.longFileSizes);
  const sizes = long.length > 0 ? long : header.numbers(TAG.fileSizes);
  const [digests, links, users, groups] = [TAG.fileDigests, TAG.fileLinks, TAG.fileUsers, TAG.fileGroups].map(
    (tag) => header.texts(tag),
  );
  for (const list of [folderAt, modes, times, inodes, flags, sizes, digests, links, users, groups])
    if (list?.length !== names.length) throw new HeaderFault("its lists of files are not of one length");
  // Whoever unpacks it without rpm would lose them.
  const capable = header.texts(TAG.fileCapabilities).findIndex((text) => text !== "");
  if (capable >= 0)
    throw new HeaderFault(`${names[capable] ?? "a file"} has file capabilities, which are not supported yet`);
  const carriers = new Map<number, string>();
  const seen = new Set<string>();
  return names.map((name, at) => {
    const path = `${folders[folderAt![at]!] ?? ""}${name}`;
    if (!isTreePath(path) || path.includes("\n"))
      throw new HeaderFault(`it has a file with the path \`${path}\``);
    if (seen.has(path)) throw new HeaderFault(`it has ${path} twice`);
    seen.add(path);
    const kind = KINDS.get(modes![at]! & KIND_MASK);
    if (kind === undefined) throw new HeaderFault(`${path} is a device, a socket or a FIFO`);
    const inode = inodes![at]!;
    const carrier = kind === "file" ? carriers.get(inode) : undefined;
    if (kind === "file" && carrier === undefined) carriers.set(inode, path);
    return {
      entry: {
        path,
        kind,
        mode: kind === "symlink" ? 0o777 : modes![at]! & 0o7777,
        sizeBytes: kind === "file" ? sizes[at]! : 0,
        ...(kind === "symlink" && { target: links![at]! }),
        ...(carrier !== undefined && { hardlink: carrier }),
      },
      user: users![at]!,
      group: groups![at]!,
      mtimeSeconds: times![at]!,
      digest: digests![at]!,
      isConfig: (flags![at]! & FILE_FLAG.config) !== 0,
      inode,
    };
  });
}
