/** What the loss of power does to files that were not synced. */
import { lstatSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "@tsbake/base";

/** How a file comes back whose bytes were not on the disk. */
const DAMAGES = {
  empty: (path: string) => truncateSync(path, 0),
  zeros: (path: string, size: number) => writeFileSync(path, Buffer.alloc(size), { flag: "r+" }),
  cut: (path: string, size: number) => truncateSync(path, Math.min(size, 4096)),
} as const;

export interface PowerCut {
  /** From 0 to 1. */
  readonly random: () => number;
  /** What was written before it is on the disk. */
  readonly sinceMs: number;
  /** What the program syncs itself. */
  readonly isSynced: (path: string) => boolean;
}

/** Damages files below the folder that were written, linked or renamed lately: all but a few of them. @returns which */
export function damage(folder: string, cut: PowerCut): string[] {
  const damaged: string[] = [];
  const seen = new Set<bigint>();
  for (const path of filesBelow(folder)) {
    const { ctimeMs, ino, size } = lstatSync(path, { bigint: true });
    if (Number(ctimeMs) < cut.sinceMs || seen.has(ino) || cut.isSynced(path)) continue;
    seen.add(ino);
    const kinds = Object.values(DAMAGES);
    const kind = kinds[Math.floor(cut.random() * (kinds.length + 1))];
    if (!kind || size === 0n) continue;
    kind(path, Number(size));
    damaged.push(path);
  }
  return damaged;
}

/** Plain files; those that a process which is about to end still takes away are none. */
function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}
