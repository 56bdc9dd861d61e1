/**
 * An extension as the base of another one: its layer over its base, as their package manager sees both. Pure.
 */
import type { FileEntry } from "@tsbake/archive";
import { FileIndex } from "../facts/file-manifest.js";

/** A path of base and layer together, and where its content is. */
export interface StackedEntry {
  readonly entry: FileEntry;
  readonly of: "base" | "layer";
  /** Its path there. */
  readonly from: string;
}

/**
 * What the layer has counts; folders that are symlinks in the base are followed.
 *
 * @returns in no order
 */
export function stacked(base: Iterable<FileEntry>, layer: readonly FileEntry[]): StackedEntry[] {
  const index = new FileIndex(base);
  const all = new Map<string, StackedEntry>();
  const settled = (path: string): string => index.followFolders(path) ?? path;
  for (const entry of layer) {
    const path = settled(entry.path);
    // The way to what is in it.
    if (entry.kind === "directory" && index.get(path)?.kind === "symlink") continue;
    const hardlink = entry.hardlink === undefined ? {} : { hardlink: settled(entry.hardlink) };
    all.set(path, { entry: { ...entry, path, ...hardlink }, of: "layer", from: entry.path });
  }
  /** Of the base, for files whose carrier is another one now: the first of them carries the content. */
  const carriers = new Map<string, string>();
  for (const entry of index.entries()) {
    if (all.has(entry.path)) continue;
    const { hardlink, ...plain } = entry;
    if (hardlink === undefined || all.get(hardlink)?.of !== "layer") {
      all.set(entry.path, { entry, of: "base", from: entry.path });
      continue;
    }
    const carrier = carriers.get(hardlink);
    if (carrier === undefined) carriers.set(hardlink, entry.path);
    const one = carrier === undefined ? plain : { ...plain, hardlink: carrier };
    all.set(entry.path, { entry: one, of: "base", from: hardlink });
  }
  return [...all.values()];
}
