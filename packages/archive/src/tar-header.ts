/**
 * The header of an entry: ustar, with pax records before it only where ustar has no room.
 *
 * @see POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"
 */
import { nameBytes } from "@tsbake/base";
import type { FileEntry } from "./file-entry.js";
import { sumOf, XATTR } from "./tar-file.js";

/** Headers and contents fill whole blocks. */
export const BLOCK = 512;

/** Largest size in 11 octal digits. */
const MAX_OCTAL_SIZE = 0o77777777777;

const TYPES = { file: "0", symlink: "2", character: "3", block: "4", directory: "5", fifo: "6" } as const;

/** Of the root itself, root's own. */
export function rootHeader(mtimeSeconds: number): Buffer {
  return ustar({ name: "./", link: "", type: TYPES.directory, mode: 0o755, size: 0, mtimeSeconds });
}

/** All that comes before the content of an entry, in whole blocks. */
export function entryHeader(entry: FileEntry, mtimeSeconds: number): Buffer {
  const name = `.${entry.path}${entry.kind === "directory" ? "/" : ""}`;
  const link = entry.hardlink === undefined ? (entry.target ?? "") : `.${entry.hardlink}`;
  const [major, minor] = (entry.device ?? "0:0").split(":").map(Number);
  const header = ustar({
    name,
    link,
    type: entry.hardlink === undefined ? TYPES[entry.kind] : "1",
    mode: entry.mode,
    size: hasContent(entry) ? entry.sizeBytes : 0,
    mtimeSeconds,
    uid: entry.uid,
    gid: entry.gid,
    major: major ?? 0,
    minor: minor ?? 0,
  });
  const records = paxRecords(entry, name, link);
  if (records.length === 0) return header;
  const before = ustar({
    name: "./PaxHeaders/entry",
    link: "",
    type: "x",
    mode: 0o644,
    size: records.length,
    mtimeSeconds,
  });
  return Buffer.concat([before, records, Buffer.alloc(padding(records.length)), header]);
}

/** Whether the content of a file follows: that of a hard link is where the link leads. */
export function hasContent({ kind, hardlink }: FileEntry): boolean {
  return kind === "file" && hardlink === undefined;
}

/** Zeros that fill the last block of so many bytes. */
export function padding(sizeBytes: number): number {
  return (BLOCK - (sizeBytes % BLOCK)) % BLOCK;
}

interface Header {
  readonly name: string;
  readonly link: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly major?: number;
  readonly minor?: number;
}

function ustar(of: Header): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  };
  nameBytes(of.name).copy(header, 0, 0, 100);
  octal(of.mode, 100, 7);
  octal(of.uid ?? 0, 108, 7);
  octal(of.gid ?? 0, 116, 7);
  octal(Math.min(of.size, MAX_OCTAL_SIZE), 124, 11);
  octal(of.mtimeSeconds, 136, 11);
  header.write(of.type, 156, "latin1");
  nameBytes(of.link).copy(header, 157, 0, 100);
  header.write("ustar\x0000", 257, "latin1");
  octal(of.major ?? 0, 329, 7);
  octal(of.minor ?? 0, 337, 7);
  header.write(`${sumOf(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** What does not fit into ustar, sorted by key. */
function paxRecords(entry: FileEntry, name: string, link: string): Buffer {
  const records: Buffer[] = [];
  for (const one of entry.xattrs ?? []) {
    const at = one.indexOf("=");
    records.push(record(`${XATTR}${one.slice(0, at)}`, Buffer.from(one.slice(at + 1), "base64")));
  }
  if (nameBytes(link).length > 100) records.push(record("linkpath", nameBytes(link)));
  if (nameBytes(name).length > 100) records.push(record("path", nameBytes(name)));
  if (entry.sizeBytes > MAX_OCTAL_SIZE) records.push(record("size", Buffer.from(String(entry.sizeBytes))));
  return Buffer.concat(records);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}
