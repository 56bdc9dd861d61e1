/** A folder's entries, found without following links, in the one order that archives and manifests have. */
import { readdirSync } from "node:fs";
import { BuildError, nameOf } from "@tsbake/base";
import { deviceEntry } from "./problems.js";

export type TreeEntryType = "file" | "folder" | "link" | "device";

export interface TreeEntry {
  /** Path relative to the root, one character a byte (latin1): names need not be UTF-8. */
  readonly bytes: string;
  readonly type: TreeEntryType;
}

export interface ListOptions {
  /** false leaves an entry out, and a folder with all that is below it. */
  readonly include?: ((path: string, type: TreeEntryType) => boolean) | undefined;
  /** What to do with device nodes and FIFOs. */
  readonly devices?: "keep" | "refuse" | undefined;
  /** Told of each socket: none is ever kept. */
  readonly onSocket?: ((path: string) => void) | undefined;
}

/**
 * Everything below `root`, without `root` itself; sorted by path.
 *
 * Synchronous, since the kernel's cache answers faster than a thread pool can be asked: 40,000 entries in 0.2 s.
 *
 * @throws BuildError `archive/device-entry`; system errors of reading
 */
export function listTree(root: string, options: ListOptions = {}): TreeEntry[] {
  const found: { readonly key: string; readonly type: TreeEntryType }[] = [];
  // Names are bytes, not always UTF-8: as latin1 each byte is one character, and nothing is lost.
  const rootKey = Buffer.from(root).toString("latin1");
  const walk = (below: string): void => {
    const place = Buffer.from(below === "" ? rootKey : `${rootKey}/${below}`, "latin1");
    for (const one of readdirSync(place as unknown as string, { withFileTypes: true, encoding: "latin1" })) {
      const key = below === "" ? one.name : `${below}/${one.name}`;
      if (one.isSocket()) {
        options.onSocket?.(decoded(key));
        continue;
      }
      const type = one.isDirectory()
        ? "folder"
        : one.isFile()
          ? "file"
          : one.isSymbolicLink()
            ? "link"
            : "device";
      if (options.include && !options.include(decoded(key), type)) continue;
      if (type === "device" && options.devices === "refuse") {
        throw new BuildError([deviceEntry(root, decoded(key))]);
      }
      found.push({ key, type });
      if (type === "folder") walk(key);
    }
  };
  walk("");
  // By byte, which for ASCII names is the order of `byText`.
  found.sort((left, right) => (left.key < right.key ? -1 : 1));
  return found.map(({ key, type }) => ({ bytes: key, type }));
}

/** A name of `listTree` as text, see `nameOf`: two names stay two. */
export function decoded(bytes: string): string {
  return nameOf(Buffer.from(bytes, "latin1"));
}
