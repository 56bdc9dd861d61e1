/** BitBake's checksums of files: the MD5 of each file at and below a path. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BuildError, byText, fileStamp, hasCode, ifReachable, isSettled, messageOf } from "@tsbake/base";
import { expandPattern, statusOf, VERSION_CONTROL, type DigestOptions } from "./file-digest.js";
import { unreadableInput } from "../problems.js";
import type { FileInput } from "../types.js";

/**
 * One entry a file. A file that is named by itself, or by a path with the marker `/./`, is called by its last part or by
 * what follows the marker; one below a named folder by its path from there, `./` in front. Nothing for a path that is
 * not there.
 *
 * @throws BuildError `graph/unreadable-input`
 * @see BitBake 2.19 lib/bb/checksum.py (get_checksums); links to folders are not followed there either
 */
export async function listChecksums(path: string, options: DigestOptions = {}): Promise<FileInput[]> {
  try {
    const found: FileInput[] = [];
    const names = path.includes("*") ? await expandPattern(path) : [path];
    for (const one of names) found.push(...(await checksums(one, options)));
    return found;
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError([unreadableInput(path, messageOf(error))]);
  }
}

async function checksums(path: string, options: DigestOptions): Promise<FileInput[]> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
    if (isFolder && (await lstat(path)).isSymbolicLink()) return [];
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return [];
    throw error;
  }
  if (!isFolder) return [{ name: nameOf(path), digest: await md5(path, options) }];
  const excluded = new Set(options.excludedFolders ?? VERSION_CONTROL);
  const files: FileInput[] = [];
  const folders = [""];
  // A list grows while it is walked.
  for (const folder of folders) {
    for (const entry of await readdir(join(path, folder), { withFileTypes: true })) {
      const name = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!excluded.has(entry.name)) folders.push(name);
        continue;
      }
      const full = join(path, name);
      const status = await ifReachable(stat(full));
      if (status?.isFile()) files.push({ name: `./${name}`, digest: await md5(full, options) });
    }
  }
  return files.sort((left, right) => byText(left.name, right.name));
}

function nameOf(path: string): string {
  const marker = path.indexOf("/./");
  return marker === -1 ? basename(path) : `./${path.slice(marker + 3).split("/./")[0]!}`;
}

async function md5(path: string, { cache, now = Date.now }: DigestOptions): Promise<string> {
  const before = now();
  const status = await statusOf(path, cache);
  const stamp = `${fileStamp(status)} `;
  const key = `md5 ${path}`;
  cache?.saw?.(path, stamp);
  const known = cache?.get(key);
  if (known?.startsWith(stamp)) return known.slice(stamp.length);
  const hash = createHash("md5");
  await pipeline(createReadStream(path), hash);
  const digest = hash.digest("hex");
  if (isSettled(status, before)) cache?.set(key, stamp + digest);
  return digest;
}
