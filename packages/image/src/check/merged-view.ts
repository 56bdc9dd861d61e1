/**
 * The file system of a device with the extension merged, as data: the extension over the base below /usr and /opt (below /etc
 * where it is a confext), the base elsewhere, and what tmpfiles.d files make where neither has anything.
 *
 * @see systemd-sysext(8)
 */
import type { FileEntry } from "@tsbake/archive";
import type { FileIndex } from "../facts/file-manifest.js";
import { follow } from "./inspect/follow.js";
import { type ExtensionKind, kindOfTree } from "../layer/extension-kind.js";
import type { TmpfilesLine } from "../layer/tmpfiles.js";

/** Where something comes from, and where it is in the end. */
export type MergedPlace =
  | {
      readonly kind: "there";
      readonly path: string;
      readonly entry: FileEntry;
      readonly inExtension: boolean;
    }
  /** Only a running device has it: below /run, or made by a line of which only the path is known. */
  | { readonly kind: "at-run-time"; readonly path: string }
  | { readonly kind: "missing"; readonly path: string }
  | { readonly kind: "loop"; readonly path: string };

/** Filled when a device runs: nothing there is known, and nothing missed. */
const AT_RUN_TIME = /^\/(run|proc|sys|dev|tmp|var\/tmp|var\/run)(\/|$)/;

/** Files of a device that a build of its image makes, or its first boot, after packages were installed. */
const OF_THE_DEVICE: ReadonlySet<string> = new Set(
  ["adjtime", "fstab", "hostname", "hosts", "localtime", "machine-id", "mtab", "resolv.conf", "timezone"].map(
    (name) => `/etc/${name}`,
  ),
);

export class MergedView {
  readonly #extension: FileIndex;
  readonly #kind: ExtensionKind;
  readonly #base: FileIndex;
  /** By path; `C` and `L` lines know what they lead to. */
  readonly #made: ReadonlyMap<string, TmpfilesLine>;
  /** Paths that lines of the base make; of these only that they are there is known. */
  readonly #madeByBase: ReadonlySet<string>;
  readonly #known = new Map<string, MergedPlace>();

  constructor(
    extension: FileIndex,
    base: FileIndex,
    made: readonly TmpfilesLine[],
    madeByBase: Iterable<string>,
  ) {
    this.#extension = extension;
    this.#kind = kindOfTree((path) => extension.get(path) !== undefined);
    this.#base = base;
    // The first line for a path counts.
    this.#made = new Map(made.toReversed().map((line) => [line.path, line]));
    this.#madeByBase = new Set(madeByBase);
  }

  /** Where a path leads, every symlink followed. */
  find(path: string): MergedPlace {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const place = this.#find(path);
    this.#known.set(path, place);
    return place;
  }

  /** Whether something can be opened there: now, or once the device runs. */
  has(path: string): boolean {
    const { kind } = this.find(path);
    return kind === "there" || kind === "at-run-time";
  }

  #find(path: string): MergedPlace {
    if (isAtRunTime(path)) return { kind: "at-run-time", path };
    const found = follow((one) => this.#at(one), path);
    if (found.kind === "there") {
      const inExtension = this.#kind.isMerged(found.path) && this.#extension.get(found.path) !== undefined;
      return { ...found, inExtension };
    }
    if (found.kind === "missing" && (isAtRunTime(found.path) || this.#isBelowMadeByBase(found.path)))
      return { kind: "at-run-time", path: found.path };
    return found;
  }

  /** What stands at a path itself. */
  #at(path: string): FileEntry | undefined {
    const merged = this.#kind.isMerged(path) ? this.#extension.get(path) : undefined;
    return merged ?? this.#base.get(path) ?? this.#madeAt(path);
  }

  /** Without what lines make: two of them may copy each other. */
  #shipped(path: string): FileEntry | undefined {
    return this.#extension.get(path) ?? this.#base.get(path);
  }

  #madeAt(path: string): FileEntry | undefined {
    const line = this.#made.get(path);
    if (line !== undefined) return entryOf(line, this.#shipped(line.argument));
    // A folder that is copied brings what is in it.
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const above = this.#made.get(path.slice(0, at));
      if (above?.type !== "C" || above.argument === "") continue;
      const source = this.#extension.get(above.argument + path.slice(at));
      return source && { ...source, path };
    }
    return undefined;
  }

  #isBelowMadeByBase(path: string): boolean {
    for (let at = path.length; at > 0; at = path.lastIndexOf("/", at - 1))
      if (this.#madeByBase.has(path.slice(0, at))) return true;
    return false;
  }
}

function isAtRunTime(path: string): boolean {
  return AT_RUN_TIME.test(path) || OF_THE_DEVICE.has(path);
}

/** What a line makes. @param source what it copies */
function entryOf(line: TmpfilesLine, source: FileEntry | undefined): FileEntry {
  const { path, argument } = line;
  const common = { path, mode: line.mode ?? 0o755, uid: 0, gid: 0, sizeBytes: 0 };
  switch (line.type) {
    case "L":
      return { ...common, kind: "symlink", target: argument };
    case "C":
      return source === undefined ? { ...common, kind: "file" } : { ...source, path };
    case "f":
    case "F":
    case "p":
    case "b":
    case "c":
      return { ...common, kind: "file" };
    default:
      return { ...common, kind: "directory" };
  }
}
