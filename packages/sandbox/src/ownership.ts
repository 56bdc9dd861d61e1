/**
 * What fakeroot remembers, kept between two sandboxes. fakeroot knows files by inode number alone; numbers are used again,
 * so that an entry of a deleted file would come up on a new one. Ours carry the file's time of birth too, and an entry
 * without its file is forgotten.
 */
import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { readTextIfThere, run, writeFileAtomic } from "@tsbake/base";

const HEAD = "tsbake-ownership 1";

/** What faked is to load: entries whose file is still the same. Empty when there is no file. */
export async function loadOwnership(path: string): Promise<string> {
  const text = await readTextIfThere(path);
  if (text === undefined || !text.startsWith(HEAD)) return "";
  const { births, device } = await birthsBelow(dirname(path));
  const kept: string[] = [];
  for (const line of text.split("\n").slice(1)) {
    const match = /^(\S+) dev=[0-9a-f]+,(ino=(\d+),.*)$/.exec(line);
    if (match && births.get(match[3] ?? "") === match[1]) kept.push(`dev=${device},${match[2]}\n`);
  }
  return kept.join("");
}

/** Writes what faked saved, for the files below the folder of `path`. */
export async function saveOwnership(path: string, saved: string): Promise<void> {
  const { births, device } = await birthsBelow(dirname(path));
  const lines = [HEAD];
  for (const line of saved.split("\n")) {
    const match = /^dev=([0-9a-f]+),ino=(\d+),/.exec(line);
    const birth = births.get(match?.[2] ?? "");
    if (match?.[1] === device && birth !== undefined) lines.push(`${birth} ${line}`);
  }
  await writeFileAtomic(path, `${lines.join("\n")}\n`);
}

async function birthsBelow(folder: string): Promise<{ births: Map<string, string>; device: string }> {
  const device = (await lstat(folder, { bigint: true })).dev.toString(16);
  const found = await run("find", [folder, "-xdev", "-exec", "stat", "-c", "%i %.9W", "{}", "+"]);
  const births = new Map<string, string>();
  for (const line of found.stdout.split("\n")) {
    const space = line.indexOf(" ");
    // A file system without times of birth says 0 for each: then the number alone has to do.
    if (space > 0) births.set(line.slice(0, space), line.slice(space + 1));
  }
  return { births, device };
}
