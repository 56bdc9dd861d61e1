/** A tree whose content can be read here and there: the tar of an image, or a folder of the machine. */
import type { FileEntry, TarFile } from "@tsbake/archive";
import { FileIndex } from "../facts/file-manifest.js";
import { follow, type Found } from "./follow.js";

/** Gives a piece of a file's content, fewer bytes where it ends; hard links are none of its business. */
export type ReadContent = (path: string, at: number, size: number) => Buffer;

/** No text that is looked at is longer: passwd, units, rules, configuration. */
const LARGEST_TEXT = 1 << 20;

/** What is in a tree. */
export class ContentTree {
  readonly index: FileIndex;
  readonly #read: ReadContent;

  constructor(entries: Iterable<FileEntry>, read: ReadContent) {
    this.index = new FileIndex(entries);
    this.#read = read;
  }

  /** Every path, in the order that it was given. */
  entries(): Iterable<FileEntry> {
    return this.index.entries();
  }

  /** Where the path leads within the tree. */
  find(path: string): Found {
    return follow((one) => this.index.get(one), path);
  }

  /** @returns no bytes for what is no file */
  bytes(entry: FileEntry, at: number, size: number): Buffer {
    return entry.kind === "file" ? this.#read(entry.hardlink ?? entry.path, at, size) : Buffer.alloc(0);
  }

  /** A text of at most 1 MiB; "" for what is larger, has zero bytes, or is no file. */
  textOf(entry: FileEntry): string {
    if (entry.kind !== "file" || entry.sizeBytes > LARGEST_TEXT) return "";
    const bytes = this.bytes(entry, 0, LARGEST_TEXT);
    return bytes.includes(0) ? "" : bytes.toString("utf8");
  }

  /** The text of the file to which a path leads; "" where none is. */
  text(path: string): string {
    const found = this.find(path);
    return found.kind === "there" ? this.textOf(found.entry) : "";
  }

  /** Names within a folder, sorted as they came. */
  *below(folder: string): Iterable<FileEntry> {
    for (const entry of this.entries()) if (entry.path.startsWith(`${folder}/`)) yield entry;
  }
}

/**
 * A tar of our own tasks as a tree.
 *
 * @param entries what is known of its paths, such as the file manifest with the packages; default: what the tar says
 * @throws BuildError `archive/damaged`
 */
export function tarTree(tar: TarFile, entries?: Iterable<FileEntry>): ContentTree {
  const members = new Map(tar.members(false).map((member) => [member.entry.path, member]));
  return new ContentTree(entries ?? [...members.values()].map(({ entry }) => entry), (path, at, size) => {
    const member = members.get(path);
    return member === undefined ? Buffer.alloc(0) : tar.part(member, at, size);
  });
}
