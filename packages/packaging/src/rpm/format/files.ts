/** The files that a header tells of. */
import { isTreePath, type EntryKind, type FileEntry } from "@tsbake/archive";
import { HeaderFault, type RpmHeader } from "./header.js";
import { FILE_FLAG, TAG } from "./tags.js";

/** One of them; its owner is a name, as rpm has it. */
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
  const rows = readRows(header);
  const carriers = new Map<number, string>();
  const seen = new Set<string>();
  return rows.map(({ path, mode, inode, ...row }) => {
    if (!isTreePath(path) || path.includes("\n"))
      throw new HeaderFault(`it has a file with the path \`${path}\``);
    if (seen.has(path)) throw new HeaderFault(`it has ${path} twice`);
    seen.add(path);
    const kind = KINDS.get(mode & KIND_MASK);
    if (kind === undefined) throw new HeaderFault(`${path} is a device, a socket or a FIFO`);
    const carrier = kind === "file" ? carriers.get(inode) : undefined;
    if (kind === "file" && carrier === undefined) carriers.set(inode, path);
    const { sizeBytes, link, user, group, mtimeSeconds, digest, flags } = row;
    return {
      entry: {
        path,
        kind,
        mode: kind === "symlink" ? 0o777 : mode & 0o7777,
        sizeBytes: kind === "file" ? sizeBytes : 0,
        ...(kind === "symlink" && { target: link }),
        ...(carrier !== undefined && { hardlink: carrier }),
      },
      user,
      group,
      mtimeSeconds,
      digest,
      isConfig: (flags & FILE_FLAG.config) !== 0,
      inode,
    };
  });
}

/** What the lists of a header say of one file. */
interface Row {
  readonly path: string;
  /** As stat(2) has it: kind and permissions. */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly inode: number;
  readonly flags: number;
  readonly digest: string;
  /** Of a symlink. */
  readonly link: string;
  readonly user: string;
  readonly group: string;
}

/** @throws HeaderFault for lists of unlike length, and for capabilities, which whoever unpacks it without rpm would lose */
function readRows(header: RpmHeader): Row[] {
  const names = header.texts(TAG.baseNames);
  const folders = header.texts(TAG.folderNames);
  const ofEach = <Value>(list: readonly Value[]): readonly Value[] => {
    if (list.length !== names.length) throw new HeaderFault("its lists of files are not of one length");
    return list;
  };
  const longSizes = header.numbers(TAG.longFileSizes);
  const folderAt = ofEach(header.numbers(TAG.folderIndexes));
  const modes = ofEach(header.numbers(TAG.fileModes));
  const times = ofEach(header.numbers(TAG.fileTimes));
  const inodes = ofEach(header.numbers(TAG.fileInodes));
  const flags = ofEach(header.numbers(TAG.fileFlags));
  const sizes = ofEach(longSizes.length > 0 ? longSizes : header.numbers(TAG.fileSizes));
  const digests = ofEach(header.texts(TAG.fileDigests));
  const links = ofEach(header.texts(TAG.fileLinks));
  const users = ofEach(header.texts(TAG.fileUsers));
  const groups = ofEach(header.texts(TAG.fileGroups));
  const capable = header.texts(TAG.fileCapabilities).findIndex((text) => text !== "");
  if (capable >= 0)
    throw new HeaderFault(`${names[capable] ?? "a file"} has file capabilities, which are not supported yet`);
  return names.map((name, at) => ({
    path: `${folders[folderAt[at]!] ?? ""}${name}`,
    mode: modes[at]!,
    sizeBytes: sizes[at]!,
    mtimeSeconds: times[at]!,
    inode: inodes[at]!,
    flags: flags[at]!,
    digest: digests[at]!,
    link: links[at]!,
    user: users[at]!,
    group: groups[at]!,
  }));
}
