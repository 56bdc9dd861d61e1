/**
 * The file manifest of a tree: one entry a path, with what is needed to compare it, and the package it came from.
 * On disk: JSON lines, sorted by path, keys in a fixed order, so that equal trees give equal bytes.
 */
import { BuildError, byText } from "@tsbake/base";
import { type FileEntry, type EntryKind, foldersAbove, isTreePath } from "./file-entry.js";
import * as problems from "../problems.js";

const KINDS: ReadonlySet<string> = new Set(["file", "directory", "symlink", "character", "block", "fifo"]);

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
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue;
    const entry = parseLine(line);
    if (entry === undefined) throw new BuildError([problems.badFileManifest(name, index + 1)]);
    entries.push(entry);
  }
  return entries;
}

function parseLine(line: string): FileEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const raw: Readonly<Record<string, unknown>> = { ...value };
  const { path, kind, mode, xattrs } = raw;
  if (typeof path !== "string" || !isTreePath(path)) return undefined;
  if (typeof kind !== "string" || !isKind(kind)) return undefined;
  if (typeof mode !== "string" || !/^[0-7]{4}$/.test(mode)) return undefined;
  const [uid, gid, sizeBytes] = [count(raw["uid"]), count(raw["gid"]), count(raw["size"])];
  if (uid === undefined || gid === undefined || sizeBytes === undefined) return undefined;
  const texts: Partial<Record<"sha256" | "target" | "hardlink" | "device" | "package", string>> = {};
  for (const key of ["sha256", "target", "hardlink", "device", "package"] as const) {
    const text = raw[key];
    if (text === undefined) continue;
    if (typeof text !== "string") return undefined;
    texts[key] = text;
  }
  if (kind === "file" && !/^[0-9a-f]{64}$/.test(texts.sha256 ?? "")) return undefined;
  if (xattrs !== undefined && !isTextList(xattrs)) return undefined;
  const attributes = xattrs === undefined ? {} : { xattrs };
  return { path, kind, mode: Number.parseInt(mode, 8), uid, gid, sizeBytes, ...texts, ...attributes };
}

function isKind(word: string): word is EntryKind {
  return KINDS.has(word);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
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
