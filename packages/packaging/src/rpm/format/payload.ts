/** Where the contents of an rpm's files lie in its plain payload. */
import { createReadStream, createWriteStream, readSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { hasCode, nameOf } from "@tsbake/base";
import { decompress } from "@tsbake/archive";
import { TRAILER } from "./cpio.js";
import type { HeaderFile } from "./files.js";
import { HeaderFault } from "./header.js";

const HEADER = 110;
const LONGEST_NAME = 4096;

/** Writes the plain payload into an open file. @throws HeaderFault; what opening throws */
export async function unpackPayload(path: string, payloadAt: number, fd: number): Promise<void> {
  try {
    await pipeline(
      decompress(createReadStream(path, { start: payloadAt }), path),
      createWriteStream("", { fd, autoClose: false, start: 0 }),
    );
  } catch (error) {
    if (hasCode(error, "Z_DATA_ERROR", "Z_BUF_ERROR"))
      throw new HeaderFault("its payload cannot be decompressed");
    throw error;
  }
}

/**
 * @param fd holds the plain payload from its start
 * @returns by the path of each file that has a content, where it begins; the archive has exactly the files of the header
 * @throws HeaderFault
 */
export function contentPlaces(
  fd: number,
  sizeBytes: number,
  files: readonly HeaderFile[],
): Map<string, number> {
  const expected = new Map(files.map((file) => [file.entry.path, file]));
  const byInode = new Map<number, number>();
  const head = Buffer.alloc(HEADER);
  for (let at = 0; ;) {
    if (at + HEADER > sizeBytes || readSync(fd, head, 0, HEADER, at) < HEADER)
      throw new HeaderFault("its payload is truncated");
    const text = head.toString("latin1");
    if (!/^07070[12][0-9a-fA-F]{104}$/.test(text)) throw new HeaderFault("its payload is no cpio archive");
    const field = (number: number): number =>
      Number.parseInt(text.slice(6 + 8 * number, 14 + 8 * number), 16);
    const [size, nameSize] = [field(6), field(11)];
    if (nameSize < 1 || nameSize > LONGEST_NAME)
      throw new HeaderFault("its payload has a name that is too long");
    const name = Buffer.alloc(nameSize - 1);
    readSync(fd, name, 0, name.length, at + HEADER);
    const contentAt = at + aligned(HEADER + nameSize);
    if (contentAt + size > sizeBytes) throw new HeaderFault("its payload is truncated");
    if (nameOf(name) === TRAILER) break;
    const path = nameOf(name).replace(/^\.?\/?/, "/");
    const file = expected.get(path);
    if (file === undefined) throw new HeaderFault(`its payload has ${path} once more than its header`);
    expected.delete(path);
    if (file.entry.kind === "file" && size > 0) {
      if (size !== file.entry.sizeBytes) throw new HeaderFault(`${path} has another size in its payload`);
      byInode.set(file.inode, contentAt);
    }
    at = contentAt + aligned(size);
  }
  const [left] = expected.keys();
  if (left !== undefined) throw new HeaderFault(`its payload lacks ${left}`);
  const places = new Map<string, number>();
  for (const { entry, inode } of files) {
    if (entry.kind !== "file" || entry.sizeBytes === 0) continue;
    const place = byInode.get(inode);
    if (place === undefined) throw new HeaderFault(`its payload has no content of ${entry.path}`);
    places.set(entry.path, place);
  }
  return places;
}

function aligned(size: number): number {
  return size + ((4 - (size % 4)) % 4);
}
