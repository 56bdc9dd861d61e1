/** Trees of bases, unpacked once for all overlays on them, and taken away when none is on them any more. */
import { mkdir, readdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import {
  BuildError,
  fileStamp,
  fullDisk,
  ifThere,
  isSettled,
  lockFile,
  messageOf,
  readTextIfThere,
  scratchFolder,
  sha256File,
} from "@tsbake/base";
import type { FileLock } from "@tsbake/base";
import { digest, filled, readData } from "@tsbake/base/data";
import { badRecord } from "../problems.js";
import { openOwned, removeOwned } from "./owned.js";
import { BASES, baseFolder, overlayPlaces } from "./places.js";
import { overlayNames, overlayRecordIfThere } from "./record.js";

const Schema = v.object({
  format: v.literal(1),
  digest,
  /** Of the tar, as `fileStamp` has it: who finds it need not read the tar. */
  stamp: filled,
});

/** Held while trees come and go, and while an overlay says which one it is on. */
export async function lockBases(overlays: string): Promise<FileLock> {
  await mkdir(join(overlays, BASES), { recursive: true });
  return lockFile(join(overlays, BASES, "lock"), { holder: `process ${process.pid}` });
}

/**
 * Has the tree of a base unpacked. Under {@link lockBases}.
 *
 * @param tar as do_base_tree left it
 * @returns its SHA-256
 * @throws BuildError `image/format-failed`, `base/disk-full`, `sandbox/…`
 */
export async function baseTree(overlays: string, tar: string, onUnpack: () => void): Promise<string> {
  const before = Date.now();
  const status = await stat(tar, { bigint: true });
  const stamp = fileStamp(status);
  for (const name of await bases(overlays)) {
    const path = join(overlays, BASES, name, "base.json");
    const text = await readTextIfThere(path);
    const known = text === undefined ? undefined : readData(Schema, text, (why) => badRecord(path, why));
    if (known?.stamp === stamp) return known.digest;
  }
  const found = await sha256File(tar);
  const folder = baseFolder(overlays, found);
  const write = (into: string) =>
    // A stamp that a change might share is none.
    writeFile(
      join(into, "base.json"),
      JSON.stringify({ format: 1, digest: found, stamp: isSettled(status, before) ? stamp : "unsettled" }),
    );
  if ((await ifThere(stat(folder))) !== undefined) {
    await write(folder);
    return found;
  }
  onUnpack();
  const scratch = await scratchFolder(join(overlays, BASES, ".new-"));
  try {
    await using cage = await openOwned([scratch], [dirname(tar)]);
    const { unpackTree } = await import("@tsbake/image");
    await unpackTree(tar, join(scratch, "tree"), cage);
  } catch (error) {
    // tar says it of each file that did not fit, and of the last ones not why; what was written is about to go.
    const disk = fullDisk(scratch, [], `unpacking ${tar}`, messageOf(error));
    await removeOwned(join(overlays, BASES), [scratch]);
    throw disk === undefined ? error : new BuildError([disk]);
  }
  await write(scratch);
  await rename(scratch, folder);
  return found;
}

async function bases(overlays: string): Promise<string[]> {
  const names = (await ifThere(readdir(join(overlays, BASES)))) ?? [];
  return names.filter((name) => /^[0-9a-f]{32}$/.test(name));
}

/** Takes away the trees that no overlay is on. Under {@link lockBases}. */
export async function dropBases(overlays: string): Promise<void> {
  const needed = new Set<string>();
  for (const name of await overlayNames(overlays)) {
    const record = await overlayRecordIfThere(overlayPlaces(overlays, name));
    for (const one of [record?.digest, record?.next])
      if (one !== undefined) needed.add(baseFolder(overlays, one));
  }
  const folders = (await bases(overlays)).map((name) => join(overlays, BASES, name));
  await removeOwned(
    join(overlays, BASES),
    folders.filter((folder) => !needed.has(folder)),
  );
}
