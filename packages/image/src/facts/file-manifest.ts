/**
 * The file manifest of a tree: one entry a path, with what is needed to compare it, and the package it came from.
 * On disk: JSON lines, sorted by path, keys in a fixed order, so that equal trees give equal bytes.
 */
import { type FileEntry, foldersAbove, isTreePath } from "@tsbake/archive";
import { byText } from "@tsbake/base";
import { hexDigest, list, readData, size } from "@tsbake/base/data";
import * as v from "valibot";
import * as problems from "../problems.js";

/** A line, as {@link ordered} writes it. */
const Line = v.pipe(
  v.object({
    path: v.pipe(v.string(), v.check(isTreePath, "it is no path of a tree")),
    kind: v.picklist(["file", "directory", "symlink", "character", "block", "fifo"]),
    mode: v.pipe(
      v.string(),
      v.regex(/^[0-7]{4}$/, "it is no mode"),
      v.transform((text) => Number.parseInt(text, 8)),
    ),
    uid: size,
    gid: size,
    size,
    sha256: v.exactOptional(v.string()),
    target: v.exactOptional(v.string()),
    hardlink: v.exactOptional(v.string()),
    device: v.exactOptional(v.string()),
    xattrs: v.exactOptional(list(v.string())),
    package: v.exactOptional(v.string()),
  }),
  v.check(({ kind, sha256 }) => kind !== "file" || hexDigest.test(sha256 ?? ""), "a file has no SHA-256"),
  v.transform(({ size: sizeBytes, ...entry }) => ({ ...entry, sizeBytes })),
);

/** @returns JSON lines, sorted, ending in a newline unless empty */
export function formatFileManifest(entries: Iterable<FileEntry>): string {
  const sorted = [...entries].sort((left, right) => byText(left.path, right.path));
  return sorted.map((entry) => `${JSON.stringify(ordered(entry))}\n`).join("");
}

/** The fixed key order; undefined keys vanish in JSON. */
function ordered(entry: FileEntry): object {
  return {
    path: entry.path,
    kind: entry.kind,
    mode: entry.mode.toString(8).padStart(4, "0"),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.sizeBytes,
    sha256: entry.sha256,
    target: entry.target,
    hardlink: entry.hardlink,
    device: entry.device,
    xattrs: entry.xattrs?.length ? entry.xattrs : undefined,
    package: entry.package,
  };
}

/**
 * Reads what {@link formatFileManifest} wrote.
 *
 * @param name what to call the text in an error
 * @throws BuildError `image/bad-file-manifest`
 */
export function parseFileManifest(text: string, name: string): FileEntry[] {
  const entries: FileEntry[] = [];
  for (const [index, line] of text.split("\n").entries())
    if (line !== "") entries.push(readData(Line, line, () => problems.badFileManifest(name, index + 1)));
  return entries;
}

/** A manifest to ask by path. */
export class FileIndex {
  readonly #entries: ReadonlyMap<string, FileEntry>;

  constructor(entries: Iterable<FileEntry>) {
    this.#entries = new Map([...entries].map((entry) => [entry.path, entry]));
  }

  get(path: string): FileEntry | undefined {
    return this.#entries.get(path);
  }

  entries(): Iterable<FileEntry> {
    return this.#entries.values();
  }

  /**
   * `path` with every folder that is a symlink in this tree replaced by what it leads to, as opening the path
   * would do. The last part is not followed. Undefined for a loop or a way out of the tree.
   */
  followFolders(path: string): string | undefined {
    let current = path;
    for (let hops = 0; hops < 40; hops++) {
      const link = foldersAbove(current).find((folder) => this.#entries.get(folder)?.kind === "symlink");
      if (link === undefined) return current;
      const target = this.#entries.get(link)?.target ?? "";
      const start = target.startsWith("/") ? [] : parts(link).slice(0, -1);
      const joined = joinParts([...start, ...parts(target), ...parts(current.slice(link.length))]);
      if (joined === undefined) return undefined;
      current = joined;
    }
    return undefined;
  }
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function joinParts(all: readonly string[]): string | undefined {
  const kept: string[] = [];
  for (const part of all) {
    if (part !== "..") kept.push(part);
    else if (kept.pop() === undefined) return undefined;
  }
  return kept.length === 0 ? undefined : `/${kept.join("/")}`;
}
