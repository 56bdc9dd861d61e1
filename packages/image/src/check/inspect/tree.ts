/** A tree whose content can be read here and there: the tar of an image, or a folder of the machine. */
import type { FileEntry, TarFile } from "@tsbake/archive";
import { FileIndex } from "../../facts/file-manifest.js";
import { follow, type Found } from "./follow.js";

/** Gives a piece of a file's content, fewer bytes where it ends; hard links are none of its business. */
export type ReadContent = (path: string, at: number, size: number) => Buffer;

/** No text that is looked at is longer: passwd, units, rules, configuration. */
const LARGEST_TEXT = 1 << 20;
const MOST_KEPT_BYTES = 64 << 20;
/** The kernel looks at so much of a script. @see execve(2) */
const START_BYTES = 256;

/** What is in a tree. */
export class ContentTree {
  readonly index: FileIndex;
  readonly #read: ReadContent;
  /** What was read before: one tree is checked on many bases. */
  readonly #texts = new Map<string, string>();
  readonly #below = new Map<string, readonly FileEntry[]>();
  #keptBytes = 0;
  readonly #starts = new Map<string, Buffer>();

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

  /** The first bytes, such as a script's first line; fewer than 256 where it ends. */
  start(entry: FileEntry): Buffer {
    const known = this.#starts.get(entry.path);
    if (known !== undefined) return known;
    const start = this.bytes(entry, 0, START_BYTES);
    this.#starts.set(entry.path, start);
    return start;
  }

  /** A text of at most 1 MiB; "" for what is larger, has zero bytes, or is no file. */
  textOf(entry: FileEntry): string {
    if (entry.kind !== "file" || entry.sizeBytes > LARGEST_TEXT) return "";
    const known = this.#texts.get(entry.path);
    if (known !== undefined) return known;
    const bytes = this.bytes(entry, 0, entry.sizeBytes);
    const text = bytes.includes(0) ? "" : bytes.toString("utf8");
    if ((this.#keptBytes += text.length) < MOST_KEPT_BYTES) this.#texts.set(entry.path, text);
    return text;
  }

  /** The text of the file to which a path leads; "" where none is. */
  text(path: string): string {
    const found = this.find(path);
    return found.kind === "there" ? this.textOf(found.entry) : "";
  }

  /** Everything below a folder, in the order that it was given. */
  below(folder: string): readonly FileEntry[] {
    const known = this.#below.get(folder);
    if (known !== undefined) return known;
    const found = [...this.entries()].filter(({ path }) => path.startsWith(`${folder}/`));
    this.#below.set(folder, found);
    return found;
  }
}

/**
 * A tar of our own tasks as a tree.
 *
 * @param entries what is known of its paths, such as the file manifest with the packages; default: what the tar says
 * @throws BuildError `archive/damaged`
 */
export function tarTree(tar: TarFile, entries?: Iterable<FileEntry>): ContentTree {
  const members = tar.membersByPath();
  return new ContentTree(entries ?? [...members.values()].map(({ entry }) => entry), (path, at, size) => {
    const member = members.get(path);
    return member === undefined ? Buffer.alloc(0) : tar.part(member, at, size);
  });
}
