/** The files of an rpm and the places of their contents, as a tar of a .deb is read. */
import { fstatSync } from "node:fs";
import type { FileEntry } from "@tsbake/archive";
import { groupNumber, userNumber } from "../names.js";
import { headerFiles, type HeaderFile } from "./files.js";
import { HeaderFault } from "./header.js";
import { contentPlaces, unpackPayload } from "./payload.js";
import { asBadRpm, readRpm, verifyPayload } from "./read.js";

export interface RpmEntry {
  readonly entry: FileEntry;
  readonly mtimeSeconds: number;
  readonly contentAt: number;
}

/**
 * @param fd an empty file, which gets the plain payload
 * @param isWanted which of its files are asked for
 * @throws BuildError `packaging/bad-rpm`
 */
export async function openRpm(
  path: string,
  fd: number,
  isWanted: (path: string) => boolean,
): Promise<RpmEntry[]> {
  const parts = await readRpm(path);
  await verifyPayload(path, parts);
  try {
    const files = headerFiles(parts.header);
    await unpackPayload(path, parts.payloadAt, fd);
    const places = contentPlaces(fd, fstatSync(fd).size, files);
    return files
      .filter(({ entry }) => isWanted(entry.path))
      .map((file) => ({
        entry: { ...file.entry, ...ownerOf(file) },
        mtimeSeconds: file.mtimeSeconds,
        contentAt: places.get(file.entry.path) ?? 0,
      }));
  } catch (error) {
    throw asBadRpm(error, path);
  }
}

function ownerOf({ entry, user, group }: HeaderFile): { uid: number; gid: number } {
  const [uid, gid] = [userNumber(user), groupNumber(group)];
  if (uid === undefined || gid === undefined)
    throw new HeaderFault(`${entry.path} is of ${user}:${group}, who have other numbers on each machine`);
  return { uid, gid };
}
