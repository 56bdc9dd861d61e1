/**
 * Where the entries of an archive would land, worked out without touching the disk.
 *
 * A link in the archive (or one that is already in the folder) can lead a later entry elsewhere; so the folder's shape
 * is kept as the entries come, and each entry's parents are followed through it.
 *
 * Names are bytes here, one character each (latin1): two that differ in a byte are two, UTF-8 or not.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { BuildError, hasCode } from "@tsbake/base";
import type { Header } from "tar-stream";
import { deviceEntry, hostileEntry } from "./problems.js";
import { decoded } from "./tree.js";

type Place = "folder" | "file" | { readonly link: string };

/** Longest path that Linux takes, less its NUL. */
const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;
/** As many links as the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40;

export interface EntryRuleOptions {
  /** A folder that already holds something; undefined: the archive goes into an empty one. */
  readonly existing?: string | undefined;
  readonly allowDevices: boolean;
  /** `refuse`: also links that point out of the folder, though nothing follows them while unpacking. */
  readonly linksOut: "allow" | "refuse";
  /** Leading name components that unpacking drops; what has no more than these is skipped. */
  readonly strip: number;
}

export class EntryRules {
  readonly #archive: string;
  readonly #options: EntryRuleOptions;
  readonly #places = new Map<string, Place>();
  /** The last parent that was followed, and where it led: entries come folder by folder. */
  #lastParent = "";
  #lastTarget: readonly string[] = [];

  constructor(archive: string, options: EntryRuleOptions) {
    this.#archive = archive;
    this.#options = options;
  }

  /** @throws BuildError `archive/hostile-entry`, `archive/device-entry` */
  check(header: Header): void {
    const parts = this.#parts(header.name, header.name);
    if (parts === undefined) return;
    const { type } = header;
    if (type === "character-device" || type === "block-device" || type === "fifo") {
      if (!this.#options.allowDevices)
        throw new BuildError([deviceEntry(this.#archive, decoded(header.name))]);
    }
    if (parts.length === 0) {
      if (type !== "directory") this.#refuse(header.name, "would replace the folder itself");
      return;
    }
    const isFolder = type === "directory" || (type === "file" && header.name.endsWith("/"));
    const place = isFolder ? "folder" : this.#placeOf(header);
    const landing = [...this.#parent(parts, header.name), parts.at(-1)!].join("/");
    const before = this.#places.get(landing);
    if (before !== undefined && !(before === "folder" && place === "folder")) {
      this.#refuse(header.name, "comes twice");
    }
    this.#places.set(landing, place);
    if (typeof place === "object") this.#lastParent = "";
  }

  #placeOf(header: Header): Place {
    if (header.type === "symlink") return this.#symlink(header);
    if (header.type === "link") return this.#hardLink(header);
    return "file";
  }

  #symlink(header: Header): Place {
    const target = header.linkname ?? "";
    if (target === "") this.#refuse(header.name, "is a link to nothing");
    if (target.includes("\0")) this.#refuse(header.name, "has a NUL in its target");
    if (this.#options.linksOut === "refuse" && leaves(header.name, target)) {
      this.#refuse(header.name, `is a link to ${JSON.stringify(decoded(target))}, out of the folder`);
    }
    return { link: target };
  }

  /** A hard link is another name for what its target is: a link keeps its (relative) target. */
  #hardLink(header: Header): Place {
    const target = header.linkname ?? "";
    const parts = this.#parts(target, header.name);
    if (parts === undefined || parts.length === 0)
      return this.#refuse(header.name, "is a hard link to nothing");
    const landing = [...this.#parent(parts, header.name), parts.at(-1)!].join("/");
    const place = this.#look(landing);
    if (place === undefined || place === "folder") {
      this.#refuse(
        header.name,
        `is a hard link to ${JSON.stringify(decoded(target))}, which is no file before it`,
      );
    }
    return place;
  }

  /** The name's components; undefined when `strip` drops the entry. */
  #parts(name: string, entry: string): string[] | undefined {
    if (name === "") this.#refuse(entry, "has no name");
    if (name.includes("\0")) this.#refuse(entry, "has a NUL in its name");
    if (name.startsWith("/")) this.#refuse(entry, "has an absolute path");
    if (name.length > LONGEST_PATH) this.#refuse(entry.slice(0, 80), "has an absurdly long name");
    const all = name.split("/").filter((part) => part !== "");
    if (all.includes("..")) this.#refuse(entry, "has `..` in its path");
    if (all.some((part) => part.length > LONGEST_NAME)) {
      this.#refuse(entry.slice(0, 80), "has an absurdly long name");
    }
    if (this.#options.strip > 0 && all.length <= this.#options.strip) return undefined;
    return all.slice(this.#options.strip).filter((part) => part !== ".");
  }

  /** Where the parent of `parts` really is, inside the folder. */
  #parent(parts: readonly string[], entry: string): readonly string[] {
    const parent = parts.slice(0, -1).join("/");
    if (parent === "") return [];
    if (parent === this.#lastParent) return this.#lastTarget;
    const real: string[] = [];
    const todo = parts.slice(0, -1);
    for (let links = 0; todo.length > 0;) {
      const part = todo.shift()!;
      if (part === "." || part === "") continue;
      if (part === "..") {
        if (real.length === 0) this.#refuse(entry, "goes through a link that leaves the folder");
        real.pop();
        continue;
      }
      real.push(part);
      const path = real.join("/");
      const place = this.#look(path);
      if (place === "file") this.#refuse(entry, `is below ${JSON.stringify(decoded(path))}, which is a file`);
      if (typeof place !== "object") {
        // Made on the way, if need be: from now on nothing else may come by this name.
        this.#places.set(path, "folder");
        continue;
      }
      if (place.link.startsWith("/")) this.#refuse(entry, "goes through a link that leaves the folder");
      if (++links > MOST_LINKS) this.#refuse(entry, "goes through too many links");
      real.pop();
      todo.unshift(...place.link.split("/"));
    }
    this.#lastParent = parent;
    this.#lastTarget = real;
    return real;
  }

  #look(path: string): Place | undefined {
    const known = this.#places.get(path);
    if (known !== undefined || this.#options.existing === undefined) return known;
    return onDisk(Buffer.concat([Buffer.from(`${this.#options.existing}/`), Buffer.from(path, "latin1")]));
  }

  #refuse(entry: string, why: string): never {
    throw new BuildError([hostileEntry(this.#archive, decoded(entry), why)]);
  }
}

function onDisk(path: Buffer): Place | undefined {
  try {
    const found = lstatSync(path);
    if (found.isSymbolicLink()) return { link: readlinkSync(path, "latin1") };
    return found.isDirectory() ? "folder" : "file";
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Whether a link at `name` to `target` points out of the folder, by its text alone. */
function leaves(name: string, target: string): boolean {
  if (target.startsWith("/")) return true;
  let depth = name.split("/").filter((part) => part !== "" && part !== ".").length - 1;
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    depth += part === ".." ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}
