/** The tree of one image on its way: what was decided to ship, path by path. */
import { type FileEntry, inTarOrder } from "@tsbake/archive";
import { nameBytes } from "@tsbake/base";
import type { ExtensionKind } from "./extension-kind.js";
import { sameContent } from "./same-content.js";

/** One entry of the tree that ships. */
export interface PlannedEntry {
  readonly entry: FileEntry;
  /** The path in the layer that holds the content of a file. */
  readonly from?: string;
  /** Content made here instead. */
  readonly text?: string;
}

export class PlannedTree {
  readonly kind: ExtensionKind;
  readonly #clash: (entry: FileEntry, before: FileEntry) => void;
  readonly #planned = new Map<string, PlannedEntry>();
  /** Content-bearing path of a hard link group in the layer → where its first member ships. */
  readonly #carriers = new Map<string, string>();

  /** @param clash is told of two paths of the layer that come to one place with other content */
  constructor(kind: ExtensionKind, clash: (entry: FileEntry, before: FileEntry) => void) {
    this.kind = kind;
    this.#clash = clash;
  }

  get(path: string): FileEntry | undefined {
    return this.#planned.get(path)?.entry;
  }

  paths(): Iterable<string> {
    return this.#planned.keys();
  }

  /** @param from the path in the layer */
  place(entry: FileEntry, from: string): void {
    const before = this.get(entry.path);
    if (before !== undefined) {
      if (!sameContent(before, entry)) this.#clash(entry, before);
      return;
    }
    if (entry.kind !== "file") {
      this.#planned.set(entry.path, { entry });
      return;
    }
    const { hardlink, ...plain } = entry;
    const group = hardlink ?? from;
    const carrier = this.#carriers.get(group);
    if (carrier === undefined) {
      this.#carriers.set(group, entry.path);
      this.#planned.set(entry.path, { entry: plain, from: group });
    } else {
      this.#planned.set(entry.path, { entry: { ...plain, hardlink: carrier } });
    }
  }

  /** A file that the build makes. */
  addText(path: string, text: string): void {
    this.place(generatedFile(path, text), path);
    this.#planned.set(path, { entry: generatedFile(path, text), text });
  }

  addFolder(entry: FileEntry): void {
    this.#planned.set(entry.path, { entry });
  }

  /** Sorted by path; every folder before what is in it. */
  entries(): PlannedEntry[] {
    return inTarOrder([...this.#planned.values()], ({ entry }) => entry);
  }
}

/** A file that the build made, owned by root. */
export function generatedFile(path: string, text: string): FileEntry {
  return { path, kind: "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: nameBytes(text).length };
}
