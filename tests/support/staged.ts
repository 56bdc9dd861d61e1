/** Files of a tree as data, and the tree on the disk. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fsPath } from "@tsbake/base";
import { elfFile, type ElfSpec } from "./elf.js";

/** An ELF file, text, a link, a folder, a FIFO; with its mode. */
export type Staged =
  | { readonly elf: ElfSpec; readonly mode?: number }
  | { readonly text: string; readonly mode?: number }
  | { readonly link: string }
  | { readonly folder: number }
  | { readonly isFifo: true };

/** @param files by path below the folder; folders above come by themselves */
export function writeStaged(folder: string, files: Readonly<Record<string, Staged>>): void {
  for (const [path, what] of Object.entries(files)) {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    if ("link" in what) symlinkSync(what.link, place);
    else if ("folder" in what) {
      mkdirSync(place, { recursive: true });
      chmodSync(place, what.folder);
    } else if ("isFifo" in what) execFileSync("mkfifo", [place]);
    else {
      writeFileSync(fsPath(place), "elf" in what ? elfFile(what.elf) : what.text);
      chmodSync(fsPath(place), what.mode ?? 0o644);
    }
  }
}
